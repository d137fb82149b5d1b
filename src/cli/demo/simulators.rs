//! The threads of the three simulators.

use crate::simulate::{
    cards::RECHARGE_EVERY_MS,
    drive::{self, Drive, Rate, riders::RideTallies},
    riders::Riders,
    tally::CallTally,
};
use crate::{client::ClientError, clock};
use anyhow::{Context, Result};
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::SmallRng};
use std::{sync::Arc, thread::JoinHandle};

/// What all simulators' calls came to.
#[derive(Clone, Default)]
pub(super) struct Tallies {
    pub(super) rides: RideTallies,
    pub(super) train_events: Arc<Mutex<CallTally>>,
    pub(super) recharges: Arc<Mutex<CallTally>>,
}

/// The running threads. When one fails, the others are told to stop.
pub(super) struct Simulators {
    threads: Vec<(&'static str, JoinHandle<Result<(), ClientError>>)>,
}

impl Simulators {
    pub(super) fn start(drive: &Drive, rate: Rate, cards: i32, tallies: &Tallies) -> Result<Simulators> {
        let mut simulators = Simulators { threads: Vec::new() };
        let train_events = tallies.train_events.clone();
        simulators.spawn("trains", drive, move |drive| drive::trains::trains(drive, 1.0, &train_events))?;
        let recharges = tallies.recharges.clone();
        simulators.spawn("recharges", drive, move |drive| {
            let random = SmallRng::seed_from_u64(clock::entropy());
            drive::cards::recharges(drive, 1e3 / RECHARGE_EVERY_MS, cards, random, &recharges)
        })?;
        let rides = tallies.rides.clone();
        simulators.spawn("riders", drive, move |drive| {
            let riders = Riders::new(cards, SmallRng::seed_from_u64(clock::entropy()));
            drive::riders::riders(drive, rate, riders, &rides)
        })?;
        Ok(simulators)
    }

    fn spawn(
        &mut self,
        name: &'static str,
        drive: &Drive,
        work: impl FnOnce(&Drive) -> Result<(), ClientError> + Send + 'static,
    ) -> Result<()> {
        let drive = drive.clone();
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || {
            let outcome = work(&drive);
            if outcome.is_err() {
                drive.stop.stop();
            }
            outcome
        });
        self.threads.push((name, thread.with_context(|| format!("the {name} could not be started"))?));
        Ok(())
    }

    /// Waits for all of them; the first error.
    pub(super) fn join(self) -> Result<()> {
        let mut outcome = Ok(());
        for (name, thread) in self.threads {
            let ended = match thread.join() {
                Ok(ended) => ended.with_context(|| format!("the {name} simulator")),
                Err(panic) => std::panic::resume_unwind(panic),
            };
            outcome = outcome.and(ended);
        }
        outcome
    }
}
