//! A batch with some of its records left out: their offsets and times, and all that is said of the batch,
//! stay. Never knows why.

use super::{
    batch::{Batch, CHECKED_FROM, CRC_AT, HEAD_BYTES, LENGTH_FROM},
    compress,
    error::RecordsError,
    record::Record,
    write::{put_nullable, put_varlong},
};
use bytes::{Bytes, BytesMut};

/// Where a batch says how many records it has.
const COUNT_AT: usize = 57;

/// What is left of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Retained {
    /// Every record.
    All,
    /// No record.
    Nothing,
    /// Some: the batch that takes the place of the one there was.
    Some(Bytes),
}

/// Leaves out the records that `keep` does not want. `bytes_max`: of the records, decompressed.
pub fn retain(
    batch: &Batch,
    bytes_max: usize,
    mut keep: impl FnMut(&Record) -> bool,
) -> Result<Retained, RecordsError> {
    let (mut records, mut one) = (Vec::new(), Vec::new());
    let mut count: i32 = 0;
    for record in batch.records(bytes_max)? {
        let record = record?;
        if keep(&record) {
            one.clear();
            write(&record, &mut one);
            put_varlong(&mut records, one.len() as i64);
            records.extend_from_slice(&one);
            count += 1;
        }
    }
    if count == batch.head.record_count {
        return Ok(Retained::All);
    }
    if count == 0 {
        return Ok(Retained::Nothing);
    }
    let compression = batch.head.compression()?;
    let failed = |error: std::io::Error| RecordsError::Decompress {
        name: "the compression they came with",
        reason: error.to_string(),
    };
    let body = compress::compress(compression, &records).map_err(failed)?;
    let mut out = BytesMut::with_capacity(HEAD_BYTES + body.len());
    out.extend_from_slice(&batch.bytes[..HEAD_BYTES]);
    out.extend_from_slice(&body);
    let length = i32::try_from(out.len() - LENGTH_FROM).expect("it is shorter than a batch may be");
    out[8..LENGTH_FROM].copy_from_slice(&length.to_be_bytes());
    out[COUNT_AT..HEAD_BYTES].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&out[CHECKED_FROM..]);
    out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    Ok(Retained::Some(out.freeze()))
}

fn write(record: &Record, out: &mut Vec<u8>) {
    out.push(0);
    put_varlong(out, record.timestamp_delta_ms);
    put_varlong(out, i64::from(record.offset_delta));
    put_nullable(out, record.key.as_deref());
    put_nullable(out, record.value.as_deref());
    put_varlong(out, record.headers.len() as i64);
    for header in &record.headers {
        put_nullable(out, Some(&header.key));
        put_nullable(out, header.value.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kafka::records::{BatchWriter, Batches, Compression, NewRecord, Producer};
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Random batches, random records left out: what is left is what was wanted, unchanged.
    #[test]
    fn what_is_left_is_as_it_was() {
        let mut rng = SmallRng::seed_from_u64(6);
        for compression in Compression::ALL.into_iter().cycle().take(400) {
            let mut writer = BatchWriter::new();
            for n in 0..rng.random_range(1..30_u8) {
                let key = [n];
                let headers: &[(&str, Option<&[u8]>)] = &[("h", Some(b"1")), ("h", None)];
                writer.push(&NewRecord {
                    timestamp_ms: rng.random_range(0..1000),
                    key: rng.random::<bool>().then_some(&key),
                    value: rng.random::<bool>().then_some(&[n; 20]),
                    headers: if rng.random() { headers } else { &[] },
                });
            }
            let producer = Some(Producer { id: 7, epoch: 1, base_sequence: 3 });
            let bytes = Bytes::from(writer.finish(compression, producer).unwrap());
            let batch = Batches::new(bytes).next().unwrap().unwrap();
            let before: Vec<Record> = batch.records(1 << 20).unwrap().map(Result::unwrap).collect();
            let chance = rng.random_range(0..=10);
            let wanted: Vec<bool> = before.iter().map(|_| rng.random_range(0..10) < chance).collect();
            let mut turn = wanted.iter();
            let retained = retain(&batch, 1 << 20, |_| *turn.next().unwrap()).unwrap();
            let expected: Vec<Record> =
                before.into_iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(r, _)| r).collect();
            match retained {
                Retained::All => assert_eq!(expected.len(), wanted.len()),
                Retained::Nothing => assert!(expected.is_empty()),
                Retained::Some(bytes) => {
                    let left = Batches::new(bytes).next().unwrap().unwrap();
                    let head = left.head;
                    assert_eq!(head.record_count as usize, expected.len());
                    let count = batch.head.record_count;
                    assert_eq!(crate::wire::kafka::records::Head { record_count: count, ..head }, batch.head);
                    let after: Vec<Record> = left.records(1 << 20).unwrap().map(Result::unwrap).collect();
                    assert_eq!(after, expected);
                }
            }
        }
    }
}
