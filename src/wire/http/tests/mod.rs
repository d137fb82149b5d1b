//! The HTTP port of a whole server in this process, over real sockets.

mod calls;
mod idempotency;
mod operators;
mod peers;
mod volt_json;

use crate::{config::Config, node::Node};
use serde_json::Value as Json;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tollgate_procedures::{Abort, MultiTx, Procedure, Registry, Results, Tx, transaction::Outcome};
use tollgate_schema::{codec::TableHeader, dynamic, typed::Access, types::Type, value::Value};

const DDL: &str = "
    CREATE TABLE accounts (id INTEGER NOT NULL, name VARCHAR(20), balance BIGINT DEFAULT 0 NOT NULL, PRIMARY KEY (id));
    PARTITION TABLE accounts ON COLUMN id;
    CREATE TABLE rates (id INTEGER NOT NULL, rate DECIMAL, PRIMARY KEY (id));
    CREATE TABLE passing (id INTEGER NOT NULL, at TIMESTAMP, PRIMARY KEY (id))
        USING TTL 1 MINUTES ON COLUMN at MAX_FREQUENCY 20;
    PARTITION TABLE passing ON COLUMN id;
    CREATE STREAM payments PARTITION ON COLUMN account
        (account INTEGER NOT NULL, amount BIGINT NOT NULL, note VARCHAR(20), part DECIMAL);
";

/// Adds to an account and tells the stream; aborts when it would be overdrawn.
fn pay(tx: &mut Tx<'_>, account: i32, amount: i64) -> Result<i64, Abort> {
    let (accounts, payments) = (tx.base(), tx.base() + 3);
    let key = [Value::Integer(account)];
    let row = dynamic::find(tx.store(), accounts, &key)?;
    let mut row = row.ok_or_else(|| Abort::user(format!("there is no account {account}")))?;
    let Value::BigInt(balance) = row[2] else { panic!("the balance is not NULL") };
    if balance + amount < 0 {
        tx.decided(Outcome::Rejected, 0b100);
        return Err(Abort::user("the account would be overdrawn"));
    }
    tx.decided(Outcome::Accepted, u32::from(amount >= 5));
    row[2] = Value::BigInt(balance + amount);
    let now_us = tx.now_us();
    dynamic::update(tx.store_mut(), accounts, &key, &row, now_us)?;
    let paid = [Value::Integer(account), Value::BigInt(amount), Value::Varchar("paid".into()), Value::Null];
    dynamic::insert(tx.store_mut(), payments, &paid, now_us)?;
    Ok(balance + amount)
}

fn fail(_: &mut Tx<'_>, _: i32) -> Result<i64, Abort> {
    panic!("on purpose")
}

/// Answers with so many rows.
fn many(_: &mut Tx<'_>, _: i32, rows: i32) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    Ok(move |results: &mut Results<'_>| {
        results.table(&TableHeader::new([("N", Type::Integer)]), |table| {
            for n in 0..rows {
                table.row(|row| {
                    row.put_i32(n);
                });
            }
        });
    })
}

/// Adds a rate everywhere.
fn set_rate(tx: &mut MultiTx<'_>, id: i32) -> Result<i64, Abort> {
    let now_us = tx.now_us();
    for partition in 0..tx.partitions() {
        let mut tx = tx.partition(partition);
        let rates = tx.base() + 1;
        dynamic::insert(tx.store_mut(), rates, &[Value::Integer(id)], now_us)?;
    }
    Ok(tx.partitions() as i64)
}

fn registry() -> Arc<Registry> {
    let procedures = [
        Procedure::single("Pay", ["account", "amount"], pay).deciding_by(["large", "never"]),
        Procedure::single("Many", ["account", "rows"], many).read_only(),
        Procedure::single("Fail", ["account"], fail),
        Procedure::multi("SetRate", ["id"], set_rate),
    ];
    Arc::new(Registry::new().schema("test", DDL, procedures).expect("the test's schema is valid"))
}

/// A running server in a directory.
struct Server {
    node: Option<Node>,
}

impl Server {
    fn start(directory: &Path) -> Server {
        Server::with(directory, |_| {})
    }

    fn with(directory: &Path, change: impl FnOnce(&mut Config)) -> Server {
        let mut config =
            Config { data_dir: directory.join("data"), partitions: 2, executors: 2, ..Config::default() };
        config.listen.volt = ([127, 0, 0, 1], 0).into();
        config.listen.http = ([127, 0, 0, 1], 0).into();
        config.listen.kafka = ([127, 0, 0, 1], 0).into();
        config.log.segment_bytes = 1 << 20;
        config.limits.disk_free_bytes = 0;
        change(&mut config);
        let server = Server { node: Some(Node::start(config, registry()).expect("the server starts")) };
        // Calls are refused until each partition has a leader.
        while server.get("/api/v1/health").status != 200 {}
        server
    }

    fn node(&self) -> &Node {
        self.node.as_ref().expect("it runs until it is dropped")
    }

    fn address(&self) -> SocketAddr {
        self.node().http_address
    }

    fn connect(&self) -> Client {
        Client::to(self.address())
    }

    fn get(&self, path: &str) -> Answer {
        self.connect().send("GET", path, &[], b"")
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        self.connect().send("POST", path, &[], body.as_bytes())
    }

    /// Calls a procedure with parameters as JSON.
    fn call(&self, procedure: &str, parameters: &str) -> Answer {
        self.post(&format!("/api/v1/procedures/{procedure}"), &format!(r#"{{"parameters":{parameters}}}"#))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop();
        }
    }
}

/// A connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Client {
    fn to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("not zero");
        Client { stream: BufReader::new(stream) }
    }

    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        request.push_str("\r\n");
        self.write(&[request.as_bytes(), body].concat());
        self.read()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server takes it");
    }

    fn read(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).expect("an answer");
            assert!(read > 0, "the server hung up after {lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_string()),
            }
        }
        let status = lines[0].split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(n, v)| (n.to_ascii_lowercase(), v.to_string())).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole body");
        Answer { status, headers, body: String::from_utf8(body).expect("text") }
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one cell of a call that succeeded.
    #[track_caller]
    fn scalar(&self) -> i64 {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["results"][0]["rows"][0][0].as_i64().expect("a number")
    }

    /// Status, code and parameter of an error.
    #[track_caller]
    fn error(&self) -> (u16, String, Option<String>) {
        let json = self.json();
        let text = |name: &str| json["error"][name].as_str().map(str::to_string);
        assert!(text("message").is_some_and(|message| !message.is_empty()), "{self:?}");
        (self.status, text("code").unwrap_or_default(), text("parameter"))
    }
}
