//! Columns of fixed width: loads and stores at an offset that is a constant where they are called.

use crate::{
    catalog::TableId,
    store::WriteError,
    value::{Decimal, NULL_BIGINT, NULL_DECIMAL, NULL_FLOAT, NULL_INTEGER, NULL_SMALLINT, NULL_TINYINT},
};

/// The Rust type of a column of fixed width.
pub trait Scalar: Copy {
    const WIDTH: usize;
    const NULL: Self;
    /// From exactly [`Scalar::WIDTH`] bytes.
    fn read(bytes: &[u8]) -> Self;
    /// To exactly [`Scalar::WIDTH`] bytes.
    fn write(self, bytes: &mut [u8]);
    fn is_null(self) -> bool;
}

macro_rules! scalar {
    ($rust:ty, $null:expr) => {
        impl Scalar for $rust {
            const WIDTH: usize = size_of::<$rust>();
            const NULL: $rust = $null;

            #[inline(always)]
            fn read(bytes: &[u8]) -> $rust {
                <$rust>::from_le_bytes(bytes.try_into().expect("as many bytes as the type is wide"))
            }

            #[inline(always)]
            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }

            #[inline(always)]
            fn is_null(self) -> bool {
                self <= $null
            }
        }
    };
}

scalar!(i8, NULL_TINYINT);
scalar!(i16, NULL_SMALLINT);
scalar!(i32, NULL_INTEGER);
scalar!(i64, NULL_BIGINT);
scalar!(f64, NULL_FLOAT);

impl Scalar for Decimal {
    const WIDTH: usize = 16;
    const NULL: Decimal = Decimal(NULL_DECIMAL);

    #[inline(always)]
    fn read(bytes: &[u8]) -> Decimal {
        Decimal(i128::from_le_bytes(bytes.try_into().expect("as many bytes as the type is wide")))
    }

    #[inline(always)]
    fn write(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.to_le_bytes());
    }

    #[inline(always)]
    fn is_null(self) -> bool {
        self.0 == NULL_DECIMAL
    }
}

/// The value at `offset`.
#[inline(always)]
pub fn load<V: Scalar, const WIDTH: usize>(fixed: &[u8; WIDTH], offset: usize) -> V {
    V::read(&fixed[offset..offset + V::WIDTH])
}

/// The value at `offset`, or NULL.
#[inline(always)]
pub fn load_nullable<V: Scalar, const WIDTH: usize>(fixed: &[u8; WIDTH], offset: usize) -> Option<V> {
    let value: V = load(fixed, offset);
    if value.is_null() { None } else { Some(value) }
}

#[inline(always)]
pub fn store<V: Scalar, const WIDTH: usize>(fixed: &mut [u8; WIDTH], offset: usize, value: V) {
    value.write(&mut fixed[offset..offset + V::WIDTH]);
}

#[inline(always)]
pub fn store_nullable<V: Scalar, const WIDTH: usize>(
    fixed: &mut [u8; WIDTH],
    offset: usize,
    value: Option<V>,
) {
    store(fixed, offset, value.unwrap_or(V::NULL));
}

/// Whether the number is its type's NULL.
#[inline(always)]
pub fn is_null<V: Scalar, const WIDTH: usize>(fixed: &[u8; WIDTH], offset: usize) -> bool {
    load::<V, WIDTH>(fixed, offset).is_null()
}

/// Refuses a NULL in a column that is NOT NULL: it came as its type's smallest number.
#[inline(always)]
pub fn null_check<V: Scalar, const WIDTH: usize>(
    fixed: &[u8; WIDTH],
    offset: usize,
    table: TableId,
    column: u16,
) -> Result<(), WriteError> {
    if is_null::<V, WIDTH>(fixed, offset) { Err(WriteError::NotNull { table, column }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_read_as_none() {
        let mut fixed = [0; 8 + 16 + 8];
        store_nullable::<i64, 32>(&mut fixed, 0, None);
        store_nullable::<Decimal, 32>(&mut fixed, 8, None);
        store(&mut fixed, 24, -1.75e308_f64);
        assert_eq!(load_nullable::<i64, 32>(&fixed, 0), None);
        assert_eq!(load_nullable::<Decimal, 32>(&fixed, 8), None);
        assert_eq!(load_nullable::<f64, 32>(&fixed, 24), None);
        assert_eq!(null_check::<i64, 32>(&fixed, 0, 3, 4), Err(WriteError::NotNull { table: 3, column: 4 }));
        store(&mut fixed, 1, -7_i16);
        assert_eq!((load::<i16, 32>(&fixed, 1), fixed[1..3].to_vec()), (-7, vec![0xF9, 0xFF]));
    }
}
