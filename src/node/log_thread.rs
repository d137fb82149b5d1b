//! The log thread: takes every batch that waits, writes them, syncs once, answers. The only thread that waits
//! for the disk while replies wait for it.

use crate::{
    call::PartitionId,
    clock,
    config::{Config, Durability},
    node::{
        executor::{Durable, ExecutorDesk},
        shared::Shared,
    },
};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tollgate_cluster::log::{LogBatch, LogError, LogWriter};

/// What the log thread is asked: a closed list.
pub enum Request {
    Append(Submission),
    /// Sync all that was appended so far, with async durability too, and say so.
    Sync(Sender<()>),
}

/// One round of one executor.
pub struct Submission {
    pub executor: usize,
    pub batch: LogBatch,
    /// Whom to answer: partition and ready number.
    pub acks: Vec<(PartitionId, u64)>,
}

/// Runs until nobody is left to ask. An error is final: nothing may be promised after a failed sync, so the
/// process ends (invariant 14).
pub fn run(
    mut writer: LogWriter,
    requests: Receiver<Request>,
    desks: Vec<Arc<ExecutorDesk>>,
    shared: Arc<Shared>,
) -> Result<(), LogError> {
    let mut due = SyncDue::new(&shared.config);
    loop {
        let first = match due.deadline {
            None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => requests.recv_deadline(deadline),
        };
        let mut waiting = Vec::new();
        match first {
            Ok(Request::Append(first)) => {
                waiting = write_round(&mut writer, first, &requests, &desks, &shared)?;
                due.appended(clock::now());
            }
            Ok(Request::Sync(done)) => waiting.push(done),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return writer.sync(),
        }
        // Asked after each round too: under load the wait for one never lasts until the deadline.
        if due.is_due(clock::now()) || !waiting.is_empty() {
            writer.sync()?;
            due.synced();
        }
        for done in waiting {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

/// Writes everything that waits as one record, then answers whoever waits for it; returns those who wait for
/// a sync.
fn write_round(
    writer: &mut LogWriter,
    first: Submission,
    requests: &Receiver<Request>,
    desks: &[Arc<ExecutorDesk>],
    shared: &Shared,
) -> Result<Vec<Sender<()>>, LogError> {
    let mut batch = first.batch;
    let mut waiting = Vec::new();
    let mut done: Vec<Durable> = desks.iter().map(|_| Durable { acks: Vec::new(), submissions: 0 }).collect();
    let mut note = |executor: usize, acks: Vec<(PartitionId, u64)>| {
        done[executor].submissions += 1;
        for ack in acks {
            done[usize::from(ack.0) % desks.len()].acks.push(ack);
        }
    };
    note(first.executor, first.acks);
    while let Ok(next) = requests.try_recv() {
        match next {
            Request::Append(next) => {
                batch.groups.extend(next.batch.groups);
                note(next.executor, next.acks);
            }
            Request::Sync(done) => waiting.push(done),
        }
    }
    let started = clock::now();
    writer.append(&batch)?;
    let took_us = started.elapsed().as_micros() as u64;
    // Before the executors hear of it: they use the blocks' memory again, unless somebody else still holds
    // it.
    drop(batch);
    for (desk, durable) in desks.iter().zip(done) {
        if durable.submissions > 0 || !durable.acks.is_empty() {
            desk.answer(durable);
        }
    }
    let mut facts = shared.log.lock();
    facts.stats = writer.stats();
    facts.syncs += 1;
    facts.sync_us += took_us;
    Ok(waiting)
}

/// When the log must be synced beyond what an append does: never with sync durability, where each append
/// syncs; with async durability within the interval that the configuration states as the loss window.
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
    use crate::{gate::Gate, product_registry};
    use bytes::Bytes;
    use crossbeam::channel::unbounded;
    use std::path::Path;
    use tollgate_cluster::{
        disk::{FaultyDisk, Keep},
        log::{self, GroupAppend, LogConfig},
    };
    use tollgate_schema::ring::Ring;

    /// With async durability an answer to an append promises nothing about a power cut, an answer to a sync
    /// does.
    #[test]
    fn a_sync_that_was_asked_for_makes_durable_what_was_appended() {
        let (disk, path) = (FaultyDisk::new(1), Path::new("/log"));
        let config =
            LogConfig { durability: log::Durability::Async, spares_at_open: 0, ..LogConfig::default() };
        let opened = log::open(Arc::new(disk.clone()), path, config.clone()).expect("an empty log");
        let gate = Gate::new(Arc::new(product_registry()), Arc::new(Ring::new(1)), Vec::new());
        let hour_ms = 3_600_000;
        let node = Config { durability: Durability::Async, sync_interval_ms: hour_ms, ..Config::default() };
        let shared =
            Arc::new(Shared::new(node, gate, unbounded().0, 0).expect("a configuration that is right"));
        let (requests, queue) = unbounded();
        let desk = Arc::new(ExecutorDesk::new(Arc::default()));
        let desks = vec![desk.clone()];
        let thread = std::thread::spawn(move || run(opened.writer, queue, desks, shared));
        let append = |first_index| {
            let batch = LogBatch {
                groups: vec![GroupAppend::of_blocks(0, 1, first_index, vec![Bytes::from_static(b"block")])],
            };
            let submission = Submission { executor: 0, batch, acks: vec![(0, first_index)] };
            requests.send(Request::Append(submission)).expect("it runs");
            while desk.answers.pop().is_none() {
                std::thread::yield_now();
            }
        };
        let survive = || {
            let after = Arc::new(disk.after_crash(Keep::Durable, 1));
            let mut opened = log::open(after, path, config.clone()).expect("the log opens again");
            opened.take_group(0).blocks().count()
        };
        append(1);
        assert_eq!(survive(), 0, "nobody asked for a sync");
        let (done, synced) = unbounded();
        requests.send(Request::Sync(done)).expect("it runs");
        synced.recv().expect("an answer");
        assert_eq!(survive(), 1);
        append(2);
        assert_eq!(survive(), 1, "what came after it is not");
        drop(requests);
        thread.join().expect("no panic").expect("no failure");
        assert_eq!(survive(), 2, "at the end all of it is");
    }

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
