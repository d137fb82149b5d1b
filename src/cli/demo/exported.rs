//! How far the demo's export to another cluster is.

use crate::{
    cli::output::grouped,
    export::{
        config::{ExportConfig, ExportFormat, ExportMode},
        facts::ExportState,
    },
    node::shared::Shared,
};
use serde_json::{Value as Json, json};

/// Rows waiting for a cluster that is away, at most: the demo need not fill the memory.
const BACKLOG_ROWS_MAX: u64 = 1_000_000;

/// What leaves, at least once.
pub(super) fn config(brokers: &str) -> ExportConfig {
    ExportConfig {
        name: "demo".to_string(),
        brokers: brokers.to_string(),
        streams: ["FRAUD", "TRIPS", "CARD_ALERT_EXPORT"].map(str::to_string).to_vec(),
        mode: ExportMode::AtLeastOnce,
        format: ExportFormat::Csv,
        topic_prefix: String::new(),
        topics: Default::default(),
        backlog_rows_max: BACKLOG_ROWS_MAX,
        reset: false,
        properties: Default::default(),
    }
}

/// All streams together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) rows: u64,
    pub(super) lag_rows: u64,
    pub(super) state: &'static str,
}

impl Exported {
    /// `None`: the demo has no export.
    pub(super) fn of(shared: &Shared) -> Option<Exported> {
        let lanes = shared.exports.status(&shared.ends);
        let is_any = |state| lanes.iter().any(|lane| lane.state == state);
        let state = if is_any(ExportState::Stopped) {
            "stopped"
        } else if is_any(ExportState::Waiting) {
            "waiting"
        } else if is_any(ExportState::Starting) {
            "connecting"
        } else {
            "running"
        };
        (!lanes.is_empty()).then(|| Exported {
            rows: lanes.iter().map(|lane| lane.rows).sum(),
            lag_rows: lanes.iter().map(|lane| lane.lag_rows).sum(),
            state,
        })
    }

    pub(super) fn text(&self) -> String {
        format!("{} rows, {} behind, {}", grouped(self.rows), grouped(self.lag_rows), self.state)
    }

    pub(super) fn json(&self) -> Json {
        json!({ "rows": self.rows, "lag_rows": self.lag_rows, "state": self.state })
    }
}
