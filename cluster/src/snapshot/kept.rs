//! Which snapshots of a group stay, and how far its log may go for them.
//!
//! The log is cut for the snapshot before the newest. So when the newest is found damaged later, the one
//! before and the log behind it still hold everything.

use std::path::Path;

use super::{SUFFIX, SnapshotError, UNFINISHED_SUFFIX, file_name, parse_name};
use crate::disk::Disk;
use crate::log::SnapshotMeta;

/// The newest two snapshots of a group that are known to be whole: read back when they were written, or the
/// one that was recovered from. Kept by whoever writes them; the files are all there is on disk.
#[derive(Debug)]
pub struct Kept {
    group: u32,
    /// Newest first.
    snapshots: Vec<SnapshotMeta>,
}

const KEPT_MAX: usize = 2;

impl Kept {
    /// Of a group that was recovered from this snapshot, or from none. Older files were not looked at, newer
    /// ones are damaged: none of them counts.
    #[must_use]
    pub fn recovered(group: u32, snapshot: Option<SnapshotMeta>) -> Self {
        Self { group, snapshots: snapshot.into_iter().collect() }
    }

    /// Index of the newest.
    #[must_use]
    pub fn newest_index(&self) -> Option<u64> {
        self.snapshots.first().map(|newest| newest.index)
    }

    /// A snapshot was finished. Removes the group's files that are not kept any more, and what unfinished
    /// writes left: not to be called while another of the group is being written.
    ///
    /// Returns the snapshot that the log may be cut for: the one before the newest, if it still has its file.
    /// `None`: the log has to stay as it is.
    pub fn finished(
        &mut self,
        disk: &dyn Disk,
        directory: &Path,
        finished: SnapshotMeta,
    ) -> Result<Option<SnapshotMeta>, SnapshotError> {
        // One at the index of another replaced its file; what is older is needed as before.
        let replaced = self.snapshots.iter().position(|kept| kept.index == finished.index);
        match replaced {
            Some(place) => self.snapshots[place] = finished,
            None => self.snapshots.push(finished),
        }
        self.snapshots.sort_by_key(|kept| std::cmp::Reverse(kept.index));
        self.snapshots.truncate(KEPT_MAX);
        let names = disk.list(directory).map_err(SnapshotError::io("list", directory))?;
        let mut removed = false;
        for name in names.iter().filter(|name| self.is_old(name, replaced.is_some())) {
            let path = directory.join(name);
            disk.remove(&path).map_err(SnapshotError::io("remove", &path))?;
            removed = true;
        }
        if removed {
            disk.sync_dir(directory).map_err(SnapshotError::io("sync", directory))?;
        }
        let before = self.snapshots.get(1);
        Ok(before.filter(|before| names.contains(&file_name(self.group, before.index))).cloned())
    }

    /// Whether a file of the group is not needed any more. `all_whole`: no file with a snapshot's name may
    /// go.
    fn is_old(&self, name: &str, all_whole: bool) -> bool {
        if let Some((group, _)) = parse_name(name, UNFINISHED_SUFFIX) {
            return group == self.group;
        }
        parse_name(name, SUFFIX).is_some_and(|(group, index)| {
            let kept = self.snapshots.iter().any(|kept| kept.index == index);
            group == self.group && !kept && !all_whole
        })
    }
}
