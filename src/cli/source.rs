//! The bytes of a file: plain, packed with gzip, or standard input; counted as they are read.

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// See the module.
pub(crate) struct Source {
    reader: BufReader<Box<dyn Read>>,
    /// Of the file as it lies there; unknown for standard input.
    pub(crate) total_bytes: Option<u64>,
    /// How much of it has been read.
    pub(crate) read_bytes: Arc<AtomicU64>,
}

struct Counting<R> {
    inner: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

const BUFFER_BYTES: usize = 256 << 10;

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Source> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counting = |inner| Counting { inner, read_bytes: read_bytes.clone() };
        let (input, total_bytes): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(counting(Box::new(io::stdin()) as Box<dyn Read>)), None)
        } else {
            let file = File::open(path).with_context(|| format!("{} could not be opened", path.display()))?;
            let total = file.metadata().ok().map(|metadata| metadata.len());
            (Box::new(counting(Box::new(file) as Box<dyn Read>)), total)
        };
        let packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let input: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(input)) } else { input };
        Ok(Source { reader: BufReader::with_capacity(BUFFER_BYTES, input), total_bytes, read_bytes })
    }

    /// What comes after so many lines.
    pub(crate) fn skip_lines(mut self, lines: u64) -> Result<impl BufRead> {
        for _ in 0..lines {
            let skipped = self.reader.skip_until(b'\n').context("the file cannot be read")?;
            if skipped == 0 {
                break;
            }
        }
        Ok(self.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn plain_and_packed_files_read_alike() {
        let temporary = tempfile::tempdir().unwrap();
        let text = "skipped\nkept\n";
        let plain = temporary.path().join("a.csv");
        std::fs::write(&plain, text).unwrap();
        let packed = temporary.path().join("a.csv.gz");
        let mut encoder = GzEncoder::new(File::create(&packed).unwrap(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
        for path in [plain, packed] {
            let source = Source::open(&path).unwrap();
            let (total, read) = (source.total_bytes, source.read_bytes.clone());
            let mut rest = String::new();
            source.skip_lines(1).unwrap().read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "kept\n");
            assert_eq!(Some(read.load(Ordering::Relaxed)), total);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Source::open(Path::new("no/such.csv")).err().expect("it is missing");
        assert!(error.to_string().contains("no/such.csv"));
    }
}
