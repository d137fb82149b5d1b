//! What is on a [`super::FaultyDisk`]: contents and names, each as written and as durable.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::Keep;
use crate::random::SplitMix64;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Debug, Clone, Default)]
struct Inode {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that differ, or may.
    dirty: BTreeSet<usize>,
    /// The shortest the file was cut to since it was synced.
    cut_to: Option<usize>,
}

/// A change of a directory.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Link { path: PathBuf, inode: usize },
    Rename { from: PathBuf, to: PathBuf },
    Unlink { path: PathBuf },
}

/// A change that is not durable yet, in terms of what it does to names.
#[derive(Debug, Clone)]
struct Pending {
    directory: PathBuf,
    changes: Vec<(PathBuf, Option<usize>)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending: Vec<Pending>,
}

impl Image {
    pub(super) fn new_inode(&mut self) -> usize {
        self.inodes.push(Inode::default());
        self.inodes.len() - 1
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn content(&self, inode: usize) -> &[u8] {
        &self.inodes[inode].written
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.names.values().map(|&inode| self.inodes[inode].written.len() as u64).sum()
    }

    /// Bytes by which a write makes a file longer.
    pub(super) fn growth_bytes(&self, inode: usize, offset: u64, bytes: u64) -> u64 {
        (offset + bytes).saturating_sub(self.inodes[inode].written.len() as u64)
    }

    pub(super) fn change_names(&mut self, change: NameChange) -> io::Result<()> {
        let (path, changes) = match change {
            NameChange::Link { path, inode } => (path.clone(), vec![(path, Some(inode))]),
            NameChange::Rename { from, to } => {
                let inode = self.find(&from)?;
                (from.clone(), vec![(from, None), (to, Some(inode))])
            }
            NameChange::Unlink { path } => {
                self.find(&path)?;
                (path.clone(), vec![(path, None)])
            }
        };
        apply(&mut self.names, &changes);
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        self.pending.push(Pending { directory, changes });
        Ok(())
    }

    pub(super) fn sync_names(&mut self, directory: &Path) {
        let durable_names = &mut self.durable_names;
        self.pending.retain(|pending| {
            let synced = pending.directory == directory;
            if synced {
                apply(durable_names, &pending.changes);
            }
            !synced
        });
    }

    pub(super) fn write(&mut self, inode: usize, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let file = &mut self.inodes[inode];
        let from = offset as usize;
        let to = from + bytes.len();
        let old_len = file.written.len();
        if old_len < to {
            file.written.resize(to, 0);
        }
        file.written[from..to].copy_from_slice(bytes);
        let first = from.min(old_len) / SECTOR_BYTES;
        file.dirty.extend(first..=(to - 1) / SECTOR_BYTES);
    }

    pub(super) fn set_len(&mut self, inode: usize, len_bytes: u64) {
        let file = &mut self.inodes[inode];
        let len = len_bytes as usize;
        if len < file.written.len() {
            file.cut_to = Some(file.cut_to.unwrap_or(usize::MAX).min(len));
            file.dirty.retain(|&sector| sector * SECTOR_BYTES < len);
        } else {
            file.dirty.extend(file.written.len() / SECTOR_BYTES..len.div_ceil(SECTOR_BYTES));
        }
        file.written.resize(len, 0);
    }

    pub(super) fn sync(&mut self, inode: usize) {
        let file = &mut self.inodes[inode];
        file.durable.resize(file.written.len(), 0);
        for sector in std::mem::take(&mut file.dirty) {
            copy_sector(&file.written, &mut file.durable, sector);
        }
        file.cut_to = None;
    }

    /// The kernel dropped the dirty pages: they read back as written, but no sync will write them.
    pub(super) fn forget_unsynced(&mut self, inode: usize) {
        self.inodes[inode].dirty.clear();
    }

    pub(super) fn flip_bit(&mut self, path: &Path, offset: u64, bit: u32) {
        let file = &mut self.inodes[self.names[path]];
        for content in [&mut file.written, &mut file.durable] {
            content[offset as usize] ^= 1 << bit;
        }
    }

    pub(super) fn overwrite(&mut self, path: &Path, content: &[u8]) {
        let inode = self.new_inode();
        self.inodes[inode] =
            Inode { written: content.to_vec(), durable: content.to_vec(), ..Inode::default() };
        self.names.insert(path.to_path_buf(), inode);
        self.durable_names.insert(path.to_path_buf(), inode);
    }

    pub(super) fn after_crash(&self, keep: Keep, random: &mut SplitMix64) -> Self {
        let mut names = self.durable_names.clone();
        for pending in &self.pending {
            if keep == Keep::Everything || (keep == Keep::Subset && random.coin()) {
                apply(&mut names, &pending.changes);
            }
        }
        let mut image = Self::default();
        for (path, inode) in names {
            let content = self.inodes[inode].after_crash(keep, random);
            image.overwrite(&path, &content);
        }
        image
    }
}

impl Inode {
    fn after_crash(&self, keep: Keep, random: &mut SplitMix64) -> Vec<u8> {
        let mut kept = self.durable.clone();
        let keeps =
            |random: &mut SplitMix64| keep == Keep::Everything || (keep == Keep::Subset && random.coin());
        if let Some(cut_to) = self.cut_to
            && keeps(random)
        {
            kept.truncate(cut_to);
        }
        for &sector in &self.dirty {
            if keeps(random) {
                let end = ((sector + 1) * SECTOR_BYTES).min(self.written.len());
                if kept.len() < end {
                    kept.resize(end, 0);
                }
                copy_sector(&self.written, &mut kept, sector);
            }
        }
        if keep == Keep::Everything {
            kept.resize(self.written.len(), 0);
        }
        kept
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR_BYTES;
    let end = (start + SECTOR_BYTES).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, changes: &[(PathBuf, Option<usize>)]) {
    for (path, inode) in changes {
        match inode {
            Some(inode) => names.insert(path.clone(), *inode),
            None => names.remove(path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_after(image: &Image, keep: Keep, seed: u64) -> Option<Vec<u8>> {
        let after = image.after_crash(keep, &mut SplitMix64::new(seed));
        after.find(Path::new("d/a")).ok().map(|inode| after.content(inode).to_vec())
    }

    fn linked() -> (Image, usize) {
        let mut image = Image::default();
        let inode = image.new_inode();
        image.change_names(NameChange::Link { path: "d/a".into(), inode }).unwrap();
        (image, inode)
    }

    #[test]
    fn a_name_is_durable_only_after_its_directory_was_synced() {
        let (mut image, inode) = linked();
        image.write(inode, 0, b"x");
        image.sync(inode);
        assert_eq!(content_after(&image, Keep::Durable, 0), None);
        image.sync_names(Path::new("d"));
        assert_eq!(content_after(&image, Keep::Durable, 0), Some(b"x".to_vec()));
        image.change_names(NameChange::Rename { from: "d/a".into(), to: "d/b".into() }).unwrap();
        assert_eq!(content_after(&image, Keep::Durable, 0), Some(b"x".to_vec()), "the rename is lost");
        assert_eq!(content_after(&image, Keep::Everything, 0), None);
    }

    #[test]
    fn a_crash_keeps_any_subset_of_unsynced_sectors_and_all_synced_ones() {
        let (mut image, inode) = linked();
        image.sync_names(Path::new("d"));
        image.write(inode, 0, &[1; 1024]);
        image.sync(inode);
        image.write(inode, 0, &[2; 1024]);
        let mut seen = BTreeSet::new();
        for seed in 0..64 {
            let kept = content_after(&image, Keep::Subset, seed).unwrap();
            assert_eq!(kept.len(), 1024);
            assert!(kept[..512].iter().all(|&byte| byte == kept[0]), "a sector is whole");
            seen.insert((kept[0], kept[512]));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(1, 1), (1, 2), (2, 1), (2, 2)]);
        assert_eq!(content_after(&image, Keep::Durable, 0), Some(vec![1; 1024]));
    }

    #[test]
    fn a_failed_sync_loses_what_it_should_have_kept_for_good() {
        let (mut image, inode) = linked();
        image.sync_names(Path::new("d"));
        image.write(inode, 0, b"x");
        image.forget_unsynced(inode);
        image.sync(inode);
        assert_ne!(content_after(&image, Keep::Durable, 0), Some(b"x".to_vec()));
        assert_eq!(image.content(inode), b"x", "it still reads back");
    }

    #[test]
    fn a_cut_is_kept_or_lost_but_a_synced_one_is_kept() {
        let (mut image, inode) = linked();
        image.sync_names(Path::new("d"));
        image.write(inode, 0, &[7; 1000]);
        image.sync(inode);
        image.set_len(inode, 10);
        assert_eq!(content_after(&image, Keep::Durable, 0), Some(vec![7; 1000]));
        assert_eq!(content_after(&image, Keep::Everything, 0), Some(vec![7; 10]));
        image.sync(inode);
        assert_eq!(content_after(&image, Keep::Durable, 0), Some(vec![7; 10]));
    }
}
