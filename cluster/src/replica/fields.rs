//! Looks a message's bytes over before the protobuf library reads them: every length must lie within the
//! bytes, and groups are refused. The library would reserve memory for lengths that lie, and follows groups
//! by recursion as deep as a peer likes. Knows protobuf's encoding and which fields of raft's messages are
//! messages themselves.

/// The fields of a message that are messages.
struct Nested(&'static [(u64, Nested)]);

const NOTHING: Nested = Nested(&[]);
/// Snapshot.metadata.conf_state
const SNAPSHOT: Nested = Nested(&[(2, Nested(&[(1, NOTHING)]))]);
/// Message.entries and Message.snapshot
const MESSAGE: Nested = Nested(&[(7, NOTHING), (9, SNAPSHOT)]);

const WIRE_VARINT: u64 = 0;
const WIRE_FIXED_64: u64 = 1;
const WIRE_BYTES: u64 = 2;
const WIRE_FIXED_32: u64 = 5;

/// Looks over what should be an `eraftpb.Message`.
pub(super) fn check_message(bytes: &[u8]) -> Result<(), &'static str> {
    check(bytes, &MESSAGE)
}

fn check(mut bytes: &[u8], message: &Nested) -> Result<(), &'static str> {
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            WIRE_VARINT => drop(varint(&mut bytes)?),
            WIRE_FIXED_64 => drop(take(&mut bytes, 8)?),
            WIRE_FIXED_32 => drop(take(&mut bytes, 4)?),
            WIRE_BYTES => {
                let length = varint(&mut bytes)?;
                let content = take(&mut bytes, length)?;
                if let Some((_, nested)) = message.0.iter().find(|(field, _)| *field == tag >> 3) {
                    check(content, nested)?;
                }
            }
            _ => return Err("a field has a wire type that raft's messages do not use"),
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or("a number is cut short")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err("a number is longer than 64 bits")
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], &'static str> {
    let length = usize::try_from(length).map_err(|_| "a field is longer than the message")?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or("a field is longer than the message")?;
    *bytes = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_lie_and_groups_are_refused() {
        let longer = Err("a field is longer than the message");
        assert_eq!(check_message(&[0x3a, 1]), longer, "an entry");
        assert_eq!(check_message(&[0x3a, 2, 0x22, 1]), longer, "an entry's data");
        assert_eq!(check_message(&[0x4a, 4, 0x12, 2, 0x0a, 1]), longer, "the members in a snapshot");
        assert_eq!(check_message(&[0x62, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), longer);
        assert_eq!(check_message(&[0x08]), Err("a number is cut short"));
        assert_eq!(check_message(&[0xff; 20]), Err("a number is longer than 64 bits"));
        let group = Err("a field has a wire type that raft's messages do not use");
        assert_eq!(check_message(&[0x0b; 100_000]), group);
        assert_eq!(check_message(&[0x3a, 1, 0x0b]), group);
        assert_eq!(check_message(&[0x08, 3, 0x22, 1, 0xff, 0x09, 1, 2, 3, 4, 5, 6, 7, 8]), Ok(()));
    }
}
