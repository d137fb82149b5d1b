//! How calls went: PROCEDURE, PROCEDUREPROFILE, INITIATOR, LATENCY.

use super::{big, int, prefixed};
use crate::wire::volt::system::{
    facts::NodeStats,
    tables::{BIGINT, INTEGER, ResultTables, STRING, TINYINT},
};

/// Times in nanoseconds, sizes in bytes.
pub(super) fn procedure(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("SITE_ID", INTEGER),
        ("PARTITION_ID", INTEGER),
        ("PROCEDURE", STRING),
        ("INVOCATIONS", BIGINT),
        ("TIMED_INVOCATIONS", BIGINT),
        ("MIN_EXECUTION_TIME", BIGINT),
        ("MAX_EXECUTION_TIME", BIGINT),
        ("AVG_EXECUTION_TIME", BIGINT),
        ("MIN_RESULT_SIZE", INTEGER),
        ("MAX_RESULT_SIZE", INTEGER),
        ("AVG_RESULT_SIZE", INTEGER),
        ("MIN_PARAMETER_SET_SIZE", INTEGER),
        ("MAX_PARAMETER_SET_SIZE", INTEGER),
        ("AVG_PARAMETER_SET_SIZE", INTEGER),
        ("ABORTS", BIGINT),
        ("FAILURES", BIGINT),
        ("TRANSACTIONAL", TINYINT),
        ("COMPOUND", TINYINT),
    ];
    prefixed(stats, &columns, &stats.procedures, |r, p| {
        r.put_i32(i32::from(p.partition)).put_i32(i32::from(p.partition)).put_str(&p.name);
        r.put_i64(big(p.calls)).put_i64(big(p.timed_calls));
        r.put_i64(big(p.min_ns)).put_i64(big(p.max_ns)).put_i64(big(mean(p.total_ns, p.timed_calls)));
        for size in [p.result_bytes, p.parameter_bytes] {
            r.put_i32(int(size.min)).put_i32(int(size.max)).put_i32(int(size.mean));
        }
        r.put_i64(big(p.aborts)).put_i64(big(p.failures)).put_i8(i8::from(p.transactional)).put_i8(0);
    })
}

fn mean(total: u64, count: u64) -> u64 {
    total.checked_div(count).unwrap_or(0)
}

/// What one procedure cost in all partitions together.
#[derive(Default)]
struct Profile {
    calls: u64,
    timed_calls: u64,
    /// Estimated for the calls that were not timed.
    cost_ns: u128,
    total_ns: u64,
    min_ns: Option<u64>,
    max_ns: u64,
    aborts: u64,
    failures: u64,
}

/// Each procedure's share of all execution time, the costliest first. Times in nanoseconds.
pub(super) fn profile(stats: &NodeStats) -> ResultTables {
    let mut profiles: Vec<(&str, Profile)> = Vec::new();
    for p in &stats.procedures {
        let at = profiles.iter().position(|(name, _)| *name == p.name).unwrap_or_else(|| {
            profiles.push((&p.name, Profile::default()));
            profiles.len() - 1
        });
        let profile = &mut profiles[at].1;
        profile.calls += p.calls;
        profile.timed_calls += p.timed_calls;
        profile.total_ns += p.total_ns;
        profile.cost_ns += u128::from(mean(p.total_ns, p.timed_calls)) * u128::from(p.calls);
        profile.min_ns = Some(profile.min_ns.map_or(p.min_ns, |min| min.min(p.min_ns)));
        profile.max_ns = profile.max_ns.max(p.max_ns);
        profile.aborts += p.aborts;
        profile.failures += p.failures;
    }
    let all_ns: u128 = profiles.iter().map(|(_, p)| p.cost_ns).sum();
    profiles.sort_by(|a, b| b.1.cost_ns.cmp(&a.1.cost_ns).then(a.0.cmp(b.0)));
    let columns = [
        ("TIMESTAMP", BIGINT),
        ("PROCEDURE", STRING),
        ("WEIGHTED_PERC", BIGINT),
        ("INVOCATIONS", BIGINT),
        ("AVG", BIGINT),
        ("MIN", BIGINT),
        ("MAX", BIGINT),
        ("ABORTS", BIGINT),
        ("FAILURES", BIGINT),
    ];
    ResultTables::new().with(&columns, profiles, |r, (name, p)| {
        let percent = (p.cost_ns * 100).checked_div(all_ns).unwrap_or(0);
        r.put_i64(stats.now_ms).put_str(name).put_i64(percent as i64).put_i64(big(p.calls));
        r.put_i64(big(mean(p.total_ns, p.timed_calls)));
        r.put_i64(big(p.min_ns.unwrap_or(0))).put_i64(big(p.max_ns));
        r.put_i64(big(p.aborts)).put_i64(big(p.failures));
    })
}

/// Times in milliseconds, as a client sees them.
pub(super) fn initiator(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("SITE_ID", INTEGER),
        ("CONNECTION_ID", BIGINT),
        ("CONNECTION_HOSTNAME", STRING),
        ("PROCEDURE_NAME", STRING),
        ("INVOCATIONS", BIGINT),
        ("AVG_EXECUTION_TIME", INTEGER),
        ("MIN_EXECUTION_TIME", INTEGER),
        ("MAX_EXECUTION_TIME", INTEGER),
        ("ABORTS", BIGINT),
        ("FAILURES", BIGINT),
    ];
    prefixed(stats, &columns, &stats.initiators, |r, i| {
        r.put_i32(0).put_i64(i.connection_id).put_str(&i.hostname).put_str(&i.procedure);
        r.put_i64(big(i.calls)).put_i32(int(i.mean_ms)).put_i32(int(i.min_ms)).put_i32(int(i.max_ms));
        r.put_i64(big(i.aborts)).put_i64(big(i.failures));
    })
}

/// Times in microseconds, intervals in milliseconds.
pub(super) fn latency(stats: &NodeStats) -> ResultTables {
    let columns = [
        ("TIMESTAMP", BIGINT),
        ("HOST_ID", INTEGER),
        ("HOSTNAME", STRING),
        ("INTERVAL", INTEGER),
        ("COUNT", INTEGER),
        ("TPS", INTEGER),
        ("P50", BIGINT),
        ("P95", BIGINT),
        ("P99", BIGINT),
        ("P99.9", BIGINT),
        ("P99.99", BIGINT),
        ("P99.999", BIGINT),
        ("MAX", BIGINT),
    ];
    ResultTables::new().with(&columns, &stats.latency, |r, l| {
        let per_second = (l.calls * 1000).checked_div(u64::from(l.interval_ms)).unwrap_or(0);
        r.put_i64(l.at_ms).put_i32(stats.host_id).put_str(&stats.hostname);
        r.put_i32(int(l.interval_ms)).put_i32(int(l.calls)).put_i32(int(per_second));
        for us in [l.p50_us, l.p95_us, l.p99_us, l.p99_9_us, l.p99_99_us, l.p99_999_us, l.max_us] {
            r.put_i64(big(us));
        }
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::super::testing::*, *};
    use crate::wire::volt::system::facts::*;

    fn call_stats(partition: u16, name: &str, calls: u64, mean_ns: u64) -> ProcedureStats {
        ProcedureStats {
            partition,
            name: name.into(),
            calls,
            timed_calls: calls / 10,
            min_ns: mean_ns - 1,
            max_ns: mean_ns + 1,
            total_ns: mean_ns * (calls / 10),
            aborts: 1,
            transactional: true,
            ..ProcedureStats::default()
        }
    }

    #[test]
    fn a_profile_adds_partitions_up() {
        let stats = NodeStats {
            now_ms: 5,
            procedures: vec![
                call_stats(0, "RechargeCard", 100, 500),
                call_stats(0, "ValidateEntry", 100, 700),
                call_stats(1, "ValidateEntry", 100, 800),
            ],
            ..NodeStats::default()
        };
        expect![[r#"
            TIMESTAMP | PROCEDURE | WEIGHTED_PERC | INVOCATIONS | AVG | MIN | MAX | ABORTS | FAILURES
              5 | ValidateEntry | 75 | 200 | 750 | 699 | 801 | 2 | 0
              5 | RechargeCard | 25 | 100 | 500 | 499 | 501 | 1 | 0
        "#]]
        .assert_eq(&render(&profile(&stats)));
    }

    #[test]
    fn a_procedure_in_one_partition() {
        let stats = NodeStats { procedures: vec![call_stats(2, "P", 100, 500)], ..NodeStats::default() };
        expect![[r#"
            TIMESTAMP | HOST_ID | HOSTNAME | SITE_ID | PARTITION_ID | PROCEDURE | INVOCATIONS | TIMED_INVOCATIONS | MIN_EXECUTION_TIME | MAX_EXECUTION_TIME | AVG_EXECUTION_TIME | MIN_RESULT_SIZE | MAX_RESULT_SIZE | AVG_RESULT_SIZE | MIN_PARAMETER_SET_SIZE | MAX_PARAMETER_SET_SIZE | AVG_PARAMETER_SET_SIZE | ABORTS | FAILURES | TRANSACTIONAL | COMPOUND
              0 | 0 |  | 2 | 2 | P | 100 | 10 | 499 | 501 | 500 | 0 | 0 | 0 | 0 | 0 | 0 | 1 | 0 | 1 | 0
        "#]]
        .assert_eq(&render(&procedure(&stats)));
    }

    #[test]
    fn latency_counts_calls_a_second() {
        let interval =
            LatencyStats { interval_ms: 5_000, calls: 1_000, p50_us: 80, max_us: 900, ..Default::default() };
        let stats = NodeStats { latency: vec![interval], ..NodeStats::default() };
        assert!(render(&latency(&stats)).ends_with("5000 | 1000 | 200 | 80 | 0 | 0 | 0 | 0 | 0 | 900\n"));
    }
}
