//! Segment files: their names, and the pool of spare ones.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::LogError;
use super::format::{COUNT_MAX, FORMAT_VERSION, SegmentHeader};
use crate::disk::{Disk, DiskFile, write_zeros};

/// A spare is synced each time this much of it was zeroed, so that no single sync holds up the log's own for
/// long.
const SPARE_SYNC_BYTES: u64 = 4 << 20;

pub(super) fn segment_name(number: u64) -> String {
    format!("{number:016x}.log")
}

pub(super) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().filter(|number| segment_name(*number) == name)
}

fn spare_name(number: u64) -> String {
    format!("spare-{number:016x}.log")
}

pub(super) fn parse_spare_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("spare-")?.strip_suffix(".log")?;
    u64::from_str_radix(digits, 16).ok().filter(|&number| number <= COUNT_MAX)
}

#[derive(Default)]
struct Pool {
    /// Fully written spares by the number in their name.
    ready: Vec<u64>,
    next_number: u64,
}

/// Spare segment files of one log directory; shared by the log thread, which uses and returns them, and by
/// whoever makes new ones.
pub(super) struct SparePool {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    pool: Mutex<Pool>,
}

impl SparePool {
    pub(super) fn new(disk: Arc<dyn Disk>, directory: PathBuf) -> Self {
        Self { disk, directory, pool: Mutex::default() }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().expect("no code panics while it holds the pool")
    }

    pub(super) fn ready_count(&self) -> usize {
        self.pool().ready.len()
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(spare_name(number))
    }

    fn new_number(&self) -> u64 {
        let mut pool = self.pool();
        pool.next_number += 1;
        pool.next_number
    }

    /// Takes over a spare found at start, or removes it if it was not finished.
    pub(super) fn adopt(&self, number: u64, segment_bytes: u64) -> Result<(), LogError> {
        let path = self.path(number);
        let file = self.disk.open(&path).map_err(LogError::io("open", &path))?;
        let file_bytes = file.len().map_err(LogError::io("measure", &path))?;
        let mut pool = self.pool();
        pool.next_number = pool.next_number.max(number);
        if file_bytes == segment_bytes {
            pool.ready.push(number);
            return Ok(());
        }
        drop(pool);
        self.disk.remove(&path).map_err(LogError::io("remove", &path))
    }

    /// Fills a new spare with zeros; `pace(bytes)` is called after each chunk and may block.
    pub(super) fn make(&self, segment_bytes: u64, pace: &mut dyn FnMut(u64)) -> Result<(), LogError> {
        let number = self.new_number();
        let path = self.path(number);
        let file = self.disk.create(&path).map_err(LogError::io("create", &path))?;
        let mut from = 0;
        while from < segment_bytes {
            let to = (from + SPARE_SYNC_BYTES).min(segment_bytes);
            write_zeros(&*file, from, to, pace).map_err(LogError::io("fill", &path))?;
            file.sync().map_err(LogError::io("sync", &path))?;
            from = to;
        }
        self.sync_directory()?;
        self.pool().ready.push(number);
        Ok(())
    }

    /// Turns a spare, or a new empty file if there is none, into the named segment. Durable on return.
    pub(super) fn start_segment(&self, header: SegmentHeader) -> Result<Arc<dyn DiskFile>, LogError> {
        assert_eq!(header.version, FORMAT_VERSION, "only the newest version is written");
        let spare = self.pool().ready.pop();
        let (spare_path, file) = match spare {
            Some(number) => {
                let path = self.path(number);
                let file = self.disk.open(&path).map_err(LogError::io("open", &path))?;
                (path, file)
            }
            None => {
                let path = self.path(self.new_number());
                let file = self.disk.create(&path).map_err(LogError::io("create", &path))?;
                (path, file)
            }
        };
        file.write_at(0, &header.encode()).map_err(LogError::io("write", &spare_path))?;
        file.sync().map_err(LogError::io("sync", &spare_path))?;
        let path = self.directory.join(segment_name(header.number));
        self.disk.rename(&spare_path, &path).map_err(LogError::io("rename", &spare_path))?;
        self.sync_directory()?;
        Ok(file)
    }

    /// Turns a segment no group needs into a spare. Durable on return.
    pub(super) fn recycle(&self, segment: u64) -> Result<(), LogError> {
        let number = self.new_number();
        let path = self.directory.join(segment_name(segment));
        self.disk.rename(&path, &self.path(number)).map_err(LogError::io("rename", &path))?;
        self.sync_directory()?;
        self.pool().ready.push(number);
        Ok(())
    }

    /// Removes a segment no group needs. Durable on return.
    pub(super) fn remove(&self, segment: u64) -> Result<(), LogError> {
        let path = self.directory.join(segment_name(segment));
        self.disk.remove(&path).map_err(LogError::io("remove", &path))?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> Result<(), LogError> {
        self.disk.sync_dir(&self.directory).map_err(LogError::io("sync", &self.directory))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_nothing_else_does() {
        assert_eq!(parse_segment_name(&segment_name(0xabc)), Some(0xabc));
        assert_eq!(parse_spare_name(&spare_name(7)), Some(7));
        for name in ["1.log", "spare-0000000000000007.log", "00000000000000zz.log", "+000000000000007.log"] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }
}
