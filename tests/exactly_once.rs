//! Batches of Kafka producers as partitions see them, beside a naive list of all that ever came: which batch
//! is carried out, which is told its first answer again, which is refused. Partitions without threads, the
//! log in the test's own hands. A batch has a part in each partition, and each may refuse its part or never
//! see it.

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};
use tollgate::{
    call::{Arrival, Batch, Call, Form, PartitionId, ReplySink, Target},
    core::Core,
    feed::{FeedCall, FeedRecord, FeedWriter, Head},
    node::{fingerprint::Fingerprints, recover},
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
use tollgate_procedures::{Abort, Procedure, Registry, Tx};
use tollgate_schema::{codec::ParamWriter, dynamic, ring::Ring, typed::Access, value::Value};

const PARTITIONS: u16 = 3;
const TOPIC: i64 = 7;
/// Batches of a producer that a partition knows again.
const KNOWN_AGAIN: usize = 5;

fn registry() -> Registry {
    /// Leaves a row for each time that it is carried out.
    fn put(tx: &mut Tx<'_>, id: i64, fails: i8) -> Result<i64, Abort> {
        let (table, now_us) = (tx.base(), Access::now_us(tx));
        dynamic::insert(tx.store_mut(), table, &[Value::BigInt(id), Value::BigInt(now_us)], now_us)?;
        if fails != 0 { Err(Abort::user("it was to fail")) } else { Ok(id) }
    }
    fn rows(tx: &mut Tx<'_>, _: i64) -> Result<i64, Abort> {
        Ok(tx.store().count(tx.base()) as i64)
    }
    fn ids(tx: &mut Tx<'_>, _: i64) -> Result<i64, Abort> {
        Ok(tx.store().count(tx.base() + 1) as i64)
    }
    let procedures = vec![
        Procedure::single("Put", ["id", "fails"], put),
        Procedure::single("Rows", ["id"], rows).read_only(),
        Procedure::single("Ids", ["id"], ids).read_only(),
    ];
    let ddl = "CREATE TABLE t (id BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (id, at));
        PARTITION TABLE t ON COLUMN id;
        CREATE VIEW ids (id, times) AS SELECT id, COUNT(*) FROM t GROUP BY id;";
    Registry::new().schema("test", ddl, procedures).expect("a schema")
}

/// The first row of the last answer.
#[derive(Default)]
struct Replies(Mutex<Option<Vec<i64>>>);

impl ReplySink for Replies {
    fn send(&self, frames: Vec<u8>, _arrivals: &[Arrival]) {
        let Ok(Frame::Whole { body, rest: [] }) = frame::split(&frames) else { panic!("one frame") };
        let response = Response::read(body).expect("a response");
        assert_eq!(response.status, Status::Success, "{:?}", response.status_text);
        let table = response.tables.iter().next().expect("a table").expect("a table");
        let row = table.to_values().expect("rows").swap_remove(0);
        let row = row.into_iter().map(|value| match value {
            Value::TinyInt(value) => i64::from(value),
            Value::BigInt(value) => value,
            other => panic!("{other:?} is no number"),
        });
        *self.0.lock().expect("one thread") = Some(row.collect());
    }
}

struct Bench {
    core: Core,
    registry: Arc<Registry>,
    in_flight: Vec<(PartitionId, u64)>,
    now_us: i64,
}

impl Bench {
    fn new() -> Bench {
        let registry = Arc::new(registry());
        let disk = FaultyDisk::new(1);
        let config = LogConfig { spares_at_open: 0, ..LogConfig::default() };
        let mut opened = log::open(Arc::new(disk.clone()), Path::new("log"), config).expect("an empty disk");
        let catalog = Arc::new(registry.catalog().clone());
        let fingerprints = Fingerprints::of(&catalog);
        let mut in_flight = Vec::new();
        let mut place = |id| {
            let settings = recover::group_config(id, 1, vec![1]);
            let (group, schema) = (opened.take_group(u32::from(id)), (&catalog, &fingerprints));
            let recovered =
                recover::partition(id, group, &settings, schema, &disk, Path::new("snapshots"), 1);
            let recovered = recovered.expect("a new partition");
            in_flight.extend(recovered.first.acks);
            Some(recovered.partition)
        };
        let places = (0..PARTITIONS).map(&mut place).collect();
        let core = Core::new(registry.clone(), Arc::new(Ring::new(PARTITIONS)), places);
        let mut bench = Bench { core, registry, in_flight, now_us: 1 };
        bench.settle();
        bench
    }

    fn settle(&mut self) {
        loop {
            let flushed = self.core.flush(true).expect("nothing is wrong");
            self.in_flight.extend(flushed.acks);
            if self.in_flight.is_empty() {
                return;
            }
            for (partition, number) in std::mem::take(&mut self.in_flight) {
                self.core.persisted(partition, number);
            }
        }
    }

    /// Runs a call, waits until it is committed, and gives its first row.
    fn call(&mut self, procedure: &str, partition: PartitionId, form: Form, bytes: Vec<u8>) -> Vec<i64> {
        let replies = Arc::new(Replies::default());
        let call = Call {
            handle: 1,
            procedure: self.registry.find(procedure).expect("registered"),
            target: Target::Partition(partition),
            parameters: 0..bytes.len() as u32,
            form,
            identity: None,
        };
        let sink = replies.clone();
        self.now_us += 1;
        let batch = Batch { sink, received_us: 0, bytes: bytes.into(), calls: vec![call] };
        self.core.run(&[batch], self.now_us);
        self.settle();
        replies.0.lock().expect("one thread").take().expect("an answer")
    }

    /// How often records were carried out in a partition.
    fn carried_out(&mut self, partition: PartitionId) -> i64 {
        let mut counts = ["Rows", "Ids"].map(|procedure| {
            let mut bytes = Vec::new();
            let mut set = ParamWriter::new(&mut bytes);
            set.put_i64(0);
            set.finish();
            self.call(procedure, partition, Form::Parameters, bytes)[0]
        });
        counts.sort_unstable();
        assert_eq!(counts[0], counts[1], "none of them twice");
        counts[0]
    }

    /// Gives a partition its part of a batch.
    fn feed(&mut self, partition: PartitionId, sent: &Sent) -> Vec<i64> {
        let mut feed = FeedWriter::new(&Head {
            topic: TOPIC,
            part: sent.part,
            producer: sent.producer,
            epoch: sent.epoch,
            sequence: sent.sequence,
            count: sent.records.len() as i32,
            gives_offsets: partition == sent.home(),
            dead_letters: None,
            topic_name: "topic",
        });
        for (offset_delta, record) in (0..).zip(&sent.records) {
            if record.partition != partition {
                continue;
            }
            let mut bytes = Vec::new();
            let mut set = ParamWriter::new(&mut bytes);
            set.put_i64(record.id).put_i8(i8::from(record.fails));
            set.finish();
            let call = FeedCall::Parameters(&bytes);
            feed.push(&FeedRecord {
                offset_delta,
                timestamp_ms: 1,
                call,
                key: None,
                value: None,
                headers: &[],
            });
        }
        self.call("Put", partition, Form::Feed, feed.bytes)
    }
}

#[derive(Clone, Debug)]
struct Record {
    id: i64,
    partition: PartitionId,
    fails: bool,
}

/// A batch as its producer made it.
#[derive(Clone, Debug)]
struct Sent {
    part: i32,
    /// -1: nothing is numbered.
    producer: i64,
    epoch: i16,
    sequence: i32,
    records: Vec<Record>,
}

impl Sent {
    fn home(&self) -> PartitionId {
        self.part as PartitionId % PARTITIONS
    }
}

const NEW: i64 = 0;
const REPEATED: i64 = 1;
const OUT_OF_ORDER: i64 = 2;
const FENCED: i64 = 3;

/// All batches of one producer that a partition took, of its newest epoch.
#[derive(Default)]
struct Taken {
    epoch: i16,
    /// First number, records, offset.
    batches: Vec<(i32, usize, i64)>,
}

#[derive(Default)]
struct Oracle {
    taken: BTreeMap<(PartitionId, i32, i64), Taken>,
    ends: BTreeMap<i32, i64>,
    carried_out: BTreeMap<PartitionId, i64>,
}

impl Oracle {
    /// What a partition has to answer, and what has happened then.
    fn feed(&mut self, partition: PartitionId, sent: &Sent) -> Vec<i64> {
        let count = sent.records.len();
        let known = self.taken.get(&(partition, sent.part, sent.producer)).filter(|_| sent.producer >= 0);
        if let Some(Taken { epoch, batches }) = known {
            if sent.epoch < *epoch {
                return vec![FENCED, -1, 0];
            }
            if sent.epoch == *epoch {
                let latest = &batches[batches.len().saturating_sub(KNOWN_AGAIN)..];
                let same =
                    latest.iter().find(|(first, records, _)| (*first, *records) == (sent.sequence, count));
                if let Some((.., offset)) = same {
                    return vec![REPEATED, *offset, 0];
                }
            }
            let (first, records, _) = *batches.last().expect("it is known by one");
            let next = if sent.epoch > *epoch { 0 } else { first + records as i32 };
            if sent.sequence != next {
                return vec![OUT_OF_ORDER, -1, 0];
            }
        }
        let mut offset = -1;
        if partition == sent.home() {
            let end = self.ends.entry(sent.part).or_default();
            offset = *end;
            *end += count as i64;
        }
        let done = sent.records.iter().filter(|record| record.partition == partition && !record.fails);
        *self.carried_out.entry(partition).or_default() += done.count() as i64;
        if sent.producer >= 0 {
            let taken = self.taken.entry((partition, sent.part, sent.producer)).or_default();
            if sent.epoch > taken.epoch {
                *taken = Taken { epoch: sent.epoch, batches: Vec::new() };
            }
            taken.batches.push((sent.sequence, count, offset));
        }
        vec![NEW, offset, 0]
    }
}

/// Makes records whose ids never come again.
struct Ids {
    ring: Ring,
    next: i64,
}

impl Ids {
    fn records(&mut self, random: &mut SmallRng) -> Vec<Record> {
        let mut one = |random: &mut SmallRng| {
            self.next += 1;
            let partition = self.ring.partition_of_int(self.next);
            Record { id: self.next, partition, fails: random.random_ratio(1, 10) }
        };
        (0..random.random_range(1..6)).map(|_| one(random)).collect()
    }
}

/// Whatever comes, in whatever order: new batches, old ones, gaps, older and newer epochs.
#[test]
fn each_partition_does_what_a_list_of_all_batches_says() {
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut bench, mut oracle) = (Bench::new(), Oracle::default());
        let mut ids = Ids { ring: Ring::new(PARTITIONS), next: 0 };
        let mut sent: Vec<Sent> = Vec::new();
        let mut answers: BTreeMap<i64, usize> = BTreeMap::new();
        for step in 0..250 {
            let batch = match sent.len() {
                count if count > 0 && random.random_ratio(1, 3) => {
                    // Mostly one of the last.
                    let back = if random.random_ratio(1, 4) { count } else { count.min(12) };
                    sent[count - 1 - random.random_range(0..back)].clone()
                }
                _ => next_batch(&mut random, &mut ids, &sent),
            };
            for partition in 0..PARTITIONS {
                // This one refuses it, or never sees it.
                if random.random_ratio(1, 8) {
                    continue;
                }
                let expected = oracle.feed(partition, &batch);
                let answer = bench.feed(partition, &batch);
                assert_eq!(answer, expected, "seed {seed}, step {step}, partition {partition}: {batch:?}");
                *answers.entry(answer[0]).or_default() += 1;
                let done = oracle.carried_out.get(&partition).copied().unwrap_or_default();
                if batch.producer >= 0 {
                    assert_eq!(bench.carried_out(partition), done, "seed {seed}, step {step}: {batch:?}");
                }
            }
            sent.push(batch);
        }
        for answer in [NEW, REPEATED, OUT_OF_ORDER, FENCED] {
            assert!(answers.get(&answer).is_some_and(|&count| count > 5), "seed {seed}: {answers:?}");
        }
    }
}

/// The producer's next batch, or one that leaves some out, or of another epoch.
fn next_batch(random: &mut SmallRng, ids: &mut Ids, sent: &[Sent]) -> Sent {
    let (part, producer) = (random.random_range(0..2), random.random_range(0..2));
    let records = ids.records(random);
    let of_it = |batch: &&Sent| (batch.part, batch.producer) == (part, producer);
    let Some(epoch) = sent.iter().filter(of_it).map(|batch| batch.epoch).max() else {
        return Sent { part, producer, epoch: 0, sequence: 0, records };
    };
    let of_epoch = sent.iter().filter(of_it).filter(|batch| batch.epoch == epoch);
    let next = of_epoch.map(|batch| batch.sequence + batch.records.len() as i32).max().unwrap_or_default();
    match random.random_range(0..20) {
        0 => Sent { part, producer, epoch: epoch + 1, sequence: 0, records },
        1 => Sent { part, producer, epoch: epoch + 1, sequence: 3, records },
        2 if epoch > 0 => Sent { part, producer, epoch: epoch - 1, sequence: next, records },
        3 => Sent { part, producer, epoch, sequence: next + 1, records },
        _ => Sent { part, producer, epoch, sequence: next, records },
    }
}

/// Five batches are on their way at once. Any partition may refuse any of them; what is not taken by all is
/// sent again, in order. In the end each record was carried out once, and offsets follow each other.
#[test]
fn a_producer_that_sends_again_has_each_record_done_once() {
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(100 + seed);
        let mut bench = Bench::new();
        let mut ids = Ids { ring: Ring::new(PARTITIONS), next: 0 };
        let (mut window, mut sequence): (Vec<Sent>, i32) = (Vec::new(), 0);
        let (mut acknowledged, mut expected) = (0, [0; PARTITIONS as usize]);
        let mut sent_again = 0;
        while acknowledged < 100 {
            while window.len() < KNOWN_AGAIN {
                let records = ids.records(&mut random);
                let batch = Sent { part: 1, producer: 9, epoch: 0, sequence, records };
                sequence += batch.records.len() as i32;
                window.push(batch);
            }
            let mut done = 0;
            for (place, batch) in window.iter().enumerate() {
                let mut taken = true;
                for partition in 0..PARTITIONS {
                    // Not the first of all: of a producer that is not known any number is taken.
                    if random.random_ratio(1, 4) && batch.sequence > 0 {
                        taken = false;
                        continue;
                    }
                    let answer = bench.feed(partition, batch);
                    assert!([NEW, REPEATED, OUT_OF_ORDER].contains(&answer[0]), "{answer:?}");
                    taken &= answer[0] != OUT_OF_ORDER;
                    if answer[0] != OUT_OF_ORDER && partition == batch.home() {
                        assert_eq!(answer[1], i64::from(batch.sequence), "the offset of {batch:?}");
                    }
                }
                // Answers are taken in order; what comes behind a refusal is sent again with it.
                if taken && place == done {
                    done += 1;
                }
            }
            sent_again += window.len() - done;
            for batch in window.drain(..done) {
                acknowledged += 1;
                for record in batch.records.iter().filter(|record| !record.fails) {
                    expected[usize::from(record.partition)] += 1;
                }
            }
            // What is not acknowledged may be done in some partitions.
            for partition in 0..PARTITIONS {
                let left = window.iter().flat_map(|batch| &batch.records);
                let left =
                    left.filter(|record| record.partition == partition && !record.fails).count() as i64;
                let least = expected[usize::from(partition)];
                let there = bench.carried_out(partition);
                assert!(
                    (least..=least + left).contains(&there),
                    "seed {seed}: {there} of {least} to {left} more"
                );
            }
        }
        for batch in &window {
            for partition in 0..PARTITIONS {
                assert!([NEW, REPEATED].contains(&bench.feed(partition, batch)[0]), "nothing is refused");
            }
            for record in batch.records.iter().filter(|record| !record.fails) {
                expected[usize::from(record.partition)] += 1;
            }
        }
        let there: Vec<i64> = (0..PARTITIONS).map(|partition| bench.carried_out(partition)).collect();
        assert_eq!(there, expected, "seed {seed}");
        assert!(sent_again > 100, "seed {seed}: {sent_again}");
    }
}
