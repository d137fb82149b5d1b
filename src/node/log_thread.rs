//! The log thread: takes every batch that waits, writes them, syncs once, answers. The only thread that waits for
//! the disk while replies wait for it.

use crate::{
    call::PartitionId,
    clock,
    node::{executor::Durable, shared::Shared},
};
use crossbeam::channel::{Receiver, Sender};
use std::sync::Arc;
use tollgate_cluster::log::{LogBatch, LogError, LogWriter};

/// One round of one executor.
pub struct Submission {
    pub executor: usize,
    pub batch: LogBatch,
    /// Whom to answer: partition and ready number.
    pub acks: Vec<(PartitionId, u64)>,
}

/// Runs until all executors are gone. An error is final: nothing may be promised after a failed sync, so the
/// process ends (invariant 14).
pub fn run(
    mut writer: LogWriter,
    submissions: Receiver<Submission>,
    executors: Vec<Sender<Durable>>,
    shared: Arc<Shared>,
) -> Result<(), LogError> {
    while let Ok(first) = submissions.recv() {
        let mut batch = first.batch;
        let mut done: Vec<Durable> =
            executors.iter().map(|_| Durable { acks: Vec::new(), submissions: 0 }).collect();
        let mut note = |executor: usize, acks: Vec<(PartitionId, u64)>| {
            done[executor].submissions += 1;
            for ack in acks {
                done[usize::from(ack.0) % executors.len()].acks.push(ack);
            }
        };
        note(first.executor, first.acks);
        while let Ok(next) = submissions.try_recv() {
            batch.groups.extend(next.batch.groups);
            note(next.executor, next.acks);
        }
        let started = clock::now();
        writer.append(&batch)?;
        let took_us = started.elapsed().as_micros() as u64;
        for (executor, durable) in executors.iter().zip(done) {
            if durable.submissions > 0 || !durable.acks.is_empty() {
                // An executor that is gone needs no answer.
                let _ = executor.send(durable);
            }
        }
        let mut facts = shared.log.lock();
        facts.stats = writer.stats();
        facts.syncs += 1;
        facts.sync_us += took_us;
    }
    writer.sync()
}
