//! An executor: the thread that owns some of the partitions. It takes batches, runs them on its [`Core`], sends what
//! must be durable to the log thread and what is durable to the front ends. Waits; never blocks on disk or socket.

use crate::{
    call::{Batch, PartitionId},
    clock,
    core::{Core, Flushed},
    limits,
    node::{
        log_thread::{self, Submission},
        shared::Shared,
    },
    partition::{Fatal, Partition, Publish},
};
use bytes::Bytes;
use crossbeam::channel::{Receiver, Sender, select_biased, tick};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tollgate_cluster::log::SnapshotMeta;

/// What an executor is asked: a closed list.
pub enum Input {
    Calls(Batch),
    /// Freeze every partition of the node at one moment; each view is published once it is committed. Only the first
    /// executor is asked.
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
    /// Put a block without effects into the partition's log, so that what comes next has a position of its own.
    Advance {
        partition: PartitionId,
    },
    /// The partition's snapshot is durable; the log up to `cut` may go.
    Compact {
        partition: PartitionId,
        snapshot: SnapshotMeta,
        cut: Option<SnapshotMeta>,
    },
    /// Give all partitions to the first executor; take them back from `back`.
    Lend {
        to: Sender<Vec<Partition>>,
        back: Receiver<Vec<Partition>>,
    },
    Stop,
}

/// What the log thread answers.
pub struct Durable {
    pub acks: Vec<(PartitionId, u64)>,
    /// How many of this executor's submissions are done with it.
    pub submissions: usize,
}

/// The ends of an executor's queues, and what it works on.
pub struct Executor {
    pub number: usize,
    pub core: Core,
    pub inputs: Receiver<Input>,
    pub room: Arc<Semaphore>,
    pub durable: Receiver<Durable>,
    pub log: Sender<log_thread::Request>,
    /// The other executors' queues, for the first one.
    pub others: Vec<Sender<Input>>,
    pub shared: Arc<Shared>,
    /// Submissions the log has not answered.
    pub in_flight: usize,
    /// Batches that were taken and are about to run together.
    pub gathered: Vec<Batch>,
}

/// Memory is measured this often: it walks the tables.
const MEMORY_TICKS: u64 = 20;

impl Executor {
    /// Runs until it is told to stop, or fails; a failure ends the process.
    pub fn run(mut self) -> Result<(), Fatal> {
        self.core.measure_by(clock::stopwatch_ns);
        let ticker = tick(Duration::from_millis(limits::TICK_MS));
        let mut ticks = 0;
        let mut stopping = false;
        loop {
            let mut is_tick = false;
            select_biased! {
                recv(self.durable) -> durable => match durable {
                    Ok(durable) => self.take_durable(durable),
                    Err(_) => return Ok(()),
                },
                recv(self.inputs) -> input => match input {
                    Ok(input) => stopping |= self.take(input)?,
                    Err(_) => stopping = true,
                },
                recv(ticker) -> _ => is_tick = true,
            }
            // Under load there is always an input: time passes all the same.
            if is_tick || ticker.try_recv().is_ok() {
                ticks += 1;
                self.on_tick(ticks);
            }
            while let Ok(durable) = self.durable.try_recv() {
                self.take_durable(durable);
            }
            for _ in 0..limits::INPUTS_PER_LOOP_MAX {
                if self.gathered_calls() >= limits::CALLS_PER_LOOP_MAX {
                    break;
                }
                match self.inputs.try_recv() {
                    Ok(input) => stopping |= self.take(input)?,
                    Err(_) => break,
                }
            }
            self.run_gathered()?;
            self.flush(self.in_flight < limits::LOG_BATCHES_IN_FLIGHT_MAX)?;
            if stopping && self.in_flight == 0 {
                return Ok(());
            }
        }
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

    /// Takes one input; true: stop. Calls are only gathered, so that those of many small batches run as one.
    fn take(&mut self, input: Input) -> Result<bool, Fatal> {
        if let Input::Calls(batch) = input {
            self.gathered.push(batch);
            return Ok(false);
        }
        self.run_gathered()?;
        match input {
            Input::Calls(_) => unreachable!("they were taken above"),
            Input::FreezeAll(publish) => {
                let lenders = self.borrow_all();
                self.core.freeze_all(&publish);
                self.give_back(lenders)?;
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
            Input::Lend { to, back } => {
                if to.send(self.core.lend()).is_ok()
                    && let Ok(partitions) = back.recv()
                {
                    self.core.take_in(partitions);
                }
            }
            Input::Stop => return Ok(true),
        }
        Ok(false)
    }

    fn gathered_calls(&self) -> usize {
        self.gathered.iter().map(|batch| batch.calls.len()).sum()
    }

    fn run_gathered(&mut self) -> Result<(), Fatal> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let mut batches = std::mem::take(&mut self.gathered);
        self.room.add_permits(batches.len());
        let lenders = if Core::wants_all(&batches) { self.borrow_all() } else { Vec::new() };
        self.core.run(&batches, clock::wall_us());
        batches.clear();
        self.gathered = batches;
        self.give_back(lenders)
    }

    /// Brings every partition of the node here. Its owners wait until [`Executor::give_back`].
    fn borrow_all(&mut self) -> Vec<Lender> {
        assert_eq!(self.number, 0, "the first executor coordinates");
        let mut lenders = Vec::new();
        for other in &self.others {
            let (to, lent) = crossbeam::channel::bounded(1);
            let (home, back) = crossbeam::channel::bounded(1);
            if other.send(Input::Lend { to, back }).is_ok()
                && let Ok(partitions) = lent.recv()
            {
                let ids = partitions.iter().map(|p| p.id).collect();
                self.core.take_in(partitions);
                lenders.push(Lender { home, ids });
            }
        }
        lenders
    }

    /// Cuts what was changed into one record of the log, then sends the partitions home.
    fn give_back(&mut self, lenders: Vec<Lender>) -> Result<(), Fatal> {
        if lenders.is_empty() {
            return Ok(());
        }
        self.flush(true)?;
        for Lender { home, ids } in lenders {
            // A lender that is gone took the process down with it.
            let _ = home.send(self.core.take_out(&ids));
        }
        Ok(())
    }

    fn on_tick(&mut self, ticks: u64) {
        self.core.tick();
        self.core.expire(clock::wall_us(), &self.shared.config.keep());
        self.shared.publish(self.number, &self.core, ticks.is_multiple_of(MEMORY_TICKS));
    }
}

struct Lender {
    home: Sender<Vec<Partition>>,
    ids: Vec<PartitionId>,
}
