//! What an error of the target means, and how long to wait after it. Never knows: clocks, who asks.

use super::progress::Failure;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same call again.
    Retry,
    /// The transaction is aborted and its rows are sent again.
    Abort,
    /// The producer is made anew.
    Recreate,
    /// Another has taken over: nothing more is sent.
    Fenced,
}

/// Of a row that did not arrive.
pub(super) fn of_row(code: Code) -> Failure {
    match code {
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidTimestamp
        | Code::InvalidRecord
        | Code::PolicyViolation => Failure::Refused,
        _ => Failure::Passing,
    }
}

/// Whether the library itself does not take a row that big.
pub(super) fn is_too_large(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge)
}

/// Of a call that belongs to transactions. `is_expired`: the transaction was open so long that the target
/// ended it, which looks as if another had taken over.
pub(super) fn of_transaction(error: &KafkaError, is_expired: bool) -> Verdict {
    let code = error.rdkafka_error_code();
    let fenced = [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch];
    if code.is_some_and(|code| fenced.contains(&code)) {
        return if is_expired { Verdict::Recreate } else { Verdict::Fenced };
    }
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => Verdict::Recreate,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Verdict::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Verdict::Retry,
        KafkaError::Flush(Code::OperationTimedOut) => Verdict::Retry,
        _ => Verdict::Recreate,
    }
}

/// How long to wait after failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

const FIRST_MS: u64 = 100;
const LONGEST_MS: u64 = 10_000;

impl Backoff {
    /// Another failure: the time to wait.
    pub(super) fn failed(&mut self) -> u64 {
        let wait_ms = FIRST_MS << self.failures.min(16);
        self.failures += 1;
        wait_ms.min(LONGEST_MS)
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// Where to begin in a target that remembers, exactly once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoBeginning {
    #[error(
        "the target remembers nothing of this export, though rows up to {position} were exported before; \
         `reset = true` begins there"
    )]
    Forgotten { position: u64 },
    #[error(
        "the target has rows up to {progress}, but the stream ends at {end}: it is not the stream that was \
         exported; `reset = true` begins at {position}"
    )]
    Ahead { progress: u64, end: u64, position: u64 },
}

/// `progress`: what the target remembers. `position`: what was kept here, if anything ever was. `first`,
/// `end`: of the stream.
pub(super) fn beginning(
    progress: Option<u64>,
    position: Option<u64>,
    (first, end): (u64, u64),
    reset: bool,
) -> Result<u64, NoBeginning> {
    match (progress, position) {
        (Some(progress), _) if progress <= end => Ok(progress),
        (None, None) => Ok(first),
        (None, Some(0)) => Ok(0),
        _ if reset => Ok(position.unwrap_or(first)),
        (Some(progress), _) => Err(NoBeginning::Ahead { progress, end, position: position.unwrap_or(first) }),
        (None, Some(position)) => Err(NoBeginning::Forgotten { position }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_and_has_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..9).map(|_| backoff.failed()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        (0..100).for_each(|_| assert!(backoff.failed() == LONGEST_MS));
        backoff.succeeded();
        assert_eq!(backoff.failed(), FIRST_MS);
    }

    #[test]
    fn what_the_target_remembers_goes_before_what_is_kept_here() {
        let of = |progress, position, end, reset| beginning(progress, position, (3, end), reset);
        assert_eq!(of(Some(12), Some(7), 20, false), Ok(12));
        assert_eq!(of(Some(12), Some(20), 20, true), Ok(12));
        assert_eq!(of(Some(12), None, 20, false), Ok(12), "the position was not kept in time");
        assert_eq!(of(None, None, 20, false), Ok(3), "it never began");
        assert_eq!(of(None, Some(0), 20, false), Ok(0), "it never came far");
        let forgotten = of(None, Some(7), 20, false).unwrap_err();
        assert!(forgotten.to_string().contains("reset = true"), "{forgotten}");
        assert_eq!(of(None, Some(7), 20, true), Ok(7));
        let ahead = NoBeginning::Ahead { progress: 12, end: 11, position: 7 };
        assert_eq!(of(Some(12), Some(7), 11, false), Err(ahead));
        assert_eq!(of(Some(12), Some(7), 11, true), Ok(7));
    }

    #[test]
    fn rows_are_poison_only_for_what_they_are() {
        assert_eq!(of_row(Code::MessageSizeTooLarge), Failure::Refused);
        assert_eq!(of_row(Code::InvalidRecord), Failure::Refused);
        for passing in [Code::NotLeaderForPartition, Code::TopicAuthorizationFailed, Code::Fatal] {
            assert_eq!(of_row(passing), Failure::Passing, "{passing}");
        }
    }

    #[test]
    fn a_transaction_that_ran_out_is_no_rival() {
        let fenced = KafkaError::MessageProduction(Code::ProducerFenced);
        assert_eq!(of_transaction(&fenced, false), Verdict::Fenced);
        assert_eq!(of_transaction(&fenced, true), Verdict::Recreate);
        assert_eq!(of_transaction(&KafkaError::Flush(Code::OperationTimedOut), false), Verdict::Retry);
        assert_eq!(of_transaction(&KafkaError::Canceled, false), Verdict::Recreate);
    }
}
