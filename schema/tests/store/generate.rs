//! A catalogue with every kind of table, and random rows of it from few values, so that keys meet often.

use std::sync::Arc;

use rand::{Rng, rngs::SmallRng};
use tollgate_schema::{
    catalog::{Aggregate, Catalog, ColumnDef, CompareOp, Comparison, TableDef, TableId, TableKind, ViewDef},
    ddl,
    row::{Layout, RowBuf},
    types::Type,
    value::{NULL_BIGINT, NULL_FLOAT, Value},
};

const DDL: &str = "
CREATE TABLE cards (card INTEGER NOT NULL, balance INTEGER, number SMALLINT NOT NULL, name VARCHAR(20),
    big BIGINT, ratio FLOAT, PRIMARY KEY (card), CONSTRAINT numbers UNIQUE (number, card));
PARTITION TABLE cards ON COLUMN card;
CREATE INDEX cards_by_balance ON cards (balance);
CREATE INDEX cards_by_name ON cards (name, ratio);
CREATE TABLE accounts (account VARCHAR(20) NOT NULL, level TINYINT, PRIMARY KEY (account));
PARTITION TABLE accounts ON COLUMN account;
CREATE TABLE longs (id BIGINT NOT NULL, price DECIMAL, PRIMARY KEY (id));
PARTITION TABLE longs ON COLUMN id;
CREATE INDEX longs_by_price ON longs (price);
CREATE TABLE pairs (a SMALLINT NOT NULL, b VARCHAR(20) NOT NULL, at TIMESTAMP NOT NULL, n INTEGER,
    PRIMARY KEY (a, b, at));
PARTITION TABLE pairs ON COLUMN a;
CREATE INDEX pairs_by_time ON pairs (at);
CREATE TABLE taps (card INTEGER NOT NULL, at TIMESTAMP, station SMALLINT, code TINYINT, amount INTEGER);
PARTITION TABLE taps ON COLUMN card;
CREATE INDEX taps_by_card ON taps (card, at, code);
CREATE INDEX taps_by_station ON taps (station, at, card);
CREATE INDEX taps_by_amount ON taps (amount);
CREATE TABLE notes (owner VARCHAR(20) NOT NULL, at TIMESTAMP NOT NULL, grade FLOAT, words VARCHAR(40));
PARTITION TABLE notes ON COLUMN owner;
CREATE INDEX notes_by_owner ON notes (owner, at);
CREATE INDEX notes_by_words ON notes (words);
CREATE INDEX notes_by_grade ON notes (grade);
CREATE TABLE loose (a TINYINT, b VARCHAR(20), c BIGINT NOT NULL);
CREATE INDEX loose_by_a ON loose (a, c);
CREATE TABLE bare (a TINYINT);
CREATE STREAM alerts PARTITION ON COLUMN card (card INTEGER NOT NULL, station VARCHAR(20), at TIMESTAMP, amount BIGINT);
CREATE STREAM ticks (n TINYINT);
CREATE VIEW alert_stats (card, station, n) AS SELECT card, station, COUNT(*) FROM alerts GROUP BY card, station;
CREATE VIEW alert_extremes (card, first, last, word, kinds, total) AS
    SELECT card, MIN(at), MAX(at), MAX(station), COUNT(DISTINCT station), SUM(amount) FROM alerts GROUP BY card;
CREATE VIEW tap_seconds AS SELECT card, TRUNCATE(SECOND, at) AS s FROM taps GROUP BY card, s;
CREATE VIEW tap_windows (card, w, n, total, low, high, kinds) AS
    SELECT card, TIME_WINDOW(SECOND, 3, at, END), COUNT(*), SUM(amount), MIN(code), MAX(station), COUNT(DISTINCT station)
    FROM taps WHERE amount > -3 GROUP BY card, TIME_WINDOW(SECOND, 3, at, END);
CREATE VIEW tap_stations (station, n, m, total, low, high, kinds) AS
    SELECT station, COUNT(*), COUNT(amount), SUM(amount), MIN(at), MAX(amount), COUNT(DISTINCT card)
    FROM taps GROUP BY station;
CREATE VIEW card_sums (number, big, ratio, low, high) AS
    SELECT number, SUM(big), SUM(ratio), MIN(name), MAX(ratio) FROM cards GROUP BY number;
CREATE VIEW note_words (owner, words, n, grade) AS
    SELECT owner, words, COUNT(*), SUM(grade) FROM notes WHERE words <> 'b' GROUP BY owner, words;
CREATE VIEW loose_months (b, n) AS SELECT b, COUNT(*) FROM loose WHERE c >= 0 GROUP BY b;
CREATE VIEW pair_months (m, n) AS SELECT TRUNCATE(MONTH, at), COUNT(*) FROM pairs GROUP BY TRUNCATE(MONTH, at);
";

pub(crate) fn catalog() -> Arc<Catalog> {
    let mut catalog = ddl::parse(DDL).expect("the DDL is right");
    // Views of one row, without groups, which the DDL does not have.
    let (cards, longs) =
        (catalog.find("cards").expect("it is declared"), catalog.find("longs").expect("it is declared"));
    let column = |name: &str| catalog.table(cards).column(name).expect("it is declared");
    let not_null = Comparison { column: column("balance"), op: CompareOp::IsNotNull, value: Value::Null };
    let of_cards =
        [Aggregate::CountAll, Aggregate::Sum(column("big")), Aggregate::CountDistinct(column("name"))];
    let price = Type::Decimal;
    let totals = [
        one_row("CARD_TOTAL", cards, &of_cards, &[Type::BigInt; 3], vec![not_null]),
        one_row("LONG_SUMS", longs, &[Aggregate::Sum(1), Aggregate::Min(1)], &[price, price], Vec::new()),
    ];
    catalog.tables.extend(totals);
    Arc::new(catalog)
}

fn one_row(
    name: &str,
    source: TableId,
    aggregates: &[Aggregate],
    types: &[Type],
    filter: Vec<Comparison>,
) -> TableDef {
    let columns = types.iter().enumerate().map(|(n, column_type)| ColumnDef {
        name: format!("C{n}"),
        column_type: *column_type,
        nullable: true,
        default: Value::Null,
        default_now: false,
        hidden: false,
    });
    TableDef {
        name: name.into(),
        columns: columns.collect(),
        layout: Layout::new(types.iter().copied()),
        kind: TableKind::View(ViewDef {
            source,
            groups: Vec::new(),
            aggregates: aggregates.to_vec(),
            filter,
        }),
        partition_column: None,
        primary_key: None,
        uniques: Vec::new(),
        indexes: Vec::new(),
        ttl: None,
    }
}

/// A random row of a table or stream.
pub(crate) fn row(catalog: &Catalog, table: TableId, random: &mut SmallRng) -> RowBuf {
    let mut row = RowBuf::default();
    for column in &catalog.table(table).columns {
        let is_null = column.nullable && random.random_range(0..6) == 0;
        let small = random.random_range(-4..12i64);
        match column.column_type {
            Type::Varchar { .. } | Type::Varbinary { .. } => {
                let texts = ["", "a", "b", "a\0", "ab", "b\0\0c", "c", "d", "a longer text of words"];
                let text = texts[random.random_range(0..texts.len())];
                row.push_tail((!is_null).then_some(text.as_bytes()));
            }
            Type::Float => {
                let floats = [0.0, -0.0, 0.25, -1.5, 1e6, -1e6, 3.75];
                let value = if is_null { NULL_FLOAT } else { floats[random.random_range(0..floats.len())] };
                row.fixed.extend_from_slice(&value.to_le_bytes());
            }
            Type::Decimal => {
                let large = i128::from(small) * 9 * 10i128.pow(36);
                let value = if is_null {
                    i128::MIN
                } else if small % 2 == 0 {
                    large
                } else {
                    i128::from(small)
                };
                row.fixed.extend_from_slice(&value.to_le_bytes());
            }
            Type::Timestamp => {
                // Some seconds, whose halves and equal times are likely; some of another month, and before
                // 1970.
                let time = match small {
                    -4 => -1,
                    -3 => -2_000_001,
                    -2 => 2_700_000_000_000,
                    _ => random.random_range(0..24) * 500_000,
                };
                let value = if is_null { NULL_BIGINT } else { time };
                row.fixed.extend_from_slice(&value.to_le_bytes());
            }
            Type::BigInt => {
                let value = match small {
                    10 => i64::MAX / 3,
                    11 => -(i64::MAX / 3),
                    _ => small,
                };
                let value = if is_null { NULL_BIGINT } else { value };
                row.fixed.extend_from_slice(&value.to_le_bytes());
            }
            integer => {
                let width = integer.fixed_width().expect("an integer type");
                let null = [[0; 8], [0, 0, 0, 0, 0, 0, 0, 0x80]].concat();
                let value = small.to_le_bytes();
                row.fixed.extend_from_slice(if is_null { &null[16 - width..] } else { &value[..width] });
            }
        }
    }
    row
}
