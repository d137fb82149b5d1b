//! The data directory: who owns it, and what was fixed when it was made.

use crate::{clock, config::Config};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, TryLockError},
    io::Write,
    path::{Path, PathBuf},
};

/// Written once, when the directory is made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    /// Of this directory's layout.
    version: u32,
    partitions: u16,
    cluster_start_ms: i64,
}

const VERSION: u32 = 1;

/// An open data directory; no other process has it open.
pub(super) struct DataDirectory {
    path: PathBuf,
    pub(super) cluster_start_ms: i64,
    // The lock lasts as long as the file is open.
    _lock: File,
}

impl DataDirectory {
    /// Opens the directory, or makes it.
    pub(super) fn open(config: &Config) -> Result<DataDirectory> {
        let path = config.data_dir.clone();
        fs::create_dir_all(&path).with_context(|| format!("{} could not be made", path.display()))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).with_context(|| format!("{}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{} is in use by another server: stop it, or choose another data_dir", path.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).context("the data directory's lock"),
        }
        let identity_path = path.join("identity.toml");
        let identity = match fs::read_to_string(&identity_path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{}", identity_path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                make(&path, &identity_path, config)?
            }
            Err(error) => return Err(error).with_context(|| format!("{}", identity_path.display())),
        };
        let Identity { version, partitions, cluster_start_ms } = identity;
        ensure!(
            version == VERSION,
            "{}: layout version {version}, this binary knows {VERSION}",
            path.display()
        );
        ensure!(
            partitions == config.partitions,
            "{} was made with {partitions} partitions, the configuration says {}: the number is fixed when the \
             directory is made",
            path.display(),
            config.partitions
        );
        Ok(DataDirectory { path, cluster_start_ms, _lock: lock })
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    pub(super) fn schema(&self) -> PathBuf {
        self.path.join("schema.sql")
    }

    /// Writes a file of the directory: it is there entirely or as it was.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<()> {
        write(&self.path, path, text).with_context(|| format!("{}", path.display()))
    }
}

/// Under another name first, so that a crash leaves either none or all of it.
fn write(directory: &Path, path: &Path, text: &str) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    Ok(File::open(directory)?.sync_all()?)
}

fn make(directory: &Path, path: &Path, config: &Config) -> Result<Identity> {
    let log = directory.join("log");
    ensure!(!log.exists(), "{} has a log but no identity.toml: restore it", directory.display());
    let identity = Identity {
        version: VERSION,
        partitions: config.partitions,
        cluster_start_ms: clock::wall_us() / 1000,
    };
    write(directory, path, &toml::to_string(&identity)?)?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_a_directory_and_a_fixed_number_of_partitions() {
        let temporary = tempfile::tempdir().expect("a directory");
        let config = Config { data_dir: temporary.path().join("data"), ..Config::default() };
        let first = DataDirectory::open(&config).expect("made");
        let error = DataDirectory::open(&config).err().expect("in use").to_string();
        assert!(error.contains("in use by another server"), "{error}");
        let start = first.cluster_start_ms;
        drop(first);
        assert_eq!(DataDirectory::open(&config).expect("again").cluster_start_ms, start);
        let other = Config { partitions: 7, ..config };
        let error = DataDirectory::open(&other).err().expect("refused").to_string();
        assert!(error.contains("made with 4 partitions, the configuration says 7"), "{error}");
    }
}
