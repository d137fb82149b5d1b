//! The operating system's file system behind the [`Disk`] seam.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;

use super::{Disk, DiskFile};

/// Files of the operating system; reads are memory-mapped.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealDisk;

struct RealFile(File);

/// Keeps a second process out of a data directory while it lives; the system releases it when the process
/// ends, however it ends.
#[derive(Debug)]
pub struct DirectoryLock(#[allow(dead_code, reason = "held for its lock")] File);

impl RealDisk {
    /// Locks a directory (created if missing). `WouldBlock` when another process has it.
    pub fn lock(directory: &Path) -> io::Result<DirectoryLock> {
        Self.create_dir(directory)?;
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(directory.join("LOCK"))?;
        match file.try_lock() {
            Ok(()) => Ok(DirectoryLock(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn read(&self, path: &Path) -> io::Result<Bytes> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::new()); // an empty file cannot be mapped
        }
        // SAFETY: a mapping is sound as long as no mapped byte changes and the file is not cut while the
        // bytes live. The data directory is locked against a second process (`RealDisk::lock`), and within
        // this process the contract of `Disk::read` forbids writes below the length: the log never writes to
        // a segment it has mapped (it starts a new one, and removes rather than recycles mapped ones), it
        // cuts one only beyond what it hands out, and snapshot files are written once under another name.
        #[allow(unsafe_code, reason = "memory-mapping is how half a gigabyte of log is scanned in a second")]
        let mapping = unsafe { Mmap::map(&file)? };
        Ok(Bytes::from_owner(mapping))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir(&self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() {
            return Ok(());
        }
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.create_dir(parent)?;
            match fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            self.sync_dir(parent)
        } else {
            fs::create_dir_all(directory)?;
            self.sync_dir(Path::new("."))
        }
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn free_bytes(&self, directory: &Path) -> io::Result<u64> {
        let path = CString::new(directory.as_os_str().as_bytes())?;
        let mut stats = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
        // SAFETY: `path` is a nul-terminated string that outlives the call, `stats` is a writable statvfs,
        // and an all-zero statvfs is a valid value of that plain C struct, so `assume_init` is sound whether
        // or not the call filled it.
        #[allow(unsafe_code, reason = "the standard library has no call for free space")]
        let (outcome, stats) = unsafe {
            let outcome = libc::statvfs(path.as_ptr(), stats.as_mut_ptr());
            (outcome, stats.assume_init())
        };
        if outcome != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stats.f_bavail.saturating_mul(stats.f_frsize))
    }
}

impl DiskFile for RealFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.0.set_len(len_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let lock = RealDisk::lock(&path).unwrap();
        assert_eq!(RealDisk::lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        RealDisk::lock(&path).unwrap();
    }

    #[test]
    fn a_file_written_synced_and_renamed_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let nested = directory.path().join("a/b");
        RealDisk.create_dir(&nested).unwrap();
        let file = RealDisk.create(&nested.join("x.tmp")).unwrap();
        file.write_at(3, b"hello").unwrap();
        file.sync().unwrap();
        RealDisk.rename(&nested.join("x.tmp"), &nested.join("x")).unwrap();
        RealDisk.sync_dir(&nested).unwrap();
        assert_eq!(RealDisk.list(&nested).unwrap(), ["x"]);
        let mapped = RealDisk.read(&nested.join("x")).unwrap();
        assert_eq!(&mapped[..], b"\0\0\0hello");
        RealDisk.remove(&nested.join("x")).unwrap();
        assert_eq!(&mapped[3..], b"hello", "a mapping outlives the name of its file");
        assert!(RealDisk.free_bytes(&nested).unwrap() > 0);
    }
}
