//! JSON numbers without loss: what a number's text says, before any float rounds it.

/// An exponent beyond this is no DECIMAL and no integer of ours.
const EXPONENT_MAX: i32 = 64;
/// More digits than any number of ours has.
const DIGITS_MAX: usize = 200;

/// The integer that a number's text is, if it has no fraction and 64 bits are enough.
pub(super) fn integer_of(text: &str) -> Option<i64> {
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    plain(text)?.parse().ok()
}

/// `12.5e3` as `12500`, zeros at the end of a fraction left out; `None` if it is too long to be of use.
pub(super) fn plain(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent) || mantissa.len() > DIGITS_MAX {
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
    use rand::{Rng, SeedableRng, rngs::SmallRng};

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
}
