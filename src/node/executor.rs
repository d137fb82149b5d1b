//! An executor: what owns some of the partitions. In a round it takes the log's answers and the batches on
//! its desk, runs them on its [`Core`], sends what must be durable to the log thread and what is durable to
//! the front ends. Never blocks on disk or socket.
//!
//! Runs on: whatever thread is at its desk.

use crate::{
    call::{Batch, PartitionId},
    clock,
    core::{Core, Flushed},
    limits,
    node::{
        desk::{Desk, Done, Worker},
        log_thread::{self, Submission},
        shared::Shared,
    },
    partition::{Fatal, Publish},
    slices,
};
use bytes::Bytes;
use crossbeam::channel::Sender;
use std::sync::Arc;
use tollgate_cluster::log::SnapshotMeta;

/// What an executor is asked: a closed list.
pub enum Input {
    Calls(Batch),
    /// Committed rows of a stream of one partition of this executor's.
    Slice(slices::Request),
    /// Freeze every partition of the node at one moment; each view is published once it is committed. Only
    /// the first executor is asked.
    FreezeAll(Publish),
    /// Freeze one partition of this executor's; the view is published once it is committed.
    Freeze {
        partition: PartitionId,
        publish: Publish,
    },
    /// Publish what operators are shown now, memory too, and say so.
    PublishFacts {
        done: Sender<()>,
    },
    /// Put a block without effects into the partition's log, so that what comes next has a position of its
    /// own.
    Advance {
        partition: PartitionId,
    },
    /// The partition's snapshot is durable; the log up to `cut` may go.
    Compact {
        partition: PartitionId,
        snapshot: SnapshotMeta,
        cut: Option<SnapshotMeta>,
    },
    Stop,
}

/// What the log thread answers.
pub struct Durable {
    pub acks: Vec<(PartitionId, u64)>,
    /// How many of this executor's submissions are done with it.
    pub submissions: usize,
}

/// Where an executor's inputs and the log's answers wait.
pub type ExecutorDesk = Desk<Executor>;

/// See the module.
pub struct Executor {
    number: usize,
    core: Core,
    log: Sender<log_thread::Request>,
    /// The other executors' desks, for the first one.
    others: Vec<Arc<ExecutorDesk>>,
    shared: Arc<Shared>,
    /// Submissions the log has not answered.
    in_flight: usize,
    /// Batches that were taken and are about to run together.
    gathered: Vec<Batch>,
    ticks: u64,
    stopping: bool,
}

/// Memory is measured this often: it walks the tables.
const MEMORY_TICKS: u64 = 20;

impl Worker for Executor {
    type Input = Input;
    type Answer = Durable;

    fn weight(input: &Input) -> usize {
        match input {
            Input::Calls(batch) => batch.calls.len(),
            _ => 1,
        }
    }

    fn step(&mut self, desk: &ExecutorDesk) -> Result<Done, Fatal> {
        while let Some(durable) = desk.answers.pop() {
            self.take_durable(durable);
        }
        for _ in 0..limits::INPUTS_PER_LOOP_MAX {
            if self.gathered_calls() >= limits::CALLS_PER_LOOP_MAX {
                break;
            }
            match desk.take() {
                Some(input) => self.take(desk, input)?,
                None => break,
            }
        }
        self.run_gathered(desk)?;
        self.flush(self.in_flight < limits::LOG_BATCHES_IN_FLIGHT_MAX)?;
        Ok(if self.stopping && self.in_flight == 0 { Done::ForGood } else { Done::ForNow })
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        self.core.tick();
        self.core.expire(clock::wall_us(), &self.shared.config.keep());
        self.shared.publish(self.number, &self.core, self.ticks.is_multiple_of(MEMORY_TICKS));
    }
}

impl Executor {
    /// `others`: the other executors' desks, for the first one, which coordinates.
    pub fn new(
        number: usize,
        mut core: Core,
        log: Sender<log_thread::Request>,
        others: Vec<Arc<ExecutorDesk>>,
        shared: Arc<Shared>,
    ) -> Executor {
        core.measure_by(clock::stopwatch_ns);
        let (in_flight, gathered, ticks, stopping) = (0, Vec::new(), 0, false);
        Executor { number, core, log, others, shared, in_flight, gathered, ticks, stopping }
    }

    fn take_durable(&mut self, durable: Durable) {
        for (partition, number) in durable.acks {
            self.core.persisted(partition, number);
        }
        self.in_flight -= durable.submissions;
    }

    fn flush(&mut self, room: bool) -> Result<(), Fatal> {
        let flushed = self.core.flush(room)?;
        self.submit(flushed);
        Ok(())
    }

    /// Gives the log what the replicas want written.
    pub(super) fn submit(&mut self, flushed: Flushed) {
        if !flushed.log.is_empty() {
            let submission = Submission { executor: self.number, batch: flushed.log, acks: flushed.acks };
            // The log thread outlives the executors; if it is gone, the process is ending.
            self.in_flight += usize::from(self.log.send(log_thread::Request::Append(submission)).is_ok());
        }
    }

    /// Takes one input. Calls are only gathered, so that those of many small batches run as one.
    fn take(&mut self, desk: &ExecutorDesk, input: Input) -> Result<(), Fatal> {
        match input {
            Input::Calls(batch) => {
                self.gathered.push(batch);
                return Ok(());
            }
            // What is committed is committed, whatever the calls that wait will do.
            Input::Slice(request) => {
                let partition = self.core.partition(request.partition());
                request.answer(partition, &self.shared.ends);
                return Ok(());
            }
            _ => {}
        }
        self.run_gathered(desk)?;
        match input {
            Input::Calls(_) | Input::Slice(_) => unreachable!("they were taken above"),
            Input::FreezeAll(publish) => {
                self.with_all(|core| core.freeze_all(&publish))?;
            }
            Input::Freeze { partition, publish } => self.core.freeze(partition, publish),
            Input::PublishFacts { done } => {
                self.shared.publish(self.number, &self.core, true);
                // Whoever asked may have given up.
                let _ = done.send(());
            }
            Input::Advance { partition } => {
                let partition = self.core.partition_mut(partition).expect("its owner is asked");
                if partition.serves() {
                    partition.joined();
                }
            }
            Input::Compact { partition, snapshot, cut } => {
                let partition = self.core.partition_mut(partition).expect("its owner is asked");
                partition.replica.set_snapshot(&snapshot, Bytes::new());
                cut.iter().for_each(|cut| partition.replica.compact(cut));
            }
            Input::Stop => self.stopping = true,
        }
        Ok(())
    }

    fn gathered_calls(&self) -> usize {
        self.gathered.iter().map(|batch| batch.calls.len()).sum()
    }

    fn run_gathered(&mut self, desk: &ExecutorDesk) -> Result<(), Fatal> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let mut batches = std::mem::take(&mut self.gathered);
        desk.room.add_permits(batches.len());
        let now_us = clock::wall_us();
        if Core::wants_all(&batches) {
            self.with_all(|core| core.run(&batches, now_us))?;
        } else {
            self.core.run(&batches, now_us);
        }
        batches.clear();
        self.gathered = batches;
        Ok(())
    }

    /// Does something with every partition of the node here, and cuts what was changed into one record of the
    /// log before the partitions go home. Nobody else is at the other desks meanwhile; nobody waits for this
    /// desk there.
    fn with_all(&mut self, work: impl FnOnce(&mut Core)) -> Result<(), Fatal> {
        assert_eq!(self.number, 0, "the first executor coordinates");
        let others = self.others.clone();
        let mut lenders: Vec<_> = others.iter().map(|desk| desk.visit()).collect();
        let mut homes = Vec::new();
        for lender in lenders.iter_mut().filter_map(|seat| seat.as_mut()) {
            let partitions = lender.core.lend();
            homes.push(partitions.iter().map(|partition| partition.id).collect::<Vec<_>>());
            self.core.take_in(partitions);
        }
        work(&mut self.core);
        if !homes.is_empty() {
            self.flush(true)?;
        }
        for (lender, ids) in lenders.iter_mut().filter_map(|seat| seat.as_mut()).zip(homes) {
            lender.core.take_in(self.core.take_out(&ids));
        }
        drop(lenders);
        // Whoever brought work to a desk meanwhile found it taken.
        others.iter().for_each(|desk| desk.visited());
        Ok(())
    }
}
