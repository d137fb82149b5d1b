//! The partitions of one executor and everything that decides on them, without IO: batches, log answers and
//! raft messages come in; replies, one log batch and raft messages come out. The server's executor and the
//! simulator drive the same code.
//!
//! Runs on: whatever thread is at the executor's desk. It never knows: sockets, files, clocks (time is an
//! argument).

use crate::{
    ahead::{Ahead, Turn},
    call::{Arrival, Batch, Call, Form, PartitionId, Target},
    counters::{Counters, Sample},
    expiry::Keep,
    limits,
    partition::{self, Fatal, Partition, Publish, Ran},
    replies::Departures,
    wire::volt::{
        response::{self, Tables},
        status::Status,
    },
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tollgate_cluster::{
    log::LogBatch,
    replica::{Outbox, RaftMessage, RoleChange},
};
use tollgate_procedures::{Abort, MultiTx, Registry, Results, procedure::Code, registry::Registered};
use tollgate_schema::{
    ring::Ring,
    store::{Scope, Store, WriteError},
};

/// See the module.
pub struct Core {
    registry: Arc<Registry>,
    ring: Arc<Ring>,
    /// By partition number; `None` for those that other executors own.
    partitions: Vec<Option<Partition>>,
    outbox: Outbox,
    departures: Departures,
    pub counters: Counters,
    stopwatch: Option<Stopwatch>,
}

/// Nanoseconds on a clock of the shell's: only for what operators are shown.
pub type Stopwatch = fn() -> u64;

/// What a flush asks of the shell.
#[derive(Default)]
pub struct Flushed {
    /// One record of the node log.
    pub log: LogBatch,
    /// Whom to answer once it is durable: partition and ready number.
    pub acks: Vec<(PartitionId, u64)>,
    pub messages: Vec<(PartitionId, RaftMessage)>,
}

impl Core {
    pub fn new(registry: Arc<Registry>, ring: Arc<Ring>, mut partitions: Vec<Option<Partition>>) -> Core {
        assert_eq!(partitions.len(), usize::from(ring.partitions()), "one place for each partition");
        let counters = Counters::new(registry.procedures().len());
        for partition in partitions.iter_mut().flatten() {
            let id = partition.id;
            partition.store_mut().set_home(ring.clone(), id);
        }
        let (outbox, departures) = (Outbox::default(), Departures::default());
        Core { registry, ring, partitions, outbox, departures, counters, stopwatch: None }
    }

    /// From now on the executions of some calls are measured.
    pub fn measure_by(&mut self, stopwatch: Stopwatch) {
        self.stopwatch = Some(stopwatch);
    }

    /// The partitions that are here.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().flatten()
    }

    pub fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.partitions.iter_mut().flatten()
    }

    pub fn partition(&self, id: PartitionId) -> Option<&Partition> {
        self.partitions.get(usize::from(id)).and_then(|p| p.as_ref())
    }

    pub fn partition_mut(&mut self, id: PartitionId) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::from(id)).and_then(|p| p.as_mut())
    }

    /// Hands over the partitions that are here, to whoever runs a transaction over all.
    pub fn lend(&mut self) -> Vec<Partition> {
        self.partitions.iter_mut().filter_map(Option::take).collect()
    }

    /// Takes partitions in: those lent to us, or our own coming home.
    pub fn take_in(&mut self, partitions: Vec<Partition>) {
        for partition in partitions {
            let place = &mut self.partitions[usize::from(partition.id)];
            assert!(place.is_none(), "a partition is in one place only");
            *place = Some(partition);
        }
    }

    /// Whether these batches need every partition of the node here.
    pub fn wants_all(batches: &[Batch]) -> bool {
        batches.iter().flat_map(|batch| &batch.calls).any(|call| call.target == Target::All)
    }

    /// Runs every call of these batches, in their order.
    pub fn run(&mut self, batches: &[Batch], now_us: i64) {
        let registry = self.registry.clone();
        let calls = || batches.iter().flat_map(|batch| batch.calls.iter().map(move |call| (batch, call)));
        let turns = calls().map(|(batch, call)| Turn::of_call(registry.get(call.procedure), batch, call));
        let mut ahead = Ahead::new(turns, &self.partitions[..]);
        for (batch, call) in calls() {
            ahead.advance(&self.partitions[..]);
            let registered = registry.get(call.procedure);
            let ran = match self.stopwatch.filter(|_| self.counters.wants_sample(call.procedure)) {
                None => self.run_call(registered, batch, call, now_us),
                Some(stopwatch) => self.run_measured(registered, batch, call, now_us, stopwatch),
            };
            if call.form == Form::Parameters {
                self.counters.count(call.procedure, ran);
            }
            if let Ran::Aborted | Ran::Failed = ran {
                batch.sink.refused(call.procedure, ran == Ran::Aborted);
            }
        }
    }

    #[inline]
    fn run_call(&mut self, registered: &Registered, batch: &Batch, call: &Call, now_us: i64) -> Ran {
        match call.target {
            Target::Partition(id) => self.run_single(registered, batch, call, id, now_us),
            Target::All => self.run_multi(registered, batch, call, now_us),
        }
    }

    #[cold]
    fn run_measured(
        &mut self,
        registered: &Registered,
        batch: &Batch,
        call: &Call,
        now_us: i64,
        stopwatch: Stopwatch,
    ) -> Ran {
        let home = match call.target {
            Target::Partition(id) => id,
            Target::All => 0,
        };
        let replies_before = self.open_reply_bytes(home);
        let started_ns = stopwatch();
        let ran = self.run_call(registered, batch, call, now_us);
        let execution_ns = stopwatch().saturating_sub(started_ns);
        let result_bytes = self.open_reply_bytes(home).saturating_sub(replies_before) as u64;
        let parameter_bytes = call.parameters.len() as u64;
        self.counters.sample(call.procedure, Sample { execution_ns, result_bytes, parameter_bytes });
        ran
    }

    fn open_reply_bytes(&mut self, id: PartitionId) -> usize {
        self.partition_mut(id).map_or(0, |partition| partition.open_replies().bytes.len())
    }

    fn run_single(
        &mut self,
        registered: &Registered,
        batch: &Batch,
        call: &Call,
        id: PartitionId,
        now_us: i64,
    ) -> Ran {
        let Some(partition) = self.partitions.get_mut(usize::from(id)).and_then(|p| p.as_mut()) else {
            return refuse(batch, call, "the partition is not on this executor");
        };
        if !partition.serves() {
            return refuse(batch, call, "this node does not lead the partition yet; please try again");
        }
        match call.form {
            Form::Parameters => partition.run(registered, batch, call, now_us),
            Form::Feed => {
                let counters = &mut self.counters;
                let mut count = |ran| counters.count(call.procedure, ran);
                partition.run_feed(registered, batch, call, now_us, &mut count)
            }
        }
    }

    /// Runs a call over all partitions: what it changes becomes one block in each, all in one record of the
    /// log, so it is there entirely or not at all. Only on a node that is the sole voter of every group; a
    /// cluster refuses it.
    fn run_multi(&mut self, registered: &Registered, batch: &Batch, call: &Call, now_us: i64) -> Ran {
        let Code::Multi(code) = &registered.procedure.code else {
            unreachable!("the front end sends only procedures of all partitions here")
        };
        if self.partitions.iter().any(|p| p.as_ref().is_none_or(|p| !p.serves() || !p.is_sole_voter())) {
            return refuse(batch, call, "a transaction over all partitions needs all of them on this node");
        }
        let home = self.partitions[0].as_mut().expect("all partitions are here");
        if let Some(ran) = home.repeat(registered, batch, call) {
            return ran;
        }
        let partitions: Vec<&mut Partition> = self.partitions.iter_mut().flatten().collect();
        let (mut stores, mut marks, mut timestamp_us) = (Vec::new(), Vec::new(), now_us);
        for partition in partitions {
            timestamp_us = partition.next_timestamp_us(timestamp_us);
            let store: &mut Store = partition.store_mut();
            marks.push(store.mark());
            store.guard(Scope::All);
            stores.push(store);
        }
        let parameters = batch.parameters(call);
        let mut tables = Vec::new();
        let mut results = Results::new(&mut tables);
        let mut tx = MultiTx::new(stores, &self.ring, registered.base, timestamp_us, timestamp_us as u64);
        let outcome = catch_unwind(AssertUnwindSafe(|| code(&mut tx, parameters, &mut results)));
        let count = results.tables();
        drop(tx);
        let unguard = |first: Option<WriteError>, p: &mut Partition| first.or(p.store_mut().unguard());
        let refused = self.partitions.iter_mut().flatten().fold(None, unguard);
        let outcome = outcome.map(|outcome| outcome.and(refused.map_or(Ok(()), |e| Err(e.into()))));
        let outcome = outcome.unwrap_or_else(|panic| Err(Abort::Internal(partition::panic_text(&*panic))));
        let reply = outcome.and_then(|()| {
            let mut reply = Vec::new();
            response::write_success(&mut reply, call.handle, Tables { count, bytes: &tables });
            let home = self.partitions[0].as_mut().expect("all partitions are here");
            home.keep_session(registered, batch, call, &reply, timestamp_us)?;
            Ok(reply)
        });
        self.finish_multi(&marks, reply, batch, call)
    }

    /// `reply`: a frame, or why everything back to `marks` is to be undone.
    fn finish_multi(
        &mut self,
        marks: &[tollgate_schema::store::Mark],
        reply: Result<Vec<u8>, Abort>,
        batch: &Batch,
        call: &Call,
    ) -> Ran {
        let committed = reply.is_ok();
        for (partition, &mark) in self.partitions.iter_mut().flatten().zip(marks) {
            if !committed {
                partition.store_mut().rollback_to(mark);
            } else if partition.store().mark() != mark {
                partition.joined();
            }
        }
        // The reply depends on all partitions. Its home's block is made even if it is empty, and goes into
        // the same record as theirs, behind all that they had before: when it is durable, so is everything
        // the reply saw.
        let home = self.partitions[0].as_mut().expect("all partitions are here");
        home.joined();
        let replies = home.open_replies();
        let ran = match reply {
            Ok(reply) => {
                replies.bytes.extend_from_slice(&reply);
                Ran::Committed(Default::default())
            }
            Err(abort) => {
                partition::write_abort(&mut replies.bytes, call.handle, &abort, self.registry.catalog())
            }
        };
        replies.close_frame(&batch.sink, batch.received_us);
        ran
    }

    /// The log says: what ready `number` of the partition asked for is durable.
    pub fn persisted(&mut self, id: PartitionId, number: u64) {
        let partition = self.partition_mut(id).expect("answers go to the executor that owns the partition");
        partition.replica.persisted(number);
    }

    /// Cuts the open blocks (all or none of them, for a transaction over all partitions is in several) and
    /// collects what the replicas want written, sent and applied. `room`: the log takes another batch.
    pub fn flush(&mut self, room: bool) -> Result<Flushed, Fatal> {
        let cut = room || self.partitions().any(Partition::is_full);
        let mut flushed = Flushed::default();
        for partition in self.partitions.iter_mut().flatten() {
            if cut {
                partition.cut(&mut self.departures);
            }
            poll(partition, &mut self.outbox, &mut self.departures, &mut flushed)?;
        }
        self.departures.send();
        Ok(flushed)
    }

    /// Cuts every block and freezes every partition at this moment. Replies leave with the next flush.
    pub fn freeze_all(&mut self, publish: &Publish) {
        for partition in self.partitions.iter_mut().flatten() {
            partition.cut(&mut self.departures);
            partition.freeze(publish.clone());
        }
    }

    /// Cuts every block that is here (a transaction over several partitions is in several) and freezes one
    /// partition. If it is not here, or does not lead, `publish` is dropped.
    pub fn freeze(&mut self, id: PartitionId, publish: Publish) {
        self.partitions.iter_mut().flatten().for_each(|partition| partition.cut(&mut self.departures));
        if let Some(partition) = self.partition_mut(id).filter(|partition| partition.serves()) {
            partition.freeze(publish);
        }
    }

    /// Hands over these partitions, which others own.
    pub fn take_out(&mut self, ids: &[PartitionId]) -> Vec<Partition> {
        ids.iter().filter_map(|&id| self.partitions[usize::from(id)].take()).collect()
    }

    /// Lets go what is old, in every partition that is led here, a bounded number of rows.
    pub fn expire(&mut self, now_us: i64, keep: &Keep) {
        self.partitions_mut().for_each(|partition| partition.expire(now_us, keep));
    }

    /// A raft tick for every group.
    pub fn tick(&mut self) {
        self.partitions_mut().for_each(|partition| partition.replica.tick());
    }
}

/// Does what the replica wants until it wants nothing more.
pub fn poll(
    partition: &mut Partition,
    outbox: &mut Outbox,
    departures: &mut Departures,
    flushed: &mut Flushed,
) -> Result<(), Fatal> {
    while partition.replica.poll(outbox) {
        if outbox.role_changes.drain(..).any(|change| matches!(change, RoleChange::SteppedDown { .. })) {
            partition.step_down(departures);
        }
        if let Some(snapshot) = outbox.snapshot_to_install.take() {
            return Err(Fatal::SnapshotFromPeer { partition: partition.id, index: snapshot.meta.index });
        }
        for entry in outbox.committed.drain(..) {
            partition.committed(entry, departures)?;
        }
        outbox.reads.clear();
        flushed.messages.extend(outbox.messages.drain(..).map(|message| (partition.id, message)));
        for append in outbox.appends.drain(..) {
            if append.ready_number != 0 {
                flushed.acks.push((partition.id, append.ready_number));
            }
            flushed.log.groups.push(append);
        }
    }
    Ok(())
}

fn refuse(batch: &Batch, call: &Call, text: &str) -> Ran {
    let mut frame = Vec::new();
    response::write_failure(&mut frame, call.handle, Status::ServerUnavailable, text);
    batch.sink.send(frame, &[Arrival::one(batch.received_us)]);
    Ran::Failed
}

const _: () = assert!(limits::BLOCK_EFFECT_BYTES_MAX < 64 << 20, "a block fits a raft message");
