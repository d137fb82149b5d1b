//! Numbers and moments as text, written without `fmt` where it matters. Never knows formats.

use std::io::Write;
use tollgate_schema::{
    timestamp::{self, MICROS_PER_DAY, MICROS_PER_SECOND},
    value::{Decimal, Value},
};

/// Bytes of `yyyy-MM-dd HH:mm:ss.ffffff`.
const STAMP_BYTES: usize = 26;
/// Digits of the largest 64-bit number.
const INTEGER_DIGITS_MAX: usize = 20;

const PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

pub(super) fn put_integer(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    put_unsigned(number.unsigned_abs(), out);
}

#[inline]
fn put_unsigned(mut rest: u64, out: &mut Vec<u8>) {
    let mut digits = [0; INTEGER_DIGITS_MAX];
    let mut at = digits.len();
    while rest >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// `yyyy-MM-dd HH:mm:ss.ffffff`; years beyond four digits as the product prints them everywhere.
pub(super) fn put_timestamp(micros: i64, out: &mut Vec<u8>) {
    let date = timestamp::date_of(micros);
    if !(0..=9999).contains(&date.year) {
        // Writing to memory does not fail.
        let _ = write!(out, "{}", timestamp::Display(micros));
        return;
    }
    let of_day = micros.rem_euclid(MICROS_PER_DAY);
    // Thirty-two bits divide faster than twice as many.
    let (seconds, fraction) = ((of_day / MICROS_PER_SECOND) as u32, (of_day % MICROS_PER_SECOND) as u32);
    let year = date.year as u32;
    let mut stamp = *b"0000-00-00 00:00:00.000000";
    let mut put = |at: usize, pair: u32| stamp[at..at + 2].copy_from_slice(&PAIRS[pair as usize]);
    put(0, year / 100);
    put(2, year % 100);
    put(5, date.month);
    put(8, date.day);
    put(11, seconds / 3600);
    put(14, seconds / 60 % 60);
    put(17, seconds % 60);
    put(20, fraction / 10_000);
    put(22, fraction / 100 % 100);
    put(24, fraction % 100);
    const { assert!(STAMP_BYTES == 26) };
    out.extend_from_slice(&stamp);
}

/// With all twelve places.
pub(super) fn put_decimal(number: Decimal, out: &mut Vec<u8>) {
    const ONE: u64 = tollgate_schema::value::decimal::DECIMAL_ONE as u64;
    match u64::try_from(number.0.unsigned_abs()) {
        // Sixty-four bits divide much faster than twice as many.
        Ok(magnitude) => {
            if number.0 < 0 {
                out.push(b'-');
            }
            put_unsigned(magnitude / ONE, out);
            // A leading 1 keeps the zeros of the fraction, then becomes the point.
            let point = out.len();
            put_unsigned(ONE + magnitude % ONE, out);
            out[point] = b'.';
        }
        Err(_) => {
            let _ = write!(out, "{number}");
        }
    }
}

/// The shortest text that reads back as the same number; always with a point or an exponent.
pub(super) fn put_float(number: f64, out: &mut Vec<u8>) {
    let _ = write!(out, "{}", Value::Float(number));
}

/// Two upper-case digits a byte.
pub(super) fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Microseconds since 1970 of a text that [`put_timestamp`] writes, or near enough: fewer places, `T` for the
/// blank, `Z` at the end, years of more digits or before 0.
pub(super) fn timestamp_of(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    if let Some(micros) = timestamp::parse_timestamp(text) {
        return Some(micros);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    const YEAR_DIGITS_MAX: usize = 6;
    let year_digits = digits.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=YEAR_DIGITS_MAX).contains(&year_digits) || (!negative && year_digits <= 4) {
        return None;
    }
    // The calendar repeats itself every 400 years: the rest is read in a year that is alike.
    let year: i64 = digits[..year_digits].parse().ok()?;
    let year = if negative { -year } else { year };
    const YEARS_PER_ERA: i64 = 400;
    const DAYS_PER_ERA: i64 = 146_097;
    let alike = 2000 + year.rem_euclid(YEARS_PER_ERA);
    let eras = (year - alike) / YEARS_PER_ERA;
    let within = timestamp::parse_timestamp(&format!("{alike:04}{}", &digits[year_digits..]))?;
    let micros = i128::from(within) + i128::from(eras) * i128::from(DAYS_PER_ERA * MICROS_PER_DAY);
    i64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        put(&mut out);
        String::from_utf8(out).unwrap()[1..].to_owned()
    }

    #[test]
    fn integers_print_as_the_library_prints_them() {
        let mut random = SmallRng::seed_from_u64(1);
        let some = (0..20_000).map(|_| random.random::<i64>() >> random.random_range(0..64));
        for number in some.chain([0, 9, 10, 99, 100, i64::MAX, i64::MIN]) {
            assert_eq!(written(|out| put_integer(number, out)), number.to_string());
        }
    }

    #[test]
    fn moments_print_as_everywhere_and_read_back() {
        let mut random = SmallRng::seed_from_u64(2);
        let some = (0..50_000).map(|_| random.random::<i64>() >> random.random_range(0..40));
        for micros in some.chain([0, -1, i64::MAX, i64::MIN + 1, 253_402_300_799_999_999]) {
            let text = written(|out| put_timestamp(micros, out));
            assert_eq!(text, timestamp::Display(micros).to_string());
            assert_eq!(timestamp_of(&text), Some(micros), "{text}");
        }
    }

    #[test]
    fn moments_in_other_forms() {
        let noon = timestamp_of("2024-02-29 12:00:00.000000");
        for text in ["2024-02-29 12:00:00", "2024-02-29T12:00:00Z", "2024-02-29 12:00:00.0"] {
            assert_eq!(timestamp_of(text), noon, "{text}");
        }
        for wrong in
            ["", "-", "Z", "-2024", "12024-02-30", "99999999-01-01", "20240-1-1", "294248-01-01", "é"]
        {
            assert_eq!(timestamp_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn decimals_print_as_everywhere() {
        let mut random = SmallRng::seed_from_u64(3);
        let limit = 10_i128.pow(38);
        let some = (0..20_000).map(|_| (random.random::<i128>() % limit) >> random.random_range(0..120));
        for unscaled in some.chain([0, 1, -1, limit - 1, 1 - limit, i128::from(u64::MAX)]) {
            let decimal = Decimal(unscaled);
            assert_eq!(written(|out| put_decimal(decimal, out)), decimal.to_string());
        }
    }

    #[test]
    fn bytes_print_as_hexadecimal() {
        assert_eq!(written(|out| put_hex(&[0, 0x0a, 0xff], out)), "000AFF");
    }
}
