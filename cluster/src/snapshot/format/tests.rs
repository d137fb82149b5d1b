//! A head whose checksum was made to match is still checked.

use proptest::prelude::*;

use super::*;

fn head(manifest: Vec<u8>) -> SnapshotHead {
    let members = Membership { learners: vec![4], ..Membership::of_voters(&[1, 2, 3]) };
    SnapshotHead {
        group: 7,
        meta: SnapshotMeta { index: 11, term: 2, members },
        created_us: -5,
        state_us: i64::MAX,
        manifest: manifest.into(),
    }
}

proptest! {
    #[test]
    fn a_head_gives_back_its_fields(manifest in proptest::collection::vec(any::<u8>(), 0..100)) {
        let head = head(manifest);
        let bytes = Bytes::from(encode_head(&head));
        let Ok((read, offset)) = decode_head(&bytes) else { panic!("a head that was just written is valid") };
        prop_assert_eq!(read, head);
        prop_assert_eq!(offset, bytes.len());
    }

    #[test]
    fn a_changed_head_with_a_matching_checksum_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encode_head(&head(vec![1; 30]));
        let end = FILE_HEADER_BYTES + read_u32(&bytes, 12) as usize;
        for (position, value) in changes {
            bytes[FILE_HEADER_BYTES + position.index(end - FILE_HEADER_BYTES)] = value;
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[0..16]), &bytes[FILE_HEADER_BYTES..end]);
        bytes[16..20].copy_from_slice(&crc.to_le_bytes());
        let _ = decode_head(&bytes.clone().into());
        let _ = decode_file(&bytes.into());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_file(&bytes.into());
    }
}
