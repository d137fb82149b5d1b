//! A feed: those records of one batch of a topic that are carried out in one partition, each a call of a
//! procedure, all of them one transaction together with what is known of their producer. Between the front
//! end that read the batch and the partition that runs it; never stored.
//!
//! | bytes | what |
//! |---|---|
//! | 8, 4 | the topic's number, its partition that the batch came to |
//! | 8, 2, 4 | producer id (-1: it numbers nothing), epoch, sequence of the batch's first record |
//! | 4 | records of the whole batch |
//! | 1 | 1: this is the partition that gives the batch its offsets |
//! | 8 | number of the topic that takes dead letters; -1: none does |
//! | 2, n | length of the topic's name, the name |
//! | rest | the records |
//!
//! Each record: 4 bytes offset in the batch, 8 bytes time in milliseconds, 1 byte (0: a call; 1: it could not
//! be read), then with their lengths (4 bytes) in front the parameter set or the reason, the key, the value
//! (length -1: null), and the headers as Kafka has them. Numbers are little-endian.

/// What stands before the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    pub topic: i64,
    pub part: i32,
    pub producer: i64,
    pub epoch: i16,
    pub sequence: i32,
    pub count: i32,
    pub gives_offsets: bool,
    pub dead_letters: Option<i64>,
    pub topic_name: &'a str,
}

/// A record of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedRecord<'a> {
    /// Its place in the whole batch.
    pub offset_delta: i32,
    pub timestamp_ms: i64,
    pub call: FeedCall<'a>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// One behind the other: each key with its length (4 bytes) in front, then the value (length -1: null).
    pub headers: &'a [u8],
}

/// What a record means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedCall<'a> {
    /// The parameter set.
    Parameters(&'a [u8]),
    /// Why there is none.
    Unreadable(&'a str),
}

/// Makes a feed.
pub struct FeedWriter {
    pub bytes: Vec<u8>,
    pub records: u32,
}

impl FeedWriter {
    pub fn new(head: &Head<'_>) -> FeedWriter {
        let mut bytes = Vec::with_capacity(4096);
        bytes.extend_from_slice(&head.topic.to_le_bytes());
        bytes.extend_from_slice(&head.part.to_le_bytes());
        bytes.extend_from_slice(&head.producer.to_le_bytes());
        bytes.extend_from_slice(&head.epoch.to_le_bytes());
        bytes.extend_from_slice(&head.sequence.to_le_bytes());
        bytes.extend_from_slice(&head.count.to_le_bytes());
        bytes.push(u8::from(head.gives_offsets));
        bytes.extend_from_slice(&head.dead_letters.unwrap_or(-1).to_le_bytes());
        bytes.extend_from_slice(&(head.topic_name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(head.topic_name.as_bytes());
        FeedWriter { bytes, records: 0 }
    }

    pub fn push(&mut self, record: &FeedRecord<'_>) {
        self.records += 1;
        let out = &mut self.bytes;
        out.extend_from_slice(&record.offset_delta.to_le_bytes());
        out.extend_from_slice(&record.timestamp_ms.to_le_bytes());
        match record.call {
            FeedCall::Parameters(set) => {
                out.push(0);
                put(out, Some(set));
            }
            FeedCall::Unreadable(reason) => {
                out.push(1);
                put(out, Some(reason.as_bytes()));
            }
        }
        put(out, record.key);
        put(out, record.value);
        put(out, Some(record.headers));
    }
}

/// Appends bytes with their length in front, -1 for none.
pub fn put(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.extend_from_slice(&bytes.map_or(-1, |bytes| bytes.len() as i32).to_le_bytes());
    out.extend_from_slice(bytes.unwrap_or_default());
}

/// Reads a feed that was made by a [`FeedWriter`] of this process.
#[derive(Clone)]
pub struct FeedReader<'a> {
    rest: &'a [u8],
}

impl<'a> FeedReader<'a> {
    pub fn new(bytes: &'a [u8]) -> (Head<'a>, FeedReader<'a>) {
        let mut reader = FeedReader { rest: bytes };
        let mut head = Head {
            topic: i64::from_le_bytes(reader.number()),
            part: i32::from_le_bytes(reader.number()),
            producer: i64::from_le_bytes(reader.number()),
            epoch: i16::from_le_bytes(reader.number()),
            sequence: i32::from_le_bytes(reader.number()),
            count: i32::from_le_bytes(reader.number()),
            gives_offsets: u8::from_le_bytes(reader.number()) == 1,
            dead_letters: Some(i64::from_le_bytes(reader.number())).filter(|&topic| topic >= 0),
            topic_name: "",
        };
        let length = u16::from_le_bytes(reader.number());
        head.topic_name = text(reader.bytes(usize::from(length)));
        (head, reader)
    }

    fn number<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.rest.split_first_chunk().expect("our own feeds are whole");
        self.rest = rest;
        *bytes
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        bytes
    }

    /// Bytes with their length in front.
    pub fn nullable(&mut self) -> Option<&'a [u8]> {
        let length = i32::from_le_bytes(self.number());
        Some(self.bytes(usize::try_from(length).ok()?))
    }

    /// The headers of a record, in order.
    pub fn headers(headers: &'a [u8]) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> {
        let mut reader = FeedReader { rest: headers };
        std::iter::from_fn(move || {
            if reader.rest.is_empty() {
                return None;
            }
            Some((text(reader.nullable()?), reader.nullable()))
        })
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("our own feeds hold text where text belongs")
}

impl<'a> Iterator for FeedReader<'a> {
    type Item = FeedRecord<'a>;

    fn next(&mut self) -> Option<FeedRecord<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let offset_delta = i32::from_le_bytes(self.number());
        let timestamp_ms = i64::from_le_bytes(self.number());
        let [kind] = self.number();
        let said = self.nullable().expect("a parameter set or a reason");
        let call = if kind == 0 { FeedCall::Parameters(said) } else { FeedCall::Unreadable(text(said)) };
        let (key, value) = (self.nullable(), self.nullable());
        let headers = self.nullable().expect("headers are there, if only none");
        Some(FeedRecord { offset_delta, timestamp_ms, call, key, value, headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_reads_back() {
        let head = Head {
            topic: 7,
            part: 3,
            producer: -1,
            epoch: -1,
            sequence: -1,
            count: 9,
            gives_offsets: true,
            dead_letters: None,
            topic_name: "RECHARGE",
        };
        let mut headers = Vec::new();
        put(&mut headers, Some(b"h"));
        put(&mut headers, None);
        put(&mut headers, Some(b"h"));
        put(&mut headers, Some(b"1"));
        let records = [
            FeedRecord {
                offset_delta: 1,
                timestamp_ms: 5,
                call: FeedCall::Parameters(b"set"),
                key: None,
                value: Some(b"1,2"),
                headers: &headers,
            },
            FeedRecord {
                offset_delta: 8,
                timestamp_ms: -1,
                call: FeedCall::Unreadable("no number"),
                key: Some(b""),
                value: None,
                headers: &[],
            },
        ];
        let mut writer = FeedWriter::new(&head);
        records.iter().for_each(|record| writer.push(record));
        assert_eq!(writer.records, 2);
        let (read, reader) = FeedReader::new(&writer.bytes);
        assert_eq!(read, head);
        assert_eq!(reader.collect::<Vec<_>>(), records);
        let read: Vec<_> = FeedReader::headers(&headers).collect();
        assert_eq!(read, [("h", None), ("h", Some(&b"1"[..]))]);
    }
}
