//! The systems compared: each is started from its own binary in a fresh temporary directory, loaded with the
//! same stations and cards, and stopped when dropped.

pub(crate) mod null;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod tollgate;

use std::net::TcpStream;

use self::redis::Persistence;
use self::tollgate::Purpose;
use crate::transit::population::Population;
use crate::wire::Codec;
use crate::wire::resp::Form;

/// How a contender is driven best; chosen by measuring, overridable on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    /// Calls in flight over all connections when saturated.
    pub(crate) window: usize,
}

/// A running system that can judge taps.
pub(crate) trait Contender {
    /// The system and the settings that matter, for the report.
    fn version(&self) -> String;

    fn shape(&self) -> Shape;

    /// Creates the stations and all cards, and makes the procedure callable.
    fn load(&mut self, population: Population) -> anyhow::Result<()>;

    /// A blocking connection, logged in and ready for taps.
    fn connect(&self) -> anyhow::Result<TcpStream>;

    fn codec(&self) -> Box<dyn Codec>;

    /// Process ids whose processor time and memory are this contender's.
    fn process_id(&self) -> u32;
}

/// What `--contenders` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Tollgate with durability = "sync".
    Tollgate,
    /// Tollgate with durability = "async".
    TollgateAsync,
    /// Redis, nothing on disk, the Lua function in its fastest form.
    Redis,
    /// The same, called with the contract's five arguments and answering with its two columns.
    RedisPlain,
    /// Redis with appendfsync everysec.
    RedisEverysec,
    /// Redis with appendfsync always.
    RedisAlways,
    /// PostgreSQL with synchronous_commit on.
    Postgres,
    /// A server that judges nothing: the generator's own limit.
    Null,
}

impl Kind {
    /// The name in reports and in `--json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tollgate => "tollgate",
            Self::TollgateAsync => "tollgate-async",
            Self::Redis => "redis",
            Self::RedisPlain => "redis-plain",
            Self::RedisEverysec => "redis-everysec",
            Self::RedisAlways => "redis-always",
            Self::Postgres => "postgres",
            Self::Null => "null",
        }
    }

    /// True for all but the null server: its answers follow the rules.
    pub(crate) fn judges(self) -> bool {
        self != Self::Null
    }

    /// Starts the system, empty.
    pub(crate) fn start(self, options: &Options) -> anyhow::Result<Box<dyn Contender>> {
        const SPEED: Purpose = Purpose::Speed { ready_bytes: tollgate::READY_BYTES };
        Ok(match self {
            Self::Tollgate => Box::new(tollgate::Tollgate::start(options, "sync", SPEED)?),
            Self::TollgateAsync => Box::new(tollgate::Tollgate::start(options, "async", SPEED)?),
            Self::Redis => Box::new(redis::Redis::start(Persistence::Off, Form::Packed)?),
            Self::RedisPlain => Box::new(redis::Redis::start(Persistence::Off, Form::Plain)?),
            Self::RedisEverysec => Box::new(redis::Redis::start(Persistence::EverySecond, Form::Packed)?),
            Self::RedisAlways => Box::new(redis::Redis::start(Persistence::Always, Form::Packed)?),
            Self::Postgres => Box::new(postgres::Postgres::start()?),
            Self::Null => Box::new(null::Null::start()?),
        })
    }
}

/// What starting a contender depends on.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) tollgate_binary: std::path::PathBuf,
    pub(crate) partitions: Option<u32>,
    /// Tollgate's number of executors; its own default if unset.
    pub(crate) executors: Option<u32>,
}
