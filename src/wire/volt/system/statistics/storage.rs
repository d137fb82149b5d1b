//! What is kept, where and how large: TABLE, INDEX, MEMORY, COMMANDLOG, SNAPSHOTSTATUS, TTL.

use super::{big, int, kilobytes, prefixed};
use crate::wire::volt::system::{
    facts::NodeStats,
    tables::{BIGINT, FLOAT, INTEGER, ResultTables, STRING, TINYINT},
};

/// Memory in kilobytes. A table here has no limit of its own, so nothing is a share of it.
pub(super) fn table(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("SITE_ID", INTEGER),
        ("PARTITION_ID", BIGINT),
        ("TABLE_NAME", STRING),
        ("TABLE_TYPE", STRING),
        ("TUPLE_COUNT", BIGINT),
        ("TUPLE_ALLOCATED_MEMORY", BIGINT),
        ("TUPLE_DATA_MEMORY", BIGINT),
        ("STRING_DATA_MEMORY", BIGINT),
        ("TUPLE_LIMIT", INTEGER),
        ("PERCENT_FULL", INTEGER),
        ("DR", STRING),
        ("EXPORT", STRING),
    ];
    prefixed(stats, &columns, &stats.tables, |r, t| {
        r.put_i32(i32::from(t.partition)).put_i64(i64::from(t.partition)).put_str(&t.name);
        r.put_str(if t.is_stream { "StreamedTable" } else { "PersistentTable" });
        r.put_i64(big(t.rows)).put_i64(kilobytes(t.allocated_bytes));
        r.put_i64(kilobytes(t.fixed_bytes)).put_i64(kilobytes(t.tail_bytes));
        r.put_null().put_i32(0).put_str("false").put_str(if t.is_stream { "true" } else { "false" });
    })
}

/// Memory in kilobytes.
pub(super) fn index(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("SITE_ID", INTEGER),
        ("PARTITION_ID", BIGINT),
        ("INDEX_NAME", STRING),
        ("TABLE_NAME", STRING),
        ("INDEX_TYPE", STRING),
        ("IS_UNIQUE", TINYINT),
        ("IS_COUNTABLE", TINYINT),
        ("ENTRY_COUNT", BIGINT),
        ("MEMORY_ESTIMATE", BIGINT),
    ];
    prefixed(stats, &columns, &stats.indexes, |r, i| {
        r.put_i32(i32::from(i.partition)).put_i64(i64::from(i.partition));
        r.put_str(&i.name).put_str(&i.table);
        r.put_str(if i.is_ordered { "BALANCED_TREE" } else { "HASH_TABLE" });
        r.put_i8(i8::from(i.is_unique)).put_i8(0);
        r.put_i64(big(i.entries)).put_i64(kilobytes(i.bytes));
    })
}

/// Memory in kilobytes. What is Java's own is 0 here.
pub(super) fn memory(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("RSS", INTEGER),
        ("JAVAUSED", INTEGER),
        ("JAVAUNUSED", INTEGER),
        ("TUPLEDATA", BIGINT),
        ("TUPLEALLOCATED", BIGINT),
        ("INDEXMEMORY", BIGINT),
        ("STRINGMEMORY", BIGINT),
        ("TUPLECOUNT", BIGINT),
        ("POOLEDMEMORY", BIGINT),
        ("PHYSICALMEMORY", BIGINT),
        ("JAVAMAXHEAP", INTEGER),
    ];
    prefixed(stats, &columns, [stats.memory], |r, m| {
        r.put_i32(int(kilobytes(m.resident_bytes))).put_i32(0).put_i32(0);
        r.put_i64(kilobytes(m.fixed_bytes)).put_i64(kilobytes(m.allocated_bytes));
        r.put_i64(kilobytes(m.index_bytes)).put_i64(kilobytes(m.tail_bytes));
        r.put_i64(big(m.rows)).put_i64(0).put_i64(kilobytes(m.physical_bytes)).put_i32(0);
    })
}

pub(super) fn command_log(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("OUTSTANDING_BYTES", BIGINT),
        ("OUTSTANDING_TXNS", BIGINT),
        ("IN_USE_SEGMENT_COUNT", INTEGER),
        ("SEGMENT_COUNT", INTEGER),
        ("FSYNC_INTERVAL", INTEGER),
    ];
    prefixed(stats, &columns, [stats.log], |r, log| {
        r.put_i64(big(log.bytes_waiting)).put_i64(big(log.calls_waiting));
        r.put_i32(int(log.segments_in_use)).put_i32(int(log.segments)).put_i32(int(log.sync_interval_ms));
    })
}

/// Sizes in bytes, times in milliseconds, duration in seconds, throughput in bytes a second.
pub(super) fn snapshot_status(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("TABLE", STRING),
        ("PATH", STRING),
        ("FILENAME", STRING),
        ("NONCE", STRING),
        ("TXNID", BIGINT),
        ("START_TIME", BIGINT),
        ("END_TIME", BIGINT),
        ("SIZE", BIGINT),
        ("DURATION", BIGINT),
        ("THROUGHPUT", FLOAT),
        ("RESULT", STRING),
        ("TYPE", STRING),
    ];
    prefixed(stats, &columns, &stats.snapshots, |r, s| {
        let end_ms = if s.end_ms == 0 { stats.now_ms } else { s.end_ms };
        let duration_ms = (end_ms - s.start_ms).max(0);
        let throughput = if duration_ms == 0 { 0.0 } else { s.bytes as f64 * 1000.0 / duration_ms as f64 };
        r.put_str(&s.table).put_str(&s.path).put_str(&s.file).put_str(&s.name);
        r.put_i64(s.transaction_id).put_i64(s.start_ms).put_i64(s.end_ms).put_i64(big(s.bytes));
        r.put_i64(duration_ms / 1000).put_f64(throughput);
        r.put_str(match (s.end_ms, s.succeeded) {
            (0, _) => "IN_PROGRESS",
            (_, true) => "SUCCESS",
            (_, false) => "FAILURE",
        });
        r.put_str("AUTO");
    })
}

pub(super) fn ttl(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("TABLE_NAME", STRING),
        ("PARTITION_ID", INTEGER),
        ("ROWS_DELETED", BIGINT),
        ("ROWS_DELETED_LAST_ROUND", BIGINT),
        ("ROWS_REMAINING", BIGINT),
        ("LAST_DELETE_TIMESTAMP", BIGINT),
    ];
    prefixed(stats, &columns, &stats.ttl, |r, t| {
        r.put_str(&t.table).put_i32(i32::from(t.partition));
        r.put_i64(big(t.rows_deleted)).put_i64(big(t.rows_deleted_last_round));
        r.put_i64(big(t.rows_remaining)).put_i64(t.last_round_ms);
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::super::testing::*, *};
    use crate::wire::volt::system::facts::*;

    fn stats() -> NodeStats {
        NodeStats { now_ms: 9_000, host_id: 3, hostname: "north".into(), ..NodeStats::default() }
    }

    #[test]
    fn tables_and_indexes() {
        let stats = NodeStats {
            tables: vec![TableStats {
                partition: 1,
                name: "CARDS".into(),
                is_stream: false,
                rows: 10,
                allocated_bytes: 4096,
                fixed_bytes: 1025,
                tail_bytes: 1,
            }],
            indexes: vec![IndexStats {
                partition: 1,
                name: "PK".into(),
                table: "CARDS".into(),
                is_unique: true,
                is_ordered: false,
                entries: 10,
                bytes: 2048,
            }],
            ..stats()
        };
        expect![[r#"
            TIMESTAMP | HOST_ID | HOSTNAME | SITE_ID | PARTITION_ID | TABLE_NAME | TABLE_TYPE | TUPLE_COUNT | TUPLE_ALLOCATED_MEMORY | TUPLE_DATA_MEMORY | STRING_DATA_MEMORY | TUPLE_LIMIT | PERCENT_FULL | DR | EXPORT
              9000 | 3 | north | 1 | 1 | CARDS | PersistentTable | 10 | 4 | 2 | 1 | NULL | 0 | false | false
        "#]]
        .assert_eq(&render(&table(&stats)));
        expect![[r#"
            TIMESTAMP | HOST_ID | HOSTNAME | SITE_ID | PARTITION_ID | INDEX_NAME | TABLE_NAME | INDEX_TYPE | IS_UNIQUE | IS_COUNTABLE | ENTRY_COUNT | MEMORY_ESTIMATE
              9000 | 3 | north | 1 | 1 | PK | CARDS | HASH_TABLE | 1 | 0 | 10 | 2
        "#]]
        .assert_eq(&render(&index(&stats)));
    }

    #[test]
    fn memory_never_overflows_its_columns() {
        let memory_stats = MemoryStats { resident_bytes: u64::MAX, rows: u64::MAX, ..MemoryStats::default() };
        let rendered = render(&memory(&NodeStats { memory: memory_stats, ..stats() }));
        assert!(
            rendered.contains("2147483647 | 0 | 0 | 0 | 0 | 0 | 0 | 9223372036854775807 |"),
            "{rendered}"
        );
    }

    #[test]
    fn a_snapshot_under_way_and_one_done() {
        let snapshot = |end_ms| SnapshotStats {
            name: "S".into(),
            start_ms: 5_000,
            end_ms,
            bytes: 4_000,
            succeeded: end_ms > 0,
            ..SnapshotStats::default()
        };
        let stats = NodeStats { snapshots: vec![snapshot(0), snapshot(7_000)], ..stats() };
        expect![[r#"
            TIMESTAMP | HOST_ID | HOSTNAME | TABLE | PATH | FILENAME | NONCE | TXNID | START_TIME | END_TIME | SIZE | DURATION | THROUGHPUT | RESULT | TYPE
              9000 | 3 | north |  |  |  | S | 0 | 5000 | 0 | 4000 | 4 | 1000 | IN_PROGRESS | AUTO
              9000 | 3 | north |  |  |  | S | 0 | 5000 | 7000 | 4000 | 2 | 2000 | SUCCESS | AUTO
        "#]]
        .assert_eq(&render(&snapshot_status(&stats)));
    }
}
