//! `GET /metrics`: what the server counts, for Prometheus. Names are documented in docs/HTTP.md.

mod exposition;
mod kafka;
mod process;
#[cfg(test)]
pub(super) mod tests;

use crate::{
    counters::Counters,
    export::facts::{ExportState, LaneStatus},
    node::{
        monitor,
        shared::{PartitionFacts, Shared},
    },
    wire::kafka::server::{KafkaFront, lags::Lags},
};
use axum::{
    extract::State,
    http::{HeaderName, header},
};
use exposition::{Exposition, Family};
use hdrhistogram::Histogram;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tollgate_procedures::transaction::RULES_MAX;
use tollgate_schema::{catalog::Catalog, store::TableMemory};

/// What the metrics are made of, and how many connections over HTTP there are.
pub(super) type Facts = (Arc<Shared>, Arc<KafkaFront>, Arc<AtomicUsize>);

pub(super) async fn show(
    State((shared, kafka_front, open)): State<Facts>,
) -> ([(HeaderName, &'static str); 1], String) {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    let lags = kafka::read(&kafka_front).await;
    ([content_type], text(&shared, &lags, open.load(Ordering::Relaxed)))
}

fn text(shared: &Shared, lags: &Lags, http_connections: usize) -> String {
    let mut out = Exposition::default();
    let partitions = shared.partitions();
    calls(&mut out, shared, &shared.counters());
    tables(&mut out, shared.gate.registry().catalog(), &partitions);
    expiry(&mut out, shared.gate.registry().catalog(), &partitions);
    replication(&mut out, shared.gate.registry().catalog(), &partitions);
    exports(&mut out, shared);
    kafka::write(&mut out, lags);
    storage(&mut out, shared);
    limits(&mut out, shared, http_connections);
    process::write(&mut out, shared);
    out.into_text()
}

fn calls(out: &mut Exposition, shared: &Shared, counters: &Counters) {
    let mut calls =
        out.counter("tollgate_calls_total", "Calls of each procedure that was called, by outcome.");
    for (registered, counted) in shared.gate.registry().procedures().iter().zip(&counters.procedures) {
        if counted.invocations == 0 {
            continue;
        }
        let refused = counted.aborts + counted.failures + counted.repeats;
        let outcomes = [
            ("committed", counted.invocations - refused),
            ("aborted", counted.aborts),
            ("failed", counted.failures),
            ("repeated", counted.repeats),
        ];
        for (outcome, count) in outcomes {
            calls.sample(&[("procedure", &registered.procedure.name), ("outcome", outcome)], count);
        }
    }
    let mut decisions = out.counter("tollgate_decisions_total", "Decisions of committed calls, by outcome.");
    let outcomes =
        [("accepted", counters.accepted), ("rejected", counters.rejected), ("fraud", counters.fraud)];
    outcomes.iter().for_each(|(outcome, count)| decisions.sample(&[("outcome", outcome)], count));
    rule_hits(out, shared, counters);
    let histogram = shared.latency.total();
    out.histogram(
        "tollgate_call_duration_seconds",
        "Time from the socket read of a call to its reply.",
        &buckets(&histogram),
        histogram.len(),
        shared.latency.sum_us() as f64 / 1e6,
    );
}

/// Rules that have a name are shown from the start, others once they hit.
fn rule_hits(out: &mut Exposition, shared: &Shared, counters: &Counters) {
    let mut hits = out.counter("tollgate_rule_hits_total", "Decisions in which a procedure's rule hit.");
    for (registered, counted) in shared.gate.registry().procedures().iter().zip(&counters.procedures) {
        let procedure = &registered.procedure;
        for rule in 0..RULES_MAX {
            let count = counted.rules.as_ref().map_or(0, |hits| hits[rule]);
            let name = match procedure.rules.get(rule) {
                Some(name) => name.clone(),
                None if count > 0 => rule.to_string(),
                None => continue,
            };
            hits.sample(&[("procedure", &procedure.name), ("rule", &name)], count);
        }
    }
}

/// Upper bounds, in microseconds.
const BUCKETS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// How many calls were at most as long as each bound, in seconds.
fn buckets(histogram: &Histogram<u64>) -> Vec<(f64, u64)> {
    let mut recorded = histogram.iter_recorded().peekable();
    let mut below = 0;
    let bounds = BUCKETS_US.iter().map(|&bound_us| {
        while let Some(step) = recorded.next_if(|step| step.value_iterated_to() <= bound_us) {
            below += step.count_at_value();
        }
        (bound_us as f64 / 1e6, below)
    });
    bounds.collect()
}

/// Sums over partitions; but a replicated table's rows are the same in each, and are counted once.
fn tables(out: &mut Exposition, catalog: &Catalog, partitions: &[PartitionFacts]) {
    let mut sums = vec![TableMemory::default(); catalog.tables.len()];
    for (partition, memory) in partitions.iter().flat_map(|p| p.memory.iter().map(|m| (p.partition, m))) {
        let sum = &mut sums[usize::from(memory.table)];
        let def = catalog.table(memory.table);
        let is_replicated = def.partition_column.is_none() && !def.is_stream() && !def.is_internal();
        if !is_replicated || partition == partitions[0].partition {
            sum.rows += memory.rows;
        }
        sum.row_bytes += memory.row_bytes;
        sum.tail_bytes += memory.tail_bytes;
        sum.index_bytes += memory.index_bytes;
    }
    let named = || catalog.tables.iter().map(|def| def.name.as_str()).zip(&sums);
    let mut rows = out.gauge("tollgate_table_rows", "Rows of a table, stream or view.");
    named().for_each(|(table, sum)| rows.sample(&[("table", table)], sum.rows));
    let mut bytes = out.gauge(
        "tollgate_table_bytes",
        "Memory that a table, stream or view takes on this node: its rows, their tails, its indexes, and the total.",
    );
    for (table, sum) in named() {
        let kinds = [
            ("rows", sum.row_bytes),
            ("tails", sum.tail_bytes),
            ("indexes", sum.index_bytes),
            ("total", sum.row_bytes + sum.tail_bytes + sum.index_bytes),
        ];
        kinds.iter().for_each(|(kind, count)| bytes.sample(&[("table", table), ("kind", kind)], count));
    }
}

/// Sums over partitions; a replicated table's rows go in each, and are counted once.
fn expiry(out: &mut Exposition, catalog: &Catalog, partitions: &[PartitionFacts]) {
    let mut rows = out.counter(
        "tollgate_ttl_expired_rows_total",
        "Rows of a table with a TTL that were deleted because their time was over.",
    );
    let tables = partitions.first().map(|facts| facts.expired.as_slice()).unwrap_or_default();
    for (place, first) in tables.iter().enumerate() {
        let def = catalog.table(first.table);
        let of_all =
            partitions.iter().filter_map(|facts| facts.expired.get(place)).map(|expired| expired.rows);
        let sum = if def.partition_column.is_some() { of_all.sum() } else { first.rows };
        rows.sample(&[("table", def.name.as_str())], sum);
    }
}

fn replication(out: &mut Exposition, catalog: &Catalog, partitions: &[PartitionFacts]) {
    let labels: Vec<String> = partitions.iter().map(|facts| facts.partition.to_string()).collect();
    let each = || labels.iter().map(String::as_str).zip(partitions);
    let mut leader = out.gauge("tollgate_partition_leader", "1 if this node leads the partition.");
    each().for_each(|(label, facts)| leader.sample(&[("partition", label)], u8::from(facts.leads)));
    let mut applied = out.gauge("tollgate_partition_applied_index", "Log index up to which rows stand.");
    each().for_each(|(label, facts)| applied.sample(&[("partition", label)], facts.applied_index));
    for (name, help, next) in [
        ("tollgate_stream_first_offset", "Offset of the oldest row that a stream still holds.", false),
        ("tollgate_stream_next_offset", "Offset that a stream's next row will get.", true),
    ] {
        let mut offsets = out.gauge(name, help);
        for (label, facts) in each() {
            for &(stream, first_offset, next_offset) in &facts.streams {
                let labels = [("stream", catalog.table(stream).name.as_str()), ("partition", label)];
                offsets.sample(&labels, if next { next_offset } else { first_offset });
            }
        }
    }
}

/// Nothing is shown of a node without exports.
fn exports(out: &mut Exposition, shared: &Shared) {
    let lanes = shared.exports.status(&shared.ends);
    if lanes.is_empty() {
        return;
    }
    type Value = fn(&LaneStatus) -> u64;
    let each = |mut family: Family<'_>, value: Value| {
        for lane in &lanes {
            let partition = lane.partition.to_string();
            let labels =
                [("export", lane.export.as_str()), ("stream", &lane.stream), ("partition", &partition)];
            family.sample(&labels, value(lane));
        }
    };
    let lag =
        out.gauge("tollgate_export_lag_rows", "Rows of the stream that have not arrived at the target.");
    each(lag, |lane| lane.lag_rows);
    let running = out.gauge("tollgate_export_running", "1 while rows leave, or could; 0 after an error.");
    each(running, |lane| u64::from(lane.state == ExportState::Running));
    let counters: [(&str, &str, Value); 4] = [
        ("tollgate_export_rows_total", "Rows that arrived at the target.", |lane| lane.rows),
        ("tollgate_export_errors_total", "Errors after which it was tried again.", |lane| lane.errors),
        ("tollgate_export_dead_letters_total", "Rows that the target refused.", |lane| lane.dead_letters),
        ("tollgate_export_lost_rows_total", "Rows that were trimmed before they could leave.", |lane| {
            lane.lost_rows
        }),
    ];
    for (name, help, value) in counters {
        each(out.counter(name, help), value);
    }
}

fn storage(out: &mut Exposition, shared: &Shared) {
    let log = shared.log.lock().clone();
    out.gauge("tollgate_log_bytes", "Bytes of records in the log.").value(log.stats.bytes);
    out.gauge("tollgate_log_segments", "Segments of the log that hold records.").value(log.stats.segments);
    out.counter("tollgate_log_records_total", "Records appended since the log began.")
        .value(log.stats.records);
    out.counter("tollgate_log_syncs_total", "Writes of the log that were synced.").value(log.syncs);
    out.counter("tollgate_log_sync_seconds_total", "Time in write and sync of the log.")
        .value(log.sync_us as f64 / 1e6);
    let snapshots = shared.snapshots.lock().clone();
    out.counter("tollgate_snapshots_total", "Snapshots of all partitions taken.").value(snapshots.taken);
    out.counter("tollgate_snapshots_failed_total", "Snapshots that failed.").value(snapshots.failed);
    out.gauge("tollgate_snapshot_running", "1 while a snapshot is being taken.")
        .value(u8::from(snapshots.running));
    out.gauge("tollgate_snapshot_last_bytes", "Size of the last snapshot.").value(snapshots.last_bytes);
    out.gauge("tollgate_snapshot_last_duration_seconds", "How long the last snapshot took.")
        .value(snapshots.last_ms as f64 / 1e3);
    out.gauge(
        "tollgate_snapshot_last_timestamp_seconds",
        "When the last snapshot was taken; 0: not since the start.",
    )
    .value(snapshots.last_at_ms as f64 / 1e3);
    let recovery = shared.recovery.lock().clone();
    out.gauge("tollgate_recovery_seconds", "How long recovery took at the start.")
        .value(recovery.ms as f64 / 1e3);
    out.gauge("tollgate_recovery_blocks", "Log index up to which recovery went, over all partitions.")
        .value(recovery.blocks);
    out.gauge(
        "tollgate_recovery_snapshots_refused",
        "Snapshots that were damaged and passed over at the start.",
    )
    .value(recovery.snapshots_refused);
}

fn limits(out: &mut Exposition, shared: &Shared, http_connections: usize) {
    let mut connections = out.gauge("tollgate_connections", "Open connections, by protocol.");
    connections.sample(&[("protocol", "volt")], shared.connections.load(Ordering::Relaxed));
    connections.sample(&[("protocol", "http")], http_connections);
    out.gauge("tollgate_connections_max", "Connections of each protocol that are let in.")
        .value(shared.config.limits.connections);
    out.gauge("tollgate_writes_refused", "1 while writes are refused to save memory or disk.")
        .value(u8::from(shared.gate.is_refusing()));
    let usage = monitor::usage(&shared.config.data_dir);
    out.gauge("tollgate_disk_free_bytes", "Free space in the file system of the data directory.")
        .value(usage.disk_free_bytes);
    out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.").value(usage.resident_bytes);
}
