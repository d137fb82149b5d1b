//! What queries and inserts give.

use super::*;

#[test]
fn columns_and_expressions() {
    check(
        "select * from cards limit 1;",
        expect![[r#"
        CARD_ID INTEGER | NAME VARCHAR(20) | BALANCE INTEGER | RATE FLOAT | WORTH DECIMAL | EXPIRES TIMESTAMP | TAG VARBINARY(4)
          1 | Ann | 500 | 0.5 | 10.000000000000 | 1970-01-01 00:00:00.000000 | 01
    "#]],
    );
    check(
        "SELECT c.card_id, balance * 2 + 1, -balance AS debt, 'x' \"Text\", NULL FROM cards AS c WHERE c.card_id < 3",
        expect![[r#"
            CARD_ID INTEGER | C2 BIGINT | DEBT BIGINT | Text VARCHAR(2048) | C5 VARCHAR(2048)
              1 | 1001 | -500 | x | NULL
              2 | 2001 | -1000 | x | NULL
        "#]],
    );
    check(
        "SELECT balance / 3, balance % 3, balance / 2.0, rate * 2, worth / 3 FROM cards WHERE card_id = 2",
        expect![[r#"
            C1 BIGINT | C2 BIGINT | C3 DECIMAL | C4 FLOAT | C5 DECIMAL
              333 | 1 | 500.000000000000 | NULL | 1.000000000000
        "#]],
    );
}

#[test]
fn conditions() {
    let ids = |condition: &str, expected: &[i32]| {
        let text = format!("SELECT card_id FROM cards WHERE {condition}");
        let lines: String = expected.iter().map(|id| format!("  {id}\n")).collect();
        assert_eq!(run(&text, &[]).unwrap(), format!("CARD_ID INTEGER\n{lines}"), "{condition}");
    };
    ids("name = 'Ann' AND NOT balance > 600", &[1]);
    ids("name <> 'Ann'", &[2, 5]);
    ids("NOT (name = 'Ann' OR balance = 0)", &[2, 5]);
    ids("name IS NULL OR rate IS NOT NULL AND rate > 1", &[3, 4]);
    ids("card_id IN (1, 3, 9) AND card_id NOT IN (3)", &[1]);
    ids("card_id NOT IN (1, NULL)", &[]);
    ids("balance BETWEEN 0 AND 1000", &[1, 2, 4]);
    ids("balance NOT BETWEEN 0 AND 1000", &[3, 5]);
    ids("name LIKE 'A%' OR name LIKE '%!_!%' ESCAPE '!'", &[1, 3, 5]);
    ids("expires >= '2024-01-01'", &[4]);
    ids("expires < '1970-01-02 00:00:00.000001' AND tag = x'01'", &[1]);
    ids("worth >= 3 AND worth <= '10.0'", &[1, 2]);
    ids("rate = 0.5 OR 1 = 0", &[1]);
    ids("balance > 3000000000", &[]);
}

#[test]
fn order_and_limits() {
    check(
        "SELECT card_id, name FROM cards ORDER BY name DESC, 1 DESC",
        expect![[r#"
        CARD_ID INTEGER | NAME VARCHAR(20)
          5 | Zoë_%
          2 | Bob
          3 | Ann
          1 | Ann
          4 | NULL
    "#]],
    );
    check(
        "SELECT card_id, rate r FROM cards ORDER BY r NULLS LAST LIMIT 2 OFFSET 1",
        expect![[r#"
        CARD_ID INTEGER | R FLOAT
          1 | 0.5
          3 | 1.5
    "#]],
    );
    check(
        "SELECT card_id FROM cards ORDER BY balance + 0 LIMIT 1, 2",
        expect![[r#"
        CARD_ID INTEGER
          4
          1
    "#]],
    );
    check(
        "SELECT card_id FROM cards LIMIT 0",
        expect![[r#"
        CARD_ID INTEGER
    "#]],
    );
}

#[test]
fn aggregates() {
    check(
        "SELECT COUNT(*), COUNT(name), COUNT(DISTINCT name), SUM(balance), MIN(name), MAX(expires) FROM cards",
        expect![[r#"
            C1 BIGINT | C2 BIGINT | C3 BIGINT | C4 BIGINT | C5 VARCHAR(20) | C6 TIMESTAMP
              5 | 4 | 3 | 3493 | Ann | 2024-01-01 00:00:00.000000
        "#]],
    );
    check(
        "SELECT AVG(balance), AVG(rate), AVG(worth), SUM(rate), SUM(worth) FROM cards",
        expect![[r#"
        C1 FLOAT | C2 FLOAT | C3 DECIMAL | C4 FLOAT | C5 DECIMAL
          698.6 | 0.0 | 3.000000000000 | 0.0 | 12.000000000000
    "#]],
    );
    check(
        "SELECT COUNT(*), SUM(balance), MIN(rate), AVG(worth) FROM cards WHERE card_id > 99",
        expect![[r#"
            C1 BIGINT | C2 BIGINT | C3 FLOAT | C4 DECIMAL
              0 | NULL | NULL | NULL
        "#]],
    );
    check(
        "SELECT name, COUNT(*) AS n, SUM(balance) + 1 FROM cards GROUP BY name ORDER BY n DESC, name",
        expect![[r#"
            NAME VARCHAR(20) | N BIGINT | C3 BIGINT
              Ann | 2 | 2501
              NULL | 1 | 1
              Bob | 1 | 1001
              Zoë_% | 1 | -6
        "#]],
    );
    check(
        "SELECT card_id % 2 parity, MAX(balance) FROM cards GROUP BY parity HAVING COUNT(*) > 2",
        expect![[r#"
            PARITY BIGINT | C2 INTEGER
              1 | 2000
        "#]],
    );
    check(
        "SELECT name FROM cards WHERE card_id > 99 GROUP BY name",
        expect![[r#"
        NAME VARCHAR(20)
    "#]],
    );
    check(
        "SELECT DISTINCT name FROM cards ORDER BY name",
        expect![[r#"
        NAME VARCHAR(20)
          NULL
          Ann
          Bob
          Zoë_%
    "#]],
    );
}

#[test]
fn parameters() {
    let params = [Value::Integer(2), Value::Varchar("1970-01-02".into()), Value::BigInt(1)];
    check_with(
        "SELECT card_id FROM cards WHERE balance > ? * 100 AND expires >= ? LIMIT ?;",
        &params,
        expect![[r#"
            CARD_ID INTEGER
              2
        "#]],
    );
    check_with(
        "SELECT card_id FROM cards WHERE name = ?",
        &[Value::Null],
        expect![[r#"
        CARD_ID INTEGER
    "#]],
    );
    check(
        "SELECT card_id FROM cards WHERE name = ?",
        expect![[r#"
        error: the statement has 1 parameters, 0 values were given
    "#]],
    );
    check_with(
        "SELECT 1 FROM cards WHERE card_id = $1",
        &[Value::Null],
        expect![[r#"
        error: line 1, column 37: $1: parameters are written as ?
    "#]],
    );
}

#[test]
fn inserts() {
    check(
        "INSERT INTO cards VALUES (1, 'A', 2, 1.5, 7, '1970-01-01', x'00ff'), (-2, NULL, 1+1, 1e2, -0.5, NOW, '0102')",
        expect![[r#"
            insert
              1 | A | 2 | 1.5 | 7.000000000000 | 1970-01-01 00:00:00.000000 | 00FF
              -2 | NULL | 2 | 100.0 | -0.500000000000 | 1970-01-01 00:00:00.000077 | 0102
        "#]],
    );
    check(
        "upsert into cards (name, card_id) values ('é', 7);",
        expect![[r#"
        upsert
          7 | é | 0 | NULL | NULL | 1970-01-01 00:00:00.000077 | NULL
    "#]],
    );
    check(
        "INSERT INTO cards (card_id, balance, expires) VALUES (1, DEFAULT, NOW())",
        expect![[r#"
        insert
          1 | NULL | 0 | NULL | NULL | 1970-01-01 00:00:00.000077 | NULL
    "#]],
    );
    check(
        "INSERT INTO cards (card_id, secret) VALUES (1, 4)",
        expect![[r#"
            error: line 1, column 29: CARDS has no column secret
        "#]],
    );
}

#[test]
fn several_statements() {
    check(
        "SELECT COUNT(*) FROM cards; -- a comment; with a semicolon\n SELECT MAX(card_id) m FROM cards;;",
        expect![[r#"
            C1 BIGINT
              5
            M INTEGER
              5
        "#]],
    );
    check(
        "CREATE TABLE x (a INTEGER); DROP TABLE x",
        expect![[r#"
        DDL: CREATE TABLE x (a INTEGER); DROP TABLE x
    "#]],
    );
    check(
        "SELECT 1 FROM cards; DROP TABLE x",
        expect![[r#"
        error: line 1, column 22: DDL can't stand in one call with other statements
    "#]],
    );
    check(
        " ; ",
        expect![[r#"
        error: there is no statement
    "#]],
    );
}

#[test]
fn equalities_on_keys() {
    let key = |condition: &str| {
        let text = format!("SELECT * FROM cards WHERE {condition}");
        let plans = plan(&text, &[], &catalog()).unwrap();
        let [Plan::Select(select)] = &plans[..] else { panic!("{plans:?}") };
        select.key_equality(0)
    };
    assert_eq!(key("card_id = 7"), Some(Value::Integer(7)));
    assert_eq!(key("balance > 1 AND -7 = card_id AND name = 'x'"), Some(Value::Integer(-7)));
    assert_eq!(key("card_id = '7'"), Some(Value::Integer(7)));
    assert_eq!(key("card_id = 7 OR balance = 1"), None);
    assert_eq!(key("card_id = 3000000000"), None);
    assert_eq!(key("card_id = NULL"), None);
    assert_eq!(key("card_id > 7"), None);
    assert_eq!(key("NOT card_id = 7"), None);
}
