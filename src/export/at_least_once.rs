//! An export that sends each row at least once: one thread and one idempotent producer for all its streams
//! and partitions. Rows go in order; after a failure each partition goes on from its watermark with a new
//! producer, and what had arrived beyond it arrives again.

use super::{
    calls::{Caller, PendingRows},
    config::ExportConfig,
    lane::{Lane, Went, untag},
    progress::{Failure, WINDOW_ROWS},
    target::{self, Producer, Report},
    topics::Topics,
    trouble::Trouble,
    verdict::{self, Backoff},
};
use crate::{clock, node::shared::Shared, stop::Stop};
use rdkafka::{error::KafkaError, producer::Producer as _};
use std::{sync::Arc, time::Duration};

/// How long to wait for reports while rows are on their way, and while there is nothing to do.
const BUSY: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_millis(10);
/// What is on its way when the node stops may arrive so long.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct AtLeastOnce {
    export: ExportConfig,
    caller: Caller,
    lanes: Vec<Lane>,
    backoff: Backoff,
    topics: Topics,
}

impl AtLeastOnce {
    pub(super) fn new(export: ExportConfig, caller: Caller, lanes: Vec<Lane>) -> AtLeastOnce {
        AtLeastOnce { export, caller, lanes, backoff: Backoff::default(), topics: Topics::default() }
    }

    fn now_ms(&self) -> u64 {
        now_ms(&self.caller.shared)
    }

    /// Until told to stop.
    pub(super) fn run(mut self, stop: &Stop) {
        while !stop.is_stopped() {
            let Err(trouble) = self.session(stop) else { break };
            for lane in &self.lanes {
                lane.facts.waits(&trouble.to_string());
            }
            let wait = Duration::from_millis(self.backoff.failed());
            stop.wait_until(clock::now() + wait);
        }
        for lane in &mut self.lanes {
            if let Some(position) = lane.progress.unkept() {
                let now_ms = now_ms(&self.caller.shared);
                if let Err(error) = lane.keep_now(&self.caller, position, now_ms) {
                    tracing::warn!("a position could not be kept: {error}; rows will be sent again");
                }
            }
        }
    }

    /// One producer's life.
    fn session(&mut self, stop: &Stop) -> Result<(), Trouble> {
        let now_ms = self.now_ms();
        for lane in &mut self.lanes {
            lane.learn_position(&self.caller)?;
            let position = match lane.position {
                Some(position) => position,
                None => {
                    let (first, _) = lane.bounds(&self.caller)?;
                    lane.keep_now(&self.caller, first, now_ms)?;
                    first
                }
            };
            lane.progress.resume(position);
            lane.progress.kept(position, now_ms);
            lane.tell();
        }
        let config = target::gapless_config(&self.export, (2 * WINDOW_ROWS) * self.lanes.len());
        let producer = target::producer(&config)?;
        self.topics.find(&self.export, &self.caller, &producer, &mut self.lanes, None)?;
        let outcome = self.carry(&producer, stop);
        if outcome.is_ok() {
            // Rows that do not arrive in this moment are sent again.
            let _ = producer.flush(LAST_MOMENT);
        }
        // Whatever the producer still tells when it ends is counted.
        let carrier = producer.client().context().clone();
        drop(producer);
        let _ = self.count(&carrier.reports());
        for lane in &mut self.lanes {
            lane.restart();
        }
        outcome
    }

    /// Sends rows until told to stop or something fails.
    fn carry(&mut self, producer: &Producer, stop: &Stop) -> Result<(), Trouble> {
        let mut wait = Duration::ZERO;
        while !stop.is_stopped() {
            producer.poll(wait);
            self.count(&producer.context().reports())?;
            if let Some((code, _)) = producer.client().fatal_error() {
                // The row that did it says more.
                producer.poll(IDLE);
                self.count(&producer.context().reports())?;
                return Err(Trouble::Kafka { doing: "sending rows", error: KafkaError::Global(code) });
            }
            if let Some(error) = producer.context().trouble() {
                let behind = |lane: &&Lane| lane.progress.in_flight_rows() > 0;
                self.lanes.iter().filter(behind).for_each(|lane| lane.facts.waits(&error));
            }
            let now_ms = self.now_ms();
            for lane in &mut self.lanes {
                lane.keep_when_due(&self.caller, now_ms)?;
            }
            let has_read = self.read(producer)?;
            let is_busy = self.lanes.iter().any(|lane| lane.progress.in_flight_rows() > 0);
            wait = match (has_read, is_busy) {
                (true, _) => Duration::ZERO,
                (false, true) => BUSY,
                (false, false) => IDLE,
            };
        }
        Ok(())
    }

    /// Takes note of what became of rows.
    fn count(&mut self, reports: &[Report]) -> Result<(), Trouble> {
        let mut failed = Ok(());
        let mut delivered = vec![0; self.lanes.len()];
        for report in reports {
            let (number, offset) = untag(report.tag);
            let progress = &mut self.lanes[number].progress;
            match report.failure {
                None => delivered[number] += u64::from(progress.delivered(offset)),
                Some(code) => {
                    progress.failed(offset, verdict::of_row(code));
                    if failed.is_ok() || verdict::of_row(code) == Failure::Refused {
                        failed = Err(Trouble::Row { offset, code });
                    }
                }
            }
        }
        for (lane, delivered) in self.lanes.iter().zip(delivered) {
            if delivered > 0 {
                self.backoff.succeeded();
                lane.facts.arrived(delivered);
                lane.tell();
            }
        }
        failed
    }

    /// Reads what there is room for and sends it. Whether anything was read.
    fn read(&mut self, producer: &Producer) -> Result<bool, Trouble> {
        let wanted: Vec<usize> = match self.lanes.iter().position(|lane| lane.progress.goes_alone()) {
            // It shares its way with others.
            Some(_) if self.lanes.iter().any(|lane| lane.progress.in_flight_rows() > 0) => Vec::new(),
            Some(alone) => vec![alone],
            None => (0..self.lanes.len()).collect(),
        };
        let mut reads: Vec<(usize, PendingRows)> = Vec::new();
        for number in wanted {
            if self.lanes[number].wants_rows(&self.caller) {
                reads.push((number, self.lanes[number].start_reading(&self.caller)?));
            }
        }
        let mut has_read = false;
        for (number, pending) in reads {
            let slice = pending.wait(&self.caller)?;
            let went = self.lanes[number].send(&self.caller, producer, number, &slice)?;
            has_read |= went == Went::All;
        }
        Ok(has_read)
    }
}

/// The node's monotonic clock.
pub(super) fn now_ms(shared: &Arc<Shared>) -> u64 {
    shared.monotonic_us() / 1000
}
