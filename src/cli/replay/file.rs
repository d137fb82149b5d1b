//! The lines of a file of taps, and the names in a file of stations.

use crate::cli::source::Source;
use anyhow::{Context, Result, ensure};
use csv::{ByteRecord, ReaderBuilder, StringRecord};
use std::{collections::BTreeSet, io, path::Path};

/// Gives each line's number and fields to `each` until that says no. Returns why the file's end is missing,
/// if it is: a packed file that was cut.
pub(super) fn each_line(
    path: &Path,
    mut each: impl FnMut(u64, &StringRecord) -> Result<bool>,
) -> Result<Option<String>> {
    let lines = Source::open(path)?.skip_lines(0)?;
    // Names have quotes in them that quote nothing.
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).quoting(false).from_reader(lines);
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                let fields = StringRecord::from_byte_record_lossy(std::mem::take(&mut record));
                if !each(line, &fields)? {
                    return Ok(None);
                }
                record = fields.into_byte_record();
            }
            Ok(false) => return Ok(None),
            Err(error) if is_cut(&error) => return Ok(Some(error.to_string())),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
}

fn is_cut(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof)
}

/// The first field of each line but the first, which names the columns.
pub(super) fn station_names(path: &Path) -> Result<BTreeSet<String>> {
    let lines = Source::open(path)?.skip_lines(0)?;
    let mut reader = ReaderBuilder::new().has_headers(true).flexible(true).from_reader(lines);
    let mut names = BTreeSet::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("{} cannot be read", path.display()))?;
        if let Some(name) = record.get(0).map(str::trim).filter(|name| !name.is_empty()) {
            names.insert(name.to_string());
        }
    }
    ensure!(!names.is_empty(), "{} names no stations", path.display());
    let max = crate::replay::places::NAMES_MAX;
    ensure!(names.len() <= max, "{} names more than {max} stations", path.display());
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn a_packed_file_that_was_cut_is_read_as_far_as_it_goes() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("taps.csv.gz");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let text: String = (0..20_000).map(|n| format!("Sun,{n},x'\"y\n")).collect();
        encoder.write_all(text.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let lines = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut lines = 0;
            let cut = each_line(&path, |line, fields| {
                lines += 1;
                assert_eq!((line, &fields[0]), (lines, "Sun"));
                Ok(true)
            });
            (lines, cut.unwrap().is_some())
        };
        assert_eq!(lines(&packed), (20_000, false));
        let (read, cut) = lines(&packed[..packed.len() / 2]);
        assert!(cut && read > 1_000 && read < 20_000, "{read} lines");
    }

    #[test]
    fn names_of_stations() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("stations.csv");
        std::fs::write(&path, "Station,Zone\nAbbey Road,\"3\"\n\"Bank, City\",1\n").unwrap();
        let names = station_names(&path).unwrap();
        assert_eq!(names, ["Abbey Road", "Bank, City"].map(String::from).into());
        std::fs::write(&path, "Station,Zone\n").unwrap();
        assert!(station_names(&path).unwrap_err().to_string().contains("names no stations"));
    }
}
