//! The file in which the state of one group is kept (docs/FORMAT.md, "Snapshot file").
//!
//! A container: it knows that there are sections, never what is in them. Runs on the snapshot thread; calls
//! block on the disk, and the writer calls back after each chunk so that the thread can go slow.

mod format;
mod kept;
mod read;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

use crate::disk::Disk;
use crate::log::SnapshotMeta;

pub use kept::Kept;
pub use read::{Latest, open_file, open_latest};
pub use write::SnapshotWriter;

/// What a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotHead {
    /// The group.
    pub group: u32,
    /// Position and members.
    pub meta: SnapshotMeta,
    /// Wall clock when it was written, in microseconds since 1970.
    pub created_us: i64,
    /// Transaction time of the last block in it, in microseconds since 1970.
    pub state_us: i64,
    /// Opaque to this crate.
    pub manifest: Bytes,
}

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it holds, as the server numbers it.
    pub kind: u32,
    /// Its data, a slice of the mapped file.
    pub data: Bytes,
}

/// A snapshot whose every checksum was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
    /// What it is of.
    pub head: SnapshotHead,
    /// Its sections, in the order written.
    pub sections: Vec<Section>,
    /// Length of the file in bytes.
    pub file_bytes: u64,
}

/// Why a snapshot could not be written or read.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// An operation of the disk failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// The disk's answer.
        source: io::Error,
    },
    /// The file is not a whole snapshot.
    #[error("{path} is not a valid snapshot: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file was written by a newer program.
    #[error(
        "{path} has snapshot format version {found}, this program reads versions up to {known}: start a newer program"
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

impl SnapshotError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { what, path, source }
    }
}

const SUFFIX: &str = ".snapshot";
const UNFINISHED_SUFFIX: &str = ".snapshot.tmp";

/// The name of a snapshot's file.
#[must_use]
pub fn file_name(group: u32, index: u64) -> String {
    format!("{group:08x}-{index:016x}{SUFFIX}")
}

fn parse_name(name: &str, suffix: &str) -> Option<(u32, u64)> {
    let (group, index) = name.strip_suffix(suffix)?.split_once('-')?;
    let parsed = (u32::from_str_radix(group, 16).ok()?, u64::from_str_radix(index, 16).ok()?);
    (group.len() == 8 && index.len() == 16).then_some(parsed)
}

/// Indexes of a group's snapshot files, newest first.
fn list_indexes(disk: &dyn Disk, directory: &Path, group: u32) -> Result<Vec<u64>, SnapshotError> {
    let names = disk.list(directory).map_err(SnapshotError::io("list", directory))?;
    let mut indexes: Vec<u64> = names
        .iter()
        .filter_map(|name| parse_name(name, SUFFIX))
        .filter(|&(of_group, _)| of_group == group)
        .map(|(_, index)| index)
        .collect();
    indexes.sort_unstable_by(|left, right| right.cmp(left));
    Ok(indexes)
}
