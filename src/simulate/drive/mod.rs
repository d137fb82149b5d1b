//! The simulators against a server: each is a loop on its caller's thread, until it is told to stop.

pub mod cards;
pub mod kafka;
pub mod line;
pub mod riders;
pub mod trains;

use crate::{
    client::{ClientError, ServerAddress},
    clock,
    stop::{self, Stop},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// What every simulator needs to know.
#[derive(Clone)]
pub struct Drive {
    pub server: ServerAddress,
    pub stop: Arc<Stop>,
    /// When to end without being told; `None`: never.
    pub end: Option<Instant>,
    /// Calls that may wait for their reply.
    pub window: u32,
}

/// How fast to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    PerSecond(f64),
    /// As fast as the server answers.
    Max,
}

/// How long a simulator waits for its last replies.
const LAST_REPLIES_MAX: Duration = Duration::from_secs(30);

/// Microseconds since a driver began.
struct Stopwatch(Instant);

impl Stopwatch {
    fn start() -> Stopwatch {
        Stopwatch(clock::now())
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn at(&self, us: u64) -> Instant {
        self.0 + Duration::from_micros(us)
    }
}

impl Drive {
    /// Waits until then, but no longer than until the end; true: go on.
    fn wait_until(&self, moment: Instant) -> bool {
        !self.stop.wait_until(stop::earlier(moment, self.end)) && !stop::has_passed(self.end)
    }

    fn goes_on(&self) -> bool {
        !self.stop.is_stopped() && !stop::has_passed(self.end)
    }
}

/// A simulator's outcome: losing the server is an error unless it was told to stop.
type Driven = Result<(), ClientError>;
