//! `@AdHoc`.

use super::Server;
use expect_test::{Expect, expect};
use tollgate_schema::value::Value;

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(server: &mut Server, text: &str, expected: Expect) {
    expected.assert_eq(&server.sql(text));
}

#[test]
fn rows_of_every_partition_are_found() {
    let mut server = Server::start();
    let rows: Vec<_> = (1..=40).map(|id| format!("({id}, 'n{}', {})", id % 2, id * 10)).collect();
    let insert = format!("INSERT INTO cards (card_id, name, cents) VALUES {}", rows.join(", "));
    check(
        &mut server,
        &insert,
        expect![[r#"
        modified_tuples
          40
    "#]],
    );
    check(
        &mut server,
        "SELECT COUNT(*), SUM(cents), MIN(card_id), MAX(card_id) FROM cards",
        expect![[r#"
        C1 | C2 | C3 | C4
          40 | 8200 | 1 | 40
    "#]],
    );
    check(
        &mut server,
        "SELECT card_id, name FROM cards WHERE card_id = 17",
        expect![[r#"
        CARD_ID | NAME
          17 | n1
    "#]],
    );
    check(
        &mut server,
        "SELECT card_id FROM cards WHERE cents > 370 ORDER BY card_id DESC LIMIT 2",
        expect![[r#"
        CARD_ID
          40
          39
    "#]],
    );
    // Each partition has a part of each group.
    check(
        &mut server,
        "SELECT * FROM by_name ORDER BY name; SELECT COUNT(*) FROM by_name",
        expect![[r#"
        NAME | CARDS | CENTS
          n0 | 20 | 4200
          n1 | 20 | 4000
        C1
          2
    "#]],
    );
}

#[test]
fn a_statement_is_done_entirely_or_not_at_all() {
    let mut server = Server::start();
    server.sql("INSERT INTO cards (card_id) VALUES (30)");
    let rows: Vec<_> = (1..=40).map(|id| format!("({id})")).collect();
    let insert = format!("INSERT INTO cards (card_id) VALUES {}", rows.join(", "));
    let refused = server.sql(&insert);
    assert!(refused.starts_with("GRACEFUL_FAILURE: VOLTDB ERROR: CONSTRAINT VIOLATION"), "{refused}");
    let two = server.sql("INSERT INTO cards (card_id) VALUES (1); INSERT INTO cards (card_id) VALUES (30)");
    assert!(two.starts_with("GRACEFUL_FAILURE"), "{two}");
    check(
        &mut server,
        "SELECT COUNT(*) FROM cards",
        expect![[r#"
        C1
          1
    "#]],
    );
    // Statements over several tables are one transaction too, a replicated table among them.
    check(
        &mut server,
        "UPSERT INTO stations VALUES (1, 'Davis'), (2, 'Porter'); INSERT INTO cards (card_id) VALUES (1);
         SELECT COUNT(*) FROM stations; INSERT INTO news VALUES ('a'), ('b'); SELECT * FROM news ORDER BY text",
        expect![[r#"
            modified_tuples
              2
            modified_tuples
              1
            C1
              2
            modified_tuples
              2
            TEXT
              a
              b
        "#]],
    );
    let later = server.sql("INSERT INTO cards (card_id) VALUES (2); SELECT cents / 0 FROM cards");
    assert!(later.contains("division by zero (the statement before this one is done)"), "{later}");
}

#[test]
fn who_was_answered_sees_what_he_wrote() {
    let mut server = Server::start();
    let mut other = server.connect();
    for id in 1..=50 {
        assert!(other.call("STATIONS.insert", &[Value::Integer(id), Value::Null]).unwrap().is_success());
        let row = [Value::Integer(id), Value::Null, Value::Integer(0), Value::Null];
        assert!(other.call("CARDS.insert", &row).unwrap().is_success());
        assert_eq!(
            server.sql("SELECT COUNT(*) FROM cards; SELECT COUNT(*) FROM stations"),
            format!("C1\n  {id}\nC1\n  {id}\n")
        );
        assert_eq!(
            server.sql(&format!("SELECT card_id FROM cards WHERE card_id = {id}")),
            format!("CARD_ID\n  {id}\n")
        );
    }
}

#[test]
fn values_are_given_beside_the_text() {
    let mut server = Server::start();
    let text = Value::Varchar("INSERT INTO words VALUES (?)".into());
    let word = Value::Varchar("it's".into());
    assert!(server.call("@AdHoc", &[text.clone(), word.clone()]).is_success());
    let answer = server.call("@AdHoc", &[text]);
    assert!(answer.status_text.contains("1 parameters, 0 values"), "{}", answer.status_text);
    let select = Value::Varchar("SELECT word FROM words WHERE word = ?".into());
    assert_eq!(server.call("@AdHoc", &[select, word.clone()]).tables[0].rows, [[word]]);
}

#[test]
fn times_are_the_transaction_s() {
    let mut server = Server::start();
    server.sql("INSERT INTO cards (card_id) VALUES (1), (2), (3)");
    let answer = server.call_texts("@AdHoc", &["SELECT since FROM cards"]);
    let Value::Timestamp(first) = answer.tables[0].rows[0][0] else { panic!("{answer:?}") };
    let day_us = 86_400_000_000;
    assert!((tollgate::clock::wall_us() - first).abs() < day_us, "{first}");
    assert!(answer.tables[0].rows.iter().all(|row| row[0] == Value::Timestamp(first)));
}

#[test]
fn refusals_say_what_is_wrong() {
    let mut server = Server::start();
    check(
        &mut server,
        "SELEKT 1",
        expect![[r#"
        GRACEFUL_FAILURE: VOLTDB ERROR: SQL ERROR
          line 1, column 1: expected: an SQL statement, found: SELEKT
    "#]],
    );
    check(
        &mut server,
        "SELECT * FROM nowhere",
        expect![[r#"
        GRACEFUL_FAILURE: VOLTDB ERROR: SQL ERROR
          line 1, column 15: there is no table nowhere
    "#]],
    );
    check(
        &mut server,
        "DELETE FROM cards",
        expect![[r#"
        GRACEFUL_FAILURE: VOLTDB ERROR: SQL ERROR
          line 1, column 1: ad hoc SQL changes rows by INSERT and UPSERT only: call a procedure
    "#]],
    );
    check(
        &mut server,
        "INSERT INTO cards (name) VALUES ('Ann')",
        expect![[r#"
        GRACEFUL_FAILURE: VOLTDB ERROR: SQL ERROR
          line 1, column 34: CARDS.CARD_ID is NOT NULL
    "#]],
    );
    let own = server.sql("SELECT * FROM tollgate_sessions");
    assert!(own.contains("there is no table tollgate_sessions"), "{own}");
    let none = server.call("@AdHoc", &[]);
    assert_eq!(none.status_text, "@AdHoc takes a statement of SQL as text");
}

#[test]
fn ddl_that_is_there_succeeds() {
    let mut server = Server::start();
    check(
        &mut server,
        "CREATE TABLE words (word VARCHAR(20) NOT NULL, PRIMARY KEY (word)); PARTITION TABLE words ON COLUMN word;",
        expect![[r#"
            STATUS
              0
        "#]],
    );
    check(
        &mut server,
        "CREATE TABLE moon (id INTEGER)",
        expect![[r#"
        GRACEFUL_FAILURE: [Ad Hoc DDL Input:1]: DDL Error: "this is not in the schema, and the schema is compiled into the server: add it there, build and restart"
    "#]],
    );
    check(
        &mut server,
        "CREATE TABEL moon (id INTEGER)",
        expect![[r#"
        GRACEFUL_FAILURE: [Ad Hoc DDL Input:1]: DDL Error: "line 1, column 8: expected TABLE, STREAM, VIEW, INDEX, TOPIC or PROCEDURE, found `TABEL`"
    "#]],
    );
}

#[test]
fn a_query_ends_when_its_time_is_over() {
    let mut server = Server::start();
    for start in [0, 10_000] {
        let rows: Vec<_> = (start..start + 10_000).map(|id| format!("({id}, 0, 1)")).collect();
        server.sql(&format!("INSERT INTO cards (card_id, cents, name) VALUES {}", rows.join(", ")));
    }
    let conditions = vec!["name LIKE '%a%b%c%d%'"; 400].join(" OR ");
    let answer = server.sql_within(&format!("SELECT COUNT(*) FROM cards WHERE {conditions}"), 1);
    assert!(answer.contains("after 0.001 seconds because it exceeded the query timeout"), "{answer}");
}
