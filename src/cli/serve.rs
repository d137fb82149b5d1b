//! `tollgate serve`: a server until SIGINT or SIGTERM.

use crate::{config::Config, node::Node, stop::Stop};
use anyhow::Result;
use clap::Args;
use std::{io::IsTerminal, path::PathBuf, process::ExitCode, sync::Arc};
use tollgate_procedures::Registry;
use tracing_subscriber::EnvFilter;

/// Start a server; Ctrl-C or SIGTERM stops it cleanly
#[derive(Args)]
pub(super) struct Serve {
    /// The configuration; without it, tollgate.toml here if there is one, else the defaults
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the log and the snapshots are, in place of the configuration's data_dir
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port for VoltDB clients, in place of the configuration's; 0 picks a free one
    #[arg(long, value_name = "PORT")]
    volt_port: Option<u16>,
    /// Port for HTTP, in place of the configuration's; 0 picks a free one
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// Port for Kafka clients, in place of the configuration's; 0 picks a free one
    #[arg(long, value_name = "PORT")]
    kafka_port: Option<u16>,
}

/// Read when no --config is given.
const CONFIG_HERE: &str = "tollgate.toml";

impl Serve {
    pub(super) fn run(self, registry: Registry) -> Result<ExitCode> {
        start_logging("info");
        let config = self.config()?;
        let stop = Stop::on_signals()?;
        let node = Node::start(config, Arc::new(registry))?;
        stop.wait();
        tracing::info!("stopping; a second signal ends the process at once");
        node.stop();
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self) -> Result<Config> {
        let here = PathBuf::from(CONFIG_HERE);
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None if here.exists() => Config::read(&here)?,
            None => Config::default(),
        };
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(port) = self.volt_port {
            config.listen.volt.set_port(port);
        }
        if let Some(port) = self.http_port {
            config.listen.http.set_port(port);
        }
        if let Some(port) = self.kafka_port {
            config.listen.kafka.set_port(port);
        }
        Ok(config)
    }
}

/// Lines of what happens go to stderr, from this level on unless RUST_LOG says otherwise.
pub(super) fn start_logging(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A caller of `tollgate::main` may have set up its own.
    let _ = logging.with_ansi(std::io::stderr().is_terminal()).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_before_the_file() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("some.toml");
        std::fs::write(&path, "data_dir = \"a\"\npartitions = 3\n[listen]\nvolt = \"0.0.0.0:1\"\n").unwrap();
        let serve = Serve {
            config: Some(path),
            data_dir: Some("b".into()),
            volt_port: Some(2),
            http_port: None,
            kafka_port: Some(3),
        };
        let config = serve.config().unwrap();
        assert_eq!((config.data_dir, config.partitions), ("b".into(), 3));
        assert_eq!(config.listen.volt.to_string(), "0.0.0.0:2");
        assert_eq!((config.listen.http.port(), config.listen.kafka.port()), (8080, 3));
        let serve = Serve { config: Some("missing.toml".into()), ..serve };
        assert!(serve.config().unwrap_err().to_string().contains("tollgate init"));
    }
}
