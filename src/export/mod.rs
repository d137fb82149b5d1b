//! Export: committed rows of streams leave for an external Kafka cluster, from the node that leads their
//! partition. How far each has come is a row beside the stream's own, so that expiry leaves what has not
//! left.
//!
//! In reading order: [`config`], what is asked for; `progress` and `verdict`, what is sent again and when it
//! is given up, without IO; `calls` and `lane`, a partition's rows on their way, with `dead_letters` for
//! those that are refused; `target` and `topics`, the other cluster; `at_least_once` and `exactly_once` (with
//! `memory`), the two promises, and `trouble`, what ends them for a while; [`facts`], what operators see.
//!
//! Runs on: threads of its own, beside those of librdkafka. It never knows: rows' meaning, the log.

mod at_least_once;
mod calls;
pub mod config;
mod dead_letters;
mod exactly_once;
pub mod facts;
mod lane;
mod memory;
mod progress;
mod target;
#[cfg(test)]
mod tests;
mod topics;
mod trouble;
mod verdict;

use crate::{
    format::{Encoder, Format, Options},
    node::shared::Shared,
    stop::Stop,
};
use anyhow::{Context, Result};
use at_least_once::AtLeastOnce;
use calls::Caller;
use config::{ExportConfig, ExportMode};
use exactly_once::ExactlyOnce;
use facts::LaneFacts;
use lane::Lane;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
};
use tollgate_schema::catalog::{Catalog, TableDef, TableKind};

/// Checks the exports against the schema and the library; the error names the key.
pub fn check(exports: &[ExportConfig], catalog: &Catalog) -> Result<()> {
    for export in exports {
        target::check(export)?;
        for stream in export.streams(catalog)? {
            encoder(export, stream.def)?;
        }
    }
    Ok(())
}

fn encoder(export: &ExportConfig, def: &TableDef) -> Result<Encoder> {
    let format: Format = export.format.into();
    let options = Options { value_format: format, key_format: format, ..Options::default() };
    let key: &[usize] = match &def.kind {
        TableKind::Stream { key, .. } => key,
        _ => &[],
    };
    Encoder::new(def, key, &options).with_context(|| format!("export {}: streams: {}", export.name, def.name))
}

/// The exports that run.
pub struct Exports {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

impl Exports {
    /// Starts those that the configuration names: one thread for each that sends at least once, one for each
    /// partition of each stream of the others.
    pub fn start(shared: &Arc<Shared>) -> Result<Exports> {
        let mut exports = Exports { stop: Arc::default(), threads: Vec::new() };
        for export in &shared.config.export {
            let mut lanes = Vec::new();
            for facts in shared.exports.of(&export.name) {
                lanes.push(lane(shared, export, facts)?);
            }
            match export.mode {
                ExportMode::AtLeastOnce => {
                    let facts = lanes.iter().map(|lane| lane.facts.clone()).collect();
                    let run = AtLeastOnce::new(export.clone(), Caller::new(shared.clone())?, lanes);
                    exports.spawn(facts, move |stop| run.run(stop))?;
                }
                ExportMode::ExactlyOnce => {
                    for lane in lanes {
                        let facts = vec![lane.facts.clone()];
                        let run = ExactlyOnce::new(export.clone(), Caller::new(shared.clone())?, lane);
                        exports.spawn(facts, move |stop| run.run(stop))?;
                    }
                }
            }
        }
        Ok(exports)
    }

    /// Nothing depends on an export: one that panics is shown as stopped, and the node goes on.
    fn spawn(&mut self, facts: Vec<Arc<LaneFacts>>, work: impl FnOnce(&Stop) + Send + 'static) -> Result<()> {
        let stop = self.stop.clone();
        let guarded = move || {
            if catch_unwind(AssertUnwindSafe(|| work(&stop))).is_err() {
                facts.iter().for_each(|facts| facts.stops("its thread panicked; the log says where"));
            }
        };
        let thread = std::thread::Builder::new().name("export".to_string());
        let thread = thread.spawn(guarded).context("an export's thread could not be started")?;
        self.threads.push(thread);
        Ok(())
    }

    /// Sends no more rows, and keeps how far it came.
    pub fn stop(self) {
        self.stop.stop();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn lane(shared: &Arc<Shared>, export: &ExportConfig, facts: &Arc<LaneFacts>) -> Result<Lane> {
    let encoder = encoder(export, shared.gate.registry().catalog().table(facts.stream))?;
    Ok(Lane::new(facts.clone(), encoder, shared.cluster_start_ms))
}
