//! Waiting for something with a deadline: the only clock and the only sleep of the tests. The deadlines are
//! generous; a test never fails because a machine was slow for a moment, and never hangs.

#![allow(clippy::disallowed_methods, reason = "this is the one place")]

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for a busy machine and a debug build; what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer; `None` after [`PATIENCE`].
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > PATIENCE {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Lets others work for that long: for load, or for a slow client; never to hope that something has happened.
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

/// A point on the monotonic clock.
pub(crate) fn now() -> Instant {
    Instant::now()
}
