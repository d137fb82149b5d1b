//! Numbers and lengths in Avro's binary form. Lengths are believed only as far as there are bytes.

use tollgate_schema::value::{Decimal, decimal::DECIMAL_SCALE};

/// A zigzag number of at most 64 bits.
pub(super) fn put_long(number: i64, out: &mut Vec<u8>) {
    let mut bits = (number << 1 ^ number >> 63) as u64;
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// The unscaled number in as few bytes as its sign allows, big-endian, behind their count.
pub(super) fn put_decimal(number: Decimal, out: &mut Vec<u8>) {
    let bytes = number.0.to_be_bytes();
    let sign = if number.0 < 0 { 0xff } else { 0 };
    let is_spare = |pair: &&[u8]| pair[0] == sign && (pair[1] ^ sign) & 0x80 == 0;
    let spare = bytes.windows(2).take_while(is_spare).count();
    put_bytes(&bytes[spare..], out);
}

/// The number that an unscaled one is, rounded half up at the last place there is.
pub(super) fn decimal_of(bytes: &[u8], scale: u32) -> Option<Decimal> {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let spare = bytes.iter().take_while(|byte| **byte == sign).count();
    let digits = &bytes[spare..];
    let mut wide = [sign; 16];
    wide.get_mut(16usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    // The sign bit of as many bytes as there can be has been given away.
    if (wide[0] ^ sign) & 0x80 != 0 {
        return None;
    }
    let unscaled = i128::from_be_bytes(wide);
    let scaled = match DECIMAL_SCALE.checked_sub(scale) {
        Some(places) => unscaled.checked_mul(10_i128.pow(places))?,
        None => match 10_i128.checked_pow(scale - DECIMAL_SCALE) {
            None => 0,
            Some(divisor) => {
                let half_up = unscaled % divisor / (divisor / 2).max(1);
                unscaled / divisor + half_up
            }
        },
    };
    Decimal::from_unscaled(scaled)
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| format!("{count} bytes are needed, {} are left", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many as were asked for"))
    }

    pub(super) fn long(&mut self) -> Result<i64, String> {
        const BYTES_MAX: usize = 10;
        let mut bits = 0;
        for (number, byte) in self.0.iter().take(BYTES_MAX).enumerate() {
            let part = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if number == BYTES_MAX - 1 && part > 1 {
                break;
            }
            bits |= part << (7 * number);
            if byte & 0x80 == 0 {
                self.0 = &self.0[number + 1..];
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        if self.0.len() < BYTES_MAX {
            return Err("the bytes end within a number".to_owned());
        }
        Err("a number of more than 64 bits".to_owned())
    }

    pub(super) fn int(&mut self) -> Result<i64, String> {
        let number = self.long()?;
        i32::try_from(number).map(i64::from).map_err(|_| format!("{number} is no 32-bit number"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| format!("{length} is no length"))?;
        self.take(length)
    }
}
