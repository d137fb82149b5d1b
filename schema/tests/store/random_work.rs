//! Random transactions on a leader that runs ahead of its commits, beside the model and a follower.

use std::{collections::VecDeque, sync::Arc};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use tollgate_schema::{
    catalog::{Catalog, TableId, TableKind},
    row::RowBuf,
    store::{Frozen, Mark, Store},
};

use crate::{
    compare::{check_frozen, check_store},
    generate,
    model::{Model, is_fixed, key},
};

struct Work {
    random: SmallRng,
    catalog: Arc<Catalog>,
    store: Store,
    model: Model,
    follower: Store,
    /// Blocks not committed yet: the state before, and what they changed.
    blocks: VecDeque<Block>,
    frozen: Vec<(Frozen, Model, u64)>,
    refusals: u32,
}

struct Block {
    before: (Mark, Model),
    after: Mark,
    effects: Vec<u8>,
    digest: u64,
}

impl Work {
    fn new(seed: u64) -> Work {
        let catalog = generate::catalog();
        Work {
            random: SmallRng::seed_from_u64(seed),
            store: Store::new(catalog.clone()),
            model: Model::new(catalog.clone()),
            follower: Store::new(catalog.clone()),
            catalog,
            blocks: VecDeque::new(),
            frozen: Vec::new(),
            refusals: 0,
        }
    }

    fn any_table(&mut self) -> TableId {
        loop {
            let table = self.random.random_range(0..self.catalog.tables.len()) as TableId;
            if !self.catalog.table(table).is_view() {
                return table;
            }
        }
    }

    fn change(&mut self) {
        let table = self.any_table();
        if self.catalog.table(table).is_stream() {
            return self.change_stream(table);
        }
        let row = generate::row(&self.catalog, table, &mut self.random);
        let count = self.model.rows(table).len();
        // More inserts than deletes up to a size, then fewer.
        let deletes = if count > 80 { 5 } else { 2 };
        match self.random.random_range(0..10) {
            n if n < deletes && count > 0 => self.delete(table),
            n if n < 6 && count > 0 && self.model.history(table).is_none() => self.update(table, row),
            _ => {
                let expected = self.model.change(table, None, Some(row.clone()));
                self.refusals += u32::from(expected.is_err());
                assert_eq!(self.store.insert(table, row.as_ref()), expected);
            }
        }
    }

    fn is_keyed(&self, table: TableId) -> bool {
        self.catalog.table(table).primary_key.is_some()
    }

    /// A row of a keyed table that is there, and its place in the model.
    fn pick(&mut self, table: TableId) -> (usize, RowBuf) {
        let at = self.random.random_range(0..self.model.rows(table).len());
        (at, self.model.rows(table)[at].clone())
    }

    fn delete(&mut self, table: TableId) {
        let (mut at, row) = self.pick(table);
        if self.is_keyed(table) {
            let expected = self.model.change(table, Some(at), None);
            let id = self.store.find(table, &self.primary(table, &row)).expect("the row is found");
            self.refusals += u32::from(expected.is_err());
            assert_eq!(self.store.delete(table, id), expected);
            return;
        }
        let other = generate::row(&self.catalog, table, &mut self.random);
        if self.model.last_equal(table, &other).is_none() {
            assert_eq!(self.store.delete_equal(table, other.as_ref()), Ok(false));
        }
        at = self.model.last_equal(table, &row).unwrap_or(at);
        let expected = self.model.change(table, Some(at), None);
        assert_eq!(self.store.delete_equal(table, row.as_ref()), expected.map(|()| true));
    }

    fn primary(&self, table: TableId, row: &RowBuf) -> Vec<u8> {
        let def = self.catalog.table(table);
        key(def, &def.primary_key.as_ref().expect("a keyed table").columns, row)
    }

    fn update(&mut self, table: TableId, mut row: RowBuf) {
        if !self.is_keyed(table) {
            return;
        }
        let (at, old) = self.pick(table);
        let id = self.store.find(table, &self.primary(table, &old)).expect("the row is found");
        let def = self.catalog.table(table).clone();
        let primary = &def.primary_key.as_ref().expect("a keyed table").columns;
        if self.random.random() && primary.iter().all(|column| is_fixed(&def, *column)) {
            // The key stays, as in most updates.
            let width = def.columns[primary[0]].column_type.fixed_width().expect("a fixed column");
            row.fixed[..width].copy_from_slice(&old.fixed[..width]);
        }
        if self.random.random() {
            row.tail = old.tail;
            let expected = self.model.change(table, Some(at), Some(row.clone()));
            self.refusals += u32::from(expected.is_err());
            assert_eq!(self.store.update_fixed(table, id, &row.fixed), expected);
        } else {
            let expected = self.model.change(table, Some(at), Some(row.clone()));
            self.refusals += u32::from(expected.is_err());
            assert_eq!(self.store.update(table, id, row.as_ref()), expected);
        }
    }

    fn change_stream(&mut self, stream: TableId) {
        let of = &mut self.model.tables[usize::from(stream)];
        if self.random.random_range(0..12) == 0 {
            let next = of.appended.len() as u64;
            of.first_offset = self.random.random_range(of.first_offset..=next);
            self.store.trim_stream(stream, of.first_offset);
            return;
        }
        let offset = of.appended.len() as u64;
        let timestamp_us = self.random.random_range(0..1000);
        let row = generate::row(&self.catalog, stream, &mut self.random);
        let expected = self.model.append(stream, timestamp_us, row.clone());
        self.refusals += u32::from(expected.is_err());
        assert_eq!(self.store.append(stream, row.as_ref(), timestamp_us), expected.map(|()| offset));
    }

    fn transaction(&mut self) {
        let (mark, before) = (self.store.mark(), self.model.clone());
        for _ in 0..self.random.random_range(1..12) {
            self.change();
        }
        if self.random.random_range(0..4) == 0 {
            self.store.rollback_to(mark);
            self.model = before;
        }
    }

    fn block(&mut self) {
        let before = (self.store.mark(), self.model.clone());
        for _ in 0..self.random.random_range(1..5) {
            self.transaction();
        }
        let mut effects = Vec::new();
        if self.random.random() {
            effects = self.store.take_effects();
        } else {
            self.store.drain_effects_into(&mut effects);
        }
        let digest = self.store.state_digest();
        self.blocks.push_back(Block { before, after: self.store.mark(), effects, digest });
    }

    fn commit(&mut self) {
        let Some(block) = self.blocks.pop_front() else { return };
        self.store.release_to(block.after);
        self.follower.apply(&block.effects).expect("what a store gave applies");
        assert_eq!(self.follower.state_digest(), block.digest);
    }

    /// The leader has lost its term: all blocks after a committed one are gone.
    fn lose(&mut self) {
        let Some(block) = self.blocks.pop_front() else { return };
        self.blocks.clear();
        let (mark, model) = block.before;
        self.store.rollback_to(mark);
        self.model = model;
        assert_eq!(self.store.state_digest(), self.follower.state_digest());
    }

    fn freeze(&mut self) {
        self.frozen.push((self.store.freeze(), self.model.clone(), self.store.state_digest()));
        if self.frozen.len() > 4 {
            let at = self.random.random_range(0..self.frozen.len());
            let (frozen, model, digest) = self.frozen.swap_remove(at);
            check_frozen(&model, &frozen);
            let loaded = reload(&self.catalog, &frozen);
            assert_eq!(loaded.state_digest(), digest);
            check_store(&model, &loaded, &mut self.random);
            if self.blocks.is_empty() && self.random.random() {
                // Someone who was sent a snapshot follows on.
                self.follower = reload(&self.catalog, &self.store.freeze());
                assert_eq!(self.follower.state_digest(), self.store.state_digest());
            }
        }
    }

    fn step(&mut self) {
        match self.random.random_range(0..20) {
            0..10 => self.block(),
            10..18 => self.commit(),
            18 => self.freeze(),
            _ => self.lose(),
        }
    }
}

fn reload(catalog: &Arc<Catalog>, frozen: &Frozen) -> Store {
    let mut sections = Vec::new();
    let result: Result<(), ()> = frozen.write(&mut |kind, bytes| {
        sections.push((kind, bytes.to_vec()));
        Ok(())
    });
    result.expect("the sink takes everything");
    Store::load(catalog.clone(), sections).expect("what was written loads")
}

fn work(seed: u64, steps: u32) {
    let mut work = Work::new(seed);
    for step in 0..steps {
        work.step();
        if step % 8 == 0 {
            check_store(&work.model, &work.store, &mut work.random);
        }
    }
    while !work.blocks.is_empty() {
        work.commit();
    }
    check_store(&work.model, &work.follower, &mut work.random);
    for (frozen, model, _) in &work.frozen {
        check_frozen(model, frozen);
    }
    assert!(work.refusals > 0, "some changes are refused");
    let is_used = |(table, of): (usize, &crate::model::Rows)| {
        matches!(work.catalog.tables[table].kind, TableKind::View(_)) || of.rows.len() + of.appended.len() > 0
    };
    assert!(work.model.tables.iter().enumerate().all(is_used), "every table has rows");
}

#[test]
fn the_store_is_what_the_model_is_1() {
    work(1, 300);
}

#[test]
fn the_store_is_what_the_model_is_2() {
    work(2, 300);
}

#[test]
fn the_store_is_what_the_model_is_3() {
    work(3, 300);
}
