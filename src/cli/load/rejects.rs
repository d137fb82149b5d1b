//! Rows that failed: a CSV file of line, reason and the fields as they were. Made when the first one fails.

use anyhow::{Context, Result};
use csv::StringRecord;
use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

/// See the module.
pub(super) struct Rejects {
    path: PathBuf,
    writer: Option<csv::Writer<File>>,
    /// Why the file is not complete.
    failed: Option<anyhow::Error>,
    pub(super) count: u64,
    reasons: BTreeMap<String, u64>,
}

/// More different reasons are only counted in [`Rejects::count`].
const REASONS_MAX: usize = 10;

/// Where rejects go when nobody says: in the current directory, named after the file.
pub(super) fn default_path(file: &Path) -> PathBuf {
    let name =
        file.file_name().filter(|name| *name != "-").map_or("stdin".into(), |name| name.to_string_lossy());
    PathBuf::from(format!("{name}.rejects.csv"))
}

impl Rejects {
    pub(super) fn new(path: PathBuf) -> Rejects {
        Rejects { path, writer: None, failed: None, count: 0, reasons: BTreeMap::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The first different reasons, and how many rows each.
    pub(super) fn reasons(&self) -> &BTreeMap<String, u64> {
        &self.reasons
    }

    pub(super) fn add(&mut self, line: u64, reason: &str, record: &StringRecord) {
        self.count += 1;
        if let Some(count) = self.reasons.get_mut(reason) {
            *count += 1;
        } else if self.reasons.len() < REASONS_MAX {
            self.reasons.insert(reason.to_string(), 1);
        }
        if self.failed.is_none()
            && let Err(error) = self.write(line, reason, record)
        {
            self.failed = Some(error);
        }
    }

    fn write(&mut self, line: u64, reason: &str, record: &StringRecord) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let file = File::create(&self.path)
                    .with_context(|| format!("{} could not be made", self.path.display()))?;
                self.writer.insert(csv::WriterBuilder::new().flexible(true).from_writer(file))
            }
        };
        let line = line.to_string();
        writer.write_record([line.as_str(), reason].into_iter().chain(record.iter()))?;
        Ok(())
    }

    /// Writes out what is left; an error if the file is not complete.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Some(writer) = &mut self.writer {
            writer.flush().with_context(|| format!("{} could not be written", self.path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reasons_and_fields() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("r.csv");
        let mut rejects = Rejects::new(path.clone());
        rejects.finish().unwrap();
        assert!(!path.exists(), "nothing failed, nothing is made");
        rejects.add(3, "bad, very", &StringRecord::from(vec!["a\"b", "c"]));
        rejects.add(9, "bad, very", &StringRecord::from(vec!["d"]));
        rejects.finish().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "3,\"bad, very\",\"a\"\"b\",c\n9,\"bad, very\",d\n"
        );
        assert_eq!((rejects.count, rejects.reasons().get("bad, very")), (2, Some(&2)));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told_at_the_end() {
        let mut rejects = Rejects::new("/no/such/place/r.csv".into());
        rejects.add(1, "bad", &StringRecord::new());
        assert!(rejects.finish().unwrap_err().to_string().contains("/no/such/place/r.csv"));
    }

    #[test]
    fn named_after_the_file() {
        assert_eq!(default_path(Path::new("/data/cards.csv")), Path::new("cards.csv.rejects.csv"));
        assert_eq!(default_path(Path::new("-")), Path::new("stdin.rejects.csv"));
    }
}
