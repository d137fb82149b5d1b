//! Snapshot files after a power cut, a flipped bit, a full disk: a whole one is found, never a damaged one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tollgate_cluster::disk::{Disk, FaultyDisk, Keep};
use tollgate_cluster::log::{Membership, SnapshotMeta};
use tollgate_cluster::snapshot::{
    self, Kept, Section, Snapshot, SnapshotError, SnapshotHead, SnapshotWriter, open_latest,
};

const DIRECTORY: &str = "snap";
const GROUP: u32 = 5;
const KEPT: usize = 2;

fn head(index: u64) -> SnapshotHead {
    let members = Membership { learners: vec![9], ..Membership::of_voters(&[1, 2, 3]) };
    SnapshotHead {
        group: GROUP,
        meta: SnapshotMeta { index, term: 4, members },
        created_us: 1_700_000_000_000_000,
        state_us: 1_600_000_000_000_000 + index as i64,
        manifest: Bytes::from(format!("manifest of {index}")),
    }
}

fn sections(index: u64) -> Vec<Section> {
    let mut random = SmallRng::seed_from_u64(index);
    (0..4u32)
        .map(|kind| {
            let mut data = vec![0u8; [0, 13, 700, 1500][kind as usize]];
            random.fill(&mut data[..]);
            Section { kind, data: data.into() }
        })
        .collect()
}

fn write(disk: &FaultyDisk, index: u64) -> Result<Snapshot, SnapshotError> {
    let mut paced_bytes = 0;
    let mut pace = |bytes| paced_bytes += bytes;
    let mut writer =
        SnapshotWriter::create(Arc::new(disk.clone()), Path::new(DIRECTORY), &head(index), &mut pace)?;
    for section in sections(index) {
        writer.section(section.kind)?;
        for piece in section.data.chunks(100) {
            writer.write(piece)?;
        }
    }
    let written = writer.finish()?;
    // As a node that wrote nothing else since it was started.
    let before = snapshot::open_latest(disk, Path::new(DIRECTORY), GROUP, index)?.snapshot;
    let mut kept = Kept::recovered(GROUP, before.map(|before| before.head.meta));
    kept.finished(disk, Path::new(DIRECTORY), head(index).meta)?;
    assert_eq!(paced_bytes, written.file_bytes);
    Ok(written)
}

fn latest_index(disk: &FaultyDisk) -> (u64, usize) {
    let latest = open_latest(disk, Path::new(DIRECTORY), GROUP, u64::MAX).unwrap();
    let index = latest.snapshot.map_or(0, |found| {
        let index = found.head.meta.index;
        assert_eq!((found.head, found.sections), (head(index), sections(index)));
        index
    });
    (index, latest.invalid.len())
}

#[test]
fn a_snapshot_reads_back_and_only_the_newest_two_stay() {
    let disk = FaultyDisk::new(1);
    assert_eq!(latest_index(&disk), (0, 0));
    for index in [3, 10, 0x1_0000_0000, 0x1_0000_0001] {
        let written = write(&disk, index).unwrap();
        assert_eq!((&written.head, &written.sections), (&head(index), &sections(index)));
        assert_eq!(latest_index(&disk), (index, 0));
    }
    assert_eq!(disk.files().len(), KEPT);
}

#[test]
fn the_log_is_cut_for_the_snapshot_before_the_newest() {
    let disk = FaultyDisk::new(1);
    let directory = Path::new(DIRECTORY);
    let mut kept = Kept::recovered(GROUP, None);
    let mut finished = |index: u64| {
        write(&disk, index).unwrap();
        let cut = kept.finished(&disk, directory, head(index).meta).unwrap();
        assert_eq!(kept.newest_index(), Some(index));
        (cut.map(|cut| cut.index), disk.files().len())
    };
    assert_eq!(finished(10), (None, 1), "alone, it needs the log from the beginning beside it");
    assert_eq!(finished(20), (Some(10), 2));
    assert_eq!(finished(20), (Some(10), 2), "written anew at the same index, it replaced itself");
    assert_eq!(finished(30), (Some(20), 2));
    disk.remove(&directory.join(snapshot::file_name(GROUP, 30))).unwrap();
    assert_eq!(finished(40), (None, 1), "nothing is cut for a snapshot that is gone");
    assert_eq!(finished(50), (Some(40), 2));

    // Another life, which found the newest damaged: it does not count as the one before.
    let damaged = snapshot::file_name(GROUP, 50);
    disk.overwrite(&directory.join(&damaged), b"no snapshot");
    disk.overwrite(&directory.join("00000005-0000000000000033.snapshot.tmp"), b"unfinished");
    disk.overwrite(&directory.join("00000006-0000000000000033.snapshot.tmp"), b"another group's");
    let mut kept = Kept::recovered(GROUP, Some(head(40).meta));
    write(&disk, 60).unwrap();
    let cut = kept.finished(&disk, directory, head(60).meta).unwrap();
    assert_eq!(cut.map(|cut| cut.index), Some(40));
    let names: Vec<_> = disk.files().into_iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    let expected = [snapshot::file_name(GROUP, 40), snapshot::file_name(GROUP, 60)];
    assert_eq!(names[..2], expected.map(std::ffi::OsString::from));
    assert_eq!(names.len(), 3, "the other group's file is its own affair: {names:?}");
}

#[test]
fn large_sections_cross_the_chunks_they_are_written_in() {
    let disk = FaultyDisk::new(1);
    let mut chunks = Vec::new();
    let mut pace = |bytes| chunks.push(bytes);
    let mut writer =
        SnapshotWriter::create(Arc::new(disk.clone()), Path::new(DIRECTORY), &head(8), &mut pace).unwrap();
    let data: Vec<u8> = (0..1_000_003u32).map(|number| (number * 7 % 251) as u8).collect();
    for (kind, piece) in [(1, 1_000_003), (2, 262_144), (3, 262_143), (4, 1)] {
        writer.section(kind).unwrap();
        for part in data.chunks(piece) {
            writer.write(part).unwrap();
        }
    }
    let written = writer.finish().unwrap();
    assert!(written.sections.iter().all(|section| section.data == data));
    assert!(chunks.len() > 10 && chunks.iter().all(|&bytes| bytes <= 262_144 + 64), "{chunks:?}");
}

#[test]
fn after_a_power_cut_at_every_operation_a_whole_snapshot_is_there() {
    let before = FaultyDisk::new(1);
    write(&before, 10).unwrap();
    write(&before, 20).unwrap();
    let counted = before.after_crash(Keep::Durable, 0);
    write(&counted, 30).unwrap();
    assert!(counted.operations() >= 6, "create, write, sync, rename, sync names, remove");
    for operation in 1..=counted.operations() {
        let disk = before.after_crash(Keep::Durable, operation);
        disk.crash_at(operation);
        assert!(write(&disk, 30).is_err());
        for (seed, keep) in
            [Keep::Durable, Keep::Everything, Keep::Subset, Keep::Subset].into_iter().enumerate()
        {
            let after = disk.after_crash(keep, seed as u64);
            let (index, invalid) = latest_index(&after);
            assert!(index == 20 || index == 30, "{index} at operation {operation}");
            assert_eq!(invalid, 0, "a file has its name only when it is whole");
            assert_eq!(write(&after, 40).unwrap().head.meta.index, 40);
            assert!(after.files().len() <= KEPT, "nothing unfinished stays: {:?}", after.files());
        }
    }
}

#[test]
fn a_damaged_newest_snapshot_is_reported_and_the_one_before_is_used() {
    let healthy = FaultyDisk::new(1);
    write(&healthy, 10).unwrap();
    let newest = write(&healthy, 20).unwrap().path;
    let length = healthy.read(&newest).unwrap().len() as u64;
    let (mut refused, mut harmless) = (0, 0);
    for offset in 0..length {
        let disk = healthy.after_crash(Keep::Durable, 0);
        disk.flip_bit(&newest, offset, (offset % 8) as u32);
        let found = open_latest(&disk, Path::new(DIRECTORY), GROUP, u64::MAX);
        match found {
            Err(SnapshotError::Version { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
            Ok(_) => match latest_index(&disk) {
                (10, 1) => refused += 1,
                (20, 0) => harmless += 1, // padding
                other => panic!("a flipped bit at {offset}: {other:?}"),
            },
        }
    }
    assert!(
        refused as u64 > length - 40 && harmless < 40,
        "{refused} refused, {harmless} harmless of {length}"
    );
}

#[test]
fn a_full_or_failing_disk_leaves_the_snapshot_before() {
    let before = FaultyDisk::new(1);
    write(&before, 10).unwrap();
    for capacity_bytes in (0..6000).step_by(333) {
        let disk = before.after_crash(Keep::Durable, 0);
        disk.set_capacity_bytes(2500 + capacity_bytes);
        let expected = if write(&disk, 20).is_ok() { 20 } else { 10 };
        assert_eq!(latest_index(&disk).0, expected);
    }
    for operation in 1..8 {
        let disk = before.after_crash(Keep::Durable, 0);
        disk.fail_at(operation);
        let _ = write(&disk, 20);
        assert!(latest_index(&disk.after_crash(Keep::Durable, 0)).0 >= 10);
    }
}

#[test]
fn random_bytes_are_no_snapshot_and_never_panic() {
    let healthy = FaultyDisk::new(1);
    let path = write(&healthy, 10).unwrap().path;
    let whole = healthy.read(&path).unwrap();
    let mut random = SmallRng::seed_from_u64(4);
    for _ in 0..2000 {
        let mut content = whole.to_vec();
        match random.random_range(0..3) {
            0 => content.truncate(random.random_range(0..whole.len())),
            1 => {
                let from = random.random_range(0..whole.len() - 8);
                random.fill(&mut content[from..from + 8]);
            }
            _ => {
                content = vec![0; random.random_range(0..3000)];
                random.fill(&mut content[..]);
                let magic = content.len().min(8);
                content[..magic].copy_from_slice(&b"TOLLSNAP"[..magic]);
            }
        }
        let disk = FaultyDisk::new(1);
        disk.overwrite(&path, &content);
        if let Ok(read) = snapshot::open_file(&disk, &path) {
            assert_eq!(
                (read.head, read.sections),
                (head(10), sections(10)),
                "only what was written is believed"
            );
        }
    }
}
