//! A real Apache Kafka broker as a process of its own, in a directory of its own, on ports of its own:
//! started and waited for, killed, started again on the same data. `cargo xtask tools` installs its jars.

use super::{programs, server::free_address, wait};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
};
use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Any will do: 16 bytes in base64.
const CLUSTER_ID: &str = "dG9sbGdhdGUtdGVzdHMtMQ";

pub(crate) struct KafkaBroker {
    jars: PathBuf,
    directory: TempDir,
    pub(crate) address: SocketAddr,
    process: Option<Child>,
}

impl KafkaBroker {
    /// A broker that answers, or `None` after [`programs::skip`].
    pub(crate) fn start() -> Option<KafkaBroker> {
        let jars = programs::tools().join("kafka-broker");
        if !jars.join("installed").exists() {
            programs::skip("Apache Kafka is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory for the broker");
        let (address, controller) = (free_address(), free_address());
        let data = directory.path().join("data");
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{controller}\n\
             listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{address}\ncontroller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             log.dirs={}\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\n\
             auto.create.topics.enable=false\n",
            data.display()
        );
        fs::write(directory.path().join("server.properties"), properties).expect("the broker's properties");
        let mut broker = KafkaBroker { jars, directory, address, process: None };
        let mut format = broker.java();
        format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]);
        programs::run(format.arg(broker.directory.path().join("server.properties")));
        broker.restart();
        Some(broker)
    }

    fn java(&self) -> Command {
        let mut command = Command::new("java");
        command
            .args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(format!("{}/*", self.jars.display()));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Starts it on the data that is there, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "the broker runs already");
        let log = self.directory.path().join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("the broker's log");
        let mut command = self.java();
        command.arg("kafka.Kafka").arg(self.directory.path().join("server.properties"));
        command.stdout(log.try_clone().expect("a second handle of the log")).stderr(log);
        self.process = Some(command.spawn().expect("the broker starts"));
        let consumer = self.consumer(&[]);
        let answers = wait::until(|| consumer.fetch_metadata(None, Duration::from_secs(1)).ok());
        assert!(answers.is_some(), "the broker did not answer:\n{}", self.log());
    }

    /// Ends the process as a power switch would, as far as a process can see.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("the broker runs");
        process.kill().expect("a child of ours");
        process.wait().expect("a child of ours");
    }

    /// A consumer in no group of its own, with these properties.
    pub(crate) fn consumer(&self, properties: &[(&str, &str)]) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address.to_string()).set("group.id", "test");
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        for (property, value) in properties {
            config.set(*property, *value);
        }
        config.create().expect("a consumer")
    }

    /// Makes a topic with these properties.
    pub(crate) fn make_topic(&self, name: &str, partitions: i32, properties: &[(&str, &str)]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address.to_string());
        let admin: AdminClient<DefaultClientContext> = config.create().expect("an admin client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (property, value) in properties {
            topic = topic.set(property, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()));
        made.expect("an answer")[0].as_ref().expect("the topic is made");
    }

    /// What it printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for KafkaBroker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("the broker's log ends with:");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}
