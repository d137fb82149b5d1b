//! Rules of the server's core that `ARCHITECTURE.md` numbers, one by one: partitions without threads and
//! with the log in the test's own hands, so that "before" and "after" are what the test says.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use tollgate::{
    call::{Arrival, Batch, Call, Form, PartitionId, ReplySink, Target},
    core::{Core, Flushed},
    node::{fingerprint::Fingerprints, recover},
    partition::FrozenAt,
    replies::Departures,
    wire::volt::{
        frame::{self, Frame},
        response::Response,
        status::Status,
    },
};
use tollgate_cluster::{
    disk::FaultyDisk,
    log::{self, LogConfig},
};
use tollgate_procedures::{Abort, MultiTx, Procedure, Registry, Tx};
use tollgate_schema::{codec::ParamWriter, dynamic, ring::Ring, typed::Access, value::Value};

const PARTITIONS: u16 = 2;
/// Rows of a mebibyte that `PutMuch` writes.
const MUCH_ROWS: i64 = 9;

/// The key of that number among those that belong to a partition: no procedure writes another there.
fn key_in(ring: &Ring, partition: PartitionId, number: i64) -> i64 {
    let mut keys = (0..).filter(|&key| ring.partition_of_int(key) == partition);
    keys.nth(number as usize).expect("there is no end of keys")
}

fn registry() -> Registry {
    fn write(tx: &mut Tx<'_>, id: i64) -> Result<(), Abort> {
        let (table, now_us) = (tx.base(), Access::now_us(tx));
        Ok(dynamic::insert(tx.store_mut(), table, &[Value::BigInt(id)], now_us)?)
    }
    fn put(tx: &mut Tx<'_>, id: i64) -> Result<i64, Abort> {
        write(tx, id)?;
        Ok(Access::now_us(tx))
    }
    fn count(tx: &mut Tx<'_>, _: i64) -> Result<i64, Abort> {
        Ok(tx.store().count(tx.base()) as i64)
    }
    fn put_and_panic(tx: &mut Tx<'_>, id: i64) -> Result<i64, Abort> {
        write(tx, id)?;
        panic!("the procedure has a bug")
    }
    fn put_much(tx: &mut Tx<'_>, id: i64) -> Result<i64, Abort> {
        let (table, now_us) = (tx.base() + 1, Access::now_us(tx));
        for part in 0..MUCH_ROWS {
            let row = [Value::BigInt(id), Value::BigInt(part), Value::Varchar("x".repeat(1 << 20))];
            dynamic::insert(tx.store_mut(), table, &row, now_us)?;
        }
        Ok(tx.store().count(table) as i64)
    }
    fn put_everywhere(tx: &mut MultiTx<'_>, id: i64) -> Result<i64, Abort> {
        for partition in 0..tx.partitions() {
            let key = key_in(tx.ring(), partition as PartitionId, id.abs());
            write(&mut tx.partition(partition), key)?;
        }
        if id < 0 { Err(Abort::user("no")) } else { Ok(id) }
    }
    // These make nothing of what they are told.
    fn put_and_ignore(tx: &mut Tx<'_>, id: i64) -> Result<i64, Abort> {
        let _ = write(tx, id);
        Ok(id)
    }
    fn put_replicated(tx: &mut Tx<'_>, id: i64) -> Result<i64, Abort> {
        let (table, now_us) = (tx.base() + 2, Access::now_us(tx));
        let _ = dynamic::insert(tx.store_mut(), table, &[Value::BigInt(id)], now_us);
        Ok(id)
    }
    fn put_astray(tx: &mut MultiTx<'_>, id: i64) -> Result<i64, Abort> {
        for partition in 0..tx.partitions() {
            let _ = write(&mut tx.partition(partition), id);
        }
        Ok(id)
    }
    fn put_replicated_everywhere(tx: &mut MultiTx<'_>, id: i64) -> Result<i64, Abort> {
        for partition in 0..tx.partitions() {
            put_replicated(&mut tx.partition(partition), id)?;
        }
        Ok(id)
    }
    let procedures = vec![
        Procedure::single("Put", ["id"], put),
        Procedure::single("PutAndIgnore", ["id"], put_and_ignore),
        Procedure::single("PutReplicated", ["id"], put_replicated),
        Procedure::multi("PutAstray", ["id"], put_astray),
        Procedure::multi("PutReplicatedEverywhere", ["id"], put_replicated_everywhere),
        Procedure::single("Count", ["id"], count).read_only(),
        Procedure::single("PutAndPanic", ["id"], put_and_panic),
        Procedure::single("PutThoughReadOnly", ["id"], put).read_only(),
        Procedure::single("PutMuch", ["id"], put_much),
        Procedure::multi("PutEverywhere", ["id"], put_everywhere),
    ];
    let ddl = "CREATE TABLE t (id BIGINT NOT NULL, PRIMARY KEY (id));
        PARTITION TABLE t ON COLUMN id;
        CREATE TABLE much (id BIGINT NOT NULL, part BIGINT NOT NULL, text VARCHAR(1048576 BYTES) NOT NULL,
            PRIMARY KEY (id, part));
        PARTITION TABLE much ON COLUMN id;
        CREATE TABLE replicated (id BIGINT NOT NULL, PRIMARY KEY (id));";
    Registry::new().schema("test", ddl, procedures).expect("a schema")
}

/// Replies as they came: the handle, the status, the scalar answer.
#[derive(Default)]
struct Replies(Mutex<Vec<(i64, Status, Option<i64>)>>);

impl ReplySink for Replies {
    fn send(&self, frames: Vec<u8>, _arrivals: &[Arrival]) {
        let mut rest = &frames[..];
        while let Ok(Frame::Whole { body, rest: after }) = frame::split(rest) {
            let response = Response::read(body).expect("a response");
            let table = response.tables.iter().next().map(|table| table.expect("a table"));
            let answer = table.map(|table| match table.to_values().expect("rows")[0][0] {
                Value::BigInt(answer) => answer,
                ref other => panic!("{other:?} is no scalar"),
            });
            self.0.lock().expect("one thread").push((response.handle, response.status, answer));
            rest = after;
        }
    }
}

/// A core, and what its log was given and has not done.
struct Bench {
    core: Core,
    registry: Arc<Registry>,
    replies: Arc<Replies>,
    in_flight: Vec<(PartitionId, u64)>,
    calls: i64,
}

impl Bench {
    /// Partitions whose groups have these voters; this is member 1.
    fn new(voters: &[u64]) -> Bench {
        let registry = Arc::new(registry());
        let disk = FaultyDisk::new(1);
        let config = LogConfig { spares_at_open: 0, ..LogConfig::default() };
        let mut opened = log::open(Arc::new(disk.clone()), Path::new("log"), config).expect("an empty disk");
        let catalog = Arc::new(registry.catalog().clone());
        let fingerprints = Fingerprints::of(&catalog);
        let schema = (&catalog, &fingerprints);
        let mut in_flight = Vec::new();
        let mut place = |id| {
            let settings = recover::group_config(id, 1, voters.to_vec());
            let group = opened.take_group(u32::from(id));
            let recovered =
                recover::partition(id, group, &settings, schema, &disk, Path::new("snapshots"), 1);
            let recovered = recovered.expect("a new partition");
            in_flight.extend(recovered.first.acks);
            Some(recovered.partition)
        };
        let places = (0..PARTITIONS).map(&mut place).collect();
        let core = Core::new(registry.clone(), Arc::new(Ring::new(PARTITIONS)), places);
        let mut bench = Bench { core, registry, replies: Arc::default(), in_flight, calls: 0 };
        while !bench.in_flight.is_empty() {
            bench.log_is_done();
            bench.flush();
        }
        bench
    }

    /// Runs a call with this argument, of a partition's own keys if it runs in one, as number `calls`.
    fn call(&mut self, procedure: &str, target: Target, argument: i64, now_us: i64) {
        let argument = match target {
            Target::Partition(partition) => key_in(&Ring::new(PARTITIONS), partition, argument),
            Target::All => argument,
        };
        self.call_with(procedure, target, argument, now_us);
    }

    /// Runs a call with just this argument.
    fn call_with(&mut self, procedure: &str, target: Target, argument: i64, now_us: i64) {
        let mut bytes = Vec::new();
        let mut params = ParamWriter::new(&mut bytes);
        params.put_i64(argument);
        params.finish();
        self.calls += 1;
        let call = Call {
            handle: self.calls,
            procedure: self.registry.find(procedure).expect("registered"),
            target,
            parameters: 0..bytes.len() as u32,
            form: Form::Parameters,
            identity: None,
        };
        let sink = self.replies.clone();
        self.core.run(&[Batch { sink, received_us: 0, bytes: bytes.into(), calls: vec![call] }], now_us);
    }

    fn flush(&mut self) -> Flushed {
        let mut flushed = self.core.flush(true).expect("nothing is wrong");
        self.in_flight.append(&mut flushed.acks.clone());
        flushed.acks.clear();
        flushed
    }

    /// The log has made durable all that it was given.
    fn log_is_done(&mut self) {
        for (partition, number) in std::mem::take(&mut self.in_flight) {
            self.core.persisted(partition, number);
        }
    }

    fn replies(&self) -> Vec<(i64, Status, Option<i64>)> {
        std::mem::take(&mut *self.replies.0.lock().expect("one thread"))
    }

    /// Everything that is under way is done; the replies.
    fn settle(&mut self) -> Vec<(i64, Status, Option<i64>)> {
        self.flush();
        while !self.in_flight.is_empty() {
            self.log_is_done();
            self.flush();
        }
        self.replies()
    }
}

const HERE: Target = Target::Partition(0);

#[test]
fn no_reply_leaves_before_its_block_is_durable() {
    let mut bench = Bench::new(&[1]);
    bench.call("Put", HERE, 7, 1000);
    assert_eq!(bench.replies(), [], "not before it is logged");
    bench.flush();
    assert_eq!(bench.replies(), [], "nor before it is durable");
    // What was read from it waits as well: it could still be lost.
    bench.call("Count", HERE, 0, 1001);
    bench.flush();
    assert_eq!(bench.replies(), []);
    bench.log_is_done();
    bench.flush();
    assert_eq!(bench.replies(), [(1, Status::Success, Some(1000)), (2, Status::Success, Some(1))]);
    // With nothing under way there is nothing to wait for.
    bench.call("Count", HERE, 0, 1002);
    bench.flush();
    assert_eq!(bench.replies(), [(3, Status::Success, Some(1))]);
}

#[test]
fn transaction_times_increase_whatever_the_clock_does() {
    let mut bench = Bench::new(&[1]);
    for (id, clock_us) in [(1, 5000), (2, 5000), (3, 100), (4, 9000)] {
        bench.call("Put", HERE, id, clock_us);
    }
    let times: Vec<_> = bench.settle().into_iter().map(|(_, _, time_us)| time_us).collect();
    assert_eq!(times, [Some(5000), Some(5001), Some(5002), Some(9000)]);
    bench.call("PutEverywhere", Target::All, 5, 10);
    bench.call("Put", Target::Partition(1), 6, 10);
    let (_, _, after) = bench.settle()[1];
    assert!(after > Some(9000), "a transaction over all partitions has one time, after all of theirs");
}

#[test]
fn a_transaction_over_all_partitions_is_one_record_of_the_log() {
    let mut bench = Bench::new(&[1]);
    bench.call("Put", Target::Partition(1), 1, 1000);
    bench.call("PutEverywhere", Target::All, 2, 1000);
    let flushed = bench.flush();
    let groups: Vec<u32> =
        flushed.log.groups.iter().filter(|g| g.entry_count() > 0).map(|g| g.group).collect();
    assert_eq!(groups, [0, 1], "the blocks of both, in the batch that becomes one record");
    assert_eq!(bench.replies(), []);
    assert_eq!(bench.settle().len(), 2);
    // One that aborts has changed no partition.
    bench.call("PutEverywhere", Target::All, -3, 1000);
    bench.call("Count", Target::Partition(0), 0, 1000);
    bench.call("Count", Target::Partition(1), 0, 1000);
    let replies = bench.settle();
    assert!(
        replies.contains(&(4, Status::Success, Some(1))) && replies.contains(&(5, Status::Success, Some(2)))
    );
    assert!(replies.contains(&(3, Status::UserAbort, None)));
}

#[test]
fn a_cluster_refuses_transactions_over_all_partitions() {
    let mut bench = Bench::new(&[1, 2, 3]);
    bench.call("PutEverywhere", Target::All, 2, 1000);
    assert_eq!(bench.settle(), [(1, Status::ServerUnavailable, None)]);
}

#[test]
fn a_procedure_that_panics_is_rolled_back_and_answered() {
    let mut bench = Bench::new(&[1]);
    bench.call("PutAndPanic", HERE, 1, 1000);
    bench.call("PutThoughReadOnly", HERE, 2, 1000);
    bench.call("Count", HERE, 0, 1000);
    let failed = Status::UnexpectedFailure;
    assert_eq!(bench.settle(), [(1, failed, None), (2, failed, None), (3, Status::Success, Some(0))]);
}

#[test]
fn no_row_is_written_where_it_does_not_belong() {
    let mut bench = Bench::new(&[1]);
    let elsewhere = key_in(&Ring::new(PARTITIONS), 1, 0);
    let refused = |call| (call, Status::GracefulFailure, None);
    // Even a procedure that goes on as if nothing had happened does not commit.
    bench.call_with("PutAndIgnore", HERE, elsewhere, 1000);
    bench.call_with("PutReplicated", HERE, 1, 1000);
    bench.call_with("PutAstray", Target::All, elsewhere, 1000);
    bench.call_with("PutReplicatedEverywhere", Target::All, 1, 1000);
    bench.call_with("PutAndIgnore", Target::Partition(1), elsewhere, 1000);
    let expected = [
        refused(1),
        refused(2),
        refused(3),
        (4, Status::Success, Some(1)),
        (5, Status::Success, Some(elsewhere)),
    ];
    let mut replies = bench.settle();
    replies.sort_by_key(|(call, ..)| *call);
    assert_eq!(replies, expected);
    bench.call("Count", HERE, 0, 1000);
    bench.call("Count", Target::Partition(1), 0, 1000);
    let count = |call, rows| (call, Status::Success, Some(rows));
    assert_eq!(bench.settle(), [count(6, 0), count(7, 1)]);
}

#[test]
fn a_frozen_view_is_published_once_it_is_committed() {
    let mut bench = Bench::new(&[1]);
    bench.call("Put", HERE, 1, 1000);
    let views: Arc<Mutex<Vec<FrozenAt>>> = Arc::default();
    let published = views.clone();
    bench.core.freeze_all(&(Arc::new(move |view| published.lock().expect("one thread").push(view)) as _));
    bench.call("Put", HERE, 2, 1000);
    let table = bench.registry.catalog().find("t").expect("its table");
    let of_first = |views: &Mutex<Vec<FrozenAt>>| {
        let views = views.lock().expect("one thread");
        views.iter().find(|view| view.partition == 0).map(|view| view.rows.scan(table).count())
    };
    bench.flush();
    assert_eq!(of_first(&views), None, "its last block could still be lost");
    bench.settle();
    assert_eq!(of_first(&views), Some(1), "and shows what was there when it was taken");
}

#[test]
fn a_disk_that_stalls_makes_callers_wait_and_refuses_none() {
    let mut bench = Bench::new(&[1]);
    let calls = 10;
    for id in 0..calls {
        bench.call("PutMuch", HERE, id, 1000);
        bench.flush();
    }
    assert_eq!(bench.replies(), []);
    let done = (1..=calls).map(|call| (call, Status::Success, Some(call * MUCH_ROWS)));
    assert_eq!(bench.settle(), done.collect::<Vec<_>>());
}

/// What was proposed may still be committed after its changes were rolled back: nothing runs without them
/// meanwhile.
#[test]
fn no_call_runs_on_rows_that_lack_what_is_on_its_way() {
    let mut bench = Bench::new(&[1]);
    bench.call("Put", HERE, 7, 1000);
    bench.flush();
    let mut departures = Departures::default();
    bench.core.partition_mut(0).expect("it is here").step_down(&mut departures);
    departures.send();
    bench.call("Put", HERE, 7, 1001);
    assert_eq!(bench.replies(), [(2, Status::ServerUnavailable, None)]);
    assert_eq!(bench.settle(), [(1, Status::Success, Some(1000))]);
    bench.call("Put", HERE, 7, 1002);
    bench.call("Count", HERE, 0, 1003);
    assert_eq!(bench.settle(), [(3, Status::GracefulFailure, None), (4, Status::Success, Some(1))]);
}
