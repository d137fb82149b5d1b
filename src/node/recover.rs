//! From what is on disk to partitions that are up to date: the newest snapshot of each that is whole, then
//! the log behind it. The partitions are independent, so each is recovered on a thread of its own.

use crate::{
    block, clock,
    config::Config,
    core::{self, Flushed},
    node::fingerprint::Fingerprints,
    partition::{Fatal, Partition},
    replies::Departures,
};
use anyhow::{Context, Result};
use std::{path::Path, sync::Arc};
use tollgate_cluster::{
    disk::Disk,
    log::{OpenedLog, RecoveredGroup},
    replica::{GroupConfig, Outbox, Replica},
    snapshot::{self, Kept, SnapshotHead},
};
use tollgate_procedures::Registry;
use tollgate_schema::{catalog::Catalog, store::Store};

/// The one member of a single node's groups.
const MEMBER: u64 = 1;

/// What recovery hands over.
#[derive(Default)]
pub(super) struct Recovered {
    pub(super) partitions: Vec<Partition>,
    /// What the replicas want written first.
    pub(super) first: Flushed,
    pub(super) blocks: u64,
    /// By partition.
    pub(super) kept: Vec<Kept>,
    /// Bytes of blocks that are in no snapshot.
    pub(super) log_bytes: u64,
    pub(super) snapshots_refused: u64,
}

/// One partition, recovered.
pub struct RecoveredPartition {
    pub partition: Partition,
    /// What its replica wants written first.
    pub first: Flushed,
    /// The snapshot it began from.
    pub kept: Kept,
    /// Bytes of the blocks behind that snapshot.
    pub log_bytes: u64,
    /// Newer snapshots that were not usable.
    pub snapshots_refused: u64,
}

/// Recovers every partition.
pub(super) fn partitions(
    config: &Config,
    registry: &Registry,
    disk: &Arc<dyn Disk>,
    snapshots: &Path,
    log: &mut OpenedLog,
) -> Result<Recovered> {
    let catalog = Arc::new(registry.catalog().clone());
    let fingerprints = Fingerprints::of(&catalog);
    let groups: Vec<RecoveredGroup> = (0..config.partitions).map(|p| log.take_group(u32::from(p))).collect();
    let seed = clock::entropy();
    let recover_one = |(id, group): (u16, RecoveredGroup)| {
        let settings = group_config(id, MEMBER, vec![MEMBER]);
        let schema = (&catalog, &fingerprints);
        partition(id, group, &settings, schema, &**disk, snapshots, seed ^ u64::from(id))
            .with_context(|| format!("partition {id} could not be recovered"))
    };
    let results: Vec<Result<RecoveredPartition>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..).zip(groups).map(|work| scope.spawn(|| recover_one(work))).collect();
        threads.into_iter().map(|t| t.join().expect("a panic here was a bug and was reported")).collect()
    });
    let mut recovered = Recovered::default();
    for result in results {
        let one = result?;
        recovered.blocks += one.partition.applied_index();
        recovered.partitions.push(one.partition);
        recovered.first.log.groups.extend(one.first.log.groups);
        recovered.first.acks.extend(one.first.acks);
        recovered.kept.push(one.kept);
        recovered.log_bytes += one.log_bytes;
        recovered.snapshots_refused += one.snapshots_refused;
    }
    Ok(recovered)
}

/// The settings of a partition's group. Raft refuses no block for what waits already: the rows have changed
/// by then, and whoever sent too much was to be refused at the door. A lone voter keeps no applied blocks in
/// memory: it has no follower to send them to, and the next block is made in the memory of the last one.
pub fn group_config(id: u16, member: u64, voters: Vec<u64>) -> GroupConfig {
    let is_alone = voters == [member];
    let usual = GroupConfig::new(u32::from(id), member, voters);
    let recent_bytes_max = if is_alone { 0 } else { usual.recent_bytes_max };
    GroupConfig { uncommitted_bytes_max: u64::MAX, recent_bytes_max, ..usual }
}

/// Recovers one partition: its newest usable snapshot, then what is committed behind it. `schema`: the
/// catalogue and its [`Fingerprints`].
pub fn partition(
    id: u16,
    group: RecoveredGroup,
    settings: &GroupConfig,
    (catalog, fingerprints): (&Arc<Catalog>, &Fingerprints),
    disk: &dyn Disk,
    snapshots: &Path,
    seed: u64,
) -> Result<RecoveredPartition> {
    let mut search = Search { disk, directory: snapshots, catalog, fingerprints, refused: 0 };
    let (store, head) = match search.newest_usable(id)? {
        Some((store, head)) => (store, Some(head)),
        None => (Store::new(catalog.clone()), None),
    };
    let (meta, timestamp_us) = head.map_or((None, 0), |head| (Some(head.meta), head.state_us));
    let snapshot_index = meta.as_ref().map_or(0, |meta| meta.index);
    let log_bytes = look_through(id, &group, snapshot_index, fingerprints)?;
    let replica = Replica::new(settings, group, meta.as_ref(), seed)?;
    let applied_index = replica.applied_index();
    let mut partition = Partition::new(id, store, replica, fingerprints.clone(), applied_index, timestamp_us);
    let mut first = Flushed::default();
    core::poll(&mut partition, &mut Outbox::default(), &mut Departures::default(), &mut first)?;
    let kept = Kept::recovered(u32::from(id), meta);
    Ok(RecoveredPartition { partition, first, kept, log_bytes, snapshots_refused: search.refused })
}

/// Whether the blocks behind a snapshot can be applied, before any of them is; how many bytes they have.
fn look_through(
    partition: u16,
    group: &RecoveredGroup,
    snapshot_index: u64,
    fingerprints: &Fingerprints,
) -> Result<u64, Fatal> {
    let mut bytes = 0;
    for (index, data) in group.blocks().filter(|&(index, _)| index > snapshot_index) {
        let found = block::decode(data).map_err(|error| Fatal::Block { partition, index, error })?.catalog;
        if !fingerprints.reads(found) {
            return Err(Fatal::Catalog { partition, index, found, expected: fingerprints.own() });
        }
        bytes += data.len() as u64;
    }
    Ok(bytes)
}

/// The search for the newest snapshot that can be used.
struct Search<'a> {
    disk: &'a dyn Disk,
    directory: &'a Path,
    catalog: &'a Arc<Catalog>,
    fingerprints: &'a Fingerprints,
    refused: u64,
}

impl Search<'_> {
    /// A damaged one, or one whose rows are not what rows are, is passed over for the one before: the log
    /// still holds what came after that. One for another schema is no damage, and older ones would be no
    /// better.
    fn newest_usable(&mut self, partition: u16) -> Result<Option<(Store, SnapshotHead)>> {
        let mut below = u64::MAX;
        loop {
            let newest = snapshot::open_latest(self.disk, self.directory, u32::from(partition), below)?;
            for invalid in &newest.invalid {
                self.refuse(partition, invalid);
            }
            let Some(snapshot) = newest.snapshot else { return Ok(None) };
            let written_for = <[u8; 4]>::try_from(&snapshot.head.manifest[..]).map(u32::from_le_bytes);
            anyhow::ensure!(
                written_for.is_ok_and(|fingerprint| self.fingerprints.reads(fingerprint)),
                "{} was written for another schema",
                snapshot.path.display()
            );
            let sections = snapshot.sections.into_iter().map(|section| (section.kind, section.data));
            match Store::load(self.catalog.clone(), sections) {
                Ok(store) => return Ok(Some((store, snapshot.head))),
                Err(error) => {
                    self.refuse(partition, &format_args!("{}: {error}", snapshot.path.display()));
                    below = snapshot.head.meta.index;
                }
            }
        }
    }

    fn refuse(&mut self, partition: u16, reason: &dyn std::fmt::Display) {
        self.refused += 1;
        tracing::error!(
            partition,
            "a snapshot is damaged: an older one and more of the log are used instead. Have the disk checked. {reason}"
        );
    }
}
