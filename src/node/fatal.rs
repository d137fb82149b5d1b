//! How the process ends when something failed that the data depends on: a state that may be wrong, or a log
//! that may not be durable, must answer nobody.

use std::fmt::Display;

/// The process's exit code then.
const EXIT_FATAL: i32 = 70;

/// Does work that the data depends on. Its failure is logged here, once, and ends the process at once; so
/// does its panic.
pub(super) fn guarded<T, E: Display>(name: &str, work: impl FnOnce() -> Result<T, E>) -> T {
    let guard = EndOnPanic;
    let done = work().unwrap_or_else(|error| {
        tracing::error!(thread = name, "the server cannot go on: {error:#}");
        std::process::exit(EXIT_FATAL);
    });
    std::mem::forget(guard);
    done
}

struct EndOnPanic;

impl Drop for EndOnPanic {
    fn drop(&mut self) {
        tracing::error!("a thread that the data depends on panicked; the server ends");
        std::process::exit(EXIT_FATAL);
    }
}
