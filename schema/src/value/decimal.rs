//! Text form and arithmetic range of [`Decimal`]. Never knows columns.

use std::{fmt, str::FromStr};

use super::Decimal;

/// Digits after the point.
pub const DECIMAL_SCALE: u32 = 12;
/// Digits before the point, at most.
pub const DECIMAL_INTEGER_DIGITS_MAX: usize = 26;
/// `10^12`: what the number 1 is stored as.
pub const DECIMAL_ONE: i128 = 10_i128.pow(DECIMAL_SCALE);
/// The largest unscaled magnitude is one less than this.
const MAGNITUDE_LIMIT: i128 = 10_i128.pow(38);

/// Why a text is not a DECIMAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("not a decimal number")]
    Malformed,
    #[error("more than {DECIMAL_INTEGER_DIGITS_MAX} digits before the point")]
    OutOfRange,
}

impl Decimal {
    /// From the unscaled number, when it has at most 38 digits.
    pub fn from_unscaled(unscaled: i128) -> Option<Decimal> {
        (-MAGNITUDE_LIMIT < unscaled && unscaled < MAGNITUDE_LIMIT).then_some(Decimal(unscaled))
    }

    /// Every 64-bit integer is a DECIMAL.
    pub fn from_integer(integer: i64) -> Decimal {
        Decimal(i128::from(integer) * DECIMAL_ONE)
    }

    /// The integer it equals, when it has no fraction.
    pub fn to_integer(self) -> Option<i128> {
        (self.0 % DECIMAL_ONE == 0).then_some(self.0 / DECIMAL_ONE)
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        // The whole part and the fraction apart: each is exact, or nearly, where the unscaled number is not.
        (self.0 / DECIMAL_ONE) as f64 + (self.0 % DECIMAL_ONE) as f64 / DECIMAL_ONE as f64
    }

    /// Rounded half up at the twelfth place, as VoltDB does.
    pub fn from_f64(number: f64) -> Result<Decimal, DecimalError> {
        if !number.is_finite() {
            return Err(DecimalError::Malformed);
        }
        format!("{number:.14}").parse()
    }
}

impl fmt::Display for Decimal {
    /// With all twelve places, as VoltDB prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let one = DECIMAL_ONE.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:012}", magnitude / one, magnitude % one)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// `[+|-]digits[.digits]`; further places are rounded half up.
    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::Malformed);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > DECIMAL_INTEGER_DIGITS_MAX {
            return Err(DecimalError::OutOfRange);
        }
        let digit = |b: u8| i128::from(b - b'0');
        let mut unscaled = whole.bytes().fold(0, |sum, b| sum * 10 + digit(b));
        let mut places = fraction.bytes();
        for _ in 0..DECIMAL_SCALE {
            unscaled = unscaled * 10 + places.next().map_or(0, digit);
        }
        if places.next().is_some_and(|b| b >= b'5') {
            unscaled += 1;
        }
        Decimal::from_unscaled(if negative { -unscaled } else { unscaled }).ok_or(DecimalError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text() {
        let check = |text: &str, unscaled: i128| assert_eq!(text.parse(), Ok(Decimal(unscaled)), "{text}");
        check("1", DECIMAL_ONE);
        check("-1.5", -1_500_000_000_000);
        check(".5", 500_000_000_000);
        check("+00007.", 7 * DECIMAL_ONE);
        check("0.0000000000005", 1);
        check("0.00000000000049", 0);
        check("99999999999999999999999999.999999999999", 10_i128.pow(38) - 1);
        assert_eq!(
            "99999999999999999999999999.9999999999995".parse::<Decimal>(),
            Err(DecimalError::OutOfRange)
        );
        assert_eq!("100000000000000000000000000".parse::<Decimal>(), Err(DecimalError::OutOfRange));
        for malformed in ["", ".", "-", "1e5", "1.2.3", "1-", "NaN", "٣"] {
            assert_eq!(malformed.parse::<Decimal>(), Err(DecimalError::Malformed), "{malformed}");
        }
        assert_eq!(Decimal(-1_500_000_000_000).to_string(), "-1.500000000000");
        assert_eq!(Decimal::from_f64(0.1).map(|d| d.0), Ok(100_000_000_000));
    }

    proptest! {
        #[test]
        fn print_and_parse(unscaled in -MAGNITUDE_LIMIT + 1..MAGNITUDE_LIMIT) {
            prop_assert_eq!(Decimal(unscaled).to_string().parse(), Ok(Decimal(unscaled)));
        }

        #[test]
        fn any_text(text in ".{0,40}") {
            let _ = text.parse::<Decimal>();
        }
    }
}
