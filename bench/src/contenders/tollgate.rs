//! Tollgate itself, started from its binary as a user would start it. The command line, the configuration
//! keys and the addresses stand in this module and nowhere else in bench.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::process::{Server, find_binary, free_port};
use super::{Contender, Options, Shape};
use crate::clock;
use crate::transit::population::{Card, FARE_CENTS, Population, STATIONS};
use crate::wire::Codec;
use crate::wire::volt::{Parameter, VoltCodec, call_reply, encode_call, login_reply, login_request};

/// Calls sent before their replies are read while loading.
const LOAD_BATCH: usize = 2_000;

/// How long a start may take, recovery included.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(120);

/// What a node is started for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be fast on a machine of its own: what it will write to is there before it serves, so much memory
    /// and some segments of the log.
    Speed { ready_bytes: u64 },
    /// To have its state measured: it takes snapshots only when asked.
    State,
}

/// Memory for as many calls as a measurement makes of a node that is as fast as this one.
pub(crate) const READY_BYTES: u64 = 1 << 30;
const READY_SEGMENTS: u32 = 16;

/// Log growth that no measurement reaches.
const NEVER_LOG_BYTES: u64 = 1 << 40;

pub(crate) struct Tollgate {
    // Dropped in this order: the server first, then the directory it writes to.
    server: Server,
    directory: TempDir,
    binary: PathBuf,
    volt: SocketAddr,
    http: SocketAddr,
    kafka: SocketAddr,
    durability: &'static str,
    purpose: Purpose,
    version: String,
}

impl Tollgate {
    /// Starts a node on a fresh data directory. `durability` is "sync" or "async".
    pub(crate) fn start(
        options: &Options,
        durability: &'static str,
        purpose: Purpose,
    ) -> anyhow::Result<Self> {
        let Some(binary) = find_binary(std::slice::from_ref(&options.tollgate_binary)) else {
            let path = options.tollgate_binary.display();
            bail!("no Tollgate binary at {path}: cargo build --release, or name one with --tollgate");
        };
        let version =
            Command::new(&binary).arg("--version").output().context("asking for Tollgate's version")?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        let directory = tempfile::Builder::new().prefix("bench-tollgate-").tempdir()?;
        let volt = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let kafka = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut config = String::new();
        writeln!(config, "data_dir = {:?}", directory.path().join("data"))?;
        if let Some(partitions) = options.partitions {
            writeln!(config, "partitions = {partitions}")?;
        }
        if let Some(executors) = options.executors {
            writeln!(config, "executors = {executors}")?;
        }
        writeln!(config, "net_core = {}", matches!(purpose, Purpose::Speed { .. }))?;
        writeln!(config, "durability = {durability:?}\n\n[listen]\nvolt = \"{volt}\"\nhttp = \"{http}\"")?;
        writeln!(config, "kafka = \"{kafka}\"")?;
        writeln!(config, "\n[kafka]\nauto_create_topics = true\ntopic_partitions = 8")?;
        match purpose {
            Purpose::Speed { ready_bytes } => {
                writeln!(config, "\n[memory]\nready_bytes = {ready_bytes}")?;
                writeln!(config, "\n[log]\nready_segments = {READY_SEGMENTS}")?;
            }
            Purpose::State => writeln!(config, "\n[snapshot]\nlog_bytes = {NEVER_LOG_BYTES}")?,
        }
        std::fs::write(directory.path().join("tollgate.toml"), config)?;
        let server = launch(&binary, directory.path(), volt)?;
        Ok(Self { server, directory, binary, volt, http, kafka, durability, purpose, version })
    }

    /// Starts the node again on the same directory; the old process must have ended.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.server = launch(&self.binary, self.directory.path(), self.volt)?;
        Ok(())
    }

    /// Ends the node as an operator would.
    pub(crate) fn stop(&mut self) {
        self.server.stop(libc::SIGTERM);
    }

    /// Puts these lines behind the configuration: for the next start.
    pub(crate) fn configure(&self, lines: &str) -> anyhow::Result<()> {
        let path = self.directory.path().join("tollgate.toml");
        let file = std::fs::OpenOptions::new().append(true).open(&path);
        file.and_then(|mut file| file.write_all(lines.as_bytes()))
            .with_context(|| format!("writing to {}", path.display()))
    }

    /// Ends the node as a crash would.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.server.kill()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    pub(crate) fn kafka(&self) -> SocketAddr {
        self.kafka
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

fn launch(binary: &Path, directory: &Path, volt: SocketAddr) -> anyhow::Result<Server> {
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(directory.join("tollgate.toml"));
    let mut server = Server::start(&mut command, &directory.join("tollgate.log"))?;
    server.wait_for_port(volt, START_LIMIT)?;
    Ok(server)
}

impl Contender for Tollgate {
    fn version(&self) -> String {
        let mut text = format!("{}, durability {}", self.version, self.durability);
        if let Purpose::Speed { ready_bytes } = self.purpose {
            let ready_mib = ready_bytes >> 20;
            let _ = write!(text, ", net_core, {ready_mib} MiB and {READY_SEGMENTS} log segments ready");
        }
        text
    }

    fn shape(&self) -> Shape {
        Shape { connections: 4, window: 16_384 }
    }

    fn load(&mut self, population: Population) -> anyhow::Result<()> {
        let mut loader = Loader::new(self.connect()?);
        for (number, station) in STATIONS.iter().enumerate() {
            let parameters = [
                Parameter::SmallInt(station.id as i16),
                Parameter::Text(station.name),
                Parameter::SmallInt(FARE_CENTS as i16),
                Parameter::Integer(station.weight),
            ];
            if number == 0 {
                loader.first_call("stations.insert", &parameters)?;
            } else {
                loader.call("stations.insert", &parameters)?;
            }
        }
        for card in population.all_cards() {
            load_card(&mut loader, &card)?;
        }
        loader.finish()
    }

    fn connect(&self) -> anyhow::Result<TcpStream> {
        connect(self.volt)
    }

    fn codec(&self) -> Box<dyn Codec> {
        Box::new(VoltCodec::new())
    }

    fn process_id(&self) -> u32 {
        self.server.id()
    }
}

/// A connection that has logged in.
pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut socket = TcpStream::connect(address).context("connecting to Tollgate")?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(START_LIMIT))?;
    socket.write_all(&login_request()).context("logging in")?;
    let (mut input, mut filled) = ([0u8; 4096], 0);
    loop {
        match socket.read(&mut input[filled..]).context("logging in")? {
            0 => bail!("Tollgate closed the connection during the login"),
            count => filled += count,
        }
        if login_reply(&input[..filled])?.is_some() {
            socket.set_read_timeout(None)?;
            return Ok(socket);
        }
    }
}

fn load_card(loader: &mut Loader, card: &Card) -> anyhow::Result<()> {
    let (name, phone, email) = (card.name(), card.phone(), card.email());
    let parameters = [
        Parameter::Integer(card.id),
        Parameter::TinyInt(i8::from(card.enabled)),
        Parameter::TinyInt(i8::from(card.unlimited)),
        Parameter::Integer(card.balance_cents),
        Parameter::Timestamp(card.expires_ms.map(|expires_ms| expires_ms * 1000)),
        Parameter::Text(&name),
        Parameter::Text(&phone),
        Parameter::Text(&email),
        Parameter::TinyInt(card.notify as i8),
    ];
    loader.call("cards.insert", &parameters)
}

/// Pipelines calls and checks that each one succeeded.
struct Loader {
    socket: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
    filled: usize,
    waiting: usize,
}

impl Loader {
    fn new(socket: TcpStream) -> Self {
        Self { socket, out: Vec::new(), input: vec![0; 256 * 1024], filled: 0, waiting: 0 }
    }

    fn call(&mut self, procedure: &str, parameters: &[Parameter<'_>]) -> anyhow::Result<()> {
        encode_call(procedure, 1, parameters, &mut self.out);
        self.waiting += 1;
        if self.waiting == LOAD_BATCH { self.finish() } else { Ok(()) }
    }

    /// A node that has just started refuses until its partitions have leaders: calls until it does not.
    fn first_call(&mut self, procedure: &str, parameters: &[Parameter<'_>]) -> anyhow::Result<()> {
        let mut result = Ok(());
        clock::wait_until(START_LIMIT, || {
            result = self.call(procedure, parameters).and_then(|()| self.finish());
            result.is_ok()
        });
        result
    }

    /// Sends what is queued and reads every reply; the error is that of the first call that failed.
    fn finish(&mut self) -> anyhow::Result<()> {
        self.socket.write_all(&self.out).context("loading Tollgate")?;
        self.out.clear();
        let mut first_error = None;
        while self.waiting > 0 {
            match self.socket.read(&mut self.input[self.filled..]).context("loading Tollgate")? {
                0 => bail!("Tollgate closed the connection while it was loaded"),
                count => self.filled += count,
            }
            let mut at = 0;
            while let Some((used, result)) = call_reply(&self.input[at..self.filled])? {
                first_error = first_error.or(result.err());
                at += used;
                self.waiting -= 1;
            }
            self.input.copy_within(at..self.filled, 0);
            self.filled -= at;
        }
        first_error.map_or(Ok(()), |text| Err(anyhow::Error::msg(text).context("loading Tollgate")))
    }
}
