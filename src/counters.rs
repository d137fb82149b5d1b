//! What an executor counts, published from time to time. Counting must not show in a profile.

use crate::partition::Ran;
use tollgate_procedures::{registry::ProcedureId, transaction::Outcome};

/// How often a procedure was called and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcedureCounters {
    pub invocations: u64,
    /// The procedure refused.
    pub aborts: u64,
    /// Calls that had been done before and got their stored reply.
    pub repeats: u64,
    /// Bad parameters, constraint violations, panics.
    pub failures: u64,
}

/// Everything counted since the executor started.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub procedures: Vec<ProcedureCounters>,
    pub accepted: u64,
    pub rejected: u64,
    pub fraud: u64,
    /// Decisions in which rule n hit.
    pub rules: [u64; RULES_MAX],
}

/// Rules counted one by one.
pub const RULES_MAX: usize = 32;

impl Counters {
    pub fn new(procedures: usize) -> Counters {
        Counters { procedures: vec![ProcedureCounters::default(); procedures], ..Counters::default() }
    }

    #[inline]
    pub fn count(&mut self, procedure: ProcedureId, ran: Ran) {
        let counters = &mut self.procedures[usize::from(procedure)];
        counters.invocations += 1;
        match ran {
            Ran::Aborted => counters.aborts += 1,
            Ran::Failed => counters.failures += 1,
            Ran::Repeated => counters.repeats += 1,
            Ran::Committed(decision) => {
                match decision.outcome {
                    Outcome::None => {}
                    Outcome::Accepted => self.accepted += 1,
                    Outcome::Rejected => self.rejected += 1,
                    Outcome::Fraud => self.fraud += 1,
                }
                let mut rules = decision.rules;
                while rules != 0 {
                    self.rules[rules.trailing_zeros() as usize] += 1;
                    rules &= rules - 1;
                }
            }
        }
    }

    /// Adds another executor's.
    pub fn add(&mut self, other: &Counters) {
        for (mine, theirs) in self.procedures.iter_mut().zip(&other.procedures) {
            mine.invocations += theirs.invocations;
            mine.aborts += theirs.aborts;
            mine.repeats += theirs.repeats;
            mine.failures += theirs.failures;
        }
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.fraud += other.fraud;
        self.rules.iter_mut().zip(other.rules).for_each(|(mine, theirs)| *mine += theirs);
    }

    pub fn decisions(&self) -> u64 {
        self.accepted + self.rejected + self.fraud
    }
}
