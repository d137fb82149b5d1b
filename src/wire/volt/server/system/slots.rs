//! How much slow work runs at once, and how much may wait for its turn. It runs on tokio's blocking threads.

use crate::{
    limits,
    wire::volt::{status::Status, system::SystemError},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// See the module.
pub(super) struct Slots {
    running: Semaphore,
    taken: AtomicUsize,
}

/// Work that runs or waits.
struct Taken(Arc<Slots>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Slots {
    pub(super) fn new() -> Arc<Slots> {
        let running = Semaphore::new(limits::QUERIES_AT_ONCE_MAX);
        Arc::new(Slots { running, taken: AtomicUsize::new(0) })
    }

    /// Runs the work when its turn comes, on a thread that may block; refuses when too much waits already.
    pub(super) async fn run<R: Send + 'static>(
        self: Arc<Slots>,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, SystemError> {
        let before = self.taken.fetch_add(1, Ordering::AcqRel);
        let taken = Taken(self.clone());
        if before >= limits::QUERIES_WAITING_MAX {
            return Err(busy("the server is busy; please try again"));
        }
        let Ok(_permit) = self.running.acquire().await else {
            return Err(busy("the server is shutting down"));
        };
        let done = tokio::task::spawn_blocking(move || {
            let _taken = taken;
            work()
        });
        done.await.map_err(|error| SystemError {
            status: Status::UnexpectedFailure,
            text: format!("VOLTDB ERROR: UNEXPECTED FAILURE\n  {error}"),
        })
    }
}

fn busy(text: &str) -> SystemError {
    SystemError { status: Status::ServerUnavailable, text: text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_beyond_the_bound_is_refused_and_a_panic_frees_its_slot() {
        let slots = Slots::new();
        assert_eq!(slots.clone().run(|| 1).await, Ok(1));
        let error = slots.clone().run(|| panic!("as it happens")).await.map(|(): ()| ()).unwrap_err();
        assert_eq!(error.status, Status::UnexpectedFailure);

        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let mut tasks = Vec::new();
        for _ in 0..limits::QUERIES_WAITING_MAX {
            let (slots, wait) = (slots.clone(), wait.clone());
            tasks.push(tokio::spawn(slots.run(move || wait.lock().unwrap().recv().unwrap())));
        }
        while slots.taken.load(Ordering::Acquire) < limits::QUERIES_WAITING_MAX {
            tokio::task::yield_now().await;
        }
        let refused = slots.clone().run(|| ()).await.unwrap_err();
        assert_eq!(refused.status, Status::ServerUnavailable);
        tasks.iter().for_each(|_| release.send(()).unwrap());
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
        assert_eq!(slots.clone().run(|| 2).await, Ok(2), "there is room again");
    }
}
