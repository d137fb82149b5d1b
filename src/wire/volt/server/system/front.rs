//! What callers of system procedures share, over the Volt port and over HTTP, and the task that looks after
//! it.

use super::{facts, process, slots::Slots, subscribers::Subscribers};
use crate::{
    clock,
    counters::Counters,
    node::{initiated::Calls, shared::Shared},
    wire::volt::system::facts::ProcedureInfo,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tollgate_procedures::registry::ProcedureId;

/// See the module.
pub struct Front {
    pub(crate) shared: Arc<Shared>,
    pub(super) subscribers: Subscribers,
    pub(super) slots: Arc<Slots>,
    pub(super) hostname: String,
    /// What clients can call.
    pub(super) procedures: Arc<Vec<ProcedureInfo>>,
    /// Of one processor, over the last interval.
    pub(super) cpu_percent: AtomicI64,
    /// Each executor's counters when somebody last asked for those since the last time.
    pub(super) counted: Mutex<Vec<Counters>>,
    /// The same of each connection's calls.
    pub(super) initiated: Mutex<BTreeMap<(i64, ProcedureId), Calls>>,
}

/// How often a change of leaders is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Looks in an interval of latency and processor time: five seconds.
const LOOKS_PER_INTERVAL: u32 = 20;

impl Front {
    pub fn new(shared: Arc<Shared>) -> Arc<Front> {
        let procedures = Arc::new(facts::procedures(shared.gate.registry()));
        Arc::new(Front {
            shared,
            subscribers: Subscribers::default(),
            slots: Slots::new(),
            hostname: process::hostname(),
            procedures,
            cpu_percent: AtomicI64::new(0),
            counted: Mutex::default(),
            initiated: Mutex::default(),
        })
    }

    /// Tells subscribers what changed and ends intervals, for ever.
    pub async fn watch(self: Arc<Front>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        let mut looks = 0;
        let mut cpu_before_ms = process::cpu_ms();
        let mut since = clock::now();
        loop {
            every.tick().await;
            self.subscribers.tell_changes(&facts::topology(&self), &self.procedures, self.shared.gate.ring());
            looks += 1;
            if looks == LOOKS_PER_INTERVAL {
                looks = 0;
                self.shared.latency.end_interval(clock::wall_us() / 1000);
                let (cpu_ms, now) = (process::cpu_ms(), clock::now());
                let passed_ms = now.duration_since(since).as_millis().max(1) as u64;
                let percent = cpu_ms.saturating_sub(cpu_before_ms) * 100 / passed_ms;
                self.cpu_percent.store(percent as i64, Ordering::Relaxed);
                (cpu_before_ms, since) = (cpu_ms, now);
            }
        }
    }
}
