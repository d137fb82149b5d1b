//! The order of values, across types where they compare: for ad hoc queries and for naive models in tests.

use std::cmp::Ordering;

use super::{Decimal, Value};

/// A total order: NULL first, then numbers (of any type, by magnitude; a TIMESTAMP is its microseconds), then
/// text by bytes, then binary.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    use Value::{Decimal as D, Float as F};
    match (left, right) {
        (F(left), F(right)) => compare_floats(*left, *right),
        (F(left), right) if is_number(right) => compare_float(*left, right),
        (left, F(right)) if is_number(left) => compare_float(*right, left).reverse(),
        (D(_), right) if is_number(right) => compare_unscaled(left, right),
        (left, D(_)) if is_number(left) => compare_unscaled(left, right),
        (Value::Varchar(left), Value::Varchar(right)) => left.cmp(right),
        (Value::Varbinary(left), Value::Varbinary(right)) => left.cmp(right),
        (left, right) => match (exact(left), exact(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => rank(left).cmp(&rank(right)),
        },
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Varchar(_) => 2,
        Value::Varbinary(_) => 3,
        _ => 1,
    }
}

fn is_number(value: &Value) -> bool {
    rank(value) == 1
}

/// An integer's or a TIMESTAMP's number.
fn exact(value: &Value) -> Option<i64> {
    match value {
        Value::Timestamp(micros) => Some(*micros),
        other => other.as_integer(),
    }
}

fn unscaled(value: &Value) -> Decimal {
    match value {
        Value::Decimal(decimal) => *decimal,
        other => {
            Decimal::from_integer(exact(other).expect("a number that is no FLOAT and no DECIMAL is exact"))
        }
    }
}

fn compare_unscaled(left: &Value, right: &Value) -> Ordering {
    unscaled(left).cmp(&unscaled(right))
}

/// Zeros are equal, NaN is above all.
fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// A FLOAT against a number of another type, without the loss that making the other a FLOAT would bring.
fn compare_float(left: f64, right: &Value) -> Ordering {
    let right = unscaled(right).0;
    // Beyond every DECIMAL on either side, and not a number: above all.
    if left.is_nan() || left >= 1e27 {
        return Ordering::Greater;
    }
    if left <= -1e27 {
        return Ordering::Less;
    }
    const ONE: i128 = super::decimal::DECIMAL_ONE;
    let whole = left.floor();
    let by_whole = (whole as i128).cmp(&right.div_euclid(ONE));
    by_whole.then_with(|| compare_floats((left - whole) * ONE as f64, right.rem_euclid(ONE) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            (-3_i8..4).prop_map(Value::TinyInt),
            any::<i64>().prop_map(Value::BigInt),
            (-3_i64..4).prop_map(Value::Timestamp),
            (-3_i32..4).prop_map(|n| Value::Float(f64::from(n) / 2.0)),
            any::<f64>().prop_map(Value::Float),
            (-3_i128..4).prop_map(|n| Value::Decimal(Decimal(n * 500_000_000_000))),
            ".{0,2}".prop_map(Value::Varchar),
            proptest::collection::vec(any::<u8>(), 0..2).prop_map(Value::Varbinary),
        ]
    }

    #[test]
    fn across_types() {
        let check = |left: Value, right: Value, order| assert_eq!(compare(&left, &right), order);
        check(Value::TinyInt(1), Value::BigInt(1), Ordering::Equal);
        check(Value::BigInt(i64::MAX), Value::Float(9.3e18), Ordering::Less);
        check(Value::BigInt(9_007_199_254_740_993), Value::Float(9_007_199_254_740_992.0), Ordering::Greater);
        check(Value::Float(0.5), Value::Decimal(Decimal(500_000_000_000)), Ordering::Equal);
        check(Value::Float(-0.5), Value::Integer(0), Ordering::Less);
        check(Value::Null, Value::BigInt(-5), Ordering::Less);
        check(Value::Varchar("a".into()), Value::Integer(5), Ordering::Greater);
    }

    proptest! {
        #[test]
        fn a_total_order(mut values in proptest::collection::vec(any_value(), 3)) {
            values.sort_by(compare);
            let [a, b, c] = &values[..] else { unreachable!("three were asked for") };
            prop_assert_ne!(compare(a, b), Ordering::Greater);
            prop_assert_ne!(compare(b, c), Ordering::Greater);
            prop_assert_ne!(compare(a, c), Ordering::Greater);
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, a), Ordering::Equal);
        }
    }
}
