//! What the disk and the other members give to the cluster room: log segments, snapshot files, messages; and
//! blocks.

use super::{ACCEPTED, Decoder, said, sealed};
use bytes::Bytes;
use std::{path::Path, sync::Arc};
use tollgate::block;
use tollgate_cluster::{
    disk::{Disk, FaultyDisk},
    log::{self, GroupAppend, LogBatch, LogConfig, LogError, LogStart, Membership, SnapshotMeta},
    replica::{GroupConfig, Outbox, RaftMessage, Replica},
    snapshot::{self, SnapshotHead, SnapshotWriter},
};

pub(super) const BLOCK: Decoder = Decoder {
    name: "block",
    target: |bytes| {
        let bytes = Bytes::copy_from_slice(bytes);
        let decoded = block::decode(&bytes);
        if let Ok(block) = &decoded {
            let mut again = Vec::new();
            block::begin(&mut again);
            again.extend_from_slice(&block.effects);
            block::finish(&mut again, block.catalog, block.timestamp_us, block.transactions);
            assert_eq!(again, bytes, "a block is written as it was read");
        }
        said(decoded)
    },
    seeds: || {
        let mut bytes = Vec::new();
        block::begin(&mut bytes);
        bytes.extend_from_slice(b"effects");
        block::finish(&mut bytes, 1, 2, 3);
        vec![bytes]
    },
    words: &[],
    held_fixed: 64 << 10,
    held_times: 4,
};

fn write_file(disk: &FaultyDisk, path: &str, bytes: &[u8]) {
    let file = disk.create(Path::new(path)).expect("the disk has no faults yet");
    file.write_at(0, bytes).expect("the disk has no faults yet");
}

fn read_file(disk: &FaultyDisk, path: &str) -> Vec<u8> {
    disk.read(Path::new(path)).expect("the disk has no faults yet").to_vec()
}

const LOG_CONFIG: LogConfig =
    LogConfig { segment_bytes: 1024, durability: log::Durability::Sync, spares_kept: 0, spares_at_open: 0 };
const SEGMENTS: [&str; 2] = ["log/0000000000000001.log", "log/0000000000000002.log"];

/// Whether to seal (1), the length of the first segment (4, little-endian), both segments.
pub(super) const LOG_SEGMENTS: Decoder = Decoder {
    name: "log_segments",
    target: log_segments,
    seeds: log_seeds,
    words: &[b"TOLLGLOG", b"TGLR", &[0xff; 8], &[0; 8], &[1, 0, 0, 0, 0, 0, 0, 0]],
    held_fixed: 2 << 20,
    held_times: 64,
};

fn log_segments(input: &[u8]) -> String {
    let Some((head, rest)) = input.split_first_chunk::<5>() else { return "no segments".to_string() };
    let length = u32::from_le_bytes(head[1..5].try_into().expect("four bytes")) as usize;
    let (first, second) = rest.split_at(length.min(rest.len()));
    let disk = FaultyDisk::new(1);
    for (path, bytes) in SEGMENTS.iter().zip([first, second]) {
        if !bytes.is_empty() {
            let chosen = [&head[..1], bytes].concat();
            write_file(&disk, path, &sealed::choose(&chosen, sealed::log_segment));
        }
    }
    let verified = log::verify(&disk, Path::new("log"));
    let mut opened = match log::open(Arc::new(disk), Path::new("log"), LOG_CONFIG) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(matches!(error, LogError::Corrupt { .. } | LogError::Version { .. }), "{error}");
            assert!(verified.is_err(), "what is refused does not verify");
            return error.to_string();
        }
    };
    assert!(verified.is_ok(), "what opens verifies: {verified:?}");
    for group in opened.groups() {
        let recovered = opened.take_group(group);
        let mut last = recovered.start().map_or(0, |start| start.index);
        for (index, _, _) in recovered.entries() {
            assert_eq!(index, last + 1, "no entry is missing");
            last = index;
        }
        assert_eq!(last, recovered.last_index());
    }
    ACCEPTED.to_string()
}

/// A log of two segments: entries, a replaced entry, a group that starts anew, compaction.
fn log_seeds() -> Vec<Vec<u8>> {
    let disk = FaultyDisk::new(1);
    let mut opened = log::open(Arc::new(disk.clone()), Path::new("log"), LOG_CONFIG).expect("it is empty");
    let mut append = |groups| opened.writer.append(&LogBatch { groups }).expect("the disk has no faults");
    let members = Membership::of_voters(&[1]);
    let start = |index, reset| LogStart { reset, index, term: 1, members: members.clone() };
    let blocks = |group, first, blocks: &[&'static [u8]]| {
        let blocks = blocks.iter().map(|block| Bytes::from_static(block)).collect();
        GroupAppend::of_blocks(group, 1, first, blocks)
    };
    append(vec![blocks(1, 2, &[b"two", b"three", b""]).with_start(start(1, true))]);
    append(vec![blocks(2, 8, &[b"eight"]).with_start(start(7, true)), blocks(1, 4, &[b"four"])]);
    append(vec![blocks(1, 5, &[&[0xee; 800]])]);
    append(vec![blocks(1, 6, &[b"six"]).with_start(start(2, false))]);
    let [first, second] = SEGMENTS.map(|path| read_file(&disk, path));
    let golden = include_bytes!("../../../cluster/tests/golden/log-v1.segment").as_slice();
    let lay_out = |sealed: u8, first: &[u8], second: &[u8]| {
        [&[sealed], &(first.len() as u32).to_le_bytes()[..], first, second].concat()
    };
    vec![
        lay_out(0, &first, &second),
        lay_out(1, &first, &second),
        lay_out(1, &first, &[]),
        lay_out(1, golden, &[]),
    ]
}

/// Whether to seal (1), then a snapshot file.
pub(super) const SNAPSHOT_FILE: Decoder = Decoder {
    name: "snapshot_file",
    target: |input| {
        let disk = FaultyDisk::new(1);
        write_file(&disk, "snapshot", &sealed::choose(input, sealed::snapshot));
        said(snapshot::open_file(&disk, Path::new("snapshot")))
    },
    seeds: || {
        let disk = FaultyDisk::new(1);
        let members = Membership { learners: vec![4], ..Membership::of_voters(&[1, 2, 3]) };
        let head = SnapshotHead {
            group: 3,
            meta: SnapshotMeta { index: 9, term: 2, members },
            created_us: 1,
            state_us: 2,
            manifest: Bytes::from_static(b"manifest"),
        };
        let mut pace = |_| ();
        let writer = SnapshotWriter::create(Arc::new(disk.clone()), Path::new("snapshots"), &head, &mut pace);
        let mut writer = writer.expect("the disk has no faults");
        for kind in [1, 2] {
            writer.section(kind).expect("the disk has no faults");
            writer.write(b"some rows").expect("the disk has no faults");
        }
        let file = writer.finish().expect("the disk has no faults").path;
        let file = read_file(&disk, file.to_str().expect("a name in ASCII"));
        let golden = include_bytes!("../../../cluster/tests/golden/v1.snapshot");
        vec![[&[0], &file[..]].concat(), [&[1], &file[..]].concat(), [&[1], &golden[..]].concat()]
    },
    words: &[b"TOLLSNAP", b"TSEC", b"TOLLDONE"],
    held_fixed: 1 << 20,
    held_times: 64,
};

pub(super) const RAFT_MESSAGE: Decoder = Decoder {
    name: "raft_message",
    target: |bytes| {
        let decoded = RaftMessage::decode(&Bytes::copy_from_slice(bytes));
        if let Ok(message) = &decoded {
            drop(message.snapshot());
            let mut again = Vec::new();
            message.encode(&mut again);
            assert_eq!(
                RaftMessage::decode(&Bytes::from(again)).as_ref(),
                Ok(message),
                "it is sent as it came"
            );
        }
        said(decoded)
    },
    seeds: raft_messages,
    words: &[&[0x0b], &[0x13, 0x14], &[0xff; 10], &[0x3a, 0x02], &[0x4a, 0x02]],
    held_fixed: 1 << 20,
    held_times: 256,
};

/// What three members say to each other while one is elected and proposes.
fn raft_messages() -> Vec<Vec<u8>> {
    let mut members: Vec<Replica> = (1..=3)
        .map(|member| {
            let disk = Arc::new(FaultyDisk::new(member));
            let mut opened = log::open(disk, Path::new("log"), LOG_CONFIG).expect("it is empty");
            let config = GroupConfig::new(1, member, vec![1, 2, 3]);
            Replica::new(&config, opened.take_group(1), None, member).expect("a new group")
        })
        .collect();
    members[0].campaign();
    let mut seen = Vec::new();
    for round in 0..12 {
        let mut messages = Vec::new();
        for member in &mut members {
            let mut out = Outbox::default();
            while member.poll(&mut out) {
                // Every round is durable at once.
                for part in out.appends.drain(..) {
                    member.persisted(part.ready_number);
                }
                out.committed.drain(..).for_each(|entry| member.applied_to(entry.position.index));
            }
            messages.append(&mut out.messages);
        }
        for message in messages {
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            seen.push(bytes);
            members[message.to() as usize - 1].step(message).expect("members understand each other");
        }
        if round == 8 && members[0].ready_to_lead() {
            members[0].propose(Bytes::from_static(b"a block")).expect("it leads");
        }
    }
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 5, "they talked");
    seen
}
