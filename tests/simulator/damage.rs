//! Damage to snapshot files while a member is down, as bad sectors and careless hands do it: the newest one
//! of a partition, where the one before is whole.

use super::{
    member::{Member, PARTITIONS, SNAPSHOTS},
    workload::{self, Operation},
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};
use tollgate::call::{PartitionId, Target};
use tollgate_cluster::{
    disk::{Disk, FaultyDisk, Keep},
    snapshot::{self, SnapshotWriter},
};
use tollgate_schema::ring::Ring;

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Damage {
    FlippedBit,
    Truncated,
    Missing,
    /// Its checksums are right, its rows are none.
    Nonsense,
}

pub(super) const KINDS: [Damage; 4] =
    [Damage::FlippedBit, Damage::Truncated, Damage::Missing, Damage::Nonsense];

/// The snapshots of a partition, newest first.
fn snapshots_of(disk: &FaultyDisk, partition: PartitionId) -> Vec<PathBuf> {
    let start = Path::new(SNAPSHOTS).join(format!("{partition:08x}-"));
    let is_its = |path: &PathBuf| {
        let path = path.to_str().expect("names are ASCII");
        path.starts_with(start.to_str().expect("it is ASCII")) && path.ends_with(".snapshot")
    };
    let mut found: Vec<PathBuf> = disk.files().into_iter().filter(is_its).collect();
    found.sort();
    found.reverse();
    found
}

/// Damages the newest snapshot of a partition. `None` if that or the one before was damaged already, or if
/// there is none before: what would be lost then was never promised.
pub(super) fn damage_newest(
    disk: &FaultyDisk,
    partition: PartitionId,
    damaged: &mut BTreeSet<PathBuf>,
    kind: Damage,
    rng: &mut SmallRng,
) -> Option<()> {
    let found = snapshots_of(disk, partition);
    let (newest, before) = (found.first()?, found.get(1)?);
    if damaged.contains(newest) || damaged.contains(before) {
        return None;
    }
    let content = disk.read(newest).expect("it was just listed");
    match kind {
        Damage::FlippedBit => {
            disk.flip_bit(newest, rng.random_range(0..content.len() as u64), rng.random_range(0..8));
        }
        Damage::Truncated => disk.overwrite(newest, &content[..rng.random_range(0..content.len())]),
        Damage::Missing => disk.remove(newest).expect("it was just listed"),
        Damage::Nonsense => write_nonsense(disk, newest),
    }
    damaged.insert(newest.clone());
    Some(())
}

/// Another whole file in the place of this one, with a section that no store ever wrote.
fn write_nonsense(disk: &FaultyDisk, path: &Path) {
    let head = snapshot::open_file(disk, path).expect("it is whole").head;
    let mut pace = |_| {};
    let mut writer =
        SnapshotWriter::create(Arc::new(disk.clone()), Path::new(SNAPSHOTS), &head, &mut pace).unwrap();
    writer.section(1).unwrap();
    writer.write(b"no rows").unwrap();
    writer.finish().unwrap();
}

/// A node alone, which somebody works with step by step.
struct Bench {
    member: Member,
    ring: Arc<Ring>,
    calls: i64,
}

impl Bench {
    fn new(seed: u64) -> Bench {
        let ring = Arc::new(Ring::new(PARTITIONS));
        let member = Member::new(1, vec![1], seed, Arc::new(workload::registry()), ring.clone());
        let mut bench = Bench { member, ring, calls: 0 };
        bench.start();
        bench
    }

    fn start(&mut self) {
        self.member.start(1);
        self.settle();
    }

    fn power_cut(&mut self) {
        self.member.crash(Keep::Durable, 1);
    }

    fn work(&mut self, calls: i64) {
        for number in self.calls + 1..=self.calls + calls {
            let key = number % 20;
            let (operation, target) =
                (Operation::Append { key }, Target::Partition(self.ring.partition_of_int(key)));
            let sink = self.member.up.as_ref().expect("it is up").inbox.clone();
            let batch = workload::batch(self.member.registry(), operation, number, target, sink);
            self.member.call(&batch, number);
            self.member.pump();
        }
        self.calls += calls;
        self.settle();
    }

    fn snapshot(&mut self) {
        self.member.freeze();
        self.settle();
    }

    /// Does everything that waits, until nothing does.
    fn settle(&mut self) {
        loop {
            self.member.pump();
            self.member.write_snapshots().expect("the disk is well");
            if self.member.up.as_ref().expect("it is up").waiting.is_empty() {
                return;
            }
            self.member.write_log().expect("the disk is well");
        }
    }

    fn digests(&self) -> Vec<u64> {
        let partitions = self.member.up.as_ref().expect("it is up").core.partitions();
        partitions.map(|p| p.store().state_digest()).collect()
    }

    fn refused(&self) -> u64 {
        self.member.up.as_ref().expect("it is up").snapshots_refused
    }
}

#[test]
fn behind_a_damaged_newest_snapshot_nothing_is_missing() {
    for (kind, seed) in KINDS.into_iter().zip(0..) {
        let mut bench = Bench::new(seed);
        let mut rng = SmallRng::seed_from_u64(seed);
        // The log is cut for all snapshots but the last two.
        for _ in 0..3 {
            bench.work(50);
            bench.snapshot();
        }
        bench.work(50);
        let before = bench.digests();
        bench.power_cut();
        let mut damaged = BTreeSet::new();
        for partition in 0..PARTITIONS {
            damage_newest(&bench.member.disk, partition, &mut damaged, kind, &mut rng)
                .expect("two whole snapshots are there");
        }
        bench.start();
        assert_eq!(bench.digests(), before, "{kind:?}");
        let expected = if matches!(kind, Damage::Missing) { 0 } else { u64::from(PARTITIONS) };
        assert_eq!(bench.refused(), expected, "{kind:?}");

        // The next snapshot takes the damaged one's place; then all is as it was.
        bench.work(50);
        bench.snapshot();
        let before = bench.digests();
        bench.power_cut();
        bench.start();
        assert_eq!((bench.digests(), bench.refused()), (before, 0), "{kind:?}");
        assert!((0..PARTITIONS).all(|partition| snapshots_of(&bench.member.disk, partition).len() == 2));
    }
}

/// With one snapshot nothing of the log may go: alone it would be all there is.
#[test]
fn beside_a_single_snapshot_the_whole_log_stays() {
    let mut bench = Bench::new(1);
    bench.work(500);
    bench.snapshot();
    bench.work(100);
    let before = bench.digests();
    bench.power_cut();
    for partition in 0..PARTITIONS {
        let [only] = &snapshots_of(&bench.member.disk, partition)[..] else { panic!("one is there") };
        bench.member.disk.remove(only).unwrap();
    }
    bench.start();
    assert_eq!(bench.digests(), before);
}
