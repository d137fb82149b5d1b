//! A table on the wire: what a call answers, and what a bulk loader sends. `[int32 headerLength][int8
//! status][int16 columns][types][names] [int32 rows] rows x ([int32 rowLength][cells])`, preceded by an int32
//! with the length of all that wherever a table stands inside a message.

use super::{
    code,
    cursor::{CodecError, Cursor},
    value::{self, RawParam},
};
use crate::{
    types::Type,
    value::{Decimal, Value},
};

/// The status byte of a table that nobody set; clients accept this and 0.
const STATUS_NOT_SET: i8 = i8::MIN;

/// The shape of a table: its columns in the form of the wire. Built once where a shape is used often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableHeader {
    /// From the header's length to the last column name.
    bytes: Vec<u8>,
    columns: usize,
}

/// Position of the first type code in [`TableHeader::bytes`]: after length, status and the number of columns.
const TYPES_AT: usize = 4 + 1 + 2;

impl TableHeader {
    /// # Panics
    /// If there are more than 32,767 columns.
    pub fn new<'n>(columns: impl IntoIterator<Item = (&'n str, Type)>) -> TableHeader {
        let columns: Vec<_> = columns.into_iter().collect();
        let count = i16::try_from(columns.len()).expect("a table has at most 32,767 columns");
        let mut bytes = vec![0; 4];
        bytes.push(STATUS_NOT_SET as u8);
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.extend(columns.iter().map(|(_, t)| code::of(*t) as u8));
        columns.iter().for_each(|(name, _)| value::put_bytes(&mut bytes, name.as_bytes()));
        let length = i32::try_from(bytes.len() - 4).expect("a header fits a message");
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        TableHeader { bytes, columns: columns.len() }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    fn types(&self) -> &[u8] {
        &self.bytes[TYPES_AT..TYPES_AT + self.columns]
    }

    /// Appends a table of exactly one row, its length in front: the quick way for a procedure's answer.
    #[inline]
    pub fn one_row(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut RowWriter<'_>)) {
        let mut table = TableWriter::new(out, self);
        table.row(fill);
        table.finish();
    }
}

/// Appends a table, its length in front. The table is complete after [`TableWriter::finish`].
#[derive(Debug)]
pub struct TableWriter<'a> {
    out: &'a mut Vec<u8>,
    header: &'a TableHeader,
    start: usize,
    rows: u32,
}

impl<'a> TableWriter<'a> {
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, header: &'a TableHeader) -> TableWriter<'a> {
        let start = out.len();
        out.reserve(4 + header.bytes.len() + 4 + 64);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&header.bytes);
        out.extend_from_slice(&[0; 4]);
        TableWriter { out, header, start, rows: 0 }
    }

    /// Appends a row: `fill` puts one cell for each column, in order.
    ///
    /// # Panics
    /// If `fill` puts more or fewer cells than there are columns.
    #[inline]
    pub fn row(&mut self, fill: impl FnOnce(&mut RowWriter<'_>)) -> &mut Self {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        let mut row = RowWriter { out: self.out, types: self.header.types(), cells: 0 };
        fill(&mut row);
        let cells = row.cells;
        assert_eq!(cells, self.header.columns, "a row has one cell for each column");
        patch_length(self.out, start);
        self.rows += 1;
        self
    }

    /// Bytes appended so far: a caller that must stay under a limit asks between rows.
    pub fn len(&self) -> usize {
        self.out.len() - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Writes the number of rows and the length. A table dropped without it leaves its bytes incomplete.
    #[inline]
    pub fn finish(self) {
        let rows_at = self.start + 4 + self.header.bytes.len();
        let rows = i32::try_from(self.rows).expect("fewer rows than bytes in a message");
        self.out[rows_at..rows_at + 4].copy_from_slice(&rows.to_be_bytes());
        patch_length(self.out, self.start);
    }
}

/// Writes at `start` how many bytes follow those four.
///
/// # Panics
/// If they are more than an int32 counts.
#[inline]
fn patch_length(out: &mut [u8], start: usize) {
    let length = i32::try_from(out.len() - start - 4).expect("a message is shorter than 2 GiB");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Puts the cells of one row. In debug builds each is checked against its column's type.
#[derive(Debug)]
pub struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
    types: &'a [u8],
    cells: usize,
}

impl RowWriter<'_> {
    #[inline]
    fn put<const N: usize>(&mut self, code: i8, bytes: [u8; N]) -> &mut Self {
        debug_assert_eq!(
            self.types.get(self.cells).map(|c| code::name(*c as i8)),
            Some(code::name(code)),
            "type of column {}",
            self.cells
        );
        self.cells += 1;
        self.out.extend_from_slice(&bytes);
        self
    }

    /// NULL of the column's type.
    ///
    /// # Panics
    /// If the row is full already.
    pub fn put_null(&mut self) -> &mut Self {
        let code = *self.types.get(self.cells).expect("no more cells than columns") as i8;
        let known = value::put_null(self.out, code);
        assert!(known, "every column's type has a null");
        self.cells += 1;
        self
    }

    #[inline]
    pub fn put_i8(&mut self, v: i8) -> &mut Self {
        self.put(code::TINYINT, v.to_be_bytes())
    }

    #[inline]
    pub fn put_i16(&mut self, v: i16) -> &mut Self {
        self.put(code::SMALLINT, v.to_be_bytes())
    }

    #[inline]
    pub fn put_i32(&mut self, v: i32) -> &mut Self {
        self.put(code::INTEGER, v.to_be_bytes())
    }

    #[inline]
    pub fn put_i64(&mut self, v: i64) -> &mut Self {
        self.put(code::BIGINT, v.to_be_bytes())
    }

    #[inline]
    pub fn put_f64(&mut self, v: f64) -> &mut Self {
        self.put(code::FLOAT, v.to_be_bytes())
    }

    #[inline]
    pub fn put_decimal(&mut self, v: Decimal) -> &mut Self {
        self.put(code::DECIMAL, v.0.to_be_bytes())
    }

    /// Microseconds since 1970-01-01 UTC.
    #[inline]
    pub fn put_timestamp(&mut self, micros: i64) -> &mut Self {
        self.put(code::TIMESTAMP, micros.to_be_bytes())
    }

    #[inline]
    pub fn put_str(&mut self, v: &str) -> &mut Self {
        self.put(code::STRING, []);
        value::put_bytes(self.out, v.as_bytes());
        self
    }

    #[inline]
    pub fn put_bytes(&mut self, v: &[u8]) -> &mut Self {
        self.put(code::VARBINARY, []);
        value::put_bytes(self.out, v);
        self
    }

    pub fn put_opt_str(&mut self, v: Option<&str>) -> &mut Self {
        match v {
            Some(v) => self.put_str(v),
            None => self.put_null(),
        }
    }

    /// Any value. A number of another width than its column is widened or narrowed where that loses nothing.
    ///
    /// # Panics
    /// If the value does not fit its column: whoever built the table chose the columns for its values.
    pub fn put_value(&mut self, value: &Value) -> &mut Self {
        let code = *self.types.get(self.cells).expect("no more cells than columns") as i8;
        let integer = RawParam::from(value).as_integer();
        match (code, value, integer) {
            (_, Value::Null, _) => self.put_null(),
            (code::TINYINT, _, Some(v)) => self.put_i8(i8::try_from(v).expect("fits TINYINT")),
            (code::SMALLINT, _, Some(v)) => self.put_i16(i16::try_from(v).expect("fits SMALLINT")),
            (code::INTEGER, _, Some(v)) => self.put_i32(i32::try_from(v).expect("fits INTEGER")),
            (code::BIGINT, _, Some(v)) => self.put_i64(v),
            (code::FLOAT, Value::Float(v), _) => self.put_f64(*v),
            (code::DECIMAL, Value::Decimal(v), _) => self.put_decimal(*v),
            (code::STRING, Value::Varchar(v), _) => self.put_str(v),
            (code::VARBINARY, Value::Varbinary(v), _) => self.put_bytes(v),
            (code::TIMESTAMP, Value::Timestamp(v), _) => self.put_timestamp(*v),
            _ => panic!("{value:?} in a column of type {}", code::name(code)),
        }
    }

    /// A cell from its little-endian image in a row's fixed part (nulls are the same in both forms).
    ///
    /// # Panics
    /// If the image has not the width of the column.
    pub fn put_fixed(&mut self, little_endian: &[u8]) -> &mut Self {
        let code = *self.types.get(self.cells).expect("no more cells than columns") as i8;
        let width = code::to_type(code).and_then(Type::fixed_width);
        assert_eq!(width, Some(little_endian.len()), "the width of column {}", self.cells);
        self.cells += 1;
        self.out.extend(little_endian.iter().rev());
        self
    }
}

/// Reads a table. Its header is checked at once, its rows as they are reached.
#[derive(Clone, Copy, Debug)]
pub struct TableReader<'a> {
    types: &'a [u8],
    names: Cursor<'a>,
    row_count: usize,
    rows: Cursor<'a>,
}

impl<'a> TableReader<'a> {
    /// `body`: the table without the length in front, and nothing after it.
    pub fn new(body: &'a [u8]) -> Result<TableReader<'a>, CodecError> {
        let mut cursor = Cursor::new(body);
        let header_length = cursor.count32("table header length")?;
        let mut header = Cursor::new(cursor.take(header_length, "table header")?);
        header.i8("table status")?;
        let columns = header.count16("number of columns")?;
        let types = header.take(columns, "column types")?;
        if let Some(&code) = types.iter().find(|c| code::to_type(**c as i8).is_none()) {
            return Err(match code::name(code as i8) {
                "unknown" => CodecError::UnknownType { field: "column type", code: code as i8 },
                name => CodecError::Unsupported { field: "column type", name },
            });
        }
        let names = header;
        for _ in 0..columns {
            header.str("column name")?;
        }
        header.finish("table header")?;
        let row_count = cursor.count32("number of rows")?;
        Ok(TableReader { types, names, row_count, rows: cursor })
    }

    pub fn column_count(&self) -> usize {
        self.types.len()
    }

    /// What the table says; reaching the rows may show that it has fewer.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Name and type code of each column.
    pub fn columns(&self) -> impl Iterator<Item = (&'a str, i8)> + use<'a> {
        let mut names = self.names;
        self.types.iter().map(move |code| {
            (names.str("column name").expect("the names were read once by new"), *code as i8)
        })
    }

    /// Each row in turn, and at last an error if anything is left over. Ends after an error.
    pub fn rows(&self) -> impl Iterator<Item = Result<RowReader<'a>, CodecError>> + use<'a> {
        let (types, mut cursor, mut left) = (self.types, self.rows, self.row_count);
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let row = match left {
                0 => {
                    ended = true;
                    return cursor.finish("table").err().map(Err);
                }
                _ => cursor.count32("row length").and_then(|length| cursor.take(length, "row")),
            };
            left -= 1;
            ended = row.is_err();
            Some(row.map(|bytes| RowReader { types, cursor: Cursor::new(bytes) }))
        })
    }

    /// All rows, owned.
    pub fn to_values(&self) -> Result<Vec<Vec<Value>>, CodecError> {
        // The claimed number of rows is not a size to allocate by: rows of no columns take four bytes each.
        let mut rows = Vec::new();
        for row in self.rows() {
            rows.push(row?.to_values()?);
        }
        Ok(rows)
    }
}

/// The cells of one row, in order, and at last an error if anything is left over.
#[derive(Clone, Copy, Debug)]
pub struct RowReader<'a> {
    types: &'a [u8],
    cursor: Cursor<'a>,
}

impl RowReader<'_> {
    /// All cells, owned.
    pub fn to_values(self) -> Result<Vec<Value>, CodecError> {
        self.map(|cell| cell.map(|c| c.to_value().expect("a cell is a plain value"))).collect()
    }
}

impl<'a> Iterator for RowReader<'a> {
    type Item = Result<RawParam<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some((code, types)) = self.types.split_first() else {
            let trailing = self.cursor.finish("row").err();
            self.cursor = Cursor::new(&[]);
            return trailing.map(Err);
        };
        let cell = value::read(*code as i8, &mut self.cursor, "cell");
        self.types = if cell.is_ok() { types } else { &[] };
        if cell.is_err() {
            self.cursor = Cursor::new(&[]);
        }
        Some(cell)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Bytes from hex digits and spaces.
    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    const TEXT: Type = crate::types::VARCHAR_DEFAULT;
    const PUBLISHED: &str = "0000003e 00000013 80 0002 06 09 00000002 4944 00000004 4e414d45 00000002 \
         0000000f 0000000000000001 00000003 616263  0000000c 8000000000000000 ffffffff";

    #[test]
    fn the_published_table() {
        let header = TableHeader::new([("ID", Type::BigInt), ("NAME", TEXT)]);
        let mut out = vec![9];
        let mut table = TableWriter::new(&mut out, &header);
        table.row(|r| {
            r.put_i64(1).put_str("abc");
        });
        table.row(|r| {
            r.put_null().put_null();
        });
        table.finish();
        assert_eq!(out[1..], hex(PUBLISHED));

        let reader = TableReader::new(&out[5..]).unwrap();
        assert_eq!(reader.columns().collect::<Vec<_>>(), [("ID", code::BIGINT), ("NAME", code::STRING)]);
        assert_eq!(
            reader.to_values().unwrap(),
            [vec![Value::BigInt(1), Value::Varchar("abc".into())], vec![Value::Null, Value::Null]]
        );
    }

    #[test]
    fn every_type_reads_back() {
        let columns = [
            Type::TinyInt,
            Type::SmallInt,
            Type::Integer,
            Type::BigInt,
            Type::Float,
            Type::Decimal,
            TEXT,
            Type::Varbinary { max: 9 },
            Type::Timestamp,
        ];
        let header = TableHeader::new(columns.map(|t| ("C", t)));
        let values = vec![
            Value::TinyInt(1),
            Value::SmallInt(-2),
            Value::Integer(3),
            Value::BigInt(-4),
            Value::Float(0.5),
            Value::Decimal(Decimal(7)),
            Value::Varchar(String::new()),
            Value::Varbinary(vec![0]),
            Value::Timestamp(-1),
        ];
        let nulls = vec![Value::Null; columns.len()];
        let mut out = Vec::new();
        let mut table = TableWriter::new(&mut out, &header);
        for row in [&values, &nulls] {
            table.row(|r| {
                row.iter().for_each(|v| {
                    r.put_value(v);
                });
            });
        }
        table.finish();
        assert_eq!(TableReader::new(&out[4..]).unwrap().to_values().unwrap(), [values, nulls]);
    }

    #[test]
    fn numbers_take_the_column_s_width() {
        let header = TableHeader::new([("A", Type::BigInt), ("B", Type::TinyInt), ("C", Type::Integer)]);
        let mut out = Vec::new();
        header.one_row(&mut out, |r| {
            r.put_value(&Value::TinyInt(-1)).put_value(&Value::BigInt(7)).put_fixed(&5i32.to_le_bytes());
        });
        assert_eq!(
            TableReader::new(&out[4..]).unwrap().to_values().unwrap(),
            [[Value::BigInt(-1), Value::TinyInt(7), Value::Integer(5)]]
        );
    }

    #[test]
    #[should_panic(expected = "one cell for each column")]
    fn a_short_row_is_a_mistake() {
        TableHeader::new([("A", Type::BigInt)]).one_row(&mut Vec::new(), |_| ());
    }

    #[test]
    fn broken_tables_say_where() {
        let check = |bytes: &str, message: &str| {
            let bytes = hex(bytes);
            let error = TableReader::new(&bytes).and_then(|t| t.to_values()).unwrap_err();
            assert_eq!(error.to_string(), message);
        };
        check("00000009", "table header: 9 bytes are needed, 0 are left");
        check("ffffffff", "table header length: -1 is not a possible length");
        check("00000004 80 0001 0c 00000000", "column type: values of type DATE are not supported");
        check("00000004 80 0001 63 00000000", "column type: unknown type code 99");
        check("00000004 80 0001 06", "column name: 4 bytes are needed, 0 are left");
        check("00000003 80 0000 00000001", "row length: 4 bytes are needed, 0 are left");
        check("00000003 80 0000 00000000 aa", "table: 1 bytes too many");
        check(
            "00000009 80 0001 06 00000001 78 00000001 00000009 000000000000000500",
            "row: 1 bytes too many",
        );
        check(
            "00000009 80 0001 06 00000001 78 00000001 00000007 00000000000000",
            "cell: 8 bytes are needed, 7 are left",
        );
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        let mut rng = SmallRng::seed_from_u64(2);
        let sample = hex(PUBLISHED);
        let mut failures = 0;
        for _ in 0..20_000 {
            let mut bytes = sample[4..].to_vec();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            bytes.truncate(rng.random_range(0..=bytes.len()));
            failures += TableReader::new(&bytes).and_then(|t| t.to_values()).is_err() as u32;
        }
        assert!(failures > 10_000, "most mutations break the table");
    }
}
