//! From what is on disk to partitions that are up to date: the newest snapshot of each, then the log behind it. The
//! partitions are independent, so each is recovered on a thread of its own.

use crate::{
    clock,
    config::Config,
    core::{self, Flushed},
    node::fingerprint::fingerprint,
    partition::Partition,
};
use anyhow::{Context, Result};
use std::{path::Path, sync::Arc};
use tollgate_cluster::{
    disk::Disk,
    log::{OpenedLog, RecoveredGroup},
    replica::{GroupConfig, Outbox, Replica},
    snapshot,
};
use tollgate_procedures::Registry;
use tollgate_schema::{catalog::Catalog, store::Store};

/// The one member of a single node's groups.
const MEMBER: u64 = 1;

/// What recovery hands over.
pub(super) struct Recovered {
    pub(super) partitions: Vec<Partition>,
    /// What the replicas want written first.
    pub(super) first: Flushed,
    pub(super) blocks: u64,
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
    let fingerprint = fingerprint(&catalog);
    let groups: Vec<RecoveredGroup> = (0..config.partitions).map(|p| log.take_group(u32::from(p))).collect();
    let seed = clock::entropy();
    let recover_one = |(id, group): (u16, RecoveredGroup)| {
        let settings = group_config(id, MEMBER, vec![MEMBER]);
        let schema = (&catalog, fingerprint);
        partition(id, group, &settings, schema, &**disk, snapshots, seed ^ u64::from(id))
            .with_context(|| format!("partition {id} could not be recovered"))
    };
    let results: Vec<Result<(Partition, Flushed)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..).zip(groups).map(|work| scope.spawn(|| recover_one(work))).collect();
        threads.into_iter().map(|t| t.join().expect("a panic here was a bug and was reported")).collect()
    });
    let mut recovered = Recovered { partitions: Vec::new(), first: Flushed::default(), blocks: 0 };
    for result in results {
        let (partition, flushed) = result?;
        recovered.blocks += partition.applied_index();
        recovered.partitions.push(partition);
        recovered.first.log.groups.extend(flushed.log.groups);
        recovered.first.acks.extend(flushed.acks);
    }
    Ok(recovered)
}

/// The settings of a partition's group. Raft refuses no block for what waits already: the rows have changed by then, and
/// whoever sent too much was to be refused at the door.
pub fn group_config(id: u16, member: u64, voters: Vec<u64>) -> GroupConfig {
    GroupConfig { uncommitted_bytes_max: u64::MAX, ..GroupConfig::new(u32::from(id), member, voters) }
}

/// Recovers one partition: its newest valid snapshot, then what is committed behind it. What its replica wants written
/// comes back too. `schema`: the catalogue and its [`fingerprint`].
pub fn partition(
    id: u16,
    group: RecoveredGroup,
    settings: &GroupConfig,
    (catalog, fingerprint): (&Arc<Catalog>, u32),
    disk: &dyn Disk,
    snapshots: &Path,
    seed: u64,
) -> Result<(Partition, Flushed)> {
    let newest = snapshot::open_latest(disk, snapshots, u32::from(id))?;
    for invalid in &newest.invalid {
        tracing::warn!(partition = id, %invalid, "a snapshot is not usable");
    }
    let (store, meta, timestamp_us) = match newest.snapshot {
        None => (Store::new(catalog.clone()), None, 0),
        Some(snapshot) => {
            anyhow::ensure!(
                snapshot.head.manifest[..] == fingerprint.to_le_bytes(),
                "{} was written for another schema",
                snapshot.path.display()
            );
            let sections = snapshot.sections.into_iter().map(|section| (section.kind, section.data));
            let store = Store::load(catalog.clone(), sections)?;
            (store, Some(snapshot.head.meta), snapshot.head.state_us)
        }
    };
    let replica = Replica::new(settings, group, meta.as_ref(), seed)?;
    let applied_index = replica.applied_index();
    let mut partition = Partition::new(id, store, replica, fingerprint, applied_index, timestamp_us);
    let mut flushed = Flushed::default();
    core::poll(&mut partition, &mut Outbox::default(), &mut flushed)?;
    Ok((partition, flushed))
}
