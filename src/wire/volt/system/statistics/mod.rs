//! `@Statistics(selector [, since last call])`.

mod load;
mod procedures;
mod storage;
mod topology;

use tollgate_schema::{codec::RowWriter, ring::Ring};

use super::{
    SystemError,
    facts::{ClusterFacts, NodeStats},
    read_params,
    tables::{BIGINT, Column, INTEGER, ResultTables, STRING},
};

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    Topo,
    PartitionCount,
    Table,
    Index,
    Memory,
    CommandLog,
    SnapshotStatus,
    Ttl,
    Procedure,
    ProcedureProfile,
    Initiator,
    Latency,
    LiveClients,
    Limits,
    IoStats,
    Cpu,
    Queue,
    IdleTime,
    /// Several of the others in one answer.
    Management,
}

const NAMES: [(&str, Selector); 20] = [
    ("TOPO", Selector::Topo),
    ("PARTITIONCOUNT", Selector::PartitionCount),
    ("TABLE", Selector::Table),
    ("INDEX", Selector::Index),
    ("MEMORY", Selector::Memory),
    ("COMMANDLOG", Selector::CommandLog),
    ("SNAPSHOTSTATUS", Selector::SnapshotStatus),
    ("TTL", Selector::Ttl),
    ("PROCEDURE", Selector::Procedure),
    ("PROCEDUREPROFILE", Selector::ProcedureProfile),
    ("INITIATOR", Selector::Initiator),
    ("LATENCY", Selector::Latency),
    ("LIVECLIENTS", Selector::LiveClients),
    ("LIMITS", Selector::Limits),
    ("IOSTATS", Selector::IoStats),
    ("CPU", Selector::Cpu),
    ("QUEUE", Selector::Queue),
    ("STARVATION", Selector::IdleTime),
    ("IDLETIME", Selector::IdleTime),
    ("MANAGEMENT", Selector::Management),
];

/// The parameters of a call, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub selector: Selector,
    /// Counts since the last such call; with [`Selector::Topo`]: the ring as compressed JSON.
    pub flag: bool,
}

impl Request {
    /// `params`: the call's parameter set.
    pub fn read(params: &[u8]) -> Result<Request, SystemError> {
        let params = read_params("@Statistics", params)?;
        let (selector, flag) = match params[..] {
            [selector] => (selector, None),
            [selector, flag] => (selector, Some(flag)),
            _ => {
                return Err(SystemError::graceful(format!(
                    "Incorrect number of arguments to @Statistics (expects 2, received {})",
                    params.len()
                )));
            }
        };
        let name = selector.as_str().unwrap_or(selector.type_name());
        let Some((_, selector)) = NAMES.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known))
        else {
            let text = format!(
                "First argument to @Statistics must be a valid STRING selector, instead was {name}. \
                 Known here: {}.",
                NAMES.map(|(known, _)| known).join(", ")
            );
            return Err(SystemError::graceful(text));
        };
        Ok(Request { selector, flag: flag.and_then(|f| f.as_integer()) == Some(1) })
    }
}

/// The answer, from facts that the server gathered for this selector.
pub fn answer(request: Request, cluster: &ClusterFacts, ring: &Ring, stats: &NodeStats) -> ResultTables {
    match request.selector {
        Selector::Topo => topology::topo(cluster, ring, request.flag),
        Selector::PartitionCount => topology::partition_count(cluster, stats),
        Selector::Table => storage::table(stats),
        Selector::Index => storage::index(stats),
        Selector::Memory => storage::memory(stats),
        Selector::CommandLog => storage::command_log(stats),
        Selector::SnapshotStatus => storage::snapshot_status(stats),
        Selector::Ttl => storage::ttl(stats),
        Selector::Procedure => procedures::procedure(stats),
        Selector::ProcedureProfile => procedures::profile(stats),
        Selector::Initiator => procedures::initiator(stats),
        Selector::Latency => procedures::latency(stats),
        Selector::LiveClients => load::live_clients(stats).and(load::limits(stats)),
        Selector::Limits => load::limits(stats),
        Selector::IoStats => load::io(stats),
        Selector::Cpu => load::cpu(stats),
        Selector::Queue => load::queue(stats),
        Selector::IdleTime => load::idle_time(stats),
        Selector::Management => storage::memory(stats)
            .and(procedures::initiator(stats))
            .and(procedures::procedure(stats))
            .and(load::io(stats))
            .and(storage::table(stats))
            .and(storage::index(stats))
            .and(load::idle_time(stats))
            .and(load::queue(stats))
            .and(load::cpu(stats)),
    }
}

/// The columns most of these tables begin with.
const PREFIX: [Column; 3] = [("TIMESTAMP", BIGINT), ("HOST_ID", INTEGER), ("HOSTNAME", STRING)];

/// A table that begins with [`PREFIX`]; `fill` puts the cells after it.
fn prefixed<I>(
    stats: &NodeStats,
    columns: &[Column],
    items: impl IntoIterator<Item = I>,
    mut fill: impl FnMut(&mut RowWriter<'_>, I),
) -> ResultTables {
    let all: Vec<Column> = PREFIX.iter().chain(columns).copied().collect();
    ResultTables::new().with(&all, items, |r, item| {
        r.put_i64(stats.now_ms).put_i32(stats.host_id).put_str(&stats.hostname);
        fill(r, item);
    })
}

/// A count as a BIGINT, the largest for one that does not fit.
fn big(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count as an INTEGER, the largest for one that does not fit.
fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// Bytes as kilobytes, the unit of memory here.
fn kilobytes(bytes: u64) -> i64 {
    big(bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::wire::volt::status::Status;

    #[test]
    fn selectors_in_any_case_with_or_without_a_flag() {
        let read = |values: &[&str]| Request::read(&texts(values));
        assert_eq!(read(&["topo"]), Ok(Request { selector: Selector::Topo, flag: false }));
        assert_eq!(read(&["StarVation"]), Ok(Request { selector: Selector::IdleTime, flag: false }));
        let mut params = Vec::new();
        let mut writer = tollgate_schema::codec::ParamWriter::new(&mut params);
        writer.put_str("TOPO").put_i32(1);
        writer.finish();
        assert_eq!(Request::read(&params), Ok(Request { selector: Selector::Topo, flag: true }));
    }

    #[test]
    fn refusals() {
        let check = |values: &[&str], prefix: &str| {
            let error = Request::read(&texts(values)).unwrap_err();
            assert_eq!(error.status, Status::GracefulFailure);
            assert!(error.text.starts_with(prefix), "{}", error.text);
        };
        check(&[], "Incorrect number of arguments to @Statistics (expects 2, received 0)");
        check(&["A", "B", "C"], "Incorrect number of arguments to @Statistics (expects 2, received 3)");
        check(&["XDCR"], "First argument to @Statistics must be a valid STRING selector, instead was XDCR");
    }

    #[test]
    fn every_selector_answers_even_without_facts() {
        let ring = Ring::new(1);
        for (name, selector) in NAMES {
            for flag in [false, true] {
                let request = Request { selector, flag };
                let answer = answer(request, &ClusterFacts::default(), &ring, &NodeStats::default());
                assert!(!render(&answer).is_empty(), "{name}");
            }
        }
        let request = Request { selector: Selector::Management, flag: false };
        let management = answer(request, &ClusterFacts::default(), &ring, &NodeStats::default());
        assert_eq!(management.tables().count, 9);
    }
}
