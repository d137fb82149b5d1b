//! Makes the checksums of mutated files right again, so that what stands behind them is reached. The first
//! byte of such an input says whether: 0 leaves the bytes as they are. Knows as much of the formats in
//! `docs/FORMAT.md` as it takes to find the checksums.

/// Takes the first byte off; the rest comes back as it is, or sealed.
pub(super) fn choose(input: &[u8], seal: fn(&mut [u8])) -> Vec<u8> {
    let Some((choice, rest)) = input.split_first() else { return Vec::new() };
    let mut bytes = rest.to_vec();
    if *choice != 0 {
        seal(&mut bytes);
    }
    bytes
}

/// A segment of the node log.
pub(super) fn log_segment(segment: &mut [u8]) {
    const HEADER_BYTES: usize = 64;
    const RECORD_HEADER_BYTES: usize = 32;
    let Some(header) = segment.get_mut(..HEADER_BYTES) else { return };
    put(header, 12, crc32c::crc32c_append(crc32c::crc32c(&header[0..12]), &header[16..64]));
    let number: [u8; 8] = header[16..24].try_into().expect("eight bytes");
    let mut at = HEADER_BYTES;
    while let Some(length) = segment.get(at..at + RECORD_HEADER_BYTES).map(|header| number_at(header, 4)) {
        let end = at + RECORD_HEADER_BYTES + length as usize;
        let Some(record) = segment.get_mut(at..end) else { return };
        let crc = crc32c::crc32c_append(crc32c::crc32c(&number), &(at as u64).to_le_bytes());
        let crc = crc32c::crc32c_append(crc, &record[0..8]);
        put(record, 8, crc32c::crc32c_append(crc, &record[12..]));
        at = end.next_multiple_of(8);
    }
}

/// A snapshot file.
pub(super) fn snapshot(file: &mut [u8]) {
    const HEADER_BYTES: usize = 24;
    const FOOTER_BYTES: usize = 32;
    let Some(end) = file.len().checked_sub(FOOTER_BYTES).filter(|end| *end >= HEADER_BYTES) else { return };
    let head_end = HEADER_BYTES + number_at(file, 12) as usize;
    let Some(head) = file.get(HEADER_BYTES..head_end) else { return };
    let crc = crc32c::crc32c_append(crc32c::crc32c(&file[0..16]), head);
    put(file, 16, crc);
    let mut headers_crc = crc32c::crc32c(&file[..HEADER_BYTES]);
    let mut at = head_end.next_multiple_of(8);
    let mut sections = 0u64;
    while at + HEADER_BYTES <= end {
        let data_end = at + HEADER_BYTES + number_at(file, at + 8) as usize;
        let Some(data) = file.get(at + HEADER_BYTES..data_end.min(end)) else { break };
        let crc = crc32c::crc32c(data);
        put(file, at + 16, crc);
        let crc = crc32c::crc32c(&file[at..at + 20]);
        put(file, at + 20, crc);
        headers_crc = crc32c::crc32c_append(headers_crc, &file[at..at + HEADER_BYTES]);
        sections += 1;
        at = data_end.next_multiple_of(8);
    }
    let length = file.len() as u64;
    let footer = &mut file[end..];
    footer[8..16].copy_from_slice(&sections.to_le_bytes());
    footer[16..24].copy_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c_append(headers_crc, &footer[0..24]);
    put(footer, 24, crc);
}

/// Kafka's record batches, one after another.
pub(super) fn record_batches(batches: &mut [u8]) {
    const CRC_AT: usize = 17;
    const CHECKED_FROM: usize = 21;
    let mut at = 0;
    while let Some(length) = batches.get(at + 8..at + 12) {
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        let Some(batch) = batches.get_mut(at..at + 12 + length).filter(|b| b.len() >= CHECKED_FROM) else {
            return;
        };
        let crc = crc32c::crc32c(&batch[CHECKED_FROM..]);
        batch[CRC_AT..CHECKED_FROM].copy_from_slice(&crc.to_be_bytes());
        at += batch.len();
    }
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}
