//! Rows that a target refuses for what they are: kept in a log of the partition, with the reason. Never
//! knows: targets.

use super::calls::{CallError, Caller};
use crate::{
    call::PartitionId,
    wire::kafka::{
        identity::{declared_id, export_errors_of, number_of},
        records::{BatchWriter, Compression, NewRecord},
    },
};

/// A row and why it did not leave.
pub(super) struct DeadLetter<'a> {
    pub(super) stream: &'a str,
    pub(super) partition: PartitionId,
    pub(super) offset: u64,
    pub(super) export: &'a str,
    pub(super) reason: &'a str,
    pub(super) time_us: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
}

/// A batch has a bound; what is longer is not kept twice, the stream has it.
const KEPT_BYTES_MAX: usize = 900 << 10;
const REASON_BYTES_MAX: usize = 2 << 10;

/// Appends it and waits until it is durable.
pub(super) fn keep(caller: &Caller, letter: &DeadLetter<'_>) -> Result<(), CallError> {
    let batch = batch_of(letter);
    let topic = number_of(&declared_id(&export_errors_of(letter.stream)));
    let partition = letter.partition;
    caller.call("@LogAppend", partition, |parameters| {
        parameters.put_i64(topic).put_i32(i32::from(partition)).put_i32(1).put_timestamp(letter.time_us);
        parameters.put_i64(-1).put_i16(-1).put_i32(-1).put_bytes(&batch);
    })?;
    Ok(())
}

fn batch_of(letter: &DeadLetter<'_>) -> Vec<u8> {
    let (partition, offset) = (letter.partition.to_string(), letter.offset.to_string());
    let reason = &letter.reason[..letter.reason.floor_char_boundary(REASON_BYTES_MAX)];
    let is_kept = letter.value.len() + letter.key.map_or(0, <[u8]>::len) <= KEPT_BYTES_MAX;
    let headers: [(&str, Option<&[u8]>); 5] = [
        ("tollgate.error", Some(reason.as_bytes())),
        ("tollgate.export", Some(letter.export.as_bytes())),
        ("tollgate.stream", Some(letter.stream.as_bytes())),
        ("tollgate.partition", Some(partition.as_bytes())),
        ("tollgate.offset", Some(offset.as_bytes())),
    ];
    let mut writer = BatchWriter::new();
    writer.push(&NewRecord {
        timestamp_ms: letter.time_us.div_euclid(1000),
        key: letter.key.filter(|_| is_kept),
        value: Some(letter.value).filter(|_| is_kept),
        headers: &headers,
    });
    writer.finish(Compression::None, None).expect("nothing is compressed").to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_procedures::builtin::logs::BATCH_BYTES_MAX;

    #[test]
    fn a_row_of_any_size_has_room() {
        for bytes in [0, 10, KEPT_BYTES_MAX, KEPT_BYTES_MAX + 1, 5 << 20] {
            let reason = "é".repeat(3_000);
            let letter = DeadLetter {
                stream: "S",
                partition: 3,
                offset: 9,
                export: "e",
                reason: &reason,
                time_us: 5_000,
                key: None,
                value: &vec![b'x'; bytes],
            };
            let batch = batch_of(&letter);
            assert!(batch.len() < BATCH_BYTES_MAX, "{bytes}");
            assert_eq!(batch.len() > bytes, bytes <= KEPT_BYTES_MAX);
        }
    }

    #[test]
    fn numbers_are_those_of_declared_topics() {
        let [one, other] = ["S", "T"].map(|stream| number_of(&declared_id(&export_errors_of(stream))));
        assert!(one > 0);
        assert_ne!(one, other);
    }
}
