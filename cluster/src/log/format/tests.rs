//! The format takes any bytes, and gives back what was put in.

use proptest::prelude::*;

use super::*;

fn member_list() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(any::<u64>(), 0..4)
}

fn log_start() -> impl Strategy<Value = LogStart> {
    let members = (member_list(), member_list(), member_list(), member_list(), any::<bool>()).prop_map(
        |(voters, voters_outgoing, learners, learners_next, auto_leave)| Membership {
            voters,
            voters_outgoing,
            learners,
            learners_next,
            auto_leave,
        },
    );
    (any::<bool>(), 0..=COUNT_MAX, any::<u64>(), members).prop_map(|(reset, index, term, members)| LogStart {
        reset,
        index,
        term,
        members,
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let data = proptest::collection::vec(any::<u8>(), 0..40);
    (0..=COUNT_MAX, any::<u64>(), any::<bool>(), data).prop_map(|(index, term, membership, data)| Entry {
        index,
        term,
        entry_type: if membership { EntryType::EntryConfChangeV2 } else { EntryType::EntryNormal },
        data: data.into(),
        ..Entry::default()
    })
}

fn hard_state() -> impl Strategy<Value = HardState> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(term, vote, commit)| HardState {
        term,
        vote,
        commit,
        ..HardState::default()
    })
}

fn groups() -> impl Strategy<Value = Vec<GroupAppend>> {
    let part = (
        any::<u32>(),
        proptest::option::of(log_start()),
        proptest::collection::vec(entry(), 0..4),
        proptest::option::of(hard_state()),
    )
        .prop_map(|(group, start, entries, hard_state)| GroupAppend {
            group,
            ready_number: 0,
            start,
            entries,
            hard_state,
        });
    proptest::collection::vec(part, 0..4)
}

const PLACE: RecordPlace = RecordPlace { segment: 3, offset: 64, sequence: 9, synced: 8 };

/// A segment with one record at [`PLACE`].
fn segment_of(groups: &[GroupAppend]) -> Bytes {
    let mut record = Vec::new();
    encode_record(groups.iter(), PLACE, &mut record).unwrap();
    let mut segment = vec![0u8; PLACE.offset as usize];
    segment.append(&mut record);
    segment.into()
}

proptest! {
    #[test]
    fn a_record_gives_back_its_groups(groups in groups()) {
        let segment = segment_of(&groups);
        let record = decode_record(PLACE.segment, &segment, PLACE.offset).unwrap();
        prop_assert_eq!(record.place, PLACE);
        prop_assert_eq!(record.end(), segment.len() as u64);
        prop_assert_eq!(decode_payload(&record.payload).unwrap(), groups);
    }

    #[test]
    fn a_record_at_another_place_is_not_valid(groups in groups()) {
        let segment = segment_of(&groups);
        prop_assert!(decode_record(PLACE.segment + 1, &segment, PLACE.offset).is_none());
        let mut moved = vec![0u8; 8];
        moved.extend_from_slice(&segment);
        prop_assert!(decode_record(PLACE.segment, &moved.into(), PLACE.offset + 8).is_none());
    }

    /// The checksum would catch it first; the archive's own checks must hold too, because a checksum is no
    /// proof.
    #[test]
    fn a_changed_payload_is_refused_or_read_but_never_panics(
        groups in groups(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let segment = segment_of(&groups);
        let record = decode_record(PLACE.segment, &segment, PLACE.offset).unwrap();
        let mut payload = record.payload.to_vec();
        for (position, value) in changes {
            let position = position.index(payload.len());
            payload[position] = value;
        }
        let _ = decode_payload(&payload.clone().into());
        payload.truncate(cut.index(payload.len()));
        let _ = decode_payload(&payload.into());
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        offset in any::<u64>(),
    ) {
        let bytes = Bytes::from(bytes);
        let _ = decode_payload(&bytes);
        let _ = SegmentHeader::decode(&bytes);
        let _ = decode_record(1, &bytes, offset);
        let _ = decode_record(1, &bytes, offset % 300);
        let _ = decode_record_alone(1, offset, &bytes);
    }

    #[test]
    fn a_segment_header_gives_back_its_fields(number in 0..=COUNT_MAX, first_sequence in 1..=COUNT_MAX) {
        let header = SegmentHeader { version: FORMAT_VERSION, number, first_sequence };
        prop_assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
    }
}

#[test]
fn counts_that_no_log_reaches_are_refused() {
    let header = |number, first_sequence| {
        SegmentHeader::decode(&SegmentHeader { version: FORMAT_VERSION, number, first_sequence }.encode())
    };
    assert_eq!(header(COUNT_MAX + 1, 1), Err("the segment's number is larger than any"));
    let none = Err("the segment's first sequence is none that a record has");
    assert_eq!(header(1, 0), none);
    assert_eq!(header(1, COUNT_MAX + 1), none);
    for index in [COUNT_MAX + 1, u64::MAX] {
        let entries = vec![Entry { index, ..Entry::default() }];
        let start = Some(LogStart { index, ..LogStart::default() });
        for part in [
            GroupAppend { entries, ..GroupAppend::default() },
            GroupAppend { start, ..GroupAppend::default() },
        ] {
            let record = decode_record(PLACE.segment, &segment_of(&[part]), PLACE.offset).unwrap();
            assert_eq!(
                decode_payload(&record.payload).unwrap_err(),
                format!("index {index} is larger than any")
            );
        }
    }
}
