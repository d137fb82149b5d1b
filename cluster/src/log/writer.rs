//! Appends rounds to the node log and gives segments back when no group needs them.
//!
//! Runs on the log thread; every call blocks on the disk. It never knows raft's rules: what it is told to
//! make durable it makes durable, in order. After any failed write or sync it is poisoned, because the kernel
//! may have dropped the failed pages and would report success the next time.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{GroupAppend, LogBatch};
use super::error::LogError;
use super::format::{
    self, FORMAT_VERSION, PAYLOAD_BYTES_MAX, RecordPlace, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use super::index::Location;
use super::ledger::Ledger;
use super::segment::{SparePool, segment_name};
use crate::disk::DiskFile;

/// When an append counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// After fdatasync: survives a power cut.
    #[default]
    Sync,
    /// After the write: survives a crash of the process, not of the machine; the caller calls
    /// [`LogWriter::sync`] every so often, and what was appended since may be lost with the machine.
    Async,
}

/// Settings of the node log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Bytes at which a segment is full.
    pub segment_bytes: u64,
    /// When an append counts as done.
    pub durability: Durability,
    /// Spare segments to keep; a freed segment beyond that is removed.
    pub spares_kept: usize,
    /// Spare segments made before `open` returns (0.1 s each); the rest is for a [`SpareMaker`].
    pub spares_at_open: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, durability: Durability::Sync, spares_kept: 4, spares_at_open: 1 }
    }
}

/// Sizes of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Segments that hold records.
    pub segments: usize,
    /// Bytes of records and headers in them.
    pub bytes: u64,
    /// Bytes appended since the log was opened. Only grows.
    pub appended_bytes: u64,
    /// Spare segment files ready for use.
    pub spares: usize,
    /// Records appended since the log began.
    pub records: u64,
}

struct OpenSegment {
    number: u64,
    file: Arc<dyn DiskFile>,
    /// Where the next record goes.
    offset: u64,
}

/// Appends to the node log. One per node.
pub struct LogWriter {
    config: LogConfig,
    ledger: Ledger,
    spares: Arc<SparePool>,
    open: Option<OpenSegment>,
    synced_sequence: u64,
    appended_bytes: u64,
    /// A group's start moved since segments were last looked through.
    reclaim_due: bool,
    poisoned: bool,
    buffer: Vec<u8>,
}

impl LogWriter {
    /// A writer that goes on, in a new segment, from what recovery found.
    pub(super) fn new(config: LogConfig, ledger: Ledger, spares: Arc<SparePool>) -> Self {
        let synced_sequence = ledger.last_sequence;
        Self {
            config,
            ledger,
            spares,
            open: None,
            synced_sequence,
            appended_bytes: 0,
            reclaim_due: true,
            poisoned: false,
            buffer: Vec::new(),
        }
    }

    /// Makes a round durable (with [`Durability::Async`]: hands it to the operating system). On `Ok` answer
    /// each replica with `persisted(ready_number)`; any error is final, the process must end.
    pub fn append(&mut self, batch: &LogBatch) -> Result<(), LogError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.guarded(|writer| {
            writer.write_record(batch)?;
            if writer.config.durability == Durability::Sync { writer.sync_open() } else { Ok(()) }
        })
    }

    /// Makes everything appended so far durable. Only [`Durability::Async`] needs it.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.guarded(Self::sync_open)
    }

    /// Sizes of the log.
    #[must_use]
    pub fn stats(&self) -> LogStats {
        LogStats {
            segments: self.ledger.segments.len(),
            bytes: self.ledger.segments.values().map(|segment| segment.used_bytes).sum(),
            appended_bytes: self.appended_bytes,
            spares: self.spares.ready_count(),
            records: self.ledger.last_sequence,
        }
    }

    /// A handle with which another thread prepares spare segments, so that the log thread never has to.
    #[must_use]
    pub fn spare_maker(&self) -> SpareMaker {
        SpareMaker { spares: self.spares.clone(), config: self.config.clone() }
    }

    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), LogError>) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let outcome = work(self);
        self.poisoned = outcome.is_err();
        outcome
    }

    fn write_record(&mut self, batch: &LogBatch) -> Result<(), LogError> {
        if self.open.is_none() || !self.encode_if_fits(batch)? {
            self.rotate()?;
            self.encode_first(batch)?;
        }
        let sequence = self.ledger.last_sequence + 1;
        let path = self.open_path();
        let open = self.open.as_mut().expect("a segment was opened above");
        let location = Location { segment: open.number, offset: open.offset };
        open.file.write_at(open.offset, &self.buffer).map_err(LogError::io("write", &path))?;
        open.offset += self.buffer.len() as u64;
        self.appended_bytes += self.buffer.len() as u64;
        self.ledger.add_record(location, sequence, open.offset);
        for part in &batch.groups {
            self.reclaim_due |= self.ledger.add_part(part, location);
        }
        Ok(())
    }

    /// Encodes the record for the open segment; false when it would not fit.
    fn encode_if_fits(&mut self, batch: &LogBatch) -> Result<bool, LogError> {
        let place = self.next_place();
        self.encode(batch.groups.iter(), place)?;
        Ok(place.offset + self.buffer.len() as u64 <= self.config.segment_bytes)
    }

    /// Encodes the first record of a segment: what is known of every group, then the batch.
    fn encode_first(&mut self, batch: &LogBatch) -> Result<(), LogError> {
        let place = self.next_place();
        let restated = self.ledger.restate();
        self.encode(restated.iter().chain(&batch.groups), place)
    }

    fn encode<'a>(
        &mut self,
        groups: impl Iterator<Item = &'a GroupAppend>,
        place: RecordPlace,
    ) -> Result<(), LogError> {
        format::encode_record(groups, place, &mut self.buffer)
            .map(|_payload_bytes| ())
            .map_err(|bytes| LogError::TooLarge { bytes, limit_bytes: PAYLOAD_BYTES_MAX })
    }

    fn next_place(&self) -> RecordPlace {
        let open = self.open.as_ref().expect("asked for only with an open segment");
        RecordPlace {
            segment: open.number,
            offset: open.offset,
            sequence: self.ledger.last_sequence + 1,
            synced: self.synced_sequence,
        }
    }

    fn open_path(&self) -> PathBuf {
        let open = self.open.as_ref().expect("asked for only with an open segment");
        self.spares.directory().join(segment_name(open.number))
    }

    fn sync_open(&mut self) -> Result<(), LogError> {
        if self.synced_sequence == self.ledger.last_sequence {
            return Ok(());
        }
        let path = self.open_path();
        let open = self.open.as_ref().expect("records since the last sync are in the open segment");
        open.file.sync().map_err(LogError::io("sync", &path))?;
        self.synced_sequence = self.ledger.last_sequence;
        if self.reclaim_due { self.reclaim() } else { Ok(()) }
    }

    fn rotate(&mut self) -> Result<(), LogError> {
        self.sync_open()?;
        let number = self.ledger.segments.last_key_value().map_or(1, |(last, _)| last + 1);
        let first_sequence = self.ledger.last_sequence + 1;
        let file =
            self.spares.start_segment(SegmentHeader { version: FORMAT_VERSION, number, first_sequence })?;
        self.ledger.index.add_segment(number, file.clone());
        self.ledger.add_segment(number, false);
        self.open = Some(OpenSegment { number, file, offset: SEGMENT_HEADER_BYTES });
        Ok(())
    }

    /// Gives back the oldest segments that no group needs. Oldest first and each one durably, so that the
    /// numbers on disk stay consecutive; only after the parts that allow it are durable.
    fn reclaim(&mut self) -> Result<(), LogError> {
        self.reclaim_due = false;
        let Some(open) = self.open.as_ref().map(|open| open.number) else { return Ok(()) };
        while let Some(number) = self.ledger.oldest_unneeded(open) {
            let segment = self.ledger.segments.remove(&number).expect("it was just seen");
            self.ledger.index.remove_segment(number);
            let usual_size = segment.used_bytes <= self.config.segment_bytes;
            if !segment.mapped && usual_size && self.spares.ready_count() < self.config.spares_kept {
                self.spares.recycle(number)?;
            } else {
                self.spares.remove(number)?;
            }
        }
        Ok(())
    }
}

/// Prepares spare segments on a thread that may be slow.
#[derive(Clone)]
pub struct SpareMaker {
    spares: Arc<SparePool>,
    config: LogConfig,
}

impl SpareMaker {
    /// Whether the pool is below half of what is kept.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.spares.ready_count() < self.config.spares_kept.div_ceil(2)
    }

    /// Makes one spare segment: writes it full of zeros and syncs it in steps. `pace(bytes)` is called after
    /// each chunk and may block.
    pub fn make(&self, pace: &mut dyn FnMut(u64)) -> Result<(), LogError> {
        self.spares.make(self.config.segment_bytes, pace)
    }
}
