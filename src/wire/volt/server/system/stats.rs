//! What `@Statistics` may be asked about this node, gathered for one question.

use super::{front::Front, process};
use crate::{
    clock,
    config::Durability,
    counters::{self, Counters},
    node::{
        connections::ConnectionFacts,
        initiated::Calls,
        latency::Interval,
        monitor,
        shared::{PartitionFacts, Shared},
    },
    wire::volt::system::{
        facts::{
            ConnectionStats, ExecutorStats, IndexStats, InitiatorStats, LatencyStats, LimitStats, LogStats,
            MemoryStats, NodeStats, ProcedureStats, SizeStats, SnapshotStats, TableStats, TtlStats,
        },
        statistics::{Request, Selector},
    },
};
use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};
use tollgate_procedures::Registry;
use tollgate_schema::{catalog::TableDef, store::TableMemory};

/// Executors are asked for what is newest, but not waited for longer.
const REFRESH_MAX: Duration = Duration::from_secs(1);

/// May block: see [`Front`].
pub(super) fn gather(front: &Front, request: Request) -> NodeStats {
    let shared: &Shared = &front.shared;
    let now_ms = clock::wall_us() / 1000;
    let mut stats = NodeStats {
        now_ms,
        host_id: shared.host_id,
        hostname: front.hostname.clone(),
        ..NodeStats::default()
    };
    let all = request.selector == Selector::Management;
    let is = |selector| all || request.selector == selector;
    let asks_executors =
        [Selector::Table, Selector::Index, Selector::Memory, Selector::Procedure, Selector::Ttl];
    if asks_executors.into_iter().any(is) {
        shared.refresh(REFRESH_MAX);
    }
    if is(Selector::Table) || is(Selector::Index) || is(Selector::Memory) {
        storage(shared, &mut stats);
    }
    if is(Selector::Ttl) {
        stats.ttl = ttl(shared);
    }
    if is(Selector::Procedure) || is(Selector::ProcedureProfile) {
        stats.procedures = procedures(front, request.flag);
    }
    if is(Selector::Initiator) {
        stats.initiators = initiators(front, request.flag);
    }
    if is(Selector::Latency) {
        stats.latency = vec![latency(&shared.latency.last_interval(now_ms))];
    }
    if is(Selector::LiveClients) || is(Selector::IoStats) {
        stats.connections = shared.clients.list().iter().map(|facts| connection(facts)).collect();
    }
    if is(Selector::LiveClients) || is(Selector::Limits) {
        stats.limits = limits(shared);
    }
    if is(Selector::Queue) || is(Selector::IdleTime) {
        stats.executors = executors(shared);
    }
    stats.log = log(shared);
    stats.snapshots = snapshots(shared);
    stats.cpu_percent = front.cpu_percent.load(Ordering::Relaxed);
    stats
}

fn storage(shared: &Shared, stats: &mut NodeStats) {
    let catalog = shared.gate.registry().catalog();
    let usage = monitor::usage(&shared.config.data_dir);
    let mut memory = MemoryStats {
        resident_bytes: usage.resident_bytes,
        physical_bytes: usage.machine_bytes,
        ..MemoryStats::default()
    };
    for partition in shared.partitions() {
        for taken in &partition.memory {
            let def = catalog.table(taken.table);
            memory.rows += taken.rows;
            memory.fixed_bytes += taken.row_bytes;
            memory.tail_bytes += taken.tail_bytes;
            memory.index_bytes += taken.index_bytes;
            memory.allocated_bytes += taken.row_bytes + taken.tail_bytes;
            stats.tables.push(table(partition.partition, def, taken));
            stats.indexes.extend(indexes(partition.partition, def, taken));
        }
    }
    stats.memory = memory;
}

fn table(partition: u16, def: &TableDef, taken: &TableMemory) -> TableStats {
    TableStats {
        partition,
        name: def.name.clone(),
        is_stream: def.is_stream(),
        rows: taken.rows,
        allocated_bytes: taken.row_bytes + taken.tail_bytes,
        fixed_bytes: taken.row_bytes,
        tail_bytes: taken.tail_bytes,
    }
}

/// The store measures the indexes of a table together: each is shown with an even share.
fn indexes(partition: u16, def: &TableDef, taken: &TableMemory) -> Vec<IndexStats> {
    let keys = def.primary_key.iter().chain(&def.uniques).map(|key| (&key.name, true, false));
    let indexes = def.indexes.iter().map(|index| (&index.name, index.unique, true));
    let named: Vec<_> = keys.chain(indexes).collect();
    let share = taken.index_bytes / named.len().max(1) as u64;
    let stats = |(name, is_unique, is_ordered): (&String, bool, bool)| IndexStats {
        partition,
        name: name.clone(),
        table: def.name.clone(),
        is_unique,
        is_ordered,
        entries: taken.rows,
        bytes: share,
    };
    named.into_iter().map(stats).collect()
}

/// A row for each table with a TTL and each partition.
fn ttl(shared: &Shared) -> Vec<TtlStats> {
    let catalog = shared.gate.registry().catalog();
    let of_partition = |facts: PartitionFacts| {
        let PartitionFacts { partition, memory, expired, .. } = facts;
        let rows =
            move |table| memory.iter().find(|taken| taken.table == table).map_or(0, |taken| taken.rows);
        expired.into_iter().map(move |expired| (partition, expired, rows(expired.table))).collect::<Vec<_>>()
    };
    let all = shared.partitions().into_iter().flat_map(of_partition);
    all.map(|(partition, expired, rows_remaining)| TtlStats {
        partition,
        table: catalog.table(expired.table).name.clone(),
        rows_deleted: expired.rows,
        rows_deleted_last_round: expired.last_rows,
        rows_remaining,
        last_round_ms: expired.last_us / 1000,
    })
    .collect()
}

/// A row for each procedure that was called and each executor; an executor stands under the first of its
/// partitions.
fn procedures(front: &Front, since_last_time: bool) -> Vec<ProcedureStats> {
    let counted = front.shared.counters_by_executor();
    let shown = if since_last_time {
        let mut before = front.counted.lock();
        let nothing = Counters::default();
        let since = counted.iter().enumerate();
        let since = since.map(|(e, now)| now.since(before.get(e).unwrap_or(&nothing))).collect();
        *before = counted;
        since
    } else {
        counted
    };
    let registry = front.shared.gate.registry();
    shown.iter().zip(0..).flat_map(|(counters, executor)| of_executor(executor, counters, registry)).collect()
}

fn of_executor(executor: u16, counters: &Counters, registry: &Registry) -> Vec<ProcedureStats> {
    let called = counters.procedures.iter().zip(registry.procedures()).filter(|(c, _)| c.invocations > 0);
    called
        .map(|(counted, registered)| ProcedureStats {
            partition: executor,
            name: registered.procedure.name.clone(),
            calls: counted.invocations,
            timed_calls: counted.timed.calls,
            min_ns: counted.timed.execution_ns.min,
            max_ns: counted.timed.execution_ns.max,
            total_ns: counted.timed.execution_ns.sum,
            result_bytes: size(counted.timed.result_bytes, counted.timed.calls),
            parameter_bytes: size(counted.timed.parameter_bytes, counted.timed.calls),
            aborts: counted.aborts,
            failures: counted.failures,
            transactional: true,
        })
        .collect()
}

fn size(range: counters::Range, calls: u64) -> SizeStats {
    let int = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    SizeStats {
        min: int(range.min),
        max: int(range.max),
        mean: int(range.sum.checked_div(calls).unwrap_or(0)),
    }
}

/// A row for each procedure that was called and each open connection that called it.
fn initiators(front: &Front, since_last_time: bool) -> Vec<InitiatorStats> {
    let connections = front.shared.clients.list();
    let counted: BTreeMap<_, _> = connections
        .iter()
        .flat_map(|facts| {
            facts.initiated.calls().into_iter().map(move |(p, calls)| ((facts.id, p), (facts, calls)))
        })
        .collect();
    let before = if since_last_time {
        let now = counted.iter().map(|(key, (_, calls))| (*key, *calls)).collect();
        std::mem::replace(&mut *front.initiated.lock(), now)
    } else {
        BTreeMap::new()
    };
    let registry = front.shared.gate.registry();
    let nothing = Calls::default();
    let shown = counted.into_iter().map(|(key, (facts, calls))| {
        let calls = calls.since(before.get(&key).unwrap_or(&nothing));
        let ms = |us: u64| u32::try_from(us / 1000).unwrap_or(u32::MAX);
        InitiatorStats {
            connection_id: facts.id,
            hostname: hostname(facts),
            procedure: registry.get(key.1).procedure.name.clone(),
            calls: calls.invocations,
            mean_ms: ms(calls.mean_us()),
            min_ms: ms(calls.min_us),
            max_ms: ms(calls.max_us),
            aborts: calls.aborts,
            failures: calls.failures,
        }
    });
    shown.collect()
}

fn hostname(facts: &ConnectionFacts) -> String {
    facts.peer.ip().to_canonical().to_string()
}

fn latency(interval: &Interval) -> LatencyStats {
    let at = |percent| interval.histogram.value_at_percentile(percent);
    LatencyStats {
        at_ms: interval.end_ms,
        interval_ms: interval.length_ms,
        calls: interval.histogram.len(),
        p50_us: at(50.0),
        p95_us: at(95.0),
        p99_us: at(99.0),
        p99_9_us: at(99.9),
        p99_99_us: at(99.99),
        p99_999_us: at(99.999),
        max_us: interval.histogram.max(),
    }
}

fn connection(facts: &ConnectionFacts) -> ConnectionStats {
    let get = |figure: &std::sync::atomic::AtomicU64| figure.load(Ordering::Relaxed);
    let (calls, bytes) = (get(&facts.calls_read), get(&facts.bytes_read));
    let (made, written) = (get(&facts.replies_made), get(&facts.replies_written));
    let calls_waiting = calls.saturating_sub(made);
    ConnectionStats {
        connection_id: facts.id,
        hostname: hostname(facts),
        // There is one port for everything.
        is_admin: false,
        // Those that wait are taken for as long as the others were.
        request_bytes_waiting: bytes.checked_div(calls).unwrap_or(0) * calls_waiting,
        responses_waiting: made.saturating_sub(written),
        calls_waiting,
        bytes_read: bytes,
        messages_read: calls,
        bytes_written: get(&facts.bytes_written),
        messages_written: written,
    }
}

fn limits(shared: &Shared) -> LimitStats {
    let int = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let (files_max, files_open) = process::files();
    let (accepted, refused) = shared.clients.totals();
    LimitStats {
        files_max,
        files_open,
        connections_max: int(shared.config.limits.connections as u64),
        connections_open: int(shared.connections.load(Ordering::Relaxed) as u64),
        connections_accepted: int(accepted),
        connections_refused: int(refused),
    }
}

fn executors(shared: &Shared) -> Vec<ExecutorStats> {
    let depths = shared.gate.queue_depths().into_iter().zip(0..);
    depths
        .map(|(depth, partition)| ExecutorStats { partition, queue_depth: depth, ..Default::default() })
        .collect()
}

fn log(shared: &Shared) -> LogStats {
    let stats = shared.log.lock().stats;
    let sync_interval_ms = match shared.config.durability {
        Durability::Sync => 0,
        Durability::Async => shared.config.sync_interval_ms,
    };
    let int = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    LogStats {
        bytes_waiting: 0,
        calls_waiting: 0,
        segments: int(stats.segments + stats.spares),
        segments_in_use: int(stats.segments),
        sync_interval_ms: u32::try_from(sync_interval_ms).unwrap_or(u32::MAX),
    }
}

/// The last one.
fn snapshots(shared: &Shared) -> Vec<SnapshotStats> {
    let facts = shared.snapshots.lock().clone();
    let path = shared.config.data_dir.display().to_string();
    let last = (facts.last_at_ms != 0).then(|| SnapshotStats {
        path: path.clone(),
        start_ms: facts.last_at_ms - facts.last_ms as i64,
        end_ms: facts.last_at_ms,
        bytes: facts.last_bytes,
        succeeded: true,
        ..SnapshotStats::default()
    });
    last.into_iter().collect()
}
