//! How a call went, as a number every client knows.

/// The status of a response. The Go client fails on a number that is not in its list, so there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum Status {
    Success = 1,
    /// The procedure aborted its transaction.
    UserAbort = -1,
    /// Refused or rolled back for a reason the caller can understand: a constraint, a parameter, SQL.
    GracefulFailure = -2,
    /// No such procedure, no permission, a procedure that panicked.
    UnexpectedFailure = -3,
    /// Made up by clients.
    ConnectionLost = -4,
    /// Paused, overloaded or shutting down; nothing was done.
    ServerUnavailable = -5,
    /// Made up by clients.
    ConnectionTimeout = -6,
    /// The transaction may or may not have been committed.
    ResponseUnknown = -7,
    /// Committed, but something after that failed.
    OperationalFailure = -9,
    UnsupportedDynamicChange = -13,
    /// Made up by clients.
    TransactionNotSent = -14,
    /// Made up by clients.
    RequestTimeout = -15,
    /// Made up by clients.
    ResponseTimeout = -16,
    CompoundUserAbort = -17,
    CompoundTimeout = -18,
}

impl Status {
    const ALL: [Status; 15] = [
        Status::Success,
        Status::UserAbort,
        Status::GracefulFailure,
        Status::UnexpectedFailure,
        Status::ConnectionLost,
        Status::ServerUnavailable,
        Status::ConnectionTimeout,
        Status::ResponseUnknown,
        Status::OperationalFailure,
        Status::UnsupportedDynamicChange,
        Status::TransactionNotSent,
        Status::RequestTimeout,
        Status::ResponseTimeout,
        Status::CompoundUserAbort,
        Status::CompoundTimeout,
    ];

    pub const fn code(self) -> i8 {
        self as i8
    }

    pub fn from_code(code: i8) -> Option<Status> {
        Status::ALL.into_iter().find(|s| s.code() == code)
    }

    /// VoltDB's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Success => "SUCCESS",
            Status::UserAbort => "USER_ABORT",
            Status::GracefulFailure => "GRACEFUL_FAILURE",
            Status::UnexpectedFailure => "UNEXPECTED_FAILURE",
            Status::ConnectionLost => "CONNECTION_LOST",
            Status::ServerUnavailable => "SERVER_UNAVAILABLE",
            Status::ConnectionTimeout => "CONNECTION_TIMEOUT",
            Status::ResponseUnknown => "RESPONSE_UNKNOWN",
            Status::OperationalFailure => "OPERATIONAL_FAILURE",
            Status::UnsupportedDynamicChange => "UNSUPPORTED_DYNAMIC_CHANGE",
            Status::TransactionNotSent => "CLIENT_ERROR_TXN_NOT_SENT",
            Status::RequestTimeout => "CLIENT_REQUEST_TIMEOUT",
            Status::ResponseTimeout => "CLIENT_RESPONSE_TIMEOUT",
            Status::CompoundUserAbort => "COMPOUND_PROC_USER_ABORT",
            Status::CompoundTimeout => "COMPOUND_PROC_TIMEOUT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for code in i8::MIN..=i8::MAX {
            let known = Status::from_code(code);
            assert!(known.is_none_or(|s| s.code() == code && !s.name().is_empty()));
        }
        assert_eq!(Status::from_code(1), Some(Status::Success));
        assert_eq!(Status::from_code(-7), Some(Status::ResponseUnknown));
        assert_eq!(Status::from_code(-8), None, "a restart is never told");
        assert_eq!(Status::from_code(0), None);
    }
}
