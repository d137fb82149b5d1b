//! Batches there and back, and batches that lie.

use super::{batch::HEAD_BYTES, cursor::Cursor, *};
use bytes::{Bytes, BytesMut};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const PLENTY: usize = 64 << 20;

/// A record's parts, owned.
#[derive(Clone, Debug, PartialEq)]
struct Owned {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn write(records: &[Owned], compression: Compression, producer: Option<Producer>) -> BytesMut {
    let mut writer = BatchWriter::new();
    for record in records {
        let headers: Vec<(&str, Option<&[u8]>)> =
            record.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        writer.push(&NewRecord {
            timestamp_ms: record.timestamp_ms,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &headers,
        });
    }
    let batch = writer.finish(compression, producer).expect("our own bytes compress");
    BytesMut::from(&batch[..])
}

fn read(bytes: &[u8]) -> Result<(Head, Vec<Owned>), RecordsError> {
    let batches: Vec<Batch> = Batches::new(Bytes::copy_from_slice(bytes)).collect::<Result<_, _>>()?;
    let [batch] = &batches[..] else { panic!("one batch, not {}", batches.len()) };
    batch.check_dense()?;
    let own = |bytes: Option<Bytes>| bytes.map(|bytes| bytes.to_vec());
    let records = batch.records(PLENTY)?.map(|record| {
        let record = record?;
        let text = |key: Bytes| String::from_utf8(key.to_vec()).expect("it was checked");
        Ok(Owned {
            timestamp_ms: batch.head.base_timestamp_ms.wrapping_add(record.timestamp_delta_ms),
            key: own(record.key),
            value: own(record.value),
            headers: record.headers.into_iter().map(|h| (text(h.key), own(h.value))).collect(),
        })
    });
    Ok((batch.head, records.collect::<Result<_, _>>()?))
}

fn some_bytes(rng: &mut SmallRng) -> Option<Vec<u8>> {
    let length = rng.random_range(0..200);
    let letter = rng.random_range(b'a'..b'e');
    // Some compresses well, some not at all.
    let byte = |rng: &mut SmallRng| if rng.random_ratio(1, 2) { letter } else { rng.random() };
    rng.random_ratio(4, 5).then(|| (0..length).map(|_| byte(rng)).collect())
}

fn some_records(rng: &mut SmallRng) -> Vec<Owned> {
    let one = |rng: &mut SmallRng| Owned {
        timestamp_ms: rng.random_range(0..i64::MAX),
        key: some_bytes(rng),
        value: some_bytes(rng),
        // Few keys, so that some come twice.
        headers: (0..rng.random_range(0..4))
            .map(|_| (format!("h{}", rng.random_range(0..2)), some_bytes(rng)))
            .collect(),
    };
    (0..rng.random_range(1..40)).map(|_| one(rng)).collect()
}

#[test]
fn what_is_written_is_read() {
    let mut rng = SmallRng::seed_from_u64(1);
    for round in 0..200 {
        let records = some_records(&mut rng);
        let compression = Compression::ALL[round % Compression::ALL.len()];
        let producer = Producer { id: rng.random(), epoch: rng.random(), base_sequence: rng.random() };
        let mut batch = write(&records, compression, Some(producer));
        let (offset, epoch) = (rng.random(), rng.random());
        place(&mut batch, offset, epoch);
        let (head, back) = read(&batch).unwrap_or_else(|error| panic!("{compression:?}: {error}"));
        assert_eq!(back, records);
        assert_eq!((head.base_offset, head.leader_epoch), (offset, epoch));
        assert_eq!(head.compression(), Ok(compression));
        let said =
            Producer { id: head.producer_id, epoch: head.producer_epoch, base_sequence: head.base_sequence };
        assert_eq!(said, producer);
        assert_eq!(head.max_timestamp_ms, records.iter().map(|r| r.timestamp_ms).max().expect("some"));
    }
}

/// Values of all lengths at which a length in front of them takes a byte more, one behind the other, so that
/// what was guessed from the last one is too short and too long.
#[test]
fn a_value_written_in_place_is_the_same() {
    let mut rng = SmallRng::seed_from_u64(3);
    for _ in 0..300 {
        let (mut whole, mut in_place) = (BatchWriter::new(), BatchWriter::new());
        for _ in 0..rng.random_range(1..20) {
            let edge = [0, 1 << 6, 1 << 13, 1 << 20][rng.random_range(0..4)];
            let length = (edge + rng.random_range(0_usize..24)).saturating_sub(12);
            let value = vec![rng.random(); length];
            let key = some_bytes(&mut rng);
            let timestamp_ms = rng.random::<i64>() >> rng.random_range(0..64);
            let (key, headers) = (key.as_deref(), &[][..]);
            whole.push(&NewRecord { timestamp_ms, key, value: Some(&value), headers });
            in_place.push_with(timestamp_ms, key, |out| out.extend_from_slice(&value));
        }
        let finish = |writer: BatchWriter| writer.finish(Compression::None, None).expect("not compressed");
        assert!(finish(whole) == finish(in_place));
    }
}

/// Written down from the format: a key "k", a value "v" and a header "h" = null, 1000 ms after 1970.
#[test]
fn a_batch_byte_by_byte() {
    let record = Owned {
        timestamp_ms: 1000,
        key: Some(b"k".to_vec()),
        value: Some(b"v".to_vec()),
        headers: vec![("h".to_string(), None)],
    };
    let batch = write(&[record], Compression::None, None);
    let mut expected = Vec::new();
    expected.extend([0; 8]); // base offset
    expected.extend([0, 0, 0, 61]); // 49 of the head and 12 of the record
    expected.extend([0; 4]); // leader epoch
    expected.push(2); // magic
    expected.extend([0; 4]); // checksum: below
    expected.extend([0; 2]); // attributes
    expected.extend([0; 4]); // last offset delta
    expected.extend([0, 0, 0, 0, 0, 0, 3, 232, 0, 0, 0, 0, 0, 0, 3, 232]); // base and max timestamp
    expected.extend([255; 8 + 2 + 4]); // no producer
    expected.extend([0, 0, 0, 1]); // records
    // Zigzag: a length n is 2 n, null is 1.
    expected.extend([22, 0, 0, 0, 2, b'k', 2, b'v', 2, 2, b'h', 1]);
    let crc = crc32c::crc32c(&expected[21..]);
    expected[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(&batch[..], &expected[..]);
}

#[test]
fn batches_follow_each_other() {
    let mut rng = SmallRng::seed_from_u64(2);
    let mut bytes = Vec::new();
    for base_offset in [7, 100, 1000] {
        let mut batch = write(&some_records(&mut rng), Compression::Zstd, None);
        place(&mut batch, base_offset, 1);
        bytes.extend_from_slice(&batch);
    }
    let offsets = Batches::new(bytes.into()).map(|batch| batch.expect("all are whole").head.base_offset);
    assert_eq!(offsets.collect::<Vec<_>>(), [7, 100, 1000]);
    assert!(Batches::new(Bytes::new()).next().is_none());
}

/// Whatever single bit flips: an error, or a batch that says the same at another place.
#[test]
fn a_flipped_bit_is_seen() {
    let records = some_records(&mut SmallRng::seed_from_u64(3));
    for compression in Compression::ALL {
        let batch = write(&records, compression, None);
        for bit in 0..batch.len() * 8 {
            let mut flipped = batch.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let is_place = (0..8).contains(&(bit / 8)) || (12..16).contains(&(bit / 8));
            match read(&flipped) {
                Ok((_, back)) => assert!(is_place && back == records, "bit {bit} of {compression:?}"),
                Err(_) => assert!(!is_place, "bit {bit} of {compression:?}"),
            }
        }
    }
}

#[test]
fn a_batch_that_is_cut_short_is_an_error() {
    let batch = write(&some_records(&mut SmallRng::seed_from_u64(4)), Compression::Lz4, None);
    for length in 1..batch.len() {
        let error = read(&batch[..length]).map(|_| ()).expect_err("it is not whole");
        assert!(matches!(error, RecordsError::Truncated { field: "batch", .. }), "{length}: {error}");
    }
}

/// A batch with these bytes for records, and its checksum right: what is wrong lies behind it.
fn sealed(compression: Compression, count: i32, body: &[u8]) -> Batch {
    let record = Owned { timestamp_ms: 0, key: None, value: None, headers: Vec::new() };
    let mut bytes = write(&[record], Compression::None, None);
    bytes.truncate(HEAD_BYTES);
    bytes.extend_from_slice(body);
    let length = (bytes.len() - 12) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[22] = compression as u8;
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Batches::new(bytes.freeze()).next().expect("one").expect("its head is right")
}

fn first_error(batch: &Batch, bytes_max: usize) -> String {
    let records = batch.records(bytes_max).and_then(|records| records.collect::<Result<Vec<_>, _>>());
    records.map(|records| format!("{} records", records.len())).unwrap_or_else(|error| error.to_string())
}

#[test]
fn a_little_that_becomes_much_is_refused_at_the_limit() {
    let zeros = vec![0; 8 << 20];
    for compression in Compression::ALL {
        let bomb = sealed(compression, 1, &compress::compress(compression, &zeros).expect("it compresses"));
        let error = bomb.records(1 << 20).map(|_| ()).expect_err("too much");
        assert_eq!(error, RecordsError::TooLarge { bytes_max: 1 << 20 }, "{compression:?}");
        assert_eq!(error.fault(), Fault::TooLarge);
    }
}

/// Frames of LZ4 with what a frame may have: sizes, checksums, blocks that do not compress, several blocks.
fn lz4_frames(plain: &[u8]) -> Vec<Vec<u8>> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let make = |choice: u32| {
        let mut info = FrameInfo::new().block_size(BlockSize::Max64KB);
        info.block_mode = if choice & 1 == 0 { BlockMode::Independent } else { BlockMode::Linked };
        info.block_checksums = choice & 2 != 0;
        info.content_checksum = choice & 4 != 0;
        info.content_size = (choice & 8 != 0).then_some(plain.len() as u64);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        std::io::Write::write_all(&mut encoder, plain).expect("it compresses");
        encoder.finish().expect("it compresses")
    };
    (0..16).map(make).collect()
}

#[test]
fn compressed_bytes_that_are_cut_short_are_an_error() {
    let mut rng = SmallRng::seed_from_u64(6);
    let plain: Vec<u8> = (0..2000).map(|_| rng.random_range(b'a'..b'e')).collect();
    for compression in Compression::ALL.into_iter().filter(|&one| one != Compression::None) {
        for plain in [&plain[..], &plain[..1]] {
            let whole = Bytes::from(compress::compress(compression, plain).expect("it compresses"));
            let back = compress::decompress(compression, whole.clone(), PLENTY).expect("it is whole");
            assert_eq!(back, plain);
            for length in 0..whole.len() {
                let cut = compress::decompress(compression, whole.slice(..length), PLENTY);
                assert!(cut.is_err(), "{length} of {} bytes of {compression:?}", whole.len());
            }
        }
    }
}

#[test]
fn a_frame_of_lz4_that_ends_between_blocks_is_an_error() {
    let mut rng = SmallRng::seed_from_u64(7);
    // More than two blocks, the first of which does not compress.
    let mut plain: Vec<u8> = (0..(64 << 10)).map(|_| rng.random()).collect();
    plain.extend((0..(80 << 10)).map(|_| rng.random_range(b'a'..b'c')));
    for (choice, frame) in lz4_frames(&plain).into_iter().enumerate() {
        let frame = Bytes::from(frame);
        let back = compress::decompress(Compression::Lz4, frame.clone(), PLENTY).expect("it is whole");
        assert_eq!(back, plain, "choice {choice}");
        for length in 0..frame.len() {
            let error = lz4::check_whole(&frame[..length]).expect_err("it is not whole");
            assert!(matches!(error, RecordsError::Truncated { .. }), "{length} of choice {choice}: {error}");
        }
    }
    let error = lz4::check_whole(&[0x02, 0x21, 0x4c, 0x18, 0, 0, 0, 0]).expect_err("the old format");
    assert_eq!(error, RecordsError::Value { field: "lz4 magic", value: 0x184c_2102 });
}

#[test]
fn snappy_comes_in_blocks_or_as_it_is() {
    let plain = [12, 0, 0, 0, 1, 1, 0];
    let raw = snap::raw::Encoder::new().compress_vec(&plain).expect("it compresses");
    let plain_read = |body: &[u8]| first_error(&sealed(Compression::Snappy, 1, body), PLENTY);
    assert_eq!(plain_read(&raw), "1 records");
    let mut blocks = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1].to_vec();
    for part in [&plain[..3], &plain[3..]] {
        let block = snap::raw::Encoder::new().compress_vec(part).expect("it compresses");
        blocks.extend((block.len() as i32).to_be_bytes());
        blocks.extend(block);
    }
    assert_eq!(plain_read(&blocks), "1 records");
    for (cut, wrong) in [(9, "snappy block: 16 bytes"), (18, "snappy block: 4 bytes")] {
        let error = plain_read(&blocks[..cut]);
        assert!(error.starts_with(wrong), "{error}");
    }
    // It says that it was 16 MiB.
    let lie = plain_read(&[0x80, 0x80, 0x80, 0x08, 0]);
    assert_eq!(lie, "records: they do not decompress by snappy: 5 bytes cannot become 16777216");
}

#[test]
fn what_lies_behind_a_right_checksum_is_named() {
    let check = |count, body: &[u8], wrong: &str| {
        assert_eq!(first_error(&sealed(Compression::None, count, body), PLENTY), wrong);
    };
    check(1, &[12, 0, 0, 0, 1, 1, 0], "1 records");
    check(0, &[12, 0, 0, 0, 1, 1, 0], "records: 7 bytes too many");
    check(1, &[12, 0, 0, 0, 1, 1, 0, 9], "records: 1 bytes too many");
    check(i32::MAX, &[12, 0, 0, 0, 1, 1, 0], "record count: 15032385529 bytes are needed, 7 are left");
    check(-5, &[], "record count: -5 is not possible here");
    check(1, &[13, 0, 0, 0, 1, 1, 0], "record length: -7 is not possible here");
    check(1, &[14, 0, 0, 0, 1, 1, 0], "record length: 7 bytes are needed, 6 are left");
    check(1, &[14, 0, 0, 0, 1, 1, 0, 0], "record: 1 bytes too many");
    check(1, &[12, 0, 0, 2, 1, 1, 0], "offset delta: 1 is not possible here");
    check(1, &[12, 0, 0, 0, 3, 1, 0], "key: -2 is not possible here");
    check(1, &[12, 0, 0, 0, 1, 8, 0], "value: 4 bytes are needed, 1 are left");
    check(1, &[14, 0, 0, 0, 1, 1, 2, 0], "header count: 2 bytes are needed, 1 are left");
    check(1, &[18, 0, 0, 0, 1, 1, 2, 2, 255, 1], "header key: not valid UTF-8");
    check(1, &[16, 0, 0, 0, 1, 1, 2, 1, 1], "header key: -1 is not possible here");
    let two = [12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0];
    check(2, &two, "offset delta: 0 is not possible here");
}

#[test]
fn a_batch_of_another_format_is_told() {
    let mut batch = write(&some_records(&mut SmallRng::seed_from_u64(5)), Compression::None, None);
    batch[16] = 1;
    let error = read(&batch).map(|_| ()).expect_err("another magic");
    assert_eq!((error.fault(), error), (Fault::Version, RecordsError::Magic(1)));
    let unknown = sealed(Compression::None, 1, &[]).head;
    let unknown = Head { attributes: 5, ..unknown };
    let error = unknown.compression().expect_err("there is no fifth");
    assert_eq!((error.fault(), error), (Fault::Compression, RecordsError::Compression(5)));
}

/// A compacted batch keeps its offsets; a producer's has them all.
#[test]
fn offsets_may_be_left_out_but_not_by_a_producer() {
    let body = [12, 0, 0, 2, 1, 1, 0];
    let mut batch = sealed(Compression::None, 1, &body);
    batch.head.last_offset_delta = 3;
    let records = batch.records(PLENTY).expect("one").collect::<Result<Vec<_>, _>>().expect("it is right");
    assert_eq!(records[0].offset_delta, 1);
    assert_eq!(batch.head.next_offset(), Some(4));
    assert!(batch.check_dense().is_err());
}

#[test]
fn numbers_at_their_ends() {
    let number = |bytes: &[u8]| Cursor::new(bytes).varlong("n").ok();
    let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let mut least = most;
    least[0] = 0xfe;
    assert_eq!((number(&most), number(&least)), (Some(i64::MIN), Some(i64::MAX)));
    assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), None, "65 bits");
    assert_eq!(number(&[0x80; 11]), None);
    assert_eq!((number(&[0]), number(&[1]), number(&[2])), (Some(0), Some(-1), Some(1)));
    assert_eq!((number(&[0x80, 1]), number(&[0x80])), (Some(64), None));
    let mut wide = Cursor::new(&[0x80, 0x80, 0x80, 0x80, 0x20]);
    assert!(wide.varint("n").is_err(), "33 bits");
}
