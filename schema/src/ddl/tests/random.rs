//! That no text makes the reader panic, and that what reads is rendered so that it reads the same.

use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{super::*, METRO, sorted};
use crate::value::Value;

/// Whatever reads is well-formed, and reads the same when it is rendered.
fn check_any(text: &str) {
    let Ok(catalog) = parse(text) else { return };
    for table in &catalog.tables {
        assert!(table.columns.iter().all(|column| column.default == Value::Null || !column.default_now));
        assert!(table.partition_column.is_none_or(|column| column < table.columns.len()));
    }
    let rendered = render(&catalog);
    let again = parse(&rendered).unwrap_or_else(|error| panic!("{error} in {rendered} of {text}"));
    assert_eq!(sorted(again), sorted(catalog), "{rendered}");
    assert_eq!(statement_is_in(&parse(&rendered).unwrap(), &rendered), Ok(true), "{rendered}");
}

/// Metro's text with words dropped, doubled, swapped or replaced.
#[test]
fn mutated_ddl() {
    let mut random = SmallRng::seed_from_u64(3);
    let statements: Vec<&str> = METRO.split_inclusive(';').filter(|s| !s.contains("DROP")).collect();
    let pieces: Vec<&str> =
        METRO.split_inclusive(|c: char| c.is_whitespace() || "(),;.".contains(c)).collect();
    for _ in 0..400 {
        let kept: String = statements.iter().filter(|_| random.random_bool(0.9)).copied().collect();
        let mut words: Vec<&str> =
            kept.split_inclusive(|c: char| c.is_whitespace() || "(),;.".contains(c)).collect();
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..words.len());
            match random.random_range(0..4) {
                0 => drop(words.remove(at)),
                1 => words.insert(at, words[at]),
                2 => words[at] = pieces[random.random_range(0..pieces.len())],
                _ => {
                    let next = (at + 1).min(words.len() - 1);
                    words.swap(at, next)
                }
            }
        }
        check_any(&words.concat());
    }
}

proptest! {
    #[test]
    fn any_text(text in ".{0,200}") {
        check_any(&text);
    }

    #[test]
    fn any_tokens(words in proptest::collection::vec(prop::sample::select(WORDS), 0..40)) {
        check_any(&words.join(" "));
        check_any(&format!("CREATE TABLE t ({}", words.join(" ")));
        check_any(&format!("CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP); CREATE VIEW v AS SELECT {}", words.join(" ")));
    }
}

const WORDS: &[&str] = &[
    "CREATE",
    "TABLE",
    "STREAM",
    "VIEW",
    "TOPIC",
    "PROCEDURE",
    "INDEX",
    "UNIQUE",
    "PRIMARY",
    "KEY",
    "t",
    "a",
    "b",
    "(",
    ")",
    ",",
    ";",
    ".",
    "INTEGER",
    "VARCHAR",
    "TIMESTAMP",
    "NOT",
    "NULL",
    "DEFAULT",
    "-",
    "1",
    "2.5",
    "1e9",
    "'x'",
    "PARTITION",
    "ON",
    "COLUMN",
    "AS",
    "SELECT",
    "FROM",
    "GROUP",
    "BY",
    "COUNT",
    "*",
    "SUM",
    "TRUNCATE",
    "SECOND",
    "USING",
    "TTL",
    "DROP",
    "IF",
    "EXISTS",
    "CASCADE",
    "WHERE",
    "=",
    "AND",
    "BEGIN",
    "END",
    "\"",
    "x'0'",
    "WITH",
    "PROPERTIES",
    "é",
];
