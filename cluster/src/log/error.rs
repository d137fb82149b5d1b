//! What can go wrong with the node log. All of it is fatal for the process that meets it; the text says what
//! to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An error of the node log.
#[derive(Debug, Error)]
pub enum LogError {
    /// An operation of the disk failed. After a failed write or sync nothing may be assumed about the log's
    /// tail: end the process and start again, recovery finds out.
    #[error("cannot {what} {path}: {source}; the process must end, a restart recovers what was acknowledged")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// The disk's answer.
        source: io::Error,
    },
    /// The writer met an error before and refuses everything since.
    #[error("the log writer failed before; the process must end")]
    Poisoned,
    /// A batch that no record can hold.
    #[error("a batch of {bytes} bytes exceeds the largest record of {limit_bytes} bytes")]
    TooLarge {
        /// Bytes of its payload.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// Acknowledged data is damaged or missing.
    #[error(
        "the log is damaged: {reason} (file {path}, offset {offset}). \
         Acknowledged data may be lost, so this member must not start: restore the \
         directory from a backup, or remove it and join again under a new member id"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Offset of the damage in it, in bytes.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// A segment was written by a newer program.
    #[error(
        "{path} has log format version {found}, this program reads versions up to {known}: start a newer program"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
}

impl LogError {
    pub(crate) fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn corrupt(path: &std::path::Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_path_buf(), offset, reason: reason.into() }
    }
}
