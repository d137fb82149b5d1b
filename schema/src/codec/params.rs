//! A parameter set: what a call carries. `[int16 count]`, then for each parameter a type code and a value, or
//! [`code::ARRAY`], an element type, a count (int32 when the elements are TINYINT, else int16) and the
//! elements.

use super::{
    code,
    cursor::{CodecError, Cursor},
    value::{self, RawParam},
};
use crate::value::{Decimal, NULL_BIGINT, NULL_INTEGER, NULL_SMALLINT, NULL_TINYINT, Value};

/// Why a parameter could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    #[error("the number of parameters: {0}")]
    Count(CodecError),
    /// `position` counts from 0, as clients and error texts of VoltDB do.
    #[error("parameter {position}: {error}")]
    Parameter { position: usize, error: CodecError },
    #[error("after the last parameter: {0}")]
    Trailing(CodecError),
}

/// Reads a parameter set from front to back, without allocating. After an error it reads no further.
#[derive(Clone, Copy, Debug)]
pub struct ParamReader<'a> {
    cursor: Cursor<'a>,
    count: usize,
    position: usize,
}

impl<'a> ParamReader<'a> {
    /// `bytes`: everything from the count on.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<ParamReader<'a>, ParamError> {
        let mut cursor = Cursor::new(bytes);
        let count = cursor.count16("count").map_err(ParamError::Count)?;
        Ok(ParamReader { cursor, count, position: 0 })
    }

    /// Number of parameters in the set, read or not. Not `count`: an iterator has one, which reads them all.
    #[inline]
    pub fn total(&self) -> usize {
        self.count
    }

    /// Position of the parameter to be read next, from 0.
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The bytes that were not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.cursor.rest()
    }

    /// The next parameter; `None` after the last.
    #[inline(always)]
    pub fn next_param(&mut self) -> Result<Option<RawParam<'a>>, ParamError> {
        if self.position == self.count {
            return Ok(None);
        }
        match self.read() {
            Ok(param) => {
                self.position += 1;
                Ok(Some(param))
            }
            Err(error) => {
                let position = self.position;
                self.count = position;
                Err(ParamError::Parameter { position, error })
            }
        }
    }

    /// The next parameter, if it is an integer of any width, complete and not NULL. Else nothing is taken,
    /// and [`ParamReader::next_param`] tells what it is. It is the quick way: the number stays in a register.
    #[inline(always)]
    pub fn take_integer(&mut self) -> Option<i64> {
        if self.position == self.count {
            return None;
        }
        let (code, rest) = self.cursor.rest().split_first()?;
        let (number, rest) = match *code as i8 {
            code::INTEGER => {
                let (bytes, rest) = rest.split_first_chunk()?;
                let number = i32::from_be_bytes(*bytes);
                (if number == NULL_INTEGER { NULL_BIGINT } else { i64::from(number) }, rest)
            }
            code::BIGINT => {
                let (bytes, rest) = rest.split_first_chunk()?;
                (i64::from_be_bytes(*bytes), rest)
            }
            code::TINYINT => {
                let (byte, rest) = rest.split_first()?;
                let number = *byte as i8;
                (if number == NULL_TINYINT { NULL_BIGINT } else { i64::from(number) }, rest)
            }
            code::SMALLINT => {
                let (bytes, rest) = rest.split_first_chunk()?;
                let number = i16::from_be_bytes(*bytes);
                (if number == NULL_SMALLINT { NULL_BIGINT } else { i64::from(number) }, rest)
            }
            _ => return None,
        };
        if number == NULL_BIGINT {
            return None;
        }
        self.cursor = Cursor::new(rest);
        self.position += 1;
        Some(number)
    }

    #[inline(always)]
    fn read(&mut self) -> Result<RawParam<'a>, CodecError> {
        match self.cursor.i8("type code")? {
            code::ARRAY => self.read_array(),
            code => value::read(code, &mut self.cursor, "value"),
        }
    }

    #[inline(never)]
    fn read_array(&mut self) -> Result<RawParam<'a>, CodecError> {
        let element = self.cursor.i8("element type")?;
        // The Python client writes no count at all for an empty list. Only where nothing follows is that
        // certain; elsewhere it reads as a broken array and is refused.
        if self.cursor.is_empty() && self.position + 1 == self.count {
            return Ok(RawParam::Array(ArrayReader { element, count: 0, cursor: self.cursor }));
        }
        ArrayReader::read(element, &mut self.cursor).map(RawParam::Array)
    }

    /// Fails unless the set ends where its last parameter does. Call it after the last parameter.
    #[inline]
    pub fn finish(&self) -> Result<(), ParamError> {
        debug_assert_eq!(self.position, self.count, "finish is asked after the last parameter");
        self.cursor.finish("parameter set").map_err(ParamError::Trailing)
    }
}

impl<'a> Iterator for ParamReader<'a> {
    type Item = Result<RawParam<'a>, ParamError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.next_param().transpose()
    }
}

/// The elements of an array parameter, checked when the array was read: iterating cannot fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayReader<'a> {
    element: i8,
    count: u32,
    cursor: Cursor<'a>,
}

impl<'a> ArrayReader<'a> {
    /// Reads count and elements from `cursor`, leaving it after them.
    fn read(element: i8, cursor: &mut Cursor<'a>) -> Result<ArrayReader<'a>, CodecError> {
        // An element without bytes would let a small message claim a great many of them.
        if element == code::NULL {
            return Err(CodecError::UnknownType { field: "element type", code: element });
        }
        let count = match element {
            code::TINYINT => cursor.count32("array length")?,
            _ => cursor.count16("array length")?,
        };
        let start = *cursor;
        if element == code::TINYINT {
            cursor.take(count, "array element")?;
        } else {
            for _ in 0..count {
                value::read(element, cursor, "array element")?;
            }
        }
        let count = u32::try_from(count).expect("an int32 that is not negative");
        Ok(ArrayReader { element, count, cursor: start })
    }

    /// Type code of the elements.
    pub fn element(&self) -> i8 {
        self.element
    }

    /// Elements not yet taken.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The remaining elements of an array of TINYINT, as they came (nulls are 0x80).
    pub fn tinyint_bytes(&self) -> Option<&'a [u8]> {
        (self.element == code::TINYINT).then(|| &self.cursor.rest()[..self.len()])
    }
}

impl<'a> Iterator for ArrayReader<'a> {
    type Item = RawParam<'a>;

    fn next(&mut self) -> Option<RawParam<'a>> {
        self.count = self.count.checked_sub(1)?;
        let element = value::read(self.element, &mut self.cursor, "array element");
        Some(element.expect("every element was read once when the array was"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

/// Appends a parameter set. The set is complete after [`ParamWriter::finish`].
#[derive(Debug)]
pub struct ParamWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    count: usize,
}

impl<'a> ParamWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> ParamWriter<'a> {
        let start = out.len();
        out.extend_from_slice(&[0; 2]);
        ParamWriter { out, start, count: 0 }
    }

    #[inline]
    fn put<const N: usize>(&mut self, code: i8, bytes: [u8; N]) -> &mut Self {
        self.count += 1;
        self.out.push(code as u8);
        self.out.extend_from_slice(&bytes);
        self
    }

    /// NULL without a type.
    pub fn put_null(&mut self) -> &mut Self {
        self.put(code::NULL, [])
    }

    pub fn put_i8(&mut self, v: i8) -> &mut Self {
        self.put(code::TINYINT, v.to_be_bytes())
    }

    pub fn put_i16(&mut self, v: i16) -> &mut Self {
        self.put(code::SMALLINT, v.to_be_bytes())
    }

    pub fn put_i32(&mut self, v: i32) -> &mut Self {
        self.put(code::INTEGER, v.to_be_bytes())
    }

    pub fn put_i64(&mut self, v: i64) -> &mut Self {
        self.put(code::BIGINT, v.to_be_bytes())
    }

    pub fn put_f64(&mut self, v: f64) -> &mut Self {
        self.put(code::FLOAT, v.to_be_bytes())
    }

    pub fn put_decimal(&mut self, v: Decimal) -> &mut Self {
        self.put(code::DECIMAL, v.0.to_be_bytes())
    }

    /// Microseconds since 1970-01-01 UTC.
    pub fn put_timestamp(&mut self, micros: i64) -> &mut Self {
        self.put(code::TIMESTAMP, micros.to_be_bytes())
    }

    pub fn put_str(&mut self, v: &str) -> &mut Self {
        self.put(code::STRING, []);
        value::put_bytes(self.out, v.as_bytes());
        self
    }

    pub fn put_bytes(&mut self, v: &[u8]) -> &mut Self {
        self.put(code::VARBINARY, []);
        value::put_bytes(self.out, v);
        self
    }

    /// A table with its length in front, as [`super::TableWriter`] leaves it.
    pub fn put_table(&mut self, table: &[u8]) -> &mut Self {
        self.put(code::TABLE, []);
        self.out.extend_from_slice(table);
        self
    }

    /// # Panics
    /// If there are more than 32,767: the count is an int16.
    pub fn put_i64_array(&mut self, values: &[i64]) -> &mut Self {
        self.put(code::ARRAY, [code::BIGINT as u8]);
        self.out.extend_from_slice(&count16(values.len()));
        values.iter().for_each(|v| self.out.extend_from_slice(&v.to_be_bytes()));
        self
    }

    /// # Panics
    /// If there are more than 32,767: the count is an int16.
    pub fn put_str_array(&mut self, values: &[Option<&str>]) -> &mut Self {
        self.put(code::ARRAY, [code::STRING as u8]);
        self.out.extend_from_slice(&count16(values.len()));
        values.iter().for_each(|v| value::put_str(self.out, *v));
        self
    }

    pub fn put_value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.put_null(),
            Value::TinyInt(v) => self.put_i8(*v),
            Value::SmallInt(v) => self.put_i16(*v),
            Value::Integer(v) => self.put_i32(*v),
            Value::BigInt(v) => self.put_i64(*v),
            Value::Float(v) => self.put_f64(*v),
            Value::Decimal(v) => self.put_decimal(*v),
            Value::Varchar(v) => self.put_str(v),
            Value::Varbinary(v) => self.put_bytes(v),
            Value::Timestamp(v) => self.put_timestamp(*v),
        }
    }

    /// Writes the count in front.
    ///
    /// # Panics
    /// If there are more than 32,767 parameters.
    pub fn finish(self) {
        self.out[self.start..self.start + 2].copy_from_slice(&count16(self.count));
    }
}

fn count16(count: usize) -> [u8; 2] {
    i16::try_from(count).expect("at most 32,767 of anything in a parameter set").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::table::tests::hex;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    fn read_all(bytes: &[u8]) -> Result<Vec<RawParam<'_>>, ParamError> {
        let mut reader = ParamReader::new(bytes)?;
        let params = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
        reader.finish()?;
        Ok(params)
    }

    #[test]
    fn the_java_client_s_parameters() {
        let bytes =
            hex("0006 9d050002 00000001 00000002  19 00000001 01  9d090002 00000001 61 ffffffff  01 \
             15 0000001d 00000009 80 0001 06 00000001 78 00000001 00000008 0000000000000005  05 80000000");
        let params = read_all(&bytes).unwrap();
        let [RawParam::Array(ints), bytes, RawParam::Array(texts), null, RawParam::Table(table), int] =
            params[..]
        else {
            panic!("{params:?}")
        };
        assert_eq!(ints.collect::<Vec<_>>(), [RawParam::Integer(1), RawParam::Integer(2)]);
        assert_eq!(bytes, RawParam::Varbinary(&[1]));
        assert_eq!(texts.collect::<Vec<_>>(), [RawParam::Varchar("a"), RawParam::Null]);
        assert_eq!((null, int), (RawParam::Null, RawParam::Null));
        assert_eq!(table.len(), 0x1d);
    }

    #[test]
    fn the_total_is_the_same_before_and_after_reading() {
        let bytes = hex("0003 05 00000001 05 00000002 05");
        let mut reader = ParamReader::new(&bytes).unwrap();
        for position in 0..2 {
            assert_eq!(
                (reader.total(), reader.position()),
                (3, position),
                "what is cut is found by reading it"
            );
            reader.next_param().unwrap();
        }
        assert!(reader.next_param().is_err());
    }

    #[test]
    fn an_array_of_tinyint_has_a_wide_count() {
        let bytes = hex("0001 9d03 00000003 01 80 ff");
        let params = read_all(&bytes).unwrap();
        let RawParam::Array(array) = params[0] else { panic!("{params:?}") };
        assert_eq!(array.tinyint_bytes(), Some(&[1, 0x80, 0xff][..]));
        assert_eq!(array.collect::<Vec<_>>(), [RawParam::TinyInt(1), RawParam::Null, RawParam::TinyInt(-1)]);
    }

    #[test]
    fn an_empty_python_list_has_no_count() {
        let bytes = hex("0002 05 00000001 9d 06");
        let params = read_all(&bytes).unwrap();
        let RawParam::Array(array) = params[1] else { panic!("{params:?}") };
        assert!(array.is_empty());
        let bytes = hex("0002 9d 06 05 00000001");
        assert!(matches!(read_all(&bytes), Err(ParamError::Parameter { position: 0, .. })));
    }

    #[test]
    fn errors_name_the_parameter() {
        let check = |bytes: &str, message: &str| {
            assert_eq!(read_all(&hex(bytes)).unwrap_err().to_string(), message);
        };
        check("00", "the number of parameters: count: 2 bytes are needed, 1 are left");
        check("ffff", "the number of parameters: count: -1 is not a possible length");
        check("0002 05 00000001", "parameter 1: type code: 1 bytes are needed, 0 are left");
        check("0002 05 00000001 0c 07e8021d", "parameter 1: value: values of type DATE are not supported");
        check("0001 09 00000001 ff", "parameter 0: value: not valid UTF-8");
        check("0001 05 00000001 00", "after the last parameter: parameter set: 1 bytes too many");
        check("0001 9d 01 7fff", "parameter 0: element type: unknown type code 1");
        check("0001 9d 9d 0001 00", "parameter 0: array element: unknown type code -99");
    }

    #[test]
    fn a_reader_that_failed_stays_at_its_end() {
        let bytes = hex("0002 02 05 00000001");
        let mut reader = ParamReader::new(&bytes).unwrap();
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }

    #[test]
    fn what_is_written_reads_back() {
        let values = [
            Value::Null,
            Value::TinyInt(-127),
            Value::SmallInt(7),
            Value::Integer(-1),
            Value::BigInt(5_551_234_567),
            Value::Float(1.5),
            Value::Decimal(Decimal(-1_500_000_000_000)),
            Value::Varchar("é".into()),
            Value::Varbinary(vec![0, 255]),
            Value::Timestamp(1),
        ];
        let mut out = vec![0xaa];
        let mut writer = ParamWriter::new(&mut out);
        for value in &values {
            writer.put_value(value);
        }
        writer.put_i64_array(&[1, i64::MIN]).put_str_array(&[None, Some("x")]);
        writer.finish();
        let params = read_all(&out[1..]).unwrap();
        assert_eq!(params.len(), values.len() + 2);
        for (param, value) in params.iter().zip(&values) {
            assert_eq!(param.to_value().as_ref(), Some(value));
        }
        let RawParam::Array(array) = params[values.len()] else { panic!("{params:?}") };
        assert_eq!(array.collect::<Vec<_>>(), [RawParam::BigInt(1), RawParam::Null]);
    }

    #[test]
    fn the_quick_way_takes_integers_and_only_those() {
        let mut rng = SmallRng::seed_from_u64(7);
        let interesting = [0, 1, -1, i8::MIN.into(), i16::MIN.into(), i32::MIN.into(), i64::MIN, i64::MAX];
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            let mut writer = ParamWriter::new(&mut bytes);
            for _ in 0..rng.random_range(0..4) {
                let number = interesting[rng.random_range(0..interesting.len())];
                match rng.random_range(0..6) {
                    0 => writer.put_i8(number as i8),
                    1 => writer.put_i16(number as i16),
                    2 => writer.put_i32(number as i32),
                    3 => writer.put_i64(number),
                    4 => writer.put_null(),
                    _ => writer.put_timestamp(number),
                };
            }
            writer.finish();
            bytes.truncate(rng.random_range(2..=bytes.len()));
            let mut reader = ParamReader::new(&bytes).unwrap();
            loop {
                let mut quick = reader;
                let taken = quick.take_integer();
                let next = reader.next_param();
                let expected = next.as_ref().ok().and_then(|p| p.as_ref()).and_then(RawParam::as_integer);
                assert_eq!(taken, expected);
                if taken.is_some() {
                    assert_eq!((quick.cursor, quick.position), (reader.cursor, reader.position));
                }
                if !matches!(next, Ok(Some(_))) {
                    break;
                }
            }
        }
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        let mut rng = SmallRng::seed_from_u64(1);
        let sample =
            hex("0006 9d050002 00000001 00000002  19 00000001 01  9d090002 00000001 61 ffffffff  01 \
             15 0000001d 00000009 80 0001 06 00000001 78 00000001 00000008 0000000000000005  05 80000000");
        let mut failures = 0;
        for _ in 0..20_000 {
            let mut bytes = sample.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            bytes.truncate(rng.random_range(0..=bytes.len()));
            match read_all(&bytes) {
                Ok(params) => params.into_iter().for_each(|p| {
                    if let RawParam::Array(array) = p {
                        assert_eq!(array.len(), array.count());
                    }
                }),
                Err(error) => {
                    failures += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
        }
        assert!(failures > 10_000, "most mutations break the set");
    }
}
