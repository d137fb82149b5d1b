//! What operators see of the exports: how far each partition of a stream has come, and what is wrong. Written
//! by the threads that export, read by whoever asks.

use super::config::{ExportConfig, ExportMode};
use crate::{call::PartitionId, ends::StreamEnds};
use parking_lot::Mutex;
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tollgate_schema::catalog::{Catalog, TableId};

/// All exports of this node.
#[derive(Debug, Default)]
pub struct ExportFacts {
    lanes: Vec<Arc<LaneFacts>>,
}

/// One partition of a stream on its way.
#[derive(Debug)]
pub struct LaneFacts {
    pub export: String,
    pub mode: ExportMode,
    pub stream: TableId,
    pub stream_name: String,
    pub topic: String,
    pub partition: PartitionId,
    pub(super) first: AtomicU64,
    pub(super) end: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    rows: AtomicU64,
    errors: AtomicU64,
    pub(super) dead_letters: AtomicU64,
    lost_rows: AtomicU64,
    health: Mutex<Health>,
}

#[derive(Debug)]
struct Health {
    state: ExportState,
    last_error: Option<String>,
    /// The log has it that rows wait.
    is_told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportState {
    /// It finds out where to begin.
    Starting,
    Running,
    /// For the target, after an error; it goes on by itself.
    Waiting,
    /// It does not go on by itself.
    Stopped,
}

/// A lane at a moment.
#[derive(Clone, Debug, Serialize)]
pub struct LaneStatus {
    pub export: String,
    pub mode: &'static str,
    pub stream: String,
    pub partition: PartitionId,
    pub topic: String,
    pub state: ExportState,
    /// Of the oldest row that the stream still holds, and of the next one it will get.
    pub first_offset: u64,
    pub next_offset: u64,
    /// Every row before it has arrived.
    pub acknowledged: u64,
    pub lag_rows: u64,
    /// Since the start of this node.
    pub rows: u64,
    pub errors: u64,
    pub dead_letters: u64,
    pub lost_rows: u64,
    pub last_error: Option<String>,
}

impl ExportFacts {
    /// Of exports whose streams are there: the configuration was checked.
    pub fn new(exports: &[ExportConfig], catalog: &Catalog, partitions: PartitionId) -> ExportFacts {
        let mut lanes = Vec::new();
        for export in exports {
            for stream in export.streams(catalog).unwrap_or_default() {
                for partition in 0..partitions {
                    lanes.push(Arc::new(LaneFacts {
                        export: export.name.clone(),
                        mode: export.mode,
                        stream: stream.id,
                        stream_name: stream.def.name.clone(),
                        topic: stream.topic.clone(),
                        partition,
                        first: AtomicU64::new(0),
                        end: AtomicU64::new(0),
                        acknowledged: AtomicU64::new(0),
                        rows: AtomicU64::new(0),
                        errors: AtomicU64::new(0),
                        dead_letters: AtomicU64::new(0),
                        lost_rows: AtomicU64::new(0),
                        health: Mutex::new(Health {
                            state: ExportState::Starting,
                            last_error: None,
                            is_told: false,
                        }),
                    }));
                }
            }
        }
        ExportFacts { lanes }
    }

    /// Those of one export.
    pub(super) fn of<'a>(&'a self, export: &'a str) -> impl Iterator<Item = &'a Arc<LaneFacts>> {
        self.lanes.iter().filter(move |lane| lane.export == export)
    }

    /// As they are now.
    pub fn status(&self, ends: &StreamEnds) -> Vec<LaneStatus> {
        self.lanes.iter().map(|lane| lane.status(ends)).collect()
    }
}

impl LaneFacts {
    fn status(&self, ends: &StreamEnds) -> LaneStatus {
        let acknowledged = self.acknowledged.load(Relaxed);
        let first_offset = self.first.load(Relaxed);
        let next_offset = self.end.load(Relaxed).max(ends.end(self.stream, self.partition)).max(acknowledged);
        let (state, last_error) = {
            let health = self.health.lock();
            (health.state, health.last_error.clone())
        };
        // Until it is known how far it came, nothing lags.
        let lag_rows = if state == ExportState::Starting { 0 } else { next_offset - acknowledged };
        LaneStatus {
            export: self.export.clone(),
            mode: self.mode.name(),
            stream: self.stream_name.clone(),
            partition: self.partition,
            topic: self.topic.clone(),
            state,
            first_offset,
            next_offset,
            acknowledged,
            lag_rows,
            rows: self.rows.load(Relaxed),
            errors: self.errors.load(Relaxed),
            dead_letters: self.dead_letters.load(Relaxed),
            lost_rows: self.lost_rows.load(Relaxed),
            last_error,
        }
    }

    /// Rows could leave.
    pub(super) fn runs(&self) {
        let mut health = self.health.lock();
        if health.state != ExportState::Stopped {
            health.state = ExportState::Running;
        }
    }

    /// So many rows arrived.
    pub(super) fn arrived(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
        self.runs();
        if std::mem::take(&mut self.health.lock().is_told) {
            let LaneFacts { export, stream_name, partition, .. } = self;
            tracing::info!(export, stream = stream_name, partition, "rows leave again");
        }
    }

    /// Something went wrong; it will be tried again. Logged the first time since rows arrived.
    pub(super) fn waits(&self, error: &str) {
        self.errors.fetch_add(1, Relaxed);
        let mut health = self.health.lock();
        let LaneFacts { export, stream_name, partition, .. } = self;
        if !std::mem::replace(&mut health.is_told, true) {
            tracing::warn!(export, stream = stream_name, partition, "the export waits: {error}");
        } else {
            tracing::debug!(export, stream = stream_name, partition, "the export still waits: {error}");
        }
        health.last_error = Some(error.to_string());
        if health.state != ExportState::Stopped {
            health.state = ExportState::Waiting;
        }
    }

    /// It will not be tried again.
    pub(super) fn stops(&self, error: &str) {
        self.errors.fetch_add(1, Relaxed);
        let LaneFacts { export, stream_name, partition, .. } = self;
        tracing::error!(export, stream = stream_name, partition, "the export has stopped: {error}");
        let mut health = self.health.lock();
        health.state = ExportState::Stopped;
        health.last_error = Some(error.to_string());
    }

    pub(super) fn loses(&self, rows: u64, next: u64) {
        if self.lost_rows.fetch_add(rows, Relaxed) == 0 {
            let LaneFacts { export, stream_name, partition, .. } = self;
            tracing::error!(
                export,
                stream = stream_name,
                partition,
                "{rows} rows before {next} were trimmed before they could leave: the export was behind by \
                 backlog_rows_max; more are only counted"
            );
        }
    }
}
