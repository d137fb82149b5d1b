//! The log thread: takes every batch that waits, writes them, syncs once, answers. The only thread that waits for
//! the disk while replies wait for it.

use crate::{
    call::PartitionId,
    clock,
    config::{Config, Durability},
    node::{executor::Durable, shared::Shared},
};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
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
    let mut due = SyncDue::new(&shared.config);
    loop {
        let first = match due.deadline {
            None => submissions.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => submissions.recv_deadline(deadline),
        };
        match first {
            Ok(first) => {
                write_round(&mut writer, first, &submissions, &executors, &shared)?;
                due.appended(clock::now());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return writer.sync(),
        }
        // Asked after each round too: under load the wait for one never lasts until the deadline.
        if due.is_due(clock::now()) {
            writer.sync()?;
            due.synced();
        }
    }
}

/// Writes everything that waits as one record, then answers whoever waits for it.
fn write_round(
    writer: &mut LogWriter,
    first: Submission,
    submissions: &Receiver<Submission>,
    executors: &[Sender<Durable>],
    shared: &Shared,
) -> Result<(), LogError> {
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
    // Before the executors hear of it: they use the blocks' memory again, unless somebody else still holds it.
    drop(batch);
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
    Ok(())
}

/// When the log must be synced beyond what an append does: never with sync durability, where each append syncs; with
/// async durability within the interval that the configuration states as the loss window.
struct SyncDue {
    interval: Option<Duration>,
    /// When the first append that no sync covers must be covered.
    deadline: Option<Instant>,
}

impl SyncDue {
    fn new(config: &Config) -> SyncDue {
        let interval = match config.durability {
            Durability::Sync => None,
            Durability::Async => Some(Duration::from_millis(config.sync_interval_ms)),
        };
        SyncDue { interval, deadline: None }
    }

    fn appended(&mut self, now: Instant) {
        if let Some(interval) = self.interval {
            self.deadline.get_or_insert(now + interval);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn synced(&mut self) {
        self.deadline = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(durability: Durability) -> SyncDue {
        SyncDue::new(&Config { durability, sync_interval_ms: 200, ..Config::default() })
    }

    #[test]
    fn async_appends_are_synced_within_the_interval_of_the_first() {
        let (mut due, start) = (due(Durability::Async), clock::now());
        assert!(!due.is_due(start + Duration::from_secs(9)), "nothing was appended");
        due.appended(start);
        due.appended(start + Duration::from_millis(150));
        assert!(!due.is_due(start + Duration::from_millis(199)));
        assert!(due.is_due(start + Duration::from_millis(200)), "a later append does not move the deadline");
        due.synced();
        assert!(!due.is_due(start + Duration::from_secs(9)), "everything is synced");
        due.appended(start + Duration::from_secs(1));
        assert!(due.is_due(start + Duration::from_millis(1200)));
    }

    #[test]
    fn synced_appends_need_no_further_sync() {
        let (mut due, start) = (due(Durability::Sync), clock::now());
        due.appended(start);
        assert_eq!(due.deadline, None);
    }
}
