//! What Kafka's clients send.

use super::{Decoder, said, sealed};
use bytes::Bytes;
use tollgate::wire::kafka::records::{BatchWriter, Batches, Compression, NewRecord, RecordsError};

/// Of one batch, decompressed.
const PLAIN_BYTES_MAX: usize = 1 << 20;

/// Whether to seal (1), then batches.
pub(super) const RECORDS: Decoder = Decoder {
    name: "kafka_records",
    target: |input| {
        let bytes = sealed::choose(input, sealed::record_batches);
        said(read(bytes.into()))
    },
    seeds: || {
        Compression::ALL
            .into_iter()
            .flat_map(|compression| [seed(compression, 1), seed(compression, 3)])
            .collect()
    },
    words: &[
        &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0],
        &[0xff, 0xff, 0xff, 0x7f],
        &[0x28, 0xb5, 0x2f, 0xfd],
    ],
    // What may come out, twice for a vector that grows; a window; a block of LZ4.
    held_fixed: 2 * PLAIN_BYTES_MAX + (16 << 20),
    held_times: 64,
};

fn read(bytes: Bytes) -> Result<(), RecordsError> {
    for batch in Batches::new(bytes) {
        let batch = batch?;
        let (mut count, mut held) = (0, 0);
        for record in batch.records(PLAIN_BYTES_MAX)? {
            let record = record?;
            count += 1;
            held += record.key.map_or(0, |key| key.len()) + record.value.map_or(0, |value| value.len());
        }
        assert_eq!(count, batch.head.record_count, "as many as it says");
        assert!(held <= PLAIN_BYTES_MAX, "{held} bytes of keys and values");
    }
    Ok(())
}

fn seed(compression: Compression, batches: usize) -> Vec<u8> {
    let mut seed = vec![1];
    for _ in 0..batches {
        let mut writer = BatchWriter::new();
        for (timestamp_ms, key) in [(1000, None), (999, Some(&b"key"[..]))] {
            let headers: &[(&str, Option<&[u8]>)] = &[("h", Some(b"1")), ("h", None)];
            writer.push(&NewRecord { timestamp_ms, key, value: Some(b"value value value"), headers });
        }
        seed.extend_from_slice(&writer.finish(compression, None).expect("our own bytes compress"));
    }
    seed
}
