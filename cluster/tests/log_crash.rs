//! The node log after a power cut at every write, sync and change of names: what was confirmed is there, what
//! was being written is there whole or not at all, and nothing else is believed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tollgate_cluster::disk::{Disk, FaultyDisk, Keep};
use tollgate_cluster::log::{
    self, Durability, GroupAppend, LogBatch, LogConfig, LogError, LogStart, Membership, OpenedLog,
};

const DIRECTORY: &str = "log";

fn config(durability: Durability) -> LogConfig {
    LogConfig { segment_bytes: 2048, durability, spares_kept: 2, spares_at_open: 1 }
}

fn open(disk: &FaultyDisk, durability: Durability) -> Result<OpenedLog, LogError> {
    log::open(Arc::new(disk.clone()), Path::new(DIRECTORY), config(durability))
}

/// A group as a naive reader of the batches sees it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Group {
    start: u64,
    entries: Vec<(u64, u64, Bytes)>,
}

type Model = BTreeMap<u32, Group>;

/// Batches of three groups: appends, replaced tails, compactions, a snapshot that voids a log.
fn script(seed: u64, rounds: usize) -> Vec<LogBatch> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut model = Model::new();
    let mut batches = Vec::new();
    for round in 0..rounds {
        let mut batch = LogBatch::default();
        for group in 0..3u32 {
            if random.random_bool(0.5) {
                let part = next_part(&mut random, group, round as u64, model.entry(group).or_default());
                apply(&mut model, &part);
                batch.groups.push(part.0);
            }
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
    }
    batches
}

/// A part, and the same as the model takes it.
struct Part(GroupAppend, Change);

#[derive(Clone)]
struct Change {
    group: u32,
    start: Option<(bool, u64)>,
    entries: Vec<(u64, u64, Bytes)>,
}

fn next_part(random: &mut SmallRng, group: u32, term: u64, known: &Group) -> Part {
    let last = known.entries.last().map_or(known.start, |entry| entry.0);
    let mut start = None;
    let mut first = last + 1;
    match random.random_range(0..10) {
        0 => start = Some((false, random.random_range(known.start..=last))),
        1 => start = Some((true, last + random.random_range(1..5))),
        2 if last > known.start => first = random.random_range(known.start + 1..=last),
        _ => {}
    }
    match start {
        Some((true, index)) => first = index + 1,
        Some((false, index)) => first = first.max(index + 1),
        None => {}
    }
    let blocks: Vec<Bytes> = (0..random.random_range(0..4))
        .map(|_| {
            let mut block = vec![0u8; random.random_range(0..300)];
            random.fill(&mut block[..]);
            Bytes::from(block)
        })
        .collect();
    let entries = (first..).zip(&blocks).map(|(index, data)| (index, term, data.clone())).collect();
    let mut part = GroupAppend::of_blocks(group, term, first, blocks);
    if let Some((reset, index)) = start {
        part = part.with_start(LogStart { reset, index, term, members: Membership::of_voters(&[1, 2, 3]) });
    }
    Part(part, Change { group, start, entries })
}

fn apply(model: &mut Model, part: &Part) {
    let group = model.entry(part.1.group).or_default();
    if let Some((reset, index)) = part.1.start {
        group.entries.retain(|entry| !reset && entry.0 > index);
        group.start = index;
    }
    if let Some(first) = part.1.entries.first() {
        group.entries.retain(|entry| entry.0 < first.0);
    }
    group.entries.extend(part.1.entries.iter().cloned());
}

/// The same from the batch itself, for the states after each batch.
fn states(batches: &[LogBatch], disk_free: &FaultyDisk) -> Vec<Model> {
    // The model of a prefix is what a healthy log of that prefix recovers; `healthy_log_equals_the_model`
    // checks that against `apply`.
    let mut states = vec![Model::new()];
    let mut opened = open(disk_free, Durability::Sync).unwrap();
    for batch in batches {
        opened.writer.append(batch).unwrap();
        states
            .push(recovered(&mut open(&disk_free.after_crash(Keep::Durable, 0), Durability::Sync).unwrap()));
    }
    states
}

fn recovered(opened: &mut OpenedLog) -> Model {
    opened
        .groups()
        .into_iter()
        .map(|group| {
            let recovered = opened.take_group(group);
            let entries =
                recovered.entries().map(|(index, term, data)| (index, term, data.clone())).collect();
            (group, Group { start: recovered.start().map_or(0, |start| start.index), entries })
        })
        .collect()
}

#[test]
fn a_healthy_log_holds_what_a_naive_reader_of_the_batches_holds() {
    for seed in 0..40 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut model = Model::new();
        let disk = FaultyDisk::new(seed);
        let mut opened = open(&disk, Durability::Sync).unwrap();
        for round in 0..60 {
            let mut batch = LogBatch::default();
            for group in 0..3u32 {
                let part = next_part(&mut random, group, round, model.entry(group).or_default());
                apply(&mut model, &part);
                batch.groups.push(part.0);
            }
            opened.writer.append(&batch).unwrap();
            if random.random_bool(0.1) {
                opened = open(&disk.after_crash(Keep::Durable, 0), Durability::Sync).unwrap();
                assert_eq!(recovered(&mut opened), model, "seed {seed} round {round}");
                opened = open(&disk, Durability::Sync).unwrap();
            }
        }
        let report = log::verify(&disk, Path::new(DIRECTORY)).unwrap();
        assert!(report.segments.len() < 60, "old segments went");
    }
}

/// Appends until the power goes; returns how many appends were confirmed and how many begun.
fn run(disk: &FaultyDisk, batches: &[LogBatch], durability: Durability) -> (usize, usize) {
    let Ok(mut opened) = open(disk, durability) else { return (0, 0) };
    let mut durable = 0;
    for (done, batch) in batches.iter().enumerate() {
        if opened.writer.append(batch).is_err() {
            return (durable, done + 1);
        }
        let maker = opened.writer.spare_maker();
        if done % 5 == 2 && maker.wanted() && maker.make(&mut |_| ()).is_err() {
            return (if durability == Durability::Sync { done + 1 } else { durable }, done + 1);
        }
        match durability {
            Durability::Sync => durable = done + 1,
            Durability::Async if done % 4 == 3 => {
                if opened.writer.sync().is_err() {
                    return (durable, done + 1);
                }
                durable = done + 1;
            }
            Durability::Async => {}
        }
    }
    (durable, batches.len())
}

fn check_every_crash(seed: u64, durability: Durability) {
    let batches = script(seed, 24);
    let states = states(&batches, &FaultyDisk::new(seed));
    let whole = FaultyDisk::new(seed);
    run(&whole, &batches, durability);
    for operation in 1..=whole.operations() {
        let disk = FaultyDisk::new(seed ^ operation);
        disk.crash_at(operation);
        let (confirmed, begun) = run(&disk, &batches, durability);
        for (try_number, keep) in [Keep::Durable, Keep::Everything, Keep::Subset, Keep::Subset, Keep::Subset]
            .into_iter()
            .enumerate()
        {
            let case = format!("seed {seed}, cut at operation {operation}, {keep:?} {try_number}");
            let after = disk.after_crash(keep, operation * 31 + try_number as u64);
            let mut opened = open(&after, durability).unwrap_or_else(|error| panic!("{case}: {error}"));
            let found = recovered(&mut opened);
            let count = (confirmed..=begun)
                .find(|&count| states[count] == found)
                .unwrap_or_else(|| panic!("{case}: not the state of {confirmed}..={begun} batches"));
            // The log goes on from there, and a second crash at once changes nothing.
            for batch in &batches[count..] {
                opened.writer.append(batch).unwrap_or_else(|error| panic!("{case}: {error}"));
            }
            opened.writer.sync().unwrap();
            let mut again = open(&after.after_crash(Keep::Subset, operation), durability)
                .unwrap_or_else(|error| panic!("{case}, went on: {error}"));
            assert_eq!(&recovered(&mut again), states.last().unwrap(), "{case}, went on");
        }
    }
}

#[test]
fn after_a_power_cut_at_every_operation_the_confirmed_batches_are_there() {
    for seed in 0..3 {
        check_every_crash(seed, Durability::Sync);
    }
}

#[test]
fn without_sync_on_append_the_batches_up_to_the_last_sync_are_there() {
    for seed in 0..3 {
        check_every_crash(seed, Durability::Async);
    }
}

#[test]
fn a_power_cut_during_recovery_changes_nothing() {
    let batches = script(77, 30);
    let disk = FaultyDisk::new(1);
    disk.crash_at(60);
    let (confirmed, begun) = run(&disk, &batches, Durability::Sync);
    let states = states(&batches, &FaultyDisk::new(2));
    for seed in 0..8 {
        let torn = disk.after_crash(Keep::Subset, seed);
        let counted = torn.after_crash(Keep::Durable, 0);
        open(&counted, Durability::Sync).unwrap();
        let expected = recovered(&mut open(&torn.after_crash(Keep::Durable, 0), Durability::Sync).unwrap());
        assert!((confirmed..=begun).any(|count| states[count] == expected));
        for operation in 1..=counted.operations() {
            let again = torn.after_crash(Keep::Durable, 0);
            again.crash_at(operation);
            assert!(open(&again, Durability::Sync).is_err());
            for keep in [Keep::Durable, Keep::Everything, Keep::Subset] {
                let mut opened = open(&again.after_crash(keep, operation), Durability::Sync).unwrap();
                assert_eq!(recovered(&mut opened), expected, "seed {seed} operation {operation} {keep:?}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_unless_it_is_in_the_last_record_or_means_nothing() {
    let batches = script(5, 14);
    let healthy = FaultyDisk::new(3);
    run(&healthy, &batches, Durability::Sync);
    let states = states(&batches, &FaultyDisk::new(3));
    let whole = states.last().unwrap();
    let without_last = &states[states.len() - 2];
    let (mut refused, mut cut, mut harmless) = (0, 0, 0);
    for path in healthy.files() {
        let length = healthy.read(&path).unwrap().len() as u64;
        for offset in 0..length {
            let disk = healthy.after_crash(Keep::Durable, 0);
            disk.flip_bit(&path, offset, (offset % 8) as u32);
            match open(&disk, Durability::Sync) {
                Err(LogError::Corrupt { .. } | LogError::Version { .. }) => refused += 1,
                Err(other) => panic!("{}: {offset}: {other}", path.display()),
                Ok(mut opened) => match recovered(&mut opened) {
                    found if found == *whole => harmless += 1,
                    found if found == *without_last => cut += 1,
                    _ => panic!("{}: a flipped bit at {offset} was believed", path.display()),
                },
            }
        }
    }
    assert!(
        refused > 1000 && cut > 50 && harmless > 100,
        "{refused} refused, {cut} cut, {harmless} harmless"
    );
}

#[test]
fn a_record_larger_than_a_segment_gets_a_segment_of_its_own() {
    let disk = FaultyDisk::new(1);
    let mut opened = open(&disk, Durability::Sync).unwrap();
    let blocks = [100, 10_000, 100, 3000].map(|bytes| Bytes::from(vec![bytes as u8; bytes]));
    for (index, block) in (1..).zip(&blocks) {
        let part = GroupAppend::of_blocks(1, 1, index, vec![block.clone()]);
        opened.writer.append(&LogBatch { groups: vec![part] }).unwrap();
    }
    let mut again = open(&disk.after_crash(Keep::Durable, 0), Durability::Sync).unwrap();
    let group = again.take_group(1);
    assert!(group.entries().map(|(_, _, data)| data).eq(&blocks));
    // Compaction gives the large files back to the file system, and keeps usual ones for the next segment.
    let start = LogStart { reset: false, index: 4, term: 1, members: Membership::of_voters(&[1]) };
    let part = GroupAppend::of_blocks(1, 1, 5, vec![Bytes::from(vec![0; 1500])]).with_start(start);
    opened.writer.append(&LogBatch { groups: vec![part] }).unwrap();
    let stats = opened.writer.stats();
    assert_eq!((stats.segments, stats.spares), (1, 2), "{stats:?}");
    assert!(disk.files().iter().all(|path| disk.read(path).unwrap().len() <= 2048));
}

#[test]
fn a_missing_or_swapped_segment_is_refused() {
    let batches = script(9, 40);
    let healthy = FaultyDisk::new(4);
    run(&healthy, &batches, Durability::Sync);
    let segments: Vec<_> =
        healthy.files().into_iter().filter(|path| !path.to_string_lossy().contains("spare")).collect();
    assert!(segments.len() >= 3, "{segments:?}");
    let missing = healthy.after_crash(Keep::Durable, 0);
    missing.remove(&segments[1]).unwrap();
    let error = open(&missing, Durability::Sync).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("is missing") && error.contains("must not start"), "{error}");
    let swapped = healthy.after_crash(Keep::Durable, 0);
    let content = swapped.read(&segments[0]).unwrap();
    swapped.overwrite(&segments[1], &content);
    assert!(open(&swapped, Durability::Sync).is_err());
    let empty = healthy.after_crash(Keep::Durable, 0);
    empty.overwrite(&segments[1], b"");
    assert!(open(&empty, Durability::Sync).is_err());
}

#[test]
fn a_full_disk_or_a_failing_device_poisons_the_writer_and_loses_nothing_confirmed() {
    let batches = script(21, 24);
    let states = states(&batches, &FaultyDisk::new(1));
    let whole = FaultyDisk::new(1);
    run(&whole, &batches, Durability::Sync);
    let check = |disk: FaultyDisk, case: String| {
        let Ok(mut opened) = open(&disk, Durability::Sync) else { return };
        let mut confirmed = 0;
        while confirmed < batches.len() && opened.writer.append(&batches[confirmed]).is_ok() {
            confirmed += 1;
        }
        if confirmed < batches.len() {
            assert!(matches!(opened.writer.append(&batches[0]), Err(LogError::Poisoned)), "{case}");
            assert!(matches!(opened.writer.sync(), Err(LogError::Poisoned)), "{case}");
        }
        for (seed, keep) in [Keep::Durable, Keep::Everything, Keep::Subset].into_iter().enumerate() {
            let after = disk.after_crash(keep, seed as u64);
            let found =
                recovered(&mut open(&after, Durability::Sync).unwrap_or_else(|e| panic!("{case}: {e}")));
            let next = (confirmed + 1).min(batches.len());
            assert!((confirmed..=next).any(|count| states[count] == found), "{case} {keep:?}");
        }
    };
    for operation in 1..=whole.operations() {
        let disk = FaultyDisk::new(operation);
        disk.fail_at(operation);
        check(disk, format!("operation {operation} fails"));
    }
    for capacity_bytes in (0..40_000).step_by(977) {
        let disk = FaultyDisk::new(capacity_bytes);
        disk.set_capacity_bytes(capacity_bytes);
        check(disk, format!("a disk of {capacity_bytes} bytes"));
    }
}

#[test]
fn random_bytes_in_a_log_directory_never_panic() {
    let batches = script(5, 14);
    let healthy = FaultyDisk::new(3);
    run(&healthy, &batches, Durability::Sync);
    let mut random = SmallRng::seed_from_u64(8);
    for _ in 0..400 {
        let disk = healthy.after_crash(Keep::Durable, 0);
        let files = disk.files();
        let path = &files[random.random_range(0..files.len())];
        let mut content = disk.read(path).unwrap().to_vec();
        match random.random_range(0..3) {
            0 => content.truncate(random.random_range(0..content.len())),
            1 => {
                let from = random.random_range(0..content.len());
                let to = random.random_range(from..content.len());
                random.fill(&mut content[from..to]);
            }
            _ => {
                content = vec![0; random.random_range(0..4000)];
                random.fill(&mut content[..]);
            }
        }
        disk.overwrite(path, &content);
        let verified = log::verify(&disk, Path::new(DIRECTORY)).is_ok();
        assert_eq!(open(&disk, Durability::Sync).is_ok(), verified, "verify says what recovery says");
    }
}
