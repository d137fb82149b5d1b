//! System procedures and ad hoc SQL of a running node, over its Volt port.

mod catalog;
mod many_calls;
mod operations;
mod raw;
mod sql;
mod statistics;

use raw::RawConnection;
use std::sync::Arc;
use tollgate::{
    client::{Answer, Connection},
    config::Config,
    node::Node,
    wire::volt::invocation::Invocation,
};
use tollgate_procedures::{Abort, Procedure, Registry, Tx};
use tollgate_schema::{codec::ParamWriter, typed::Access as _, value::Value};

const DDL: &str = "
    CREATE TABLE cards (
        card_id INTEGER NOT NULL, name VARCHAR(20), cents INTEGER DEFAULT 0 NOT NULL, since TIMESTAMP DEFAULT NOW,
        PRIMARY KEY (card_id)
    );
    PARTITION TABLE cards ON COLUMN card_id;
    CREATE TABLE stations (station_id INTEGER NOT NULL, name VARCHAR(20), PRIMARY KEY (station_id));
    CREATE TABLE words (word VARCHAR(20) NOT NULL, PRIMARY KEY (word));
    PARTITION TABLE words ON COLUMN word;
    CREATE TABLE passing (id INTEGER NOT NULL, at TIMESTAMP, PRIMARY KEY (id))
        USING TTL 1 MINUTES ON COLUMN at MAX_FREQUENCY 20;
    PARTITION TABLE passing ON COLUMN id;
    CREATE STREAM news (text VARCHAR(20) NOT NULL);
    CREATE VIEW by_name (name, cards, cents) AS SELECT name, COUNT(*), SUM(cents) FROM cards GROUP BY name;";

/// How many words are in the partition, so many times.
fn words_here(tx: &mut Tx<'_>, times: i32) -> Result<i64, Abort> {
    let words = tx.store().catalog().find("words").expect("it is declared");
    Ok(tx.store().count(words) as i64 * i64::from(times))
}

/// A node with a data directory of its own, and one connection to it.
struct Server {
    node: Option<Node>,
    connection: Connection,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Server {
        let directory = tempfile::tempdir().expect("a directory for a test");
        let mut config = Config { data_dir: directory.path().join("data"), ..Config::default() };
        config.executors = 2;
        config.listen.volt.set_port(0);
        config.listen.http.set_port(0);
        config.listen.kafka.set_port(0);
        config.limits.disk_free_bytes = 0;
        config.log.segment_bytes = 1 << 20;
        let procedures = [Procedure::directed("WordsHere", ["times"], words_here)];
        let registry = Registry::new().schema("test", DDL, procedures).expect("the schema is valid");
        let node = Node::start(config, Arc::new(registry)).expect("the node starts");
        let connection = open(&node);
        Server { node: Some(node), connection, _directory: directory }
    }

    fn connect(&self) -> Connection {
        open(self.node.as_ref().expect("the node runs"))
    }

    fn call(&mut self, procedure: &str, parameters: &[Value]) -> Answer {
        self.connection.call(procedure, parameters).expect("the server answers")
    }

    fn call_texts(&mut self, procedure: &str, parameters: &[&str]) -> Answer {
        let values: Vec<_> = parameters.iter().map(|text| Value::Varchar((*text).to_string())).collect();
        self.call(procedure, &values)
    }

    /// What an ad hoc text that may take so long is answered with, as text.
    fn sql_within(&mut self, text: &str, timeout_ms: i32) -> String {
        let node = self.node.as_ref().expect("the node runs");
        let mut params = Vec::new();
        let mut writer = ParamWriter::new(&mut params);
        writer.put_str(text);
        writer.finish();
        let call = Invocation { query_timeout_ms: Some(timeout_ms), ..Invocation::new("@AdHoc", 1, &params) };
        render(&RawConnection::open(node.volt_address).call(&call))
    }

    /// What an ad hoc text is answered with, as text.
    fn sql(&mut self, text: &str) -> String {
        let answer = self.call_texts("@AdHoc", &[text]);
        render(&answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop();
        }
    }
}

fn open(node: &Node) -> Connection {
    let server = node.volt_address.to_string().parse().expect("an address");
    Connection::open(&server).expect("the server takes connections")
}

/// Status and text of a failure; of a success each table, a line for its columns and one for each row.
fn render(answer: &Answer) -> String {
    if !answer.is_success() {
        return format!("{}: {}\n", answer.status.name(), answer.status_text);
    }
    let mut out = String::new();
    for table in &answer.tables {
        let names: Vec<_> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        out += &format!("{}\n", names.join(" | "));
        for row in &table.rows {
            let cells: Vec<_> = row.iter().map(ToString::to_string).collect();
            out += &format!("  {}\n", cells.join(" | "));
        }
    }
    out
}
