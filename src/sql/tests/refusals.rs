//! What is refused, and in which words.

use super::*;

fn refused(text: &str, error: &str) {
    assert_eq!(run(text, &[]).expect_err(text).to_string(), error, "{text}");
}

#[test]
fn names_that_there_are_not() {
    refused("SELECT nope FROM cards", "line 1, column 8: CARDS has no column nope");
    refused("SELECT x.name FROM cards", "line 1, column 8: x is not the table that is read");
    refused("SELECT *\n  FROM nowhere", "line 2, column 8: there is no table nowhere");
    refused("SELECT name FROM cards ORDER BY 2", "line 1, column 33: the result has no column number 2");
    refused("SELECT name FROM cards LIMIT -1", "line 1, column 31: expected a number of rows, from 0");
}

#[test]
fn broken_texts() {
    refused("SELECT name FROM", "expected: identifier, found: EOF");
    refused("SELECT name FROM cards WHERE", "expected: an expression, found: EOF");
    refused("SELECT name FROM cards garbage here", "line 1, column 32: unexpected here");
    refused("SELECT 'open FROM cards", "line 1, column 8: Unterminated string literal");
}

#[test]
fn types_that_do_not_fit() {
    refused("SELECT name FROM cards WHERE name", "line 1, column 30: expected a condition, found VARCHAR");
    refused("SELECT name = 'a' FROM cards", "line 1, column 8: expected a value, found a condition");
    refused("SELECT name + 1 FROM cards", "line 1, column 8: can't compute with VARCHAR");
    refused("SELECT name FROM cards WHERE name = 1", "line 1, column 37: can't compare VARCHAR with BIGINT");
    refused(
        "SELECT name FROM cards WHERE expires > 'soon'",
        "line 1, column 40: 'soon' can't be read as TIMESTAMP, expected YYYY-MM-DD[ hh:mm:ss[.ffffff]]",
    );
    refused("SELECT name FROM cards WHERE COUNT(*) > 1", "line 1, column 30: COUNT can't stand here");
    refused("SELECT SUM(name) FROM cards", "line 1, column 8: SUM does not take VARCHAR");
    refused("SELECT SUM(MAX(balance)) FROM cards", "line 1, column 12: MAX can't stand here");
    refused(
        "SELECT name, COUNT(*) FROM cards",
        "line 1, column 1: NAME must stand in GROUP BY, or in an aggregate, to have one value",
    );
    refused(
        "SELECT UPPER(name) FROM cards",
        "line 1, column 8: there is no function UPPER; known are COUNT, SUM, MIN, MAX and AVG",
    );
    refused("SELECT COUNT(*) OVER () FROM cards", "line 1, column 8: this form of COUNT is not supported");
    refused("SELECT balance / 0 FROM cards", "division by zero");
    refused(
        "SELECT 9223372036854775807 + balance FROM cards",
        "the result of a computation is too large for BIGINT",
    );
}

#[test]
fn what_is_not_supported() {
    refused(
        "SELECT a.name FROM cards a JOIN cards b ON a.name = b.name",
        "line 1, column 33: joins are not supported",
    );
    refused(
        "SELECT name FROM cards UNION SELECT name FROM cards",
        "line 1, column 1: set operations and nested queries are not supported",
    );
    refused(
        "SELECT name FROM (SELECT name FROM cards) t",
        "line 1, column 19: anything but a table's name in FROM is not supported",
    );
    refused(
        "SELECT name FROM cards WHERE card_id IN (SELECT card_id FROM cards)",
        "line 1, column 30: not supported: card_id IN (SELECT card_id FROM cards)",
    );
    refused(
        "UPDATE cards SET balance = 0",
        "line 1, column 1: ad hoc SQL changes rows by INSERT and UPSERT only: call a procedure",
    );
    refused(
        "DELETE FROM cards",
        "line 1, column 1: ad hoc SQL changes rows by INSERT and UPSERT only: call a procedure",
    );
    refused("EXPLAIN SELECT 1 FROM cards", "line 1, column 1: expected SELECT, INSERT, UPSERT or DDL");
    refused(
        "WITH t AS (SELECT 1) SELECT * FROM cards",
        "line 1, column 1: a query with WITH, FETCH, FOR, SETTINGS or FORMAT is not supported",
    );
    refused(
        "SELECT name FROM cards FOR UPDATE",
        "line 1, column 1: a query that locks or pipes is not supported",
    );
}

#[test]
fn inserts_that_can_t_be() {
    refused("INSERT INTO cards (card_id) VALUES (NULL)", "line 1, column 37: CARDS.CARD_ID is NOT NULL");
    refused(
        "INSERT INTO cards (card_id) VALUES (3000000000)",
        "line 1, column 37: CARD_ID: 3000000000 is out of range for INTEGER",
    );
    refused(
        "INSERT INTO cards (card_id, name) VALUES (1)",
        "line 1, column 43: expected 2 values for CARDS, found 1",
    );
    refused("INSERT INTO cards (card_id, nope) VALUES (1, 2)", "line 1, column 29: CARDS has no column nope");
    refused(
        "INSERT INTO cards (card_id, card_id) VALUES (1, 2)",
        "line 1, column 29: CARD_ID is named twice",
    );
    refused(
        "INSERT INTO cards (card_id) VALUES (card_id)",
        "line 1, column 37: expected a value, found card_id",
    );
    refused("INSERT INTO names VALUES ('a', 1)", "line 1, column 13: NAMES is a view: it can't be written");
    refused(
        "INSERT INTO cards SELECT * FROM cards",
        "line 1, column 13: expected INSERT INTO table [(columns)] VALUES (values)",
    );
}
