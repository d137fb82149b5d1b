//! That no text makes the reader panic, and that what reads is rendered so that it reads the same.

use proptest::{prelude::*, sample::Index};

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

/// Words with what separates them, so that they make the text again.
fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(|c: char| c.is_whitespace() || "(),;.".contains(c)).collect()
}

#[derive(Clone, Copy, Debug)]
enum Mutation {
    Remove,
    Double,
    Replace,
    Swap,
}

fn any_mutation() -> impl Strategy<Value = (Mutation, Index, Index)> {
    let mutations = [Mutation::Remove, Mutation::Double, Mutation::Replace, Mutation::Swap];
    (prop::sample::select(mutations.to_vec()), any::<Index>(), any::<Index>())
}

proptest! {
    /// Metro's text without some of its statements, with words dropped, doubled, replaced or swapped.
    #[test]
    fn mutated_ddl(
        kept in prop::collection::vec(prop::bool::weighted(0.9), 64),
        mutations in prop::collection::vec(any_mutation(), 0..4),
    ) {
        let statements = METRO.split_inclusive(';').filter(|statement| !statement.contains("DROP"));
        let text: String = statements.zip(kept).filter(|(_, kept)| *kept).map(|(statement, _)| statement).collect();
        let (mut words, all) = (pieces(&text), pieces(METRO));
        for (mutation, at, other) in mutations {
            let at = at.index(words.len().max(1));
            match mutation {
                _ if words.is_empty() => break,
                Mutation::Remove => drop(words.remove(at)),
                Mutation::Double => words.insert(at, words[at]),
                Mutation::Replace => words[at] = all[other.index(all.len())],
                Mutation::Swap => {
                    let other = other.index(words.len());
                    words.swap(at, other);
                }
            }
        }
        check_any(&words.concat());
    }

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
