//! Redis 7 with ValidateEntry as a Lua function (`validate_entry.lua`), on a TCP loopback port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::process::{Server, find_binary, free_port};
use super::{Contender, Shape};
use crate::transit::population::{Card, Population, STATIONS};
use crate::wire::Codec;
use crate::wire::resp::{Form, RespCodec, encode_command, simple_reply};

const FUNCTION: &str = include_str!("validate_entry.lua");

/// Commands sent before their replies are read while loading.
const LOAD_BATCH: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    Off,
    EverySecond,
    Always,
}

pub(crate) struct Redis {
    // Dropped in this order: the server first, then the directory it writes to.
    server: Server,
    _directory: TempDir,
    address: SocketAddr,
    version: String,
    persistence: Persistence,
    form: Form,
}

impl Redis {
    pub(crate) fn start(persistence: Persistence, form: Form) -> anyhow::Result<Self> {
        let Some(binary) = find_binary(&[PathBuf::from("redis-server")]) else {
            bail!("redis-server is not installed; on Debian: apt-get install redis-server");
        };
        let version = Command::new(&binary).arg("--version").output().context("asking for Redis' version")?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let version = version.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("?");
        let directory = tempfile::Builder::new().prefix("bench-redis-").tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(&binary);
        command.arg("--port").arg(port.to_string()).args(["--bind", "127.0.0.1"]);
        command.arg("--dir").arg(directory.path());
        // Nothing that costs time and is not asked for: no RDB points, no slow log, no latency histograms.
        command.args(["--save", "", "--slowlog-log-slower-than", "-1", "--latency-tracking", "no"]);
        match persistence {
            Persistence::Off => command.args(["--appendonly", "no"]),
            Persistence::EverySecond => command.args(["--appendonly", "yes", "--appendfsync", "everysec"]),
            Persistence::Always => command.args(["--appendonly", "yes", "--appendfsync", "always"]),
        };
        let mut server = Server::start(&mut command, &directory.path().join("redis.log"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.wait_for_port(address, Duration::from_secs(20))?;
        Ok(Self { server, _directory: directory, address, version: version.to_owned(), persistence, form })
    }
}

impl Contender for Redis {
    fn version(&self) -> String {
        let persistence = match self.persistence {
            Persistence::Off => "nothing on disk",
            Persistence::EverySecond => "AOF, appendfsync everysec",
            Persistence::Always => "AOF, appendfsync always",
        };
        let form = match self.form {
            Form::Packed => "one packed argument",
            Form::Plain => "five arguments, two columns",
        };
        format!("Redis {}, Lua function, {form}, {persistence}", self.version)
    }

    fn shape(&self) -> Shape {
        Shape { connections: 1, window: 512 }
    }

    fn load(&mut self, population: Population) -> anyhow::Result<()> {
        let mut loader = Loader::new(self.connect()?);
        loader.command(&[b"FUNCTION", b"LOAD", FUNCTION.as_bytes()])?;
        for station in &STATIONS {
            let (id, fare) = (station.id.to_string(), crate::transit::population::FARE_CENTS.to_string());
            let arguments = [id.as_bytes(), fare.as_bytes(), station.name.as_bytes()];
            loader.command(&[&[b"FCALL".as_slice(), b"PutStation", b"0"], &arguments[..]].concat())?;
        }
        for card in population.all_cards() {
            loader.command(&[b"SET", format!("c:{}", card.id).as_bytes(), &packed(&card)])?;
        }
        loader.finish()
    }

    fn connect(&self) -> anyhow::Result<TcpStream> {
        let socket = TcpStream::connect(self.address).context("connecting to Redis")?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    fn codec(&self) -> Box<dyn Codec> {
        Box::new(RespCodec(self.form))
    }

    fn process_id(&self) -> u32 {
        self.server.id()
    }
}

/// A card as the function's header lays it out.
fn packed(card: &Card) -> Vec<u8> {
    let profile = format!("{},{},{}", card.name(), card.phone(), card.email());
    let value = if card.unlimited { card.expires_ms.unwrap_or(0) } else { i64::from(card.balance_cents) };
    let mut bytes = vec![u8::from(card.enabled) | u8::from(card.unlimited) << 1, card.notify as u8];
    bytes.extend_from_slice(&value.to_le_bytes()[..6]);
    bytes.push(u8::try_from(profile.len()).expect("a profile is some sixty bytes"));
    bytes.extend_from_slice(profile.as_bytes());
    bytes
}

/// Pipelines commands and checks that each one was answered without an error.
struct Loader {
    socket: TcpStream,
    out: Vec<u8>,
    waiting: usize,
}

impl Loader {
    fn new(socket: TcpStream) -> Self {
        Self { socket, out: Vec::new(), waiting: 0 }
    }

    fn command(&mut self, arguments: &[&[u8]]) -> anyhow::Result<()> {
        encode_command(arguments, &mut self.out);
        self.waiting += 1;
        if self.waiting == LOAD_BATCH { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.socket.write_all(&self.out).context("loading Redis")?;
        self.out.clear();
        let (mut input, mut filled) = (vec![0u8; 64 * 1024], 0);
        while self.waiting > 0 {
            match self.socket.read(&mut input[filled..]).context("loading Redis")? {
                0 => bail!("Redis closed the connection while it was loaded"),
                count => filled += count,
            }
            let mut at = 0;
            while let Some(used) = simple_reply(&input[at..filled])? {
                at += used;
                self.waiting -= 1;
            }
            input.copy_within(at..filled, 0);
            filled -= at;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;

    const SMALL: Population = Population { cards: 600 };

    fn check(form: Form, persistence: Persistence) {
        let mut redis = Redis::start(persistence, form).unwrap();
        redis.load(SMALL).unwrap();
        let counts = verify::run(&redis, SMALL, 3, 20_000).unwrap();
        assert!(counts.fraud > 100 && counts.failed > 0, "{counts:?}");
    }

    #[test]
    fn the_fastest_form_follows_the_rules() {
        check(Form::Packed, Persistence::Off);
    }

    #[test]
    fn the_contracts_form_follows_the_rules() {
        check(Form::Plain, Persistence::EverySecond);
    }
}
