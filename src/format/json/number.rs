//! JSON numbers without loss: what a number's text says, before any float rounds it. For messages, and for
//! parameters over HTTP. Never knows: what the number is for.

use tollgate_schema::value::{Decimal, Value, decimal::DECIMAL_SCALE};

/// An exponent beyond this is no DECIMAL and no integer of ours.
const EXPONENT_MAX: i32 = 64;

/// The value that a number's text is: an integer if it is whole and fits 64 bits, else a DECIMAL if it loses
/// nothing there, else a FLOAT. `None` for a text that is no number or is beyond every type.
pub(crate) fn value_of(text: &str) -> Option<Value> {
    match integer_of(text) {
        // The smallest of all is VoltDB's null, not a number.
        Some(i64::MIN) => return None,
        Some(integer) => return Some(Value::BigInt(integer)),
        None => {}
    }
    if let Some(plain) = plain(text) {
        let places = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if places <= DECIMAL_SCALE as usize
            && let Ok(decimal) = plain.parse::<Decimal>()
        {
            return Some(Value::Decimal(decimal));
        }
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float)
}

/// The integer that a number's text is, if it has no fraction and 64 bits are enough.
pub(in crate::format) fn integer_of(text: &str) -> Option<i64> {
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    plain(text)?.parse().ok()
}

/// `12.5e3` as `12500`, zeros at the end of a fraction left out; `None` if its exponent is of no use.
pub(in crate::format) fn plain(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent) {
        return None;
    }
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Zeros on both sides give the point room to move.
    let room = "0".repeat(EXPONENT_MAX as usize);
    let all = [&room, whole, fraction, &room].concat();
    let point = usize::try_from(EXPONENT_MAX + exponent).ok()? + whole.len();
    let (whole, fraction) = all.split_at_checked(point)?;
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

    #[test]
    fn numbers_keep_every_digit() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(integer_of(text), expected, "{text}");
        check("9007199254740993", Some(9_007_199_254_740_993));
        check("-9223372036854775808", Some(i64::MIN));
        check("1.0", Some(1));
        check("-0.0", Some(0));
        check("12.5e3", Some(12_500));
        check("100E-2", Some(1));
        check("0.5", None);
        check("9223372036854775808", None);
        check("1e400", None);
        check("1e99999999999", None);
        assert_eq!(plain("-1.50e-3").as_deref(), Some("-0.0015"));
    }

    #[test]
    fn moving_the_point_and_back_changes_nothing() {
        let mut random = SmallRng::seed_from_u64(4);
        for _ in 0..20_000 {
            let number = random.random::<i64>() >> random.random_range(0..64);
            let places: i32 = random.random_range(0..40);
            let moved = plain(&format!("{number}e-{places}")).unwrap();
            assert_eq!(integer_of(&format!("{moved}e{places}")), Some(number), "{moved} {places}");
        }
    }

    #[test]
    fn values_keep_every_digit() {
        let check = |text: &str, expected: Option<Value>| assert_eq!(value_of(text), expected, "{text}");
        let decimal = |text: &str| Some(Value::Decimal(text.parse().unwrap()));
        check("9007199254740993", Some(Value::BigInt(9_007_199_254_740_993)));
        check("-9223372036854775807", Some(Value::BigInt(-i64::MAX)));
        check("1.0", Some(Value::BigInt(1)));
        check("12.5e3", Some(Value::BigInt(12_500)));
        check("1E2", Some(Value::BigInt(100)));
        check("100e-2", Some(Value::BigInt(1)));
        check("0.1", decimal("0.1"));
        check("-1.5e-3", decimal("-0.0015"));
        check("99999999999999999999999999.999999999999", decimal("99999999999999999999999999.999999999999"));
        check("18446744073709551616", decimal("18446744073709551616"));
        check("0.0000000000001", Some(Value::Float(1e-13)));
        check("1e300", Some(Value::Float(1e300)));
        check("1e400", None);
        check("1e99999999999", None);
        check("-9223372036854775808", None);
        check("-9223372036854775808.0", None);
        check(&format!("1.{}", "0".repeat(5000)), Some(Value::BigInt(1)));
        check(&format!("{}7e1", "0".repeat(5000)), Some(Value::BigInt(70)));
        check(&"9".repeat(5000), None);
    }

    proptest! {
        #[test]
        fn any_number(whole in any::<i64>(), fraction in "[0-9]{1,12}", exponent in -70_i32..70) {
            let decimal = format!("{whole}.{fraction}");
            let expected: Decimal = decimal.parse().unwrap();
            match value_of(&decimal).unwrap() {
                Value::BigInt(integer) => prop_assert_eq!(Decimal::from_integer(integer), expected),
                Value::Decimal(value) => prop_assert_eq!(value, expected),
                other => prop_assert!(false, "{:?}", other),
            }
            let _ = value_of(&format!("{decimal}e{exponent}"));
        }

        #[test]
        fn any_text(text in "[-0-9.eE+]{0,20}") {
            let _ = value_of(&text);
        }
    }
}
