//! The disk seam: the few operations the log and the snapshots need, so that tests can put a lying disk
//! beneath them.
//!
//! Nothing above this module touches the file system. It knows no format. Calls block; whoever owns a thread
//! decides which one blocks (the log thread and the snapshot thread of the server).

mod faulty;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use faulty::{FaultyDisk, Keep};
pub use real::{DirectoryLock, RealDisk};

/// A directory tree with explicit durability: nothing survives a power cut unless it was synced.
///
/// The content of a file is durable after [`DiskFile::sync`]; its name (creation, rename, removal) after
/// [`Disk::sync_dir`] of its directory.
pub trait Disk: Send + Sync + 'static {
    /// Creates an empty file, cutting an existing one to nothing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// The whole file as it is now. The caller must not write to the file while it holds the bytes, except at
    /// offsets beyond their length; it may remove or rename it.
    fn read(&self, path: &Path) -> io::Result<Bytes>;
    /// Moves a file onto another name of the same directory tree, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Bytes already handed out by [`Disk::read`] stay readable.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Names of the files directly in a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Creates a directory and its parents, durably.
    fn create_dir(&self, directory: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, directory: &Path) -> io::Result<()>;
    /// Bytes that can still be written in the file system of a directory.
    fn free_bytes(&self, directory: &Path) -> io::Result<u64>;
}

/// An open file. All offsets are in bytes from the start.
#[allow(clippy::len_without_is_empty)]
pub trait DiskFile: Send + Sync {
    /// Writes all of `bytes` at `offset`, extending the file if need be.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Makes the content durable (fdatasync). After an error nothing may be assumed about what was written
    /// since the last success, also not after a later call that succeeds.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends (with zeros) the file to a length in bytes.
    fn set_len(&self, len_bytes: u64) -> io::Result<()>;
}

/// How much [`write_zeros`] hands to the disk at once.
const ZERO_CHUNK_BYTES: usize = 256 * 1024;

/// Fills `[from, to)` of a file with zeros, so that later writes there need no new blocks and their sync no
/// journal entry.
///
/// `pace(bytes)` is called after each chunk; it may block.
pub fn write_zeros(file: &dyn DiskFile, from: u64, to: u64, pace: &mut dyn FnMut(u64)) -> io::Result<()> {
    let zeros = vec![0u8; ZERO_CHUNK_BYTES];
    let mut offset = from;
    while offset < to {
        let chunk_bytes = (to - offset).min(ZERO_CHUNK_BYTES as u64);
        file.write_at(offset, &zeros[..chunk_bytes as usize])?;
        offset += chunk_bytes;
        pace(chunk_bytes);
    }
    Ok(())
}
