//! A disk in memory that lies the way disks do: for crash tests and the simulator.
//!
//! It keeps what was written and what is durable apart, per file in sectors of 512 bytes and per directory in
//! operations. Every operation that changes something has a number; the disk can die at any of them, and then
//! tell what a machine might find after the power is back: any subset of unsynced sectors, any subset of
//! unsynced names. All choices come from seeds.

mod image;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use super::{Disk, DiskFile};
use crate::random::SplitMix64;
use image::{Image, NameChange};

/// What a crash keeps of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: exactly what was synced.
    Durable,
    /// Everything that was written.
    Everything,
    /// Any subset of sectors and name changes.
    Subset,
}

/// A disk in memory with faults. Clones share one disk.
#[derive(Clone)]
pub struct FaultyDisk(Arc<Mutex<State>>);

struct State {
    image: Image,
    random: SplitMix64,
    operations: u64,
    crash_at: Option<u64>,
    fail_at: Option<u64>,
    crashed: bool,
    capacity_bytes: u64,
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: usize,
    path: PathBuf,
}

fn power_cut() -> io::Error {
    io::Error::other("the power was cut")
}

/// What an operation that changes something meets.
enum Fate {
    Done,
    /// The power goes in the middle of it.
    Cut,
    /// The device reports an error.
    Failed,
}

impl FaultyDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::of_image(Image::default(), seed)
    }

    fn of_image(image: Image, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            image,
            random: SplitMix64::new(seed),
            operations: 0,
            crash_at: None,
            fail_at: None,
            crashed: false,
            capacity_bytes: u64::MAX,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no code panics while it holds the disk")
    }

    /// Number of operations so far that changed something.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Cuts the power in the middle of operation number `operation` (the first is 1). It and all later ones
    /// fail.
    pub fn crash_at(&self, operation: u64) {
        self.state().crash_at = Some(operation);
    }

    /// Cuts the power now.
    pub fn crash(&self) {
        self.state().crashed = true;
    }

    /// Whether the power was cut.
    #[must_use]
    pub fn is_crashed(&self) -> bool {
        self.state().crashed
    }

    /// Lets operation number `operation` report an error. A sync that fails also forgets what it should have
    /// made durable, as kernels do: a later sync that succeeds does not bring it back.
    pub fn fail_at(&self, operation: u64) {
        self.state().fail_at = Some(operation);
    }

    /// Bounds the bytes of all files together; a write beyond stops half way and reports a full disk.
    pub fn set_capacity_bytes(&self, capacity_bytes: u64) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Another disk: what is found on this one after a power cut. This one stays as it is, so that many
    /// outcomes can be tried.
    #[must_use]
    pub fn after_crash(&self, keep: Keep, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let image = self.state().image.after_crash(keep, &mut random);
        Self::of_image(image, random.next())
    }

    /// Turns one bit of a file over, durably.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u32) {
        self.state().image.flip_bit(path, offset, bit);
    }

    /// Replaces a file's content, durably.
    pub fn overwrite(&self, path: &Path, content: &[u8]) {
        self.state().image.overwrite(path, content);
    }

    /// Paths of all files, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().image.paths()
    }
}

impl State {
    /// Counts an operation and decides what becomes of it.
    fn fate(&mut self) -> io::Result<Fate> {
        if self.crashed {
            return Err(power_cut());
        }
        self.operations += 1;
        if self.crash_at == Some(self.operations) {
            self.crashed = true;
            return Ok(Fate::Cut);
        }
        Ok(if self.fail_at == Some(self.operations) { Fate::Failed } else { Fate::Done })
    }

    /// Runs a change of names; a power cut in the middle of it leaves it undone or done but not durable.
    fn change_names(&mut self, change: NameChange) -> io::Result<()> {
        match self.fate()? {
            Fate::Done => self.image.change_names(change),
            Fate::Cut => {
                if self.random.coin() {
                    self.image.change_names(change)?;
                }
                Err(power_cut())
            }
            Fate::Failed => Err(io::Error::other("the device failed")),
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let inode = state.image.new_inode();
        state.change_names(NameChange::Link { path: path.to_path_buf(), inode })?;
        drop(state);
        Ok(Arc::new(FaultyFile { disk: self.clone(), inode, path: path.to_path_buf() }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        if state.crashed {
            return Err(power_cut());
        }
        let inode = state.image.find(path)?;
        drop(state);
        Ok(Arc::new(FaultyFile { disk: self.clone(), inode, path: path.to_path_buf() }))
    }

    fn read(&self, path: &Path) -> io::Result<Bytes> {
        let state = self.state();
        if state.crashed {
            return Err(power_cut());
        }
        let inode = state.image.find(path)?;
        Ok(Bytes::copy_from_slice(state.image.content(inode)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().change_names(NameChange::Rename { from: from.to_path_buf(), to: to.to_path_buf() })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().change_names(NameChange::Unlink { path: path.to_path_buf() })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if state.crashed {
            return Err(power_cut());
        }
        let paths = state.image.paths();
        let names = paths
            .iter()
            .filter(|path| path.parent() == Some(directory))
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        Ok(names.collect())
    }

    fn create_dir(&self, _directory: &Path) -> io::Result<()> {
        // Directories are only prefixes of paths here.
        if self.is_crashed() { Err(power_cut()) } else { Ok(()) }
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.state();
        match state.fate()? {
            Fate::Done => {
                state.image.sync_names(directory);
                Ok(())
            }
            Fate::Cut => {
                if state.random.coin() {
                    state.image.sync_names(directory);
                }
                Err(power_cut())
            }
            Fate::Failed => Err(io::Error::other("the device failed")),
        }
    }

    fn free_bytes(&self, _directory: &Path) -> io::Result<u64> {
        let state = self.state();
        Ok(state.capacity_bytes.saturating_sub(state.image.used_bytes()))
    }
}

impl DiskFile for FaultyFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.fate()? {
            Fate::Done => {
                let room_bytes = state.capacity_bytes.saturating_sub(state.image.used_bytes());
                let grows_bytes = state.image.growth_bytes(self.inode, offset, bytes.len() as u64);
                if grows_bytes > room_bytes {
                    let fitting = bytes.len() - (grows_bytes - room_bytes).min(bytes.len() as u64) as usize;
                    state.image.write(self.inode, offset, &bytes[..fitting]);
                    return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
                }
                state.image.write(self.inode, offset, bytes);
                Ok(())
            }
            Fate::Cut => {
                let written = state.random.below(bytes.len() as u64 + 1) as usize;
                state.image.write(self.inode, offset, &bytes[..written]);
                Err(power_cut())
            }
            Fate::Failed => Err(io::Error::other("the device failed")),
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        if state.crashed {
            return Err(power_cut());
        }
        let content = state.image.content(self.inode);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let slice = from.checked_add(buffer.len()).and_then(|to| content.get(from..to));
        buffer.copy_from_slice(slice.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.fate()? {
            Fate::Done => {
                state.image.sync(self.inode);
                Ok(())
            }
            // The power goes before, or after the device has it all but before anyone is told; parts of it
            // are what `after_crash` chooses.
            Fate::Cut => {
                if state.random.coin() {
                    state.image.sync(self.inode);
                }
                Err(power_cut())
            }
            Fate::Failed => {
                state.image.forget_unsynced(self.inode);
                Err(io::Error::other(format!("the device failed to sync {}", self.path.display())))
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        if state.crashed { Err(power_cut()) } else { Ok(state.image.content(self.inode).len() as u64) }
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.fate()? {
            Fate::Done => {
                state.image.set_len(self.inode, len_bytes);
                Ok(())
            }
            Fate::Cut => {
                if state.random.coin() {
                    state.image.set_len(self.inode, len_bytes);
                }
                Err(power_cut())
            }
            Fate::Failed => Err(io::Error::other("the device failed")),
        }
    }
}
