//! PostgreSQL with ValidateEntry in PL/pgSQL (`validate_entry.sql`), synchronous_commit on, on a TCP loopback
//! port.

use std::ffi::CString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use super::process::{Server, find_binary, free_port};
use super::{Contender, Shape};
use crate::clock;
use crate::transit::population::{FARE_CENTS, Population, STATIONS};
use crate::wire::Codec;
use crate::wire::postgres::{PostgresCodec, prepare, query, startup, until_ready};

const SCHEMA: &str = include_str!("validate_entry.sql");

/// The database's own superuser, the same whoever runs bench.
const USER: &str = "postgres";

const START_LIMIT: Duration = Duration::from_secs(30);

/// Cards in one INSERT statement while loading.
const CARDS_PER_INSERT: usize = 5_000;

/// Sized for this job: everything in memory, one checkpoint's worth of log and more, no JIT for tiny
/// statements.
const SETTINGS: [&str; 9] = [
    "synchronous_commit=on",
    "fsync=on",
    "shared_buffers=2GB",
    "wal_buffers=64MB",
    "max_wal_size=16GB",
    "checkpoint_timeout=15min",
    "max_connections=100",
    "jit=off",
    "unix_socket_directories=",
];

pub(crate) struct Postgres {
    // Dropped in this order: the server first, then the directory it writes to.
    server: Server,
    _directory: TempDir,
    address: SocketAddr,
    version: String,
}

impl Postgres {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let binary = find_server()?;
        let version =
            Command::new(&binary).arg("--version").output().context("asking for PostgreSQL's version")?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        let directory = tempfile::Builder::new().prefix("bench-postgres-").tempdir()?;
        let identity = server_identity()?;
        if let Some((user_id, group_id)) = identity {
            std::os::unix::fs::chown(directory.path(), Some(user_id), Some(group_id))?;
        }
        let data = directory.path().join("data");
        initialise(&binary.with_file_name("initdb"), &data, identity)?;
        let port = free_port()?;
        let mut command = Command::new(&binary);
        as_user(&mut command, identity).current_dir(directory.path()).arg("-D").arg(&data);
        command.arg("-p").arg(port.to_string()).args(["-h", "127.0.0.1"]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let mut server = Server::start(&mut command, &directory.path().join("postgres.log"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.wait_for_port(address, START_LIMIT)?;
        let started = Self { server, _directory: directory, address, version };
        // It listens before it lets anyone in.
        if !clock::wait_until(START_LIMIT, || started.session().is_ok()) {
            bail!("PostgreSQL lets nobody in after {START_LIMIT:?}:\n{}", started.server.last_words());
        }
        Ok(started)
    }

    /// A connection past the startup, nothing prepared.
    fn session(&self) -> anyhow::Result<TcpStream> {
        let mut socket = TcpStream::connect(self.address).context("connecting to PostgreSQL")?;
        socket.set_nodelay(true)?;
        exchange(&mut socket, &startup(USER, USER)).context("starting a session")?;
        Ok(socket)
    }
}

impl Contender for Postgres {
    fn version(&self) -> String {
        format!("{}, PL/pgSQL function, synchronous_commit on", self.version)
    }

    fn shape(&self) -> Shape {
        Shape { connections: 32, window: 512 }
    }

    fn load(&mut self, population: Population) -> anyhow::Result<()> {
        let mut session = self.session()?;
        exchange(&mut session, &query(SCHEMA)).context("creating the schema")?;
        for station in &STATIONS {
            let sql =
                format!("INSERT INTO stations VALUES ({}, '{}', {FARE_CENTS})", station.id, station.name);
            exchange(&mut session, &query(&sql))?;
        }
        let mut cards = population.all_cards().peekable();
        while cards.peek().is_some() {
            let rows: Vec<String> = cards
                .by_ref()
                .take(CARDS_PER_INSERT)
                .map(|card| {
                    format!(
                        "({},{},{},{},{},'{}','{}','{}',{})",
                        card.id,
                        i32::from(card.enabled),
                        i32::from(card.unlimited),
                        card.balance_cents,
                        card.expires_ms.map_or("NULL".to_owned(), |expires_ms| expires_ms.to_string()),
                        card.name(),
                        card.phone(),
                        card.email(),
                        card.notify
                    )
                })
                .collect();
            exchange(&mut session, &query(&format!("INSERT INTO cards VALUES {}", rows.join(","))))?;
        }
        for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
            exchange(&mut session, &query(sql)).context("settling after the load")?;
        }
        Ok(())
    }

    fn connect(&self) -> anyhow::Result<TcpStream> {
        let mut session = self.session()?;
        exchange(&mut session, &prepare()).context("preparing the call")?;
        Ok(session)
    }

    fn codec(&self) -> Box<dyn Codec> {
        Box::new(PostgresCodec::new())
    }

    fn process_id(&self) -> u32 {
        self.server.id()
    }

    // Its backends are processes of their own, which the postmaster has forked.
}

/// Sends one request and reads until the server is ready again.
fn exchange(socket: &mut TcpStream, request: &[u8]) -> anyhow::Result<()> {
    socket.write_all(request)?;
    let (mut input, mut filled) = (vec![0u8; 64 * 1024], 0);
    loop {
        if filled == input.len() {
            input.resize(input.len() * 2, 0);
        }
        match socket.read(&mut input[filled..])? {
            0 => bail!("PostgreSQL closed the connection: {}", String::from_utf8_lossy(&input[..filled])),
            count => filled += count,
        }
        if let Some((_, result)) = until_ready(&input[..filled])? {
            return result.map_err(anyhow::Error::msg);
        }
    }
}

/// The newest server binary in Debian's place, or the one in PATH.
fn find_server() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    versions.sort();
    let mut candidates: Vec<PathBuf> = versions.iter().rev().map(|path| path.join("bin/postgres")).collect();
    candidates.push(PathBuf::from("postgres"));
    match find_binary(&candidates) {
        Some(binary) => Ok(binary),
        None => bail!("the PostgreSQL server is not installed; on Debian: apt-get install postgresql"),
    }
}

/// User and group to run as: PostgreSQL refuses root. None when bench is not root itself.
#[allow(unsafe_code, reason = "std cannot look users up")]
fn server_identity() -> anyhow::Result<Option<(u32, u32)>> {
    // SAFETY: geteuid has no arguments and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        let name = CString::new(name).expect("the names hold no zero byte");
        // SAFETY: `name` is a C string that outlives the call; the result is null or points to static storage
        // that stays as it is until the next look-up, which only this thread could make.
        let entry = unsafe { libc::getpwnam(name.as_ptr()).as_ref() };
        if let Some(entry) = entry {
            return Ok(Some((entry.pw_uid, entry.pw_gid)));
        }
    }
    bail!("PostgreSQL refuses to run as root, and neither user postgres nor nobody exists")
}

fn as_user(command: &mut Command, identity: Option<(u32, u32)>) -> &mut Command {
    if let Some((user_id, group_id)) = identity {
        command.uid(user_id).gid(group_id);
    }
    command
}

fn initialise(initdb: &Path, data: &Path, identity: Option<(u32, u32)>) -> anyhow::Result<()> {
    let mut command = Command::new(initdb);
    as_user(&mut command, identity).current_dir("/").arg("-D").arg(data);
    command.args(["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    let output = command.output().with_context(|| format!("running {}", initdb.display()))?;
    ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;

    #[test]
    fn the_function_follows_the_rules() {
        let population = Population { cards: 600 };
        let mut postgres = Postgres::start().unwrap();
        postgres.load(population).unwrap();
        // The cards of the verification stream need some taps each before the windows fill.
        let counts = verify::run(&postgres, population, 3, 6_000).unwrap();
        assert!(counts.fraud > 0 && counts.failed > 0, "{counts:?}");
    }
}
