//! What the server in this process says of itself.

use super::exported::Exported;
use crate::{
    cli::output::{bytes_text, grouped},
    counters::Counters,
    node::{monitor, shared::Shared},
};
use serde_json::{Map, Value as Json, json};
use tollgate_procedures::transit::fraud_rules::NAMES;

/// Read at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) resident_bytes: u64,
    pub(super) rows: u64,
    pub(super) log_segments: usize,
    pub(super) log_bytes: u64,
    pub(super) syncs: u64,
    pub(super) sync_us: u64,
    pub(super) snapshots: u64,
    pub(super) fraud_by_rule: [u64; NAMES.len()],
    pub(super) recovered_blocks: u64,
    pub(super) recovery_ms: u64,
    pub(super) exported: Option<Exported>,
}

/// Of all procedures that decide by them: one does.
fn hits(counters: &Counters, rule: usize) -> u64 {
    counters.procedures.iter().filter_map(|counted| counted.rules.as_ref()).map(|hits| hits[rule]).sum()
}

impl Facts {
    pub(super) fn of(shared: &Shared) -> Facts {
        let counters = shared.counters();
        let log = shared.log.lock().clone();
        let recovery = shared.recovery.lock().clone();
        let memory = shared.partitions().into_iter().flat_map(|partition| partition.memory);
        Facts {
            resident_bytes: monitor::usage(&shared.config.data_dir).resident_bytes,
            rows: memory.map(|table| table.rows).sum(),
            log_segments: log.stats.segments,
            log_bytes: log.stats.bytes,
            syncs: log.syncs,
            sync_us: log.sync_us,
            snapshots: shared.snapshots.lock().taken,
            fraud_by_rule: std::array::from_fn(|rule| hits(&counters, rule)),
            recovered_blocks: recovery.blocks,
            recovery_ms: recovery.ms,
            exported: Exported::of(shared),
        }
    }

    pub(super) fn recovery_text(&self) -> String {
        format!(
            "recovered {} blocks of the log in {} ms",
            grouped(self.recovered_blocks),
            grouped(self.recovery_ms)
        )
    }

    pub(super) fn rules_text(&self) -> String {
        let rules = NAMES.iter().zip(self.fraud_by_rule);
        let texts: Vec<String> =
            rules.map(|(name, count)| format!("{} {}", name.replace('_', " "), grouped(count))).collect();
        texts.join(", ")
    }

    pub(super) fn log_text(&self) -> String {
        let mean_us = self.sync_us.checked_div(self.syncs).unwrap_or(0);
        format!(
            "{} in {} segments, {} syncs of {:.2} ms, {} snapshots",
            bytes_text(self.log_bytes),
            self.log_segments,
            grouped(self.syncs),
            mean_us as f64 / 1e3,
            self.snapshots
        )
    }

    pub(super) fn memory_text(&self) -> String {
        format!("{} resident, {} rows", bytes_text(self.resident_bytes), grouped(self.rows))
    }

    /// The end of the summary.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "fraud by rule: {}\nlog: {}\nmemory: {}\n",
            self.rules_text(),
            self.log_text(),
            self.memory_text()
        );
        if let Some(exported) = &self.exported {
            text.push_str(&format!("export: {}\n", exported.text()));
        }
        text
    }

    pub(super) fn json(&self) -> Map<String, Json> {
        let rules = NAMES.iter().zip(self.fraud_by_rule);
        let rules: Map<String, Json> =
            rules.map(|(name, count)| ((*name).to_string(), json!(count))).collect();
        let Json::Object(mut facts) = json!({
            "fraud_by_rule": rules,
            "resident_bytes": self.resident_bytes,
            "rows": self.rows,
            "log_bytes": self.log_bytes,
            "log_segments": self.log_segments,
            "syncs": self.syncs,
            "snapshots": self.snapshots,
            "recovered_blocks": self.recovered_blocks,
            "recovery_ms": self.recovery_ms,
        }) else {
            unreachable!("the literal is an object")
        };
        if let Some(exported) = &self.exported {
            facts.insert("export".to_string(), exported.json());
        }
        facts
    }
}
