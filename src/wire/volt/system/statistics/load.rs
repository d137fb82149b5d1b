//! Who is connected and how busy the node is: LIVECLIENTS, LIMITS, IOSTATS, CPU, QUEUE, STARVATION
//! (IDLETIME).

use super::{big, int, prefixed};
use crate::wire::volt::system::{
    facts::NodeStats,
    tables::{BIGINT, FLOAT, INTEGER, ResultTables, STRING, TINYINT},
};

pub(super) fn live_clients(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("CONNECTION_ID", BIGINT),
        ("CLIENT_HOSTNAME", STRING),
        ("ADMIN", TINYINT),
        ("OUTSTANDING_REQUEST_BYTES", BIGINT),
        ("OUTSTANDING_RESPONSE_MESSAGES", BIGINT),
        ("OUTSTANDING_TRANSACTIONS", BIGINT),
    ];
    prefixed(stats, &columns, &stats.connections, |r, c| {
        r.put_i64(c.connection_id).put_str(&c.hostname).put_i8(i8::from(c.is_admin));
        r.put_i64(big(c.request_bytes_waiting))
            .put_i64(big(c.responses_waiting))
            .put_i64(big(c.calls_waiting));
    })
}

pub(super) fn limits(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("FILE_DESCRIPTORS_LIMIT", INTEGER),
        ("FILE_DESCRIPTORS_OPEN", INTEGER),
        ("CLIENT_CONNECTIONS_LIMIT", INTEGER),
        ("CLIENT_CONNECTIONS_OPEN", INTEGER),
        ("ACCEPTED_CONNECTIONS", INTEGER),
        ("DROPPED_CONNECTIONS", INTEGER),
    ];
    prefixed(stats, &columns, [stats.limits], |r, l| {
        r.put_i32(int(l.files_max)).put_i32(int(l.files_open));
        r.put_i32(int(l.connections_max)).put_i32(int(l.connections_open));
        r.put_i32(int(l.connections_accepted)).put_i32(int(l.connections_refused));
    })
}

pub(super) fn io(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("CONNECTION_ID", BIGINT),
        ("CONNECTION_HOSTNAME", STRING),
        ("BYTES_READ", BIGINT),
        ("MESSAGES_READ", BIGINT),
        ("BYTES_WRITTEN", BIGINT),
        ("MESSAGES_WRITTEN", BIGINT),
    ];
    prefixed(stats, &columns, &stats.connections, |r, c| {
        r.put_i64(c.connection_id).put_str(&c.hostname).put_i64(big(c.bytes_read));
        r.put_i64(big(c.messages_read)).put_i64(big(c.bytes_written)).put_i64(big(c.messages_written));
    })
}

pub(super) fn cpu(stats: &NodeStats) -> ResultTables {
    prefixed(stats, &[("PERCENT_USED", BIGINT)], [stats.cpu_percent], |r, percent| {
        r.put_i64(percent);
    })
}

/// Waits in microseconds.
pub(super) fn queue(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("SITE_ID", INTEGER),
        ("CURRENT_DEPTH", INTEGER),
        ("POLL_COUNT", BIGINT),
        ("AVG_WAIT", BIGINT),
        ("MAX_WAIT", BIGINT),
    ];
    prefixed(stats, &columns, &stats.executors, |r, e| {
        r.put_i32(i32::from(e.partition)).put_i32(int(e.queue_depth)).put_i64(big(e.polls));
        r.put_i64(big(e.mean_wait_us)).put_i64(big(e.max_wait_us));
    })
}

/// Times in microseconds.
pub(super) fn idle_time(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("SITE_ID", INTEGER),
        ("COUNT", BIGINT),
        ("PERCENT", FLOAT),
        ("AVG", BIGINT),
        ("MIN", BIGINT),
        ("MAX", BIGINT),
        ("STDDEV", BIGINT),
    ];
    prefixed(stats, &columns, &stats.executors, |r, e| {
        r.put_i32(i32::from(e.partition)).put_i64(big(e.idle_count)).put_f64(e.idle_percent);
        r.put_i64(big(e.mean_idle_us)).put_i64(big(e.min_idle_us)).put_i64(big(e.max_idle_us));
        r.put_i64(big(e.idle_deviation_us));
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::super::testing::*, *};
    use crate::wire::volt::system::facts::*;

    #[test]
    fn connections_and_executors() {
        let stats = NodeStats {
            connections: vec![ConnectionStats {
                connection_id: 4,
                hostname: "gate".into(),
                calls_waiting: 7,
                bytes_read: 100,
                messages_written: 3,
                ..ConnectionStats::default()
            }],
            limits: LimitStats { connections_max: 10, connections_open: 1, ..LimitStats::default() },
            executors: vec![ExecutorStats {
                partition: 1,
                queue_depth: 2,
                idle_percent: 12.5,
                ..Default::default()
            }],
            cpu_percent: 40,
            ..NodeStats::default()
        };
        let all = live_clients(&stats).and(limits(&stats)).and(io(&stats));
        expect![[r#"
            TIMESTAMP | HOST_ID | HOSTNAME | CONNECTION_ID | CLIENT_HOSTNAME | ADMIN | OUTSTANDING_REQUEST_BYTES | OUTSTANDING_RESPONSE_MESSAGES | OUTSTANDING_TRANSACTIONS
              0 | 0 |  | 4 | gate | 0 | 0 | 0 | 7
            TIMESTAMP | HOST_ID | HOSTNAME | FILE_DESCRIPTORS_LIMIT | FILE_DESCRIPTORS_OPEN | CLIENT_CONNECTIONS_LIMIT | CLIENT_CONNECTIONS_OPEN | ACCEPTED_CONNECTIONS | DROPPED_CONNECTIONS
              0 | 0 |  | 0 | 0 | 10 | 1 | 0 | 0
            TIMESTAMP | HOST_ID | HOSTNAME | CONNECTION_ID | CONNECTION_HOSTNAME | BYTES_READ | MESSAGES_READ | BYTES_WRITTEN | MESSAGES_WRITTEN
              0 | 0 |  | 4 | gate | 100 | 0 | 0 | 3
        "#]]
        .assert_eq(&render(&all));
        expect![[r#"
            TIMESTAMP | HOST_ID | HOSTNAME | PERCENT_USED
              0 | 0 |  | 40
            TIMESTAMP | HOST_ID | HOSTNAME | SITE_ID | CURRENT_DEPTH | POLL_COUNT | AVG_WAIT | MAX_WAIT
              0 | 0 |  | 1 | 2 | 0 | 0 | 0
            TIMESTAMP | HOST_ID | HOSTNAME | SITE_ID | COUNT | PERCENT | AVG | MIN | MAX | STDDEV
              0 | 0 |  | 1 | 0 | 12.5 | 0 | 0 | 0 | 0
        "#]]
        .assert_eq(&render(&cpu(&stats).and(queue(&stats)).and(idle_time(&stats))));
    }
}
