//! The one place where bench reads the machine's clock or waits for it.
//! Everything else gets nanoseconds from here, so that no other module needs an exception.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds on the monotonic clock since the first call in this process.
#[allow(clippy::disallowed_methods, reason = "a load generator measures real time; this is its only clock")]
pub(crate) fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    // A u64 of nanoseconds lasts 584 years.
    Instant::now().duration_since(start).as_nanos() as u64
}

/// Waits before asking a foreign process again whether it is ready: it offers no event to wait for.
#[allow(clippy::disallowed_methods, reason = "polling a foreign process during its start")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Asks `ready` every 10 ms until it says true; false when `limit` has passed first.
pub(crate) fn wait_until(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let deadline_ns = now_ns() + limit.as_nanos() as u64;
    loop {
        if ready() {
            return true;
        }
        if now_ns() > deadline_ns {
            return false;
        }
        pause(Duration::from_millis(10));
    }
}
