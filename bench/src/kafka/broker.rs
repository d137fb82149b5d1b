//! Apache Kafka's broker, one node in KRaft mode, on loopback.

use crate::contenders::process::{Server, free_port};
use anyhow::{Context as _, ensure};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

use super::PARTITIONS;

/// Where `cargo xtask tools` puts its jars.
const JARS: &str = "target/test-tools/kafka-broker";
const START_LIMIT: Duration = Duration::from_secs(60);
/// Any will do: 16 bytes in base64.
const CLUSTER_ID: &str = "dG9sbGdhdGUtYmVuY2gtMQ";

pub(super) struct Broker {
    jars: PathBuf,
    pub(super) address: SocketAddr,
    _server: Server,
    _directory: TempDir,
}

impl Broker {
    pub(super) fn start() -> anyhow::Result<Broker> {
        let jars = PathBuf::from(JARS);
        ensure!(jars.join("installed").exists(), "no broker at {JARS}: cargo xtask tools installs it");
        let directory = tempfile::Builder::new().prefix("bench-kafka-").tempdir()?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let controller = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let properties = directory.path().join("server.properties");
        let text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{controller}\n\
             listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{address}\ncontroller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             log.dirs={}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n",
            directory.path().join("data").display()
        );
        fs::write(&properties, text)?;
        run(java(&jars)
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(&properties))?;
        let mut command = java(&jars);
        command.arg("kafka.Kafka").arg(&properties);
        let mut server = Server::start(&mut command, &directory.path().join("log"))?;
        server.wait_for_port(address, START_LIMIT)?;
        Ok(Broker { jars, address, _server: server, _directory: directory })
    }

    /// `setting`: `name=value`, or nothing.
    pub(super) fn make_topic(&self, name: &str, setting: &str) -> anyhow::Result<()> {
        let mut command = java(&self.jars);
        command.arg("org.apache.kafka.tools.TopicCommand").args(["--create", "--topic", name]);
        command.arg("--bootstrap-server").arg(self.address.to_string());
        command.arg("--partitions").arg(PARTITIONS.to_string());
        if !setting.is_empty() {
            command.args(["--config", setting]);
        }
        run(&mut command)
    }
}

fn java(jars: &Path) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx1g", "-cp"]).arg(format!("{}/*", jars.display()));
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("starting java")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    Ok(())
}
