//! The simulated world: one queue of events in virtual time, one generator of chance.

use super::{
    faults::{Faults, chance},
    member::{Member, PARTITIONS},
    oracle::{self, Final, Outcome, Seen},
    workload::{self, KEYS, Operation},
};
use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::{Arc, atomic::Ordering},
};
use tollgate::{
    call::{PartitionId, Target},
    expiry::Keep,
    wire::volt::status::Status,
};
use tollgate_cluster::{disk::Keep as KeepOnDisk, replica::RaftMessage};
use tollgate_schema::{record, ring::Ring, value::Value};

const CLIENTS: usize = 8;
const TICK_US: i64 = 50_000;
const CHAOS_US: i64 = 12_000_000;
/// After everything has healed, the members must agree and answer within this time.
const LIVENESS_US: i64 = 20_000_000;
const CLIENT_WAITS_US: i64 = 2_000_000;

/// What a run came to; equal for equal seeds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) history: u64,
    pub(super) acknowledged: u64,
    pub(super) not_applied: u64,
    pub(super) unknown: u64,
    pub(super) crashes: u64,
    pub(super) snapshots: u64,
    /// Damaged ones that were passed over.
    pub(super) refused: u64,
    /// Calls that were asked for again and got the answer that was stored.
    pub(super) repeated: u64,
}

enum Event {
    Tick(usize),
    Deliver { to: usize, life: u32, partition: PartitionId, message: Bytes },
    Log { member: usize, life: u32 },
    Client(usize),
    Crash,
    Restart(usize),
    Cut,
    Heal,
    ClockJump,
    Snapshot,
}

#[derive(Default, Clone)]
struct Client {
    waits_for: Option<(i64, i64)>,
    /// The call before, if it may be asked for again.
    last: Option<i64>,
}

/// See the module.
pub(super) struct World {
    now_us: i64,
    queue: BTreeMap<(i64, u64), Event>,
    scheduled: u64,
    rng: SmallRng,
    faults: Faults,
    chaos: bool,
    members: Vec<Member>,
    /// Whether messages from one member to another pass.
    connected: Vec<Vec<bool>>,
    clients: Vec<Client>,
    next_operation: i64,
    history: BTreeMap<i64, Seen>,
    hasher: rustc_hash::FxHasher,
    report: Report,
    ring: Arc<Ring>,
}

impl World {
    pub(super) fn new(members: usize, seed: u64) -> World {
        let mut rng = SmallRng::seed_from_u64(seed);
        let faults = Faults::swarm(&mut rng);
        let registry = Arc::new(workload::registry());
        let ring = Arc::new(Ring::new(PARTITIONS));
        let voters: Vec<u64> = (1..=members as u64).collect();
        let members: Vec<Member> = voters
            .iter()
            .map(|&id| Member::new(id, voters.clone(), seed ^ id, registry.clone(), ring.clone()))
            .collect();
        let connected = vec![vec![true; members.len()]; members.len()];
        let mut world = World {
            now_us: 0,
            queue: BTreeMap::new(),
            scheduled: 0,
            rng,
            faults,
            chaos: true,
            members,
            connected,
            clients: vec![Client::default(); CLIENTS],
            next_operation: 1,
            history: BTreeMap::new(),
            hasher: rustc_hash::FxHasher::default(),
            report: Report::default(),
            ring,
        };
        world.prepare();
        world
    }

    fn prepare(&mut self) {
        for member in 0..self.members.len() {
            let seed = self.rng.random();
            self.members[member].start(seed);
            self.at(member as i64 * 1_000, Event::Tick(member));
        }
        for client in 0..CLIENTS {
            self.at(100_000 + client as i64 * 777, Event::Client(client));
        }
        let Faults { crash_every_us, cut_every_us, clock_jump_every_us, snapshot_every_us, .. } = self.faults;
        self.at(crash_every_us, Event::Crash);
        self.at(cut_every_us, Event::Cut);
        self.at(clock_jump_every_us, Event::ClockJump);
        self.at(snapshot_every_us, Event::Snapshot);
    }

    fn at(&mut self, delay_us: i64, event: Event) {
        self.scheduled += 1;
        self.queue.insert((self.now_us + delay_us, self.scheduled), event);
    }

    /// Chaos, then healing, then the checks.
    pub(super) fn run(mut self) -> Report {
        self.run_until(CHAOS_US);
        self.heal();
        self.run_until(CHAOS_US + LIVENESS_US);
        self.check();
        self.report.history = self.hasher.finish();
        self.report
    }

    fn run_until(&mut self, end_us: i64) {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end_us {
                break;
            }
            let ((now_us, _), event) = entry.remove_entry();
            self.now_us = now_us;
            self.handle(event);
        }
        self.now_us = end_us;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick(member) => self.tick(member),
            Event::Deliver { to, life, partition, message } => self.deliver(to, life, partition, &message),
            Event::Log { member, life } => self.log(member, life),
            Event::Client(client) => self.client(client),
            Event::Restart(member) => self.restart(member),
            Event::Heal => self.connected.iter_mut().for_each(|row| row.fill(true)),
            Event::Crash | Event::Cut | Event::ClockJump | Event::Snapshot if !self.chaos => {}
            Event::Crash => {
                let member = self.rng.random_range(0..self.members.len());
                self.crash(member);
                self.at(self.faults.crash_every_us, Event::Crash);
            }
            Event::Cut => self.cut(),
            Event::ClockJump => {
                let member = self.rng.random_range(0..self.members.len());
                self.members[member].clock_offset_us = self.rng.random_range(-5_000_000..5_000_000);
                self.at(self.faults.clock_jump_every_us, Event::ClockJump);
            }
            Event::Snapshot => {
                self.snapshot();
                self.at(self.faults.snapshot_every_us, Event::Snapshot);
            }
        }
    }

    fn tick(&mut self, member: usize) {
        self.at(TICK_US, Event::Tick(member));
        let member_us = self.now_us + self.members[member].clock_offset_us;
        if let Some(up) = &mut self.members[member].up {
            up.core.tick();
            let keep = Keep { stream_rows: u64::MAX, sessions_us: 3600 * 1_000_000, exports: Vec::new() };
            up.core.expire(member_us, &keep);
            self.pump(member);
        }
    }

    fn deliver(&mut self, to: usize, life: u32, partition: PartitionId, message: &Bytes) {
        if self.members[to].up.is_some() && self.members[to].life == life {
            self.members[to].step(partition, RaftMessage::decode(message).expect("as it was sent"));
            self.pump(to);
        }
    }

    fn log(&mut self, member: usize, life: u32) {
        if self.members[member].up.is_none() || self.members[member].life != life {
            return;
        }
        if self.chaos && chance(&mut self.rng, self.faults.disk_failure) {
            let next = self.members[member].disk.operations() + self.rng.random_range(1..4);
            match self.rng.random_bool(0.5) {
                true => self.members[member].disk.fail_at(next),
                false => self.members[member].disk.crash_at(next),
            }
        }
        match self.members[member].write_log() {
            Ok(()) => self.pump(member),
            // A failed write or sync ends the process.
            Err(_) => self.crash(member),
        }
    }

    /// Lets a member do what it can, sends what it says, starts a log write if one is due, and takes its
    /// replies.
    fn pump(&mut self, member: usize) {
        let messages = self.members[member].pump();
        for (partition, message) in messages {
            self.send(member, partition, &message);
        }
        let (life, up) = (self.members[member].life, self.members[member].up.as_mut().expect("it is up"));
        if !up.disk_busy && !up.waiting.is_empty() {
            up.disk_busy = true;
            let disk_us = self.rng.random_range(1..=self.faults.disk_us * 2);
            self.at(disk_us, Event::Log { member, life });
        }
        self.replies(member);
        match self.members[member].write_snapshots() {
            Ok(count) => self.report.snapshots += u64::from(count),
            // The server would go on without the snapshot; this disk is broken, so the process will end soon.
            Err(_) => self.crash(member),
        }
    }

    fn send(&mut self, from: usize, partition: PartitionId, message: &RaftMessage) {
        let to = message.to() as usize - 1;
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        bytes.hash(&mut self.hasher);
        let copies = if self.chaos && chance(&mut self.rng, self.faults.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let lost = self.chaos && chance(&mut self.rng, self.faults.loss);
            if lost || !self.connected[from][to] {
                continue;
            }
            let tail = if chance(&mut self.rng, 20) { self.faults.delay_tail } else { 1 };
            let delay_us = self.rng.random_range(1..=self.faults.delay_us * 2) * tail;
            let life = self.members[to].life;
            self.at(delay_us, Event::Deliver { to, life, partition, message: Bytes::from(bytes.clone()) });
        }
    }

    fn crash(&mut self, member: usize) {
        if self.members[member].up.is_none() {
            return;
        }
        // Replies that had left before it died did leave.
        self.replies(member);
        self.count_repeated(member);
        self.report.crashes += 1;
        let keep =
            [KeepOnDisk::Durable, KeepOnDisk::Subset, KeepOnDisk::Everything][self.rng.random_range(0..3)];
        let seed = self.rng.random();
        self.members[member].crash(keep, seed);
        let down_us = self.rng.random_range(1_000..2_000_000);
        self.at(down_us, Event::Restart(member));
    }

    fn count_repeated(&mut self, member: usize) {
        let up = self.members[member].up.as_ref().expect("it is up");
        self.report.repeated += up.inbox.repeated.swap(0, Ordering::Relaxed);
    }

    fn restart(&mut self, member: usize) {
        if self.members[member].up.is_none() {
            let seed = self.rng.random();
            if chance(&mut self.rng, self.faults.damage) {
                self.members[member].damage(&mut self.rng);
            }
            self.members[member].start(seed);
            self.report.refused += self.members[member].up.as_ref().expect("it started").snapshots_refused;
            self.pump(member);
        }
    }

    fn cut(&mut self) {
        for from in 0..self.members.len() {
            for to in 0..self.members.len() {
                self.connected[from][to] = from == to || self.rng.random_bool(0.5);
            }
        }
        let cut_us = self.rng.random_range(100_000..3_000_000);
        self.at(cut_us, Event::Heal);
        self.at(self.faults.cut_every_us, Event::Cut);
    }

    fn snapshot(&mut self) {
        // A member that lags must not need a snapshot sent by its leader: that is not built yet.
        if self.members.len() == 1 && self.members[0].up.is_some() {
            self.members[0].freeze();
            self.pump(0);
        }
    }

    fn client(&mut self, client: usize) {
        if let Some((number, since_us)) = self.clients[client].waits_for {
            if self.now_us - since_us < CLIENT_WAITS_US {
                return self.at(CLIENT_WAITS_US / 4, Event::Client(client));
            }
            self.report.unknown += 1;
            number.hash(&mut self.hasher);
            self.clients[client].waits_for = None;
        }
        let think_us = self.rng.random_range(1_000..60_000);
        self.at(think_us, Event::Client(client));
        // Whoever does not know whether a call was done asks again, if the call has an identity; sometimes
        // even if it was answered.
        if let Some(number) = self.clients[client].last.take() {
            let seen = &self.history[&number];
            let asks = match seen.outcome {
                Outcome::Unknown | Outcome::NotApplied => 900,
                Outcome::Done(_) | Outcome::Aborted => 50,
            };
            if chance(&mut self.rng, asks) {
                return self.ask_somewhere(client, seen.operation, Some(number));
            }
        }
        let (key, choice) = (self.rng.random_range(0..=KEYS), self.rng.random_range(0..100));
        let operation = match choice {
            0..65 => Operation::Append { key },
            65..95 => Operation::Read { key },
            _ if self.members.len() == 1 => Operation::Everywhere,
            _ => Operation::Read { key },
        };
        self.ask_somewhere(client, operation, None);
    }

    /// `again`: the number the operation has already.
    fn ask_somewhere(&mut self, client: usize, operation: Operation, again: Option<i64>) {
        let (partition, target) = match operation {
            Operation::Everywhere => (0, Target::All),
            Operation::Append { key } | Operation::Read { key } => {
                let partition = self.ring.partition_of_int(key);
                (partition, Target::Partition(partition))
            }
        };
        // Clients mostly know the leader, and sometimes ask another.
        let leader = (0..self.members.len()).find(|&m| self.members[m].serves(partition));
        let anyone = self.rng.random_range(0..self.members.len());
        let member = leader.filter(|_| self.rng.random_bool(0.9)).unwrap_or(anyone);
        if self.members[member].up.is_none() {
            self.clients[client].last = again;
            return;
        }
        let number = again.unwrap_or(self.next_operation);
        match again {
            Some(number) => self.history.get_mut(&number).expect("it was asked for").again(),
            None => {
                self.next_operation += 1;
                self.history.insert(number, Seen::new(operation, self.now_us));
            }
        }
        self.ask(client, member, operation, number, target);
    }

    fn ask(&mut self, client: usize, member: usize, operation: Operation, number: i64, target: Target) {
        self.clients[client].last = Some(number).filter(|&number| operation.is_keyed(number));
        self.clients[client].waits_for = Some((number, self.now_us));
        let sink = self.members[member].up.as_ref().expect("it is up").inbox.clone();
        let batch = workload::batch(self.members[member].registry(), operation, number, target, sink);
        let now_us = self.now_us;
        self.members[member].call(&batch, now_us);
        self.pump(member);
    }

    fn replies(&mut self, member: usize) {
        for reply in self.members[member].take_replies() {
            reply.hash(&mut self.hasher);
            let (number, status, answer) = reply;
            let seen = self.history.get_mut(&number).expect("a reply to a call");
            let outcome = match (Status::from_code(status), answer) {
                (Some(Status::Success), Some(value)) => Outcome::Done(value),
                (Some(Status::ServerUnavailable), None) => Outcome::NotApplied,
                (Some(Status::UserAbort), None) => Outcome::Aborted,
                other => panic!("operation {number}: {other:?}"),
            };
            seen.answered(number, outcome, self.now_us);
            match outcome {
                Outcome::Done(_) => self.report.acknowledged += 1,
                Outcome::NotApplied => self.report.not_applied += 1,
                _ => {}
            }
            for client in &mut self.clients {
                if client.waits_for.is_some_and(|(waiting, _)| waiting == number) {
                    client.waits_for = None;
                }
            }
        }
    }

    fn heal(&mut self) {
        self.chaos = false;
        self.connected.iter_mut().for_each(|row| row.fill(true));
        for member in 0..self.members.len() {
            self.members[member].clock_offset_us = 0;
            self.at(0, Event::Restart(member));
        }
    }

    fn check(&mut self) {
        // Clients stop; the log and the network come to rest.
        self.queue.retain(|_, event| !matches!(event, Event::Client(_)));
        let end_us = self.now_us + LIVENESS_US;
        self.run_until(end_us);
        for partition in 0..PARTITIONS {
            let leaders = self.members.iter().filter(|m| m.serves(partition)).count();
            assert_eq!(leaders, 1, "partition {partition} has one leader after everything healed");
        }
        let states: Vec<Vec<u64>> = self.members.iter().map(digests).collect();
        (0..self.members.len()).for_each(|member| self.count_repeated(member));
        assert!(states.iter().all(|s| *s == states[0]), "the members ended equal: {states:?}");
        oracle::check(&self.history, &last_state(&self.members[0]));
    }
}

fn digests(member: &Member) -> Vec<u64> {
    member.up.as_ref().expect("all are up").core.partitions().map(|p| p.store().state_digest()).collect()
}

fn last_state(member: &Member) -> Final {
    let catalog = member.registry().catalog();
    let (journal_table, everywhere_table) =
        (catalog.find("journal").expect("in the DDL"), catalog.find("everywhere").expect("in the DDL"));
    let integer = |value: &Value| if let Value::BigInt(v) = value { *v } else { panic!("{value:?}") };
    let recent_table = catalog.find("recent").expect("in the DDL");
    let (journal, everywhere, partitions) = (Vec::new(), BTreeMap::new(), PARTITIONS.into());
    let mut last = Final { journal, everywhere, partitions, expired: 0 };
    for partition in member.up.as_ref().expect("all are up").core.partitions() {
        let store = partition.store();
        last.expired += store.count(recent_table);
        for (_, _, row) in store.stream_read(journal_table, 0, usize::MAX) {
            let values = record::decode_row(catalog.table(journal_table), row);
            last.journal.push((integer(&values[0]), integer(&values[1]), integer(&values[2])));
        }
        for row in store.scan(everywhere_table) {
            let operation = record::decode_row(catalog.table(everywhere_table), row.row());
            *last.everywhere.entry(integer(&operation[0])).or_default() += 1;
        }
    }
    last
}
