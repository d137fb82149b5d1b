//! Sums that are exact whatever the order of their terms, so that a term can be taken back and a view
//! computed afresh is the same to the bit. Knows nothing of views.
//!
//! A sum is a little-endian two's complement number wide enough never to overflow; a FLOAT's counts units of
//! 2^-1074, the smallest double. Only reading it in its column's type can fail.

use crate::{
    types::Type,
    value::{NULL_BIGINT, NULL_FLOAT},
};

/// Bytes of the sum of a FLOAT column: 2098 bits of a double's range, the sign, and room for 2^77 terms.
const FLOAT_BYTES: usize = 272;

/// The largest DECIMAL has 38 digits.
const DECIMAL_MAX: u128 = 10u128.pow(38) - 1;

/// The sum, or one of its terms, is more than its type holds (or no number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

/// Bytes of the sum of a column of that type.
pub(crate) fn sum_bytes(column_type: Type) -> usize {
    match column_type {
        Type::Float => FLOAT_BYTES,
        Type::Decimal => 32,
        _ => 16,
    }
}

/// Adds a term, or takes it back: the value of that type at the front of `value`, which is not NULL.
pub(crate) fn add(sum: &mut [u8], column_type: Type, value: &[u8], take_back: bool) -> Result<(), Overflow> {
    match column_type {
        Type::Float => {
            let bits = u64::from_le_bytes(value[..8].try_into().expect("eight bytes"));
            let (exponent, fraction) = ((bits >> 52) as usize & 0x7FF, bits & ((1 << 52) - 1));
            if exponent == 0x7FF {
                return Err(Overflow);
            }
            let (mantissa, shift) =
                if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
            add_shifted(sum, u128::from(mantissa), shift, (bits >> 63 == 1) != take_back);
        }
        Type::Decimal => {
            let value = i128::from_le_bytes(value[..16].try_into().expect("sixteen bytes"));
            add_shifted(sum, value.unsigned_abs(), 0, (value < 0) != take_back);
        }
        _ => {
            let width = column_type.fixed_width().expect("only numbers are summed up");
            let value = crate::row::RowRef { fixed: value, tail: &[] }.integer(0, width);
            add_shifted(sum, u128::from(value.unsigned_abs()), 0, (value < 0) != take_back);
        }
    }
    Ok(())
}

/// Adds or subtracts `magnitude << shift`.
fn add_shifted(sum: &mut [u8], magnitude: u128, shift: usize, subtract: bool) {
    let (first, bits) = (shift / 64, shift % 64);
    let low = magnitude << bits;
    let high = if bits == 0 { 0 } else { (magnitude >> (128 - bits)) as u64 };
    let parts = [low as u64, (low >> 64) as u64, high];
    let mut carry = false;
    for (i, limb) in sum.chunks_exact_mut(8).skip(first).enumerate() {
        let part = parts.get(i).copied().unwrap_or(0);
        if i >= parts.len() && !carry {
            break;
        }
        let old = u64::from_le_bytes((&*limb).try_into().expect("eight bytes"));
        let (new, carried) = if subtract {
            let (new, borrow) = old.overflowing_sub(part);
            let (new, again) = new.overflowing_sub(u64::from(carry));
            (new, borrow || again)
        } else {
            let (new, over) = old.overflowing_add(part);
            let (new, again) = new.overflowing_add(u64::from(carry));
            (new, over || again)
        };
        limb.copy_from_slice(&new.to_le_bytes());
        carry = carried;
    }
}

/// Writes the sum as a value of the view's column: BIGINT for integers, else the summed column's type.
pub(crate) fn read(sum: &[u8], column_type: Type, value: &mut [u8]) -> Result<(), Overflow> {
    match column_type {
        Type::Float => value.copy_from_slice(&read_float(sum)?.to_le_bytes()),
        Type::Decimal => value.copy_from_slice(&read_decimal(sum)?.to_le_bytes()),
        _ => {
            let sum = i128::from_le_bytes(sum.try_into().expect("sixteen bytes"));
            let sum = i64::try_from(sum).map_err(|_| Overflow)?;
            if sum == NULL_BIGINT {
                return Err(Overflow);
            }
            value.copy_from_slice(&sum.to_le_bytes());
        }
    }
    Ok(())
}

fn read_decimal(sum: &[u8]) -> Result<i128, Overflow> {
    let (low, high) = sum.split_at(16);
    let low = i128::from_le_bytes(low.try_into().expect("sixteen bytes"));
    let high = i128::from_le_bytes(high.try_into().expect("sixteen bytes"));
    // The upper half only repeats the lower one's sign.
    if high != low >> 127 || low.unsigned_abs() > DECIMAL_MAX {
        return Err(Overflow);
    }
    Ok(low)
}

/// The nearest double, the even one of two.
fn read_float(sum: &[u8]) -> Result<f64, Overflow> {
    let mut limbs: [u64; FLOAT_BYTES / 8] =
        std::array::from_fn(|i| u64::from_le_bytes(sum[i * 8..i * 8 + 8].try_into().expect("eight bytes")));
    let negative = limbs[limbs.len() - 1] >> 63 == 1;
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
        }
    }
    let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else { return Ok(0.0) };
    let highest = top * 64 + 63 - limbs[top].leading_zeros() as usize;
    let bit = |at: usize| limbs[at / 64] >> (at % 64) & 1;
    let magnitude = if highest <= 52 {
        limbs[0]
    } else {
        let shift = highest - 52;
        let mantissa = (0..53).fold(0, |mantissa, i| mantissa | bit(shift + i) << i);
        let half = bit(shift - 1) == 1;
        let more = (0..shift - 1).any(|at| bit(at) == 1);
        let rounded = mantissa + u64::from(half && (more || mantissa & 1 == 1));
        // The mantissa's hidden bit adds one to the exponent; so does rounding up to the next power of two.
        ((shift as u64) << 52) + rounded
    };
    let value = f64::from_bits(magnitude);
    let value = if negative { -value } else { value };
    if !value.is_finite() || value <= NULL_FLOAT { Err(Overflow) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;

    fn float_sum(terms: &[f64]) -> Result<f64, Overflow> {
        let mut sum = vec![0; FLOAT_BYTES];
        for term in terms {
            add(&mut sum, Type::Float, &term.to_le_bytes(), false)?;
        }
        read_float(&sum)
    }

    #[test]
    fn floats_sum_up_to_the_nearest_double() {
        for value in [0.0, 1.0, -1.5, 5e-324, -5e-324, f64::MIN_POSITIVE, 1.6e308, f64::MAX, 0.1, -1e-310] {
            assert_eq!(float_sum(&[value]), Ok(value));
            assert_eq!(
                float_sum(&[value, value]),
                if value > 1e308 { Err(Overflow) } else { Ok(value * 2.0) }
            );
        }
        assert_eq!(float_sum(&[1e300, 1.0, -1e300]), Ok(1.0));
        assert_eq!(float_sum(&[0.1, 0.2, 0.3, -0.1, -0.2, -0.3]), Ok(0.0));
        // A half rounds to even; more than a half rounds up.
        let one = 1u64 << 53;
        assert_eq!(float_sum(&[one as f64, 1.0]), Ok(one as f64));
        assert_eq!(float_sum(&[one as f64, 1.0, 5e-324]), Ok((one + 2) as f64));
        assert_eq!(float_sum(&[one as f64, 2.0, 1.0]), Ok((one + 4) as f64));
        assert_eq!(float_sum(&[f64::NAN]), Err(Overflow));
        assert_eq!(float_sum(&[f64::INFINITY]), Err(Overflow));
        assert_eq!(float_sum(&[-1.6e308, -1.6e307]), Err(Overflow));
    }

    #[test]
    fn two_terms_sum_up_as_the_processor_does() {
        let mut random = SmallRng::seed_from_u64(3);
        for _ in 0..20_000 {
            let a = f64::from_bits(random.random::<u64>() & !(1 << 62));
            let b = a * random.random_range(-4.0..4.0) * 2f64.powi(random.random_range(-60..60));
            if a.is_finite() && b.is_finite() && (a + b).is_finite() {
                assert_eq!(float_sum(&[a, b]), Ok(a + b), "{a:e} + {b:e}");
            }
        }
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut random = SmallRng::seed_from_u64(4);
        for column_type in [Type::Float, Type::Decimal, Type::BigInt, Type::TinyInt] {
            let width = column_type.fixed_width().expect("a number");
            let mut sum = vec![0; sum_bytes(column_type)];
            let mut terms = Vec::new();
            for _ in 0..2000 {
                let mut term: Vec<u8> = (0..width).map(|_| random.random()).collect();
                if column_type == Type::Float {
                    term[7] &= 0xBF;
                }
                add(&mut sum, column_type, &term, false).unwrap();
                terms.push(term);
            }
            assert!(sum.iter().any(|byte| *byte != 0));
            while !terms.is_empty() {
                let term = terms.swap_remove(random.random_range(0..terms.len()));
                add(&mut sum, column_type, &term, true).unwrap();
            }
            assert!(sum.iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_sum_beyond_its_type_is_an_overflow() {
        let mut value = [0; 8];
        let mut sum = [0; 16];
        add(&mut sum, Type::BigInt, &i64::MAX.to_le_bytes(), false).unwrap();
        assert_eq!(read(&sum, Type::BigInt, &mut value), Ok(()));
        add(&mut sum, Type::TinyInt, &[1], false).unwrap();
        assert_eq!(read(&sum, Type::BigInt, &mut value), Err(Overflow));
        add(&mut sum, Type::SmallInt, &(-1i16).to_le_bytes(), false).unwrap();
        assert_eq!(read(&sum, Type::BigInt, &mut value), Ok(()));
        assert_eq!(i64::from_le_bytes(value), i64::MAX);
        let mut sum = [0; 32];
        for _ in 0..2 {
            add(&mut sum, Type::Decimal, &(-(DECIMAL_MAX as i128)).to_le_bytes(), false).unwrap();
        }
        assert_eq!(read_decimal(&sum), Err(Overflow));
        add(&mut sum, Type::Decimal, &(-(DECIMAL_MAX as i128)).to_le_bytes(), true).unwrap();
        assert_eq!(read_decimal(&sum), Ok(-(DECIMAL_MAX as i128)));
    }
}
