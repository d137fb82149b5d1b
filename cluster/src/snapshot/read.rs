//! Finding and opening the newest snapshot that is whole.

use std::path::Path;

use super::format::{self, FORMAT_VERSION, Flaw};
use super::{Snapshot, SnapshotError, file_name, list_indexes};
use crate::disk::Disk;

/// What a directory holds of a group.
#[derive(Debug, Default)]
pub struct Latest {
    /// The newest valid snapshot.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that are not valid, newest first: each is worth a warning.
    pub invalid: Vec<SnapshotError>,
}

/// Opens the newest valid snapshot of a group whose index is lower than `below` (`u64::MAX`: any); the
/// directory is created if missing. Reads all of the file, once.
pub fn open_latest(
    disk: &dyn Disk,
    directory: &Path,
    group: u32,
    below: u64,
) -> Result<Latest, SnapshotError> {
    disk.create_dir(directory).map_err(SnapshotError::io("create", directory))?;
    let mut latest = Latest::default();
    let indexes = list_indexes(disk, directory, group)?;
    for index in indexes.into_iter().filter(|&index| index < below) {
        let opened = open_file(disk, &directory.join(file_name(group, index))).and_then(|snapshot| {
            if (snapshot.head.group, snapshot.head.meta.index) == (group, index) {
                return Ok(snapshot);
            }
            let reason = "its head is of another group or index than its name".to_owned();
            Err(SnapshotError::Invalid { path: snapshot.path, reason })
        });
        match opened {
            Ok(snapshot) => {
                latest.snapshot = Some(snapshot);
                break;
            }
            Err(error @ SnapshotError::Invalid { .. }) => latest.invalid.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(latest)
}

/// Opens one snapshot file and verifies every checksum in it.
pub fn open_file(disk: &dyn Disk, path: &Path) -> Result<Snapshot, SnapshotError> {
    let file = disk.read(path).map_err(SnapshotError::io("read", path))?;
    let path = path.to_path_buf();
    match format::decode_file(&file) {
        Ok((head, sections)) => Ok(Snapshot { path, head, sections, file_bytes: file.len() as u64 }),
        Err(Flaw::Version(found)) => Err(SnapshotError::Version { path, found, known: FORMAT_VERSION }),
        Err(Flaw::Reason(reason)) => Err(SnapshotError::Invalid { path, reason }),
    }
}
