//! What an executor counts, published from time to time. Counting must not show in a profile.

use crate::partition::Ran;
use tollgate_procedures::{
    registry::ProcedureId,
    transaction::{Outcome, RULES_MAX},
};

/// How often a procedure was called and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcedureCounters {
    pub invocations: u64,
    /// The procedure refused.
    pub aborts: u64,
    /// Calls that had been done before and got their stored reply.
    pub repeats: u64,
    /// Bad parameters, constraint violations, panics.
    pub failures: u64,
    pub timed: Timed,
    /// Decisions in which its rule n hit; absent until one has.
    pub rules: Option<Box<[u64; RULES_MAX]>>,
}

/// What was measured of the calls picked out for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    pub calls: u64,
    pub execution_ns: Range,
    pub result_bytes: Range,
    pub parameter_bytes: Range,
}

/// Least, most and sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub min: u64,
    pub max: u64,
    pub sum: u64,
}

/// One call's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    pub execution_ns: u64,
    pub result_bytes: u64,
    pub parameter_bytes: u64,
}

/// One call of a procedure in so many is measured, its first among them: reading a clock twice for each would
/// show.
const CALLS_PER_SAMPLE: u64 = 64;

impl Timed {
    fn record(&mut self, sample: Sample) {
        let first = self.calls == 0;
        self.calls += 1;
        self.execution_ns.record(sample.execution_ns, first);
        self.result_bytes.record(sample.result_bytes, first);
        self.parameter_bytes.record(sample.parameter_bytes, first);
    }

    fn add(&mut self, other: &Timed) {
        if self.calls == 0 {
            *self = *other;
        } else if other.calls > 0 {
            self.calls += other.calls;
            self.execution_ns.add(&other.execution_ns);
            self.result_bytes.add(&other.result_bytes);
            self.parameter_bytes.add(&other.parameter_bytes);
        }
    }
}

impl Range {
    fn record(&mut self, value: u64, first: bool) {
        self.min = if first { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(value);
    }

    fn add(&mut self, other: &Range) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum = self.sum.saturating_add(other.sum);
    }
}

/// Everything counted since the executor started.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub procedures: Vec<ProcedureCounters>,
    pub accepted: u64,
    pub rejected: u64,
    pub fraud: u64,
}

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
                    counters.rules.get_or_insert_default()[rules.trailing_zeros() as usize] += 1;
                    rules &= rules - 1;
                }
            }
        }
    }

    /// Whether the next call of the procedure is to be measured.
    #[inline]
    pub fn wants_sample(&self, procedure: ProcedureId) -> bool {
        self.procedures[usize::from(procedure)].invocations.is_multiple_of(CALLS_PER_SAMPLE)
    }

    /// A call was measured.
    #[cold]
    pub fn sample(&mut self, procedure: ProcedureId, sample: Sample) {
        self.procedures[usize::from(procedure)].timed.record(sample);
    }

    /// What was counted since `earlier`. Of times and sizes the least and the most stay those of all calls.
    pub fn since(&self, earlier: &Counters) -> Counters {
        let mut since = self.clone();
        for (now, then) in since.procedures.iter_mut().zip(&earlier.procedures) {
            now.invocations -= then.invocations;
            now.aborts -= then.aborts;
            now.repeats -= then.repeats;
            now.failures -= then.failures;
            now.timed.calls -= then.timed.calls;
            now.timed.execution_ns.sum -= then.timed.execution_ns.sum;
            now.timed.result_bytes.sum -= then.timed.result_bytes.sum;
            now.timed.parameter_bytes.sum -= then.timed.parameter_bytes.sum;
        }
        since
    }

    /// Adds another executor's.
    pub fn add(&mut self, other: &Counters) {
        for (mine, theirs) in self.procedures.iter_mut().zip(&other.procedures) {
            mine.invocations += theirs.invocations;
            mine.aborts += theirs.aborts;
            mine.repeats += theirs.repeats;
            mine.failures += theirs.failures;
            mine.timed.add(&theirs.timed);
            if let Some(theirs) = &theirs.rules {
                let mine = mine.rules.get_or_insert_default();
                mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine += theirs);
            }
        }
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.fraud += other.fraud;
    }

    pub fn decisions(&self) -> u64 {
        self.accepted + self.rejected + self.fraud
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_procedures::transaction::Decision;

    #[test]
    fn one_call_in_so_many_is_measured_and_the_first_among_them() {
        let mut counters = Counters::new(2);
        for call in 0..200 {
            if counters.wants_sample(1) {
                let sample = Sample { execution_ns: 100 + call, result_bytes: 10, parameter_bytes: 5 };
                counters.sample(1, sample);
            }
            counters.count(1, Ran::Aborted);
        }
        let timed = counters.procedures[1].timed;
        assert_eq!(timed.calls, 4, "0, 64, 128, 192");
        assert_eq!(timed.execution_ns, Range { min: 100, max: 292, sum: 784 });
        assert_eq!(timed.parameter_bytes, Range { min: 5, max: 5, sum: 20 });

        let since = counters.since(&counters);
        assert_eq!((since.procedures[1].invocations, since.procedures[1].timed.calls), (0, 0));
        assert_eq!(counters.since(&Counters::default()).procedures, counters.procedures);

        let mut sum = Counters::new(2);
        sum.add(&counters);
        sum.add(&counters);
        sum.add(&Counters::new(2));
        assert_eq!(sum.procedures[1].timed.execution_ns, Range { min: 100, max: 292, sum: 1568 });
        assert_eq!(sum.procedures[0].timed, Timed::default());
    }

    #[test]
    fn a_rule_s_hits_are_those_of_its_procedure() {
        let hit = |rules| Ran::Committed(Decision { outcome: Outcome::Fraud, rules });
        let mut counters = Counters::new(2);
        for rules in [0b1, 0b101, 1 << 31] {
            counters.count(0, hit(rules));
        }
        counters.count(1, hit(0));
        let mut sum = Counters::new(2);
        sum.add(&counters);
        sum.add(&counters);
        let hits = sum.procedures[0].rules.as_deref().expect("some hit");
        assert_eq!((hits[0], hits[1], hits[2], hits[31], hits.iter().sum::<u64>()), (4, 0, 2, 2, 8));
        assert_eq!(sum.procedures[1].rules, None);
        assert_eq!(sum.fraud, 8);
    }
}
