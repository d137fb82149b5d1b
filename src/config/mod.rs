//! The server's configuration: `tollgate.toml`. Unknown keys are errors, so that a misspelt limit is not
//! ignored.

mod kafka;

pub use kafka::{ClientCertificateRule, KafkaConfig, Password, SaslName, TlsConfig, TopicConfig, UserConfig};

use crate::{
    expiry::{Keep, KeepForExport},
    export::config::{self as export_config, ExportConfig},
    schemas::config::SchemaRegistryConfig,
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// When a reply may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// After fdatasync of the log.
    #[default]
    Sync,
    /// After the log was written to the operating system. A crash of the process loses nothing; a power cut
    /// or a crash of the machine loses up to the last `sync_interval_ms`.
    Async,
}

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    /// Fixed when the data directory is made.
    pub partitions: u16,
    /// Executor threads; 0: three quarters of the cores, rounded up.
    pub executors: usize,
    /// The net thread has the first core for itself: the log thread and all executors but the first keep off
    /// it.
    pub net_core: bool,
    pub durability: Durability,
    pub sync_interval_ms: u64,
    pub listen: Listen,
    pub limits: Limits,
    pub sessions: SessionConfig,
    pub snapshot: SnapshotConfig,
    pub log: LogConfig,
    pub memory: MemoryConfig,
    pub kafka: KafkaConfig,
    pub users: Vec<UserConfig>,
    pub schema_registry: SchemaRegistryConfig,
    pub export: Vec<ExportConfig>,
}

/// Where the front ends listen.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    pub volt: SocketAddr,
    pub http: SocketAddr,
    pub kafka: SocketAddr,
}

/// Beyond these, writes are refused with a clear status.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub connections: usize,
    /// Resident memory of the process, without mapped files; 0: four fifths of the machine's.
    pub memory_bytes: u64,
    /// Free space that is left alone in the file system of the data directory.
    pub disk_free_bytes: u64,
    /// Rows a stream keeps in each partition before the oldest are trimmed.
    pub stream_rows: u64,
}

/// Replies that are kept for idempotency keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    pub keep_hours: u32,
    /// In each partition; the oldest makes room.
    pub rows: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotConfig {
    /// A snapshot is taken when the log has grown by this much since the last one. The log is kept back to
    /// the one before that.
    pub log_bytes: u64,
    /// Written at most this fast, so that the log's syncs stay quick; 0: no limit.
    pub bytes_per_second: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryConfig {
    /// Asked of the system before the node serves, beyond what recovery used; 0: nothing.
    pub ready_bytes: u64,
    /// A growing node asks the system for so much more than it uses, so that no executor waits for a page; 0:
    /// nothing.
    pub ahead_bytes: u64,
}

impl Default for MemoryConfig {
    fn default() -> MemoryConfig {
        MemoryConfig { ready_bytes: 0, ahead_bytes: 256 << 20 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub segment_bytes: u64,
    /// Empty segments that are there before the node serves; more are made while it does.
    pub ready_segments: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data_dir: PathBuf::from("tollgate-data"),
            partitions: 4,
            executors: 0,
            net_core: false,
            durability: Durability::Sync,
            sync_interval_ms: 200,
            listen: Listen::default(),
            limits: Limits::default(),
            sessions: SessionConfig::default(),
            snapshot: SnapshotConfig::default(),
            log: LogConfig::default(),
            memory: MemoryConfig::default(),
            kafka: KafkaConfig::default(),
            users: Vec::new(),
            schema_registry: SchemaRegistryConfig::default(),
            export: Vec::new(),
        }
    }
}

impl Default for Listen {
    fn default() -> Listen {
        let local = |port| ([127, 0, 0, 1], port).into();
        Listen { volt: local(21212), http: local(8080), kafka: local(9092) }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: crate::limits::CONNECTIONS_MAX,
            memory_bytes: 0,
            disk_free_bytes: 1 << 30,
            stream_rows: 1_000_000,
        }
    }
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig { keep_hours: 24, rows: crate::limits::SESSIONS_MAX }
    }
}

impl Default for SnapshotConfig {
    fn default() -> SnapshotConfig {
        SnapshotConfig { log_bytes: 2 << 30, bytes_per_second: 200 << 20 }
    }
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig { segment_bytes: 64 << 20, ready_segments: 1 }
    }
}

/// What `tollgate init` writes: every key with its default, and what it is for.
pub const SAMPLE: &str = include_str!("sample.toml");

impl Config {
    /// Reads a file; the error names the file and the place.
    pub fn read(path: &Path) -> anyhow::Result<Config> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| anyhow::anyhow!("{}: {e} (`tollgate init` writes a sample)", path.display()))?;
        Config::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))
    }

    /// Reads a file's text; the error names the place.
    pub fn parse(text: &str) -> anyhow::Result<Config> {
        let parsed = toml::from_str(text);
        let config: Config = parsed.map_err(|error| anyhow::anyhow!(kafka::parse_error(text, &error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!((1..=256).contains(&self.partitions), "partitions must be from 1 to 256");
        anyhow::ensure!(self.limits.connections > 0, "limits.connections must be at least 1");
        anyhow::ensure!(self.log.ready_segments <= 1024, "log.ready_segments must be at most 1024");
        anyhow::ensure!(self.log.segment_bytes >= 1 << 20, "log.segment_bytes must be at least 1 MiB");
        kafka::check(&self.kafka, &self.users)?;
        self.schema_registry.check()?;
        export_config::check(&self.export)
    }

    /// What expiry goes by.
    pub fn keep(&self) -> Keep {
        const HOUR_US: i64 = 3_600_000_000;
        let sessions_us = i64::from(self.sessions.keep_hours) * HOUR_US;
        let of_export = |export: &ExportConfig| {
            let (export, backlog_rows_max) = (export.name.clone(), export.backlog_rows_max);
            move |stream: &String| KeepForExport {
                export: export.clone(),
                stream: stream.to_uppercase(),
                backlog_rows_max,
            }
        };
        let exports = self.export.iter().flat_map(|export| export.streams.iter().map(of_export(export)));
        Keep { stream_rows: self.limits.stream_rows, sessions_us, exports: exports.collect() }
    }

    /// Executor threads to start.
    pub fn executor_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if self.executors == 0 { cores - cores / 4 } else { self.executors };
        wanted.clamp(1, usize::from(self.partitions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_the_default() {
        let sample: Config = toml::from_str(SAMPLE).expect("the sample parses");
        assert_eq!(format!("{sample:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let error = toml::from_str::<Config>("[limits]\nconections = 1").unwrap_err();
        assert!(error.to_string().contains("conections"), "{error}");
    }
}
