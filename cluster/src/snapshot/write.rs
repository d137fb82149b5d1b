//! Writing a snapshot: in chunks, slowly if the caller wants, and under its final name only when it was read
//! back whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{self, ALIGN, FILE_HEADER_BYTES, SECTION_HEADER_BYTES};
use super::{SUFFIX, Snapshot, SnapshotError, SnapshotHead, UNFINISHED_SUFFIX, file_name, open_file};
use crate::disk::{Disk, DiskFile};

/// Bytes handed to the disk at once, and between two calls of `pace`.
const CHUNK_BYTES: usize = 256 * 1024;
/// Bytes after which the file is synced, so that the log's sync never waits behind a whole snapshot of dirty
/// pages.
const SYNC_BYTES: u64 = 4 << 20;

/// Writes one snapshot file. Dropped before [`SnapshotWriter::finish`] it leaves a `.tmp` file for
/// [`super::Kept::finished`].
pub struct SnapshotWriter<'a> {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    path: PathBuf,
    unfinished_path: PathBuf,
    file: Arc<dyn DiskFile>,
    /// Offset of the first byte in `buffer`.
    offset: u64,
    buffer: Vec<u8>,
    unsynced_bytes: u64,
    section: Option<OpenSection>,
    sections: u64,
    headers_crc: u32,
    pace: &'a mut dyn FnMut(u64),
}

struct OpenSection {
    header_at: u64,
    kind: u32,
    data_bytes: u64,
    data_crc: u32,
}

impl<'a> SnapshotWriter<'a> {
    /// Begins a snapshot in `directory` (created if missing). `pace(bytes)` is called after each chunk was
    /// written and may block.
    pub fn create(
        disk: Arc<dyn Disk>,
        directory: &Path,
        head: &SnapshotHead,
        pace: &'a mut dyn FnMut(u64),
    ) -> Result<Self, SnapshotError> {
        disk.create_dir(directory).map_err(SnapshotError::io("create", directory))?;
        let path = directory.join(file_name(head.group, head.meta.index));
        let name = file_name(head.group, head.meta.index);
        let stem = name.strip_suffix(SUFFIX).expect("the name was just made with it");
        let unfinished_path = directory.join(format!("{stem}{UNFINISHED_SUFFIX}"));
        let file = disk.create(&unfinished_path).map_err(SnapshotError::io("create", &unfinished_path))?;
        let buffer = format::encode_head(head);
        let headers_crc = crc32c::crc32c(&buffer[..FILE_HEADER_BYTES]);
        Ok(Self {
            disk,
            directory: directory.to_path_buf(),
            path,
            unfinished_path,
            file,
            offset: 0,
            buffer,
            unsynced_bytes: 0,
            section: None,
            sections: 0,
            headers_crc,
            pace,
        })
    }

    /// Begins a section, ending the one before.
    pub fn section(&mut self, kind: u32) -> Result<(), SnapshotError> {
        self.end_section()?;
        let header_at = self.offset + self.buffer.len() as u64;
        self.section = Some(OpenSection { header_at, kind, data_bytes: 0, data_crc: 0 });
        self.buffer.extend_from_slice(&[0u8; SECTION_HEADER_BYTES]);
        Ok(())
    }

    /// Appends to the section that was begun last.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), SnapshotError> {
        let section = self.section.as_mut().expect("a section was begun");
        section.data_bytes += bytes.len() as u64;
        section.data_crc = crc32c::crc32c_append(section.data_crc, bytes);
        while self.buffer.len() + bytes.len() >= CHUNK_BYTES {
            let (now, later) = bytes.split_at(CHUNK_BYTES.saturating_sub(self.buffer.len()).min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Ends the file, makes it durable, reads it back, gives it its name and returns it opened.
    pub fn finish(mut self) -> Result<Snapshot, SnapshotError> {
        self.end_section()?;
        let file_bytes = self.written_bytes() + format::FOOTER_BYTES as u64;
        let footer = format::encode_footer(self.sections, file_bytes, self.headers_crc);
        self.buffer.extend_from_slice(&footer);
        self.flush()?;
        self.sync()?;
        let written = open_file(&*self.disk, &self.unfinished_path)?;
        self.disk
            .rename(&self.unfinished_path, &self.path)
            .map_err(SnapshotError::io("rename", &self.unfinished_path))?;
        self.disk.sync_dir(&self.directory).map_err(SnapshotError::io("sync", &self.directory))?;
        Ok(Snapshot { path: self.path, ..written })
    }

    fn end_section(&mut self) -> Result<(), SnapshotError> {
        let Some(section) = self.section.take() else { return Ok(()) };
        let padded = self.written_bytes().next_multiple_of(ALIGN) - self.offset;
        self.buffer.resize(padded as usize, 0);
        let header = format::encode_section_header(section.kind, section.data_bytes, section.data_crc);
        self.headers_crc = crc32c::crc32c_append(self.headers_crc, &header);
        self.sections += 1;
        if let Some(at) = section.header_at.checked_sub(self.offset) {
            let at = at as usize;
            self.buffer[at..at + SECTION_HEADER_BYTES].copy_from_slice(&header);
            return Ok(());
        }
        self.file
            .write_at(section.header_at, &header)
            .map_err(SnapshotError::io("write", &self.unfinished_path))
    }

    fn flush(&mut self) -> Result<(), SnapshotError> {
        self.file
            .write_at(self.offset, &self.buffer)
            .map_err(SnapshotError::io("write", &self.unfinished_path))?;
        let chunk_bytes = self.buffer.len() as u64;
        self.offset += chunk_bytes;
        self.buffer.clear();
        self.unsynced_bytes += chunk_bytes;
        if self.unsynced_bytes >= SYNC_BYTES {
            self.sync()?;
        }
        (self.pace)(chunk_bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), SnapshotError> {
        self.unsynced_bytes = 0;
        self.file.sync().map_err(SnapshotError::io("sync", &self.unfinished_path))
    }
}
