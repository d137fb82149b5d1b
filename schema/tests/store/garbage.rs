//! Bytes from outside: effects and snapshot sections that are cut, changed or made up give an error or a
//! store, never a panic.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use tollgate_schema::{
    catalog::TableId,
    store::{LoadError, Store},
};

use crate::generate;

/// A store with some rows of each table, and the effects that made it.
fn filled(random: &mut SmallRng) -> (Store, Vec<u8>) {
    let catalog = generate::catalog();
    let mut store = Store::new(catalog.clone());
    for table in 0..catalog.tables.len() as TableId {
        for n in 0..12 {
            let row = generate::row(&catalog, table, random);
            let def = catalog.table(table);
            if def.is_stream() {
                let _ = store.append(table, row.as_ref(), n);
            } else if !def.is_view() {
                let _ = store.insert(table, row.as_ref());
            }
        }
    }
    for stream in ["alerts", "ticks"] {
        store.trim_stream(catalog.find(stream).expect("it is declared"), 3);
    }
    store.release_to(store.mark());
    let effects = store.take_effects();
    (store, effects)
}

/// Changes some bytes, or cuts some out, or repeats some.
fn mutate(bytes: &mut Vec<u8>, random: &mut SmallRng) {
    for _ in 0..random.random_range(1..4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, random.random()),
            3 => bytes[at] ^= 1 << random.random_range(0..8),
            4 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][random.random_range(0..5)],
            _ => {
                let end = random.random_range(at..=bytes.len().min(at + 200));
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

#[test]
fn effects_of_any_bytes_apply_or_fail() {
    let mut random = SmallRng::seed_from_u64(21);
    let (full, effects) = filled(&mut random);
    let mut whole = Store::new(full.catalog().clone());
    whole.apply(&effects).expect("what a store gave applies");
    assert_eq!(whole.state_digest(), full.state_digest());
    let (mut failed, mut applied) = (0, 0);
    for _ in 0..3000 {
        let mut mutated = effects.clone();
        mutate(&mut mutated, &mut random);
        let mut store = Store::new(full.catalog().clone());
        match store.apply(&mutated) {
            Ok(()) => {
                applied += 1;
                // What was let in is whole: it is read, frozen and written without harm.
                store.state_digest();
                write(&store);
            }
            Err(_) => failed += 1,
        }
    }
    for _ in 0..3000 {
        let bytes: Vec<u8> = (0..random.random_range(0..60)).map(|_| random.random_range(0..12)).collect();
        let _ = Store::new(full.catalog().clone()).apply(&bytes);
    }
    assert!(failed > 1000 && applied > 100, "{failed} failed, {applied} applied");
}

fn write(store: &Store) -> Vec<(u32, Vec<u8>)> {
    let mut sections = Vec::new();
    let result: Result<(), ()> = store.freeze().write(&mut |kind, bytes| {
        sections.push((kind, bytes.to_vec()));
        Ok(())
    });
    result.expect("the sink takes everything");
    sections
}

#[test]
fn sections_of_any_bytes_load_or_fail() {
    let mut random = SmallRng::seed_from_u64(22);
    let (full, _) = filled(&mut random);
    let sections = write(&full);
    let catalog = full.catalog();
    let loaded = Store::load(catalog.clone(), sections.clone()).expect("what was written loads");
    assert_eq!(loaded.state_digest(), full.state_digest());
    let (mut failed, mut came) = (0, 0);
    for _ in 0..3000 {
        let mut mutated = sections.clone();
        let at = random.random_range(0..mutated.len());
        match random.random_range(0..8) {
            0 => drop(mutated.remove(at)),
            1 => mutated[at].0 = random.random_range(0..8),
            2 => {
                let again = mutated[at].clone();
                mutated.insert(at, again);
            }
            _ => mutate(&mut mutated[at].1, &mut random),
        }
        match Store::load(catalog.clone(), mutated) {
            Ok(store) => {
                came += 1;
                store.state_digest();
                write(&store);
            }
            Err(_) => failed += 1,
        }
    }
    assert!(failed > 1000 && came > 100, "{failed} failed, {came} loaded");
}

#[test]
fn a_snapshot_that_is_cut_is_incomplete() {
    let mut random = SmallRng::seed_from_u64(23);
    let (full, _) = filled(&mut random);
    let mut sections = write(&full);
    sections.pop();
    let result = Store::load(full.catalog().clone(), sections);
    assert!(matches!(result, Err(LoadError::Incomplete(_))));
    let none: [(u32, &[u8]); 0] = [];
    assert!(matches!(Store::load(full.catalog().clone(), none), Err(LoadError::Incomplete(_))));
}
