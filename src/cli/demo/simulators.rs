//! The threads of the three simulators.

use crate::clock;
use crate::simulate::{
    cards::RECHARGE_EVERY_MS,
    drive::{self, Drive, Rate, riders::RideTallies},
    riders::Riders,
    tally::CallTally,
};
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
    threads: Vec<(&'static str, JoinHandle<Result<()>>)>,
}

impl Simulators {
    /// Riders call over the Volt port; trains and recharges are records for the Kafka port at `kafka`.
    pub(super) fn start(
        drive: &Drive,
        kafka: &str,
        rate: Rate,
        cards: i32,
        tallies: &Tallies,
    ) -> Result<Simulators> {
        let mut simulators = Simulators { threads: Vec::new() };
        let train_events = tallies.train_events.clone();
        let address = kafka.to_string();
        simulators
            .spawn("trains", drive, move |drive| drive::kafka::trains(drive, &address, 1.0, &train_events))?;
        let address = kafka.to_string();
        let recharges = tallies.recharges.clone();
        simulators.spawn("recharges", drive, move |drive| {
            let random = SmallRng::seed_from_u64(clock::entropy());
            drive::kafka::recharges(drive, &address, 1e3 / RECHARGE_EVERY_MS, cards, random, &recharges)
        })?;
        let rides = tallies.rides.clone();
        simulators.spawn("riders", drive, move |drive| {
            let riders = Riders::new(cards, SmallRng::seed_from_u64(clock::entropy()));
            Ok(drive::riders::riders(drive, rate, riders, &rides)?)
        })?;
        Ok(simulators)
    }

    fn spawn(
        &mut self,
        name: &'static str,
        drive: &Drive,
        work: impl FnOnce(&Drive) -> Result<()> + Send + 'static,
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
