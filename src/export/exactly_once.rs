//! An export that sends each row exactly once: for each partition of a stream one thread and one
//! transactional producer. What is remembered of it lies in the target, written by the same transactions as
//! the rows.
//!
//! The order matters. First the producer fences whoever wrote under its name before and ends what that one
//! had begun; only then is read what is remembered, for until then it could still change.

use super::{
    at_least_once::now_ms,
    calls::Caller,
    config::ExportConfig,
    lane::{Lane, untag},
    memory,
    progress::WINDOW_ROWS,
    target::{self, PROGRESS_TOPIC, Producer, REQUEST_MAX, TRANSACTION_MAX},
    topics::Topics,
    trouble::Trouble,
    verdict::{self, Backoff, Verdict},
};
use crate::{clock, stop::Stop};
use rdkafka::{
    error::KafkaError,
    producer::{BaseRecord, Producer as _, PurgeConfig},
};
use std::time::{Duration, Instant};

/// A transaction is committed after this time, or with so many rows.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
const COMMIT_ROWS: usize = WINDOW_ROWS;
/// How long to wait for rows or for reports.
const BUSY: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_millis(10);
/// The record that says how far it is, among a transaction's.
const PROGRESS_TAG: usize = usize::MAX;

/// See the module.
pub(super) struct ExactlyOnce {
    export: ExportConfig,
    caller: Caller,
    lane: Lane,
    backoff: Backoff,
    topics: Topics,
    id: String,
}

/// Why a transaction was not committed.
enum Undone {
    /// It was aborted; the producer goes on.
    Aborted(Trouble),
    /// The producer is of no more use.
    Lost(Trouble),
}

impl ExactlyOnce {
    pub(super) fn new(export: ExportConfig, caller: Caller, lane: Lane) -> ExactlyOnce {
        let facts = &lane.facts;
        let cluster = caller.shared.cluster_start_ms;
        let id = format!("tollgate-{cluster:016x}-{}-{}-{}", export.name, facts.stream_name, facts.partition);
        ExactlyOnce { export, caller, lane, backoff: Backoff::default(), topics: Topics::default(), id }
    }

    /// Until told to stop, or until it may not go on.
    pub(super) fn run(mut self, stop: &Stop) {
        while !stop.is_stopped() {
            let Err(trouble) = self.session(stop) else { break };
            self.lane.restart();
            if trouble.is_final() {
                return self.lane.facts.stops(&trouble.to_string());
            }
            self.wait_after(&trouble, stop);
        }
        if let Some(position) = self.lane.progress.unkept() {
            // A hint only: what holds is in the target.
            let _ = self.lane.keep_now(&self.caller, position, now_ms(&self.caller.shared));
        }
    }

    fn wait_after(&mut self, trouble: &Trouble, stop: &Stop) {
        self.lane.facts.waits(&trouble.to_string());
        let wait = Duration::from_millis(self.backoff.failed());
        stop.wait_until(clock::now() + wait);
    }

    /// One producer's life.
    fn session(&mut self, stop: &Stop) -> Result<(), Trouble> {
        let producer =
            target::producer(&target::transactional_config(&self.export, 2 * COMMIT_ROWS, &self.id))?;
        let lanes = std::slice::from_mut(&mut self.lane);
        self.topics.find(&self.export, &self.caller, &producer, lanes, Some(PROGRESS_TOPIC))?;
        if !self.fence(&producer, stop)? {
            return Ok(());
        }
        let Some(progress) = memory::read(&target::config(&self.export), &self.id, stop)? else {
            return Ok(());
        };
        self.lane.learn_position(&self.caller)?;
        let (first, end) = self.lane.bounds(&self.caller)?;
        let (position, reset) = (self.lane.position, self.export.reset);
        let begin = verdict::beginning(progress, position, (first, end), reset)?;
        self.lane.progress = super::progress::Progress::new(begin);
        self.lane.tell();
        self.lane.facts.runs();
        let mut is_remembered = progress == Some(begin);
        while !stop.is_stopped() {
            let may_commit = !is_remembered || self.wait_for_rows(&producer, stop)?;
            if !may_commit {
                continue;
            }
            match self.transaction(&producer, stop) {
                Ok(true) => is_remembered = true,
                Ok(false) => break,
                Err(Undone::Lost(trouble)) => return Err(trouble),
                Err(Undone::Aborted(trouble)) => {
                    self.lane.restart();
                    self.wait_after(&trouble, stop);
                }
            }
        }
        Ok(())
    }

    /// Takes the name over from whoever had it. False: told to stop.
    fn fence(&self, producer: &Producer, stop: &Stop) -> Result<bool, Trouble> {
        while !stop.is_stopped() {
            match producer.init_transactions(REQUEST_MAX) {
                Ok(()) => return Ok(true),
                Err(error) => match verdict::of_transaction(&error, false) {
                    Verdict::Retry => {
                        let text = format!("beginning: {error}");
                        self.lane.facts.waits(&producer.context().trouble().unwrap_or(text));
                    }
                    // Nobody can have taken over what nobody had.
                    _ => return Err(Trouble::Kafka { doing: "taking over", error }),
                },
            }
        }
        Ok(false)
    }

    /// Whether there are rows.
    fn wait_for_rows(&mut self, producer: &Producer, stop: &Stop) -> Result<bool, Trouble> {
        while !stop.is_stopped() {
            self.lane.keep_when_due(&self.caller, now_ms(&self.caller.shared))?;
            if self.lane.wants_rows(&self.caller) {
                return Ok(true);
            }
            producer.poll(IDLE);
        }
        Ok(false)
    }

    /// Rows, how far they reach, and both are there or none is. False: told to stop before that.
    fn transaction(&mut self, producer: &Producer, stop: &Stop) -> Result<bool, Undone> {
        let began = clock::now();
        producer.begin_transaction().map_err(|error| self.undone(producer, began, "beginning", error))?;
        if let Err(trouble) = self.fill(producer, began, stop) {
            return Err(match trouble {
                Trouble::Kafka { doing, error } => self.undone(producer, began, doing, error),
                other => self.abort(producer, began, other),
            });
        }
        self.note(producer).map_err(|error| self.undone(producer, began, "noting how far it is", error))?;
        if !self.commit(producer, began, stop)? {
            return Ok(false);
        }
        let rows = self.lane.progress.in_flight_rows() as u64;
        self.lane.progress.all_delivered();
        self.lane.facts.arrived(rows);
        self.lane.tell();
        self.backoff.succeeded();
        let now_ms = now_ms(&self.caller.shared);
        let kept = match self.lane.position {
            Some(_) => self.lane.keep_when_due(&self.caller, now_ms),
            None => self.lane.keep_now(&self.caller, self.lane.progress.acknowledged(), now_ms),
        };
        kept.map_err(|error| Undone::Lost(error.into()))?;
        Ok(true)
    }

    /// Sends rows for as long as a transaction lasts.
    fn fill(&mut self, producer: &Producer, began: Instant, stop: &Stop) -> Result<(), Trouble> {
        loop {
            let mut has_read = false;
            if self.lane.wants_rows(&self.caller) {
                let slice = self.lane.start_reading(&self.caller)?.wait(&self.caller)?;
                let before = self.lane.progress.next();
                self.lane.send(&self.caller, producer, 0, &slice)?;
                has_read = self.lane.progress.next() > before;
            }
            producer.poll(if has_read { Duration::ZERO } else { BUSY });
            self.check(producer)?;
            let rows = self.lane.progress.in_flight_rows();
            let is_full = rows >= COMMIT_ROWS || !self.lane.progress.has_room();
            let is_over = clock::now().duration_since(began) >= COMMIT_EVERY;
            if is_full || is_over || stop.is_stopped() {
                return Ok(());
            }
        }
    }

    /// Whether a row failed.
    fn check(&mut self, producer: &Producer) -> Result<(), Trouble> {
        let mut failed = Ok(());
        for report in producer.context().reports() {
            let Some(code) = report.failure else { continue };
            if report.tag != PROGRESS_TAG {
                self.lane.progress.failed(untag(report.tag).1, verdict::of_row(code));
            }
            if failed.is_ok() {
                failed =
                    Err(Trouble::Kafka { doing: "sending rows", error: KafkaError::MessageProduction(code) });
            }
        }
        failed
    }

    fn note(&self, producer: &Producer) -> Result<(), KafkaError> {
        let value = memory::note(self.lane.progress.next());
        let record = BaseRecord::with_opaque_to(PROGRESS_TOPIC, PROGRESS_TAG)
            .partition(0)
            .key(self.id.as_bytes())
            .payload(value.as_bytes());
        producer.send(record).map_err(|(error, _)| error)
    }

    /// False: told to stop before it was certain.
    fn commit(&mut self, producer: &Producer, began: Instant, stop: &Stop) -> Result<bool, Undone> {
        while !stop.is_stopped() || clock::now().duration_since(began) < REQUEST_MAX {
            let outcome = producer.commit_transaction(REQUEST_MAX);
            if let Err(trouble) = self.check(producer) {
                return Err(match trouble {
                    Trouble::Kafka { doing, error } => self.undone(producer, began, doing, error),
                    other => self.abort(producer, began, other),
                });
            }
            let Err(error) = outcome else { return Ok(true) };
            if self.verdict(&error, began) != Verdict::Retry {
                return Err(self.undone(producer, began, "committing", error));
            }
            let text = producer.context().trouble().unwrap_or_else(|| format!("committing: {error}"));
            self.lane.facts.waits(&text);
        }
        Ok(false)
    }

    fn verdict(&self, error: &KafkaError, began: Instant) -> Verdict {
        // The target's clock may have begun a little later.
        let is_expired = clock::now().duration_since(began) + Duration::from_secs(1) >= TRANSACTION_MAX;
        verdict::of_transaction(error, is_expired)
    }

    /// What becomes of the transaction after an error. What ended the producer says more than what it did to
    /// rows and calls.
    fn undone(&self, producer: &Producer, began: Instant, doing: &'static str, error: KafkaError) -> Undone {
        let fatal = producer.client().fatal_error();
        let is_row = fatal.is_none() && matches!(error, KafkaError::MessageProduction(_));
        let error = fatal.map_or(error, |(code, _)| KafkaError::Global(code));
        match self.verdict(&error, began) {
            Verdict::Fenced => Undone::Lost(Trouble::Fenced(error)),
            Verdict::Recreate if !is_row => Undone::Lost(Trouble::Kafka { doing, error }),
            _ => self.abort(producer, began, Trouble::Kafka { doing, error }),
        }
    }

    /// Takes back what was sent. A producer that can't is of no more use, and what it began ends with the
    /// next.
    fn abort(&self, producer: &Producer, began: Instant, trouble: Trouble) -> Undone {
        producer.purge(PurgeConfig::default().queue().inflight());
        let deadline = clock::now() + REQUEST_MAX;
        while producer.in_flight_count() > 0 && clock::now() < deadline {
            producer.poll(BUSY);
        }
        let aborted = producer.abort_transaction(REQUEST_MAX);
        // What these rows came to is known.
        drop(producer.context().reports());
        let Err(error) = aborted else { return Undone::Aborted(trouble) };
        let error = producer.client().fatal_error().map_or(error, |(code, _)| KafkaError::Global(code));
        match self.verdict(&error, began) {
            Verdict::Fenced => Undone::Lost(Trouble::Fenced(error)),
            _ => Undone::Lost(trouble),
        }
    }
}
