//! The key encoding: columns as bytes whose order is the columns' order, so that keys are compared with
//! `memcmp`. Knows nothing of tables and indexes.
//!
//! - Integers and timestamps: big-endian with the sign bit flipped; NULL, the smallest value, comes first by
//!   itself.
//! - DECIMAL: the same over 16 bytes.
//! - FLOAT: the bits of IEEE's total order; every NULL is eight zero bytes, -0 is 0, every NaN is one NaN,
//!   last.
//! - VARCHAR, VARBINARY: `0` for NULL; else `1`, the bytes with each `00` written `00 FF`, then `00 00`.

use crate::{
    row::{RowBuf, RowRef, Slot},
    types::Type,
    value::NULL_FLOAT,
};

/// One column of a key: where a row has it, and its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyColumn {
    pub slot: Slot,
    pub column_type: Type,
}

impl KeyColumn {
    /// Bytes in the encoding, `None` when they vary.
    pub fn width(&self) -> Option<usize> {
        self.column_type.fixed_width()
    }
}

/// Appends the encoding of the row's value in that column.
pub fn push_column(row: RowRef<'_>, column: KeyColumn, key: &mut Vec<u8>) {
    match column.slot {
        Slot::Tail { ordinal } => push_text(row.tail_value(ordinal as usize), key),
        Slot::Fixed { offset } => push_fixed(&row.fixed[offset as usize..], column.column_type, key),
    }
}

/// Appends the encoding of an integer or timestamp of that type. The value must be in the type's range.
pub fn push_integer(value: i64, column_type: Type, key: &mut Vec<u8>) {
    let width = column_type.fixed_width().expect("an integer type");
    let at = key.len();
    key.extend_from_slice(&value.to_be_bytes()[8 - width..]);
    key[at] ^= 0x80;
}

/// Appends the encoding of a VARCHAR or VARBINARY.
pub fn push_text(value: Option<&[u8]>, key: &mut Vec<u8>) {
    let Some(value) = value else {
        key.push(0);
        return;
    };
    key.push(1);
    for &byte in value {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend_from_slice(&[0, 0]);
}

/// Appends the encoding of the fixed-width value at the front of `bytes`.
fn push_fixed(bytes: &[u8], column_type: Type, key: &mut Vec<u8>) {
    let width = column_type.fixed_width().expect("a fixed slot has a fixed type");
    let at = key.len();
    key.resize(at + width, 0);
    encode_fixed(bytes, column_type, &mut key[at..]);
}

/// Writes the encoding of the fixed-width value at the front of `bytes`, over all of `encoded`.
#[inline]
pub fn encode_fixed(bytes: &[u8], column_type: Type, encoded: &mut [u8]) {
    match encoded.len() {
        1 => encoded[0] = bytes[0],
        2 => encoded
            .copy_from_slice(&u16::from_le_bytes(bytes[..2].try_into().expect("two bytes")).to_be_bytes()),
        4 => encoded
            .copy_from_slice(&u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")).to_be_bytes()),
        8 => encoded
            .copy_from_slice(&u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")).to_be_bytes()),
        width => encoded.iter_mut().zip(bytes[..width].iter().rev()).for_each(|(to, from)| *to = *from),
    }
    if column_type == Type::Float {
        let value = f64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
        encoded.copy_from_slice(&float_bits(value).to_be_bytes());
    } else {
        encoded[0] ^= 0x80;
    }
}

fn float_bits(value: f64) -> u64 {
    if value <= NULL_FLOAT {
        return 0;
    }
    let bits = if value.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { (value + 0.0).to_bits() };
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The encoding of the row's key.
pub fn of_row(row: RowRef<'_>, columns: &[KeyColumn]) -> Vec<u8> {
    let mut key = Vec::with_capacity(32);
    for column in columns {
        push_column(row, *column, &mut key);
    }
    key
}

/// Whether the row's key has that encoding.
pub fn equals(row: RowRef<'_>, columns: &[KeyColumn], mut key: &[u8]) -> bool {
    for column in columns {
        match column.slot {
            Slot::Fixed { offset } => {
                let width = column.width().expect("a fixed slot has a fixed type");
                let mut encoded = [0; 16];
                encode_fixed(&row.fixed[offset as usize..], column.column_type, &mut encoded[..width]);
                let Some((head, rest)) = key.split_at_checked(width) else { return false };
                if head != &encoded[..width] {
                    return false;
                }
                key = rest;
            }
            Slot::Tail { ordinal } => match text_equals(row.tail_value(ordinal as usize), key) {
                Some(rest) => key = rest,
                None => return false,
            },
        }
    }
    key.is_empty()
}

/// What follows the encoding of that text at the front of `key`, `None` when another is there.
fn text_equals<'a>(value: Option<&[u8]>, key: &'a [u8]) -> Option<&'a [u8]> {
    let Some(mut value) = value else { return key.strip_prefix(&[0]) };
    let mut key = key.strip_prefix(&[1])?;
    loop {
        let plain = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
        key = key.strip_prefix(&value[..plain])?;
        if plain == value.len() {
            return key.strip_prefix(&[0, 0]);
        }
        key = key.strip_prefix(&[0, 0xFF])?;
        value = &value[plain + 1..];
    }
}

/// Length of the key with these columns at the front of `bytes`; `None` when the bytes are no such key.
pub fn measure(columns: &[KeyColumn], bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for column in columns {
        at += match column.width() {
            Some(width) => width,
            None => measure_text(bytes.get(at..)?)?,
        };
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}

fn measure_text(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        0 => return Some(1),
        1 => {}
        _ => return None,
    }
    let mut at = 1;
    loop {
        let zero = at + bytes[at..].iter().position(|&b| b == 0)?;
        match bytes.get(zero + 1)? {
            0 => return Some(zero + 2),
            0xFF => at = zero + 2,
            _ => return None,
        }
    }
}

/// Turns a well-formed key back into a row of its columns alone, in the key's order. The inverse of
/// [`of_row`], but for FLOATs that have several forms (NULL, -0, NaN).
pub fn decode(columns: &[KeyColumn], mut key: &[u8]) -> RowBuf {
    let mut row = RowBuf::default();
    for column in columns {
        let Some(width) = column.width() else {
            let length = measure_text(key).expect("a well-formed key");
            row.push_tail(decode_text(&key[..length]).as_deref());
            key = &key[length..];
            continue;
        };
        let at = row.fixed.len();
        row.fixed.extend(key[..width].iter().rev());
        if column.column_type == Type::Float {
            let bits = u64::from_be_bytes(key[..8].try_into().expect("eight bytes"));
            let bits = match bits {
                0 => NULL_FLOAT.to_bits(),
                bits if bits >> 63 == 1 => bits & !(1 << 63),
                bits => !bits,
            };
            row.fixed[at..].copy_from_slice(&bits.to_le_bytes());
        } else {
            row.fixed[at + width - 1] ^= 0x80;
        }
        key = &key[width..];
    }
    row
}

fn decode_text(encoded: &[u8]) -> Option<Vec<u8>> {
    if encoded[0] == 0 {
        return None;
    }
    let mut value = Vec::with_capacity(encoded.len());
    let mut bytes = encoded[1..encoded.len() - 2].iter();
    while let Some(&byte) = bytes.next() {
        value.push(byte);
        if byte == 0 {
            bytes.next();
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Type = Type::Varbinary { max: 100 };

    fn fixed(column_type: Type, bytes: &[u8]) -> Vec<u8> {
        let column = KeyColumn { slot: Slot::Fixed { offset: 0 }, column_type };
        let key = of_row(RowRef { fixed: bytes, tail: &[] }, &[column]);
        assert_eq!(measure(&[column], &key), Some(key.len()));
        key
    }

    fn assert_rising(keys: &[Vec<u8>]) {
        for pair in keys.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
    }

    #[test]
    fn integers_are_in_order_and_nulls_first() {
        let values = [i64::MIN, -(1 << 40), -2, -1, 0, 1, 255, 256, 1 << 40, i64::MAX];
        assert_rising(&values.map(|v| fixed(Type::BigInt, &v.to_le_bytes())));
        let values = [i16::MIN, -256, -1, 0, 1, 256, i16::MAX];
        assert_rising(&values.map(|v| fixed(Type::SmallInt, &v.to_le_bytes())));
        let values = [i128::MIN, -1, 0, 1, i128::MAX];
        assert_rising(&values.map(|v| fixed(Type::Decimal, &v.to_le_bytes())));
        for (value, column_type) in [(-3, Type::TinyInt), (i64::MIN, Type::Timestamp), (7, Type::Integer)] {
            let mut key = Vec::new();
            push_integer(value, column_type, &mut key);
            assert_eq!(key, fixed(column_type, &value.to_le_bytes()));
        }
    }

    #[test]
    fn floats_are_in_order_and_have_one_form() {
        let values = [-1.75e308, -1.6e308, -1.0, -1e-300, 0.0, 1e-300, 1.0, f64::INFINITY, f64::NAN];
        assert_rising(&values.map(|v: f64| fixed(Type::Float, &v.to_le_bytes())));
        assert_eq!(fixed(Type::Float, &(-0.0f64).to_le_bytes()), fixed(Type::Float, &0.0f64.to_le_bytes()));
        assert_eq!(fixed(Type::Float, &NULL_FLOAT.to_le_bytes()), [0; 8]);
    }

    #[test]
    fn texts_are_in_order_and_come_back() {
        let column = KeyColumn { slot: Slot::Tail { ordinal: 0 }, column_type: TEXT };
        let values: [Option<&[u8]>; 8] = [
            None,
            Some(b""),
            Some(b"\0"),
            Some(b"\0\0"),
            Some(b"\0\xFF"),
            Some(b"a"),
            Some(b"a\0"),
            Some(b"a\x01"),
        ];
        let keys = values.map(|value| {
            let mut key = Vec::new();
            push_text(value, &mut key);
            assert_eq!(measure(&[column], &[&key[..], b"after"].concat()), Some(key.len()));
            assert_eq!(decode(&[column], &key).as_ref().tail_value(0), value);
            for cut in 0..key.len() {
                assert_eq!(measure(&[column], &key[..cut]), None);
            }
            key
        });
        assert_rising(&keys);
    }

    #[test]
    fn a_key_of_several_columns_comes_back() {
        let columns = [
            KeyColumn { slot: Slot::Fixed { offset: 2 }, column_type: Type::Float },
            KeyColumn { slot: Slot::Tail { ordinal: 0 }, column_type: TEXT },
            KeyColumn { slot: Slot::Fixed { offset: 0 }, column_type: Type::SmallInt },
        ];
        let mut row = RowBuf { fixed: (-5i16).to_le_bytes().to_vec(), tail: Vec::new() };
        row.fixed.extend_from_slice(&(-2.5f64).to_le_bytes());
        row.push_tail(Some(b"x\0y"));
        let key = of_row(row.as_ref(), &columns);
        let decoded = decode(&columns, &key);
        assert_eq!(decoded.fixed, [&(-2.5f64).to_le_bytes()[..], &(-5i16).to_le_bytes()].concat());
        assert_eq!(decoded.tail, row.tail);
        assert!(equals(row.as_ref(), &columns, &key));
        for at in 0..key.len() {
            assert!(!equals(row.as_ref(), &columns, &key[..at]));
            let mut other = key.clone();
            other[at] ^= 1;
            assert!(!equals(row.as_ref(), &columns, &other));
        }
        assert!(!equals(row.as_ref(), &columns, &[&key[..], b"x"].concat()));
    }
}
