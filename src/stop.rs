//! Asking threads to stop, and waiting for a moment unless asked.

use crate::clock;
use parking_lot::{Condvar, Mutex};
use std::{io, sync::Arc, time::Instant};

/// Told once; every waiter learns of it.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    pub fn stop(&self) {
        *self.stopped.lock() = true;
        self.told.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }

    /// Waits until then, or until told to stop. True: told to.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        let mut stopped = self.stopped.lock();
        while !*stopped {
            if self.told.wait_until(&mut stopped, deadline).timed_out() {
                break;
            }
        }
        *stopped
    }

    /// Waits until told to stop.
    pub fn wait(&self) {
        let mut stopped = self.stopped.lock();
        while !*stopped {
            self.told.wait(&mut stopped);
        }
    }

    /// A stop that is told by SIGINT and SIGTERM. A second signal ends the process at once.
    pub fn on_signals() -> io::Result<Arc<Stop>> {
        let stop = Arc::new(Stop::default());
        let told = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut interrupt, mut terminate) = {
            use tokio::signal::unix::{SignalKind, signal};
            let _guard = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let watch = move || {
            runtime.block_on(async {
                for first in [true, false] {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    if first {
                        told.stop();
                    }
                }
            });
            std::process::exit(EXIT_INTERRUPTED);
        };
        std::thread::Builder::new().name("signals".to_string()).spawn(watch)?;
        Ok(stop)
    }
}

/// What a shell reports for a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

/// The earlier of a moment and the end, if there is one.
pub fn earlier(moment: Instant, end: Option<Instant>) -> Instant {
    end.map_or(moment, |end| end.min(moment))
}

/// Whether there is an end and it has passed.
pub fn has_passed(end: Option<Instant>) -> bool {
    end.is_some_and(|end| end <= clock::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wait_ends_at_its_deadline_or_when_told() {
        let stop = Arc::new(Stop::default());
        assert!(!stop.wait_until(clock::now() + Duration::from_millis(1)));
        let waiter = {
            let stop = stop.clone();
            std::thread::spawn(move || stop.wait_until(clock::now() + Duration::from_secs(600)))
        };
        stop.stop();
        assert!(waiter.join().unwrap());
        assert!(stop.is_stopped());
        stop.wait();
    }

    #[test]
    fn ends() {
        let now = clock::now();
        let later = now + Duration::from_secs(600);
        assert_eq!(
            (earlier(later, Some(now)), earlier(now, Some(later)), earlier(now, None)),
            (now, now, now)
        );
        assert!(has_passed(Some(now)) && !has_passed(Some(later)) && !has_passed(None));
    }
}
