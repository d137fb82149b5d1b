//! JSON numbers without loss: what a number's text says, before any float rounds it.

use tollgate_schema::value::{Decimal, Value};

/// An exponent beyond this is no DECIMAL and no integer of ours.
const EXPONENT_MAX: i32 = 64;

/// The value that a JSON number's text is: an integer if it is whole and fits 64 bits, else a DECIMAL if it
/// loses nothing there, else a FLOAT. `None` for a text that is no number or is beyond every type.
pub(super) fn value_of(text: &str) -> Option<Value> {
    if let Ok(integer) = text.parse::<i64>() {
        // The smallest of all is VoltDB's null, not a number.
        return (integer != i64::MIN).then_some(Value::BigInt(integer));
    }
    if let Some(plain) = without_exponent(text) {
        if let Ok(integer) = plain.trim_end_matches('.').parse::<i64>()
            && integer != i64::MIN
        {
            return Some(Value::BigInt(integer));
        }
        let places = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if places <= tollgate_schema::value::decimal::DECIMAL_SCALE as usize
            && let Ok(decimal) = plain.parse::<Decimal>()
        {
            return Some(Value::Decimal(decimal));
        }
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float)
}

/// `12.5e3` as `12500`, zeros at the end of a fraction left out.
fn without_exponent(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all: Vec<u8> = [whole, fraction].concat().into_bytes();
    let mut point = whole.len() as i32 + exponent;
    while point < 0 {
        all.insert(0, b'0');
        point += 1;
    }
    let point = point as usize;
    all.resize(all.len().max(point), b'0');
    let all = String::from_utf8(all).ok()?;
    let (whole, fraction) = all.split_at_checked(point)?;
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_keep_every_digit() {
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
