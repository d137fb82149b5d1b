//! `tollgate demo`: a server in this process and the metro's simulators against its Volt and Kafka ports,
//! with a live table.

mod exported;
mod facts;
mod fraud_reader;
mod simulators;
mod view;

use super::{
    options::{self, Seconds},
    output::{grouped, print_line},
    serve::start_logging,
    simulate::create_cards,
};
use crate::{
    clock,
    config::Config,
    node::Node,
    simulate::{
        cards::CARDS,
        drive::{self, Drive, Rate},
    },
    stop::{self, Stop},
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use facts::Facts;
use fraud_reader::FraudReader;
use serde_json::{Value as Json, json};
use simulators::Simulators;
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tollgate_procedures::Registry;
use view::View;

/// Start a server on ./tollgate-demo and run a metro against it, with a live table
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// Entries a second, or max
    #[arg(long, value_name = "N", default_value = "5000", value_parser = options::rate)]
    rate: Rate,
    /// How many cards there are
    #[arg(long, value_name = "N", default_value_t = CARDS, value_parser = clap::value_parser!(i32).range(1..))]
    cards: i32,
    /// Where the log and the snapshots are; a second run on the same directory goes on with what is there
    #[arg(long, value_name = "DIR", default_value = "tollgate-demo")]
    data_dir: PathBuf,
    #[command(flatten)]
    seconds: Seconds,
    /// Port for VoltDB clients, on loopback; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 21212)]
    volt_port: u16,
    /// Port for HTTP, on loopback; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http_port: u16,
    /// Port for Kafka clients, on loopback; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 9092)]
    kafka_port: u16,
    /// Also export FRAUD, TRIPS and CARD_ALERT_EXPORT to the Kafka cluster there
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Calls that may wait for their reply, for each simulator
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    window: u32,
    /// Print the summary as one line of JSON, the only one on standard output
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Ctrl-C or SIGTERM ends it cleanly, with a summary. The seconds count from when the riders begin.
Examples:
  tollgate demo
  tollgate demo --kafka kafka-1:9092
  tollgate demo --rate 50000 --seconds 30 --json
  tollgate demo --data-dir /tmp/metro --volt-port 0 --http-port 0 --kafka-port 0 --cards 10000";

/// How often the live table is drawn.
const DRAW_EVERY: Duration = Duration::from_secs(1);

impl Demo {
    pub(super) fn run(self, registry: Registry) -> Result<ExitCode> {
        // The table shows that an export waits.
        start_logging("warn,tollgate::export::facts=error");
        for procedure in ["ValidateEntry", "ProcessExit", "RechargeCard"] {
            ensure!(
                registry.find(procedure).is_some(),
                "the demo needs {procedure}, which is not compiled in here"
            );
        }
        let stop = Stop::on_signals()?;
        let is_new = !self.data_dir.exists();
        let node = Node::start(self.config(), Arc::new(registry))?;
        eprintln!(
            "serving VoltDB clients at {}, HTTP at {}, Kafka clients at {}; data in {}, {}",
            node.volt_address,
            node.http_address,
            node.kafka_address,
            self.data_dir.display(),
            if is_new { "which is new".to_string() } else { Facts::of(&node.shared).recovery_text() }
        );
        let outcome = self.simulate(&node, &stop);
        // Whatever happened, what was acknowledged is kept in order.
        let facts = Facts::of(&node.shared);
        eprintln!("stopping the server");
        node.stop();
        let (view, failed) = outcome?;
        if self.json {
            let mut line = view.report().json();
            line.extend(facts.json());
            line.insert("fraud_read".to_string(), json!(view.fraud_read()));
            line.insert("cards".to_string(), json!(self.cards));
            print_line(&Json::Object(line).to_string())?;
        } else {
            let read = format!("fraud read over Kafka: {}\n", grouped(view.fraud_read()));
            print_line((view.report().text() + &read + &facts.text()).trim_end())?;
        }
        failed?;
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self) -> Config {
        let mut config = Config { data_dir: self.data_dir.clone(), ..Config::default() };
        config.listen.volt.set_port(self.volt_port);
        config.listen.http.set_port(self.http_port);
        config.listen.kafka.set_port(self.kafka_port);
        config.export.extend(self.kafka.as_deref().map(exported::config));
        config
    }

    /// What the run came to, and the error that ended it, if one did.
    fn simulate(&self, node: &Node, stop: &Arc<Stop>) -> Result<(View, Result<()>)> {
        let server = node.volt_address.into();
        drive::line::create(&server).context("stations and trains")?;
        let mut drive = Drive { server, stop: stop.clone(), end: None, window: self.window };
        let created = create_cards(&drive, self.cards);
        let began = clock::now();
        drive.end = self.seconds.end();
        let mut view = View::new(began);
        if stop.is_stopped() {
            return Ok((view, Ok(())));
        }
        created?;
        let kafka = node.kafka_address.to_string();
        let reader = FraudReader::start(&kafka)?;
        let simulators = Simulators::start(&drive, &kafka, self.rate, self.cards, view.tallies())?;
        let mut next = began;
        loop {
            next += DRAW_EVERY;
            let told = stop.wait_until(stop::earlier(next, drive.end));
            if told || stop::has_passed(drive.end) {
                break;
            }
            view.draw(&Facts::of(&node.shared), reader.read());
        }
        view.end();
        stop.stop();
        let failed = simulators.join();
        view.close();
        view.fraud_was_read(reader.finish(view.frauds()));
        Ok((view, failed))
    }
}
