//! What reads, and as what.

mod errors;
mod random;

use expect_test::{Expect, expect};

use super::*;
use crate::{catalog::*, types::Type};

const METRO: &str = include_str!("../../../metro.sql");

/// The text's canonical form; it must read back as the same catalogue.
#[track_caller]
fn check(text: &str, expect: Expect) {
    let catalog = parse(text).unwrap_or_else(|error| panic!("{error}"));
    let rendered = render(&catalog);
    expect.assert_eq(&rendered);
    assert_eq!(sorted(parse(&rendered).unwrap()), sorted(catalog));
}

/// Topics that their streams declare are rendered with them, so their order may change.
fn sorted(mut catalog: Catalog) -> Catalog {
    catalog.topics.sort_by(|left, right| left.name.cmp(&right.name));
    catalog
}

#[track_caller]
fn check_error(text: &str, expect: Expect) {
    let error = parse(text).expect_err("this text must be refused");
    expect.assert_eq(&error.to_string());
}

#[test]
fn metro() {
    let catalog = parse(METRO).unwrap();
    assert_eq!(sorted(parse(&render(&catalog)).unwrap()), sorted(catalog.clone()));
    let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
    expect![[r#"["STATIONS", "TRAINS", "TRAIN_EVENTS", "CARDS", "CARD_EVENTS", "CARD_HISTORY_SECOND", "CARD_ALERT_EXPORT", "CARD_EXPORT_STATS", "FRAUD", "TRIPS"]"#]].assert_eq(&format!("{names:?}"));
    let kind = |name: &str| catalog.table(catalog.find(name).unwrap()).kind.clone();
    assert_eq!(kind("cards"), TableKind::Table(Organisation::Keyed));
    assert_eq!(kind("card_events"), TableKind::Table(Organisation::History { key: 0, time: 1 }));
    assert_eq!(kind("fraud"), TableKind::Stream { key: vec![0], topic: Some("FRAUD".to_owned()) });
    let events = catalog.table(catalog.find("card_events").unwrap());
    assert_eq!((events.layout.fixed_width, events.layout.tail_columns), (24, 0));
    let procedures: Vec<&str> = catalog.procedures.iter().map(|procedure| procedure.name.as_str()).collect();
    assert_eq!(procedures, ["ValidateEntry", "ProcessExit", "RechargeCard"]);
    assert_eq!(catalog.topics[0].source, TopicSource::Procedure("train_events.insert".to_owned()));
}

#[test]
fn tables() {
    check(
        "-- a comment\nCREATE TABLE Accounts (
           id BIGINT DEFAULT 7 NOT NULL UNIQUE, /* inline */ note STRING NOT NULL DEFAULT 'it''s',
           short VARCHAR(25 BYTES), data VARBINARY(16) DEFAULT x'0aFF', rate FLOAT DEFAULT -1.5e3,
           price DECIMAL(38,12) DEFAULT 2.50, made TIMESTAMP DEFAULT NOW, seen TIMESTAMP DEFAULT '2024-02-29',
           level TINYINT DEFAULT NULL, unique INTEGER,
           CONSTRAINT Pk PRIMARY KEY (id, level),
         ) USING TTL 2 DAYS ON COLUMN made BATCH_SIZE 50;
         PARTITION TABLE accounts ON COLUMN id;
         CREATE INDEX by_made ON accounts (made, id);
         CREATE ASSUMEUNIQUE INDEX by_note ON accounts (note)",
        expect![[r#"
            CREATE TABLE ACCOUNTS (ID BIGINT DEFAULT 7 NOT NULL, NOTE VARCHAR(2048) DEFAULT 'it''s' NOT NULL, SHORT VARCHAR(25 BYTES), DATA VARBINARY(16) DEFAULT x'0AFF', RATE FLOAT DEFAULT -1.5e3, PRICE DECIMAL DEFAULT 2.500000000000, MADE TIMESTAMP DEFAULT NOW, SEEN TIMESTAMP DEFAULT '2024-02-29 00:00:00.000000', LEVEL TINYINT NOT NULL, UNIQUE INTEGER, CONSTRAINT PK PRIMARY KEY (ID, LEVEL), CONSTRAINT VOLTDB_AUTOGEN_IDX_CT_ACCOUNTS_ID UNIQUE (ID)) USING TTL 172800 SECONDS ON COLUMN MADE BATCH_SIZE 50 MAX_FREQUENCY 1;
            PARTITION TABLE ACCOUNTS ON COLUMN ID;
            CREATE INDEX BY_MADE ON ACCOUNTS (MADE, ID);
            CREATE ASSUMEUNIQUE INDEX BY_NOTE ON ACCOUNTS (NOTE);
        "#]],
    );
}

#[test]
fn streams_topics_and_procedures() {
    check(
        "CREATE STREAM s PARTITION ON COLUMN a EXPORT TO TOPIC Out WITH KEY (a, b) VALUE (b) (a INTEGER NOT NULL, b VARCHAR);
         CREATE STREAM t EXPORT TO TARGET files (a INTEGER);
         create topic using stream T properties (topic.format=avro, consumer.keys=A);
         CREATE STREAM u (a INTEGER);
         CREATE TOPIC USING STREAM u FORMAT json KEYS a;
         CREATE OPAQUE PARTITIONED TOPIC raw PROFILE retain_compact;
         CREATE TABLE k (id INTEGER NOT NULL PRIMARY KEY);
         PARTITION TABLE k ON COLUMN id;
         CREATE TOPIC input EXECUTE PROCEDURE k.upsert ALLOW writer, admin;
         CREATE PROCEDURE PARTITION ON TABLE k COLUMN id FROM CLASS a.b.Judge;
         CREATE DIRECTED PROCEDURE tidy ALLOW admin AS DELETE FROM k WHERE id > ?;
         CREATE PROCEDURE two PARTITION ON TABLE k COLUMN id PARAMETER 1 AS BEGIN
           SELECT CASE WHEN id = 1 THEN 2 END FROM k; DELETE FROM k WHERE id = ?;
         END;",
        expect![[r#"
            CREATE STREAM S PARTITION ON COLUMN A EXPORT TO TOPIC Out WITH KEY (A, B) VALUE (B) (A INTEGER NOT NULL, B VARCHAR(2048));
            CREATE STREAM T (A INTEGER);
            CREATE STREAM U (A INTEGER);
            CREATE TABLE K (ID INTEGER NOT NULL, CONSTRAINT VOLTDB_AUTOGEN_IDX_PK_K_ID PRIMARY KEY (ID));
            PARTITION TABLE K ON COLUMN ID;
            CREATE TOPIC USING STREAM T PROPERTIES (topic.format='avro', consumer.keys='A');
            CREATE TOPIC USING STREAM u KEYS (A) PROPERTIES (topic.format='json');
            CREATE OPAQUE PARTITIONED TOPIC raw PROFILE retain_compact;
            CREATE TOPIC input EXECUTE PROCEDURE k.upsert ALLOW writer, admin;
            CREATE PROCEDURE Judge PARTITION ON TABLE K COLUMN ID PARAMETER 0 FROM CLASS a.b.Judge;
            CREATE DIRECTED PROCEDURE tidy ALLOW admin AS DELETE FROM k WHERE id > ?;
            CREATE PROCEDURE two PARTITION ON TABLE K COLUMN ID PARAMETER 1 AS BEGIN
                       SELECT CASE WHEN id = 1 THEN 2 END FROM k; DELETE FROM k WHERE id = ?;
                     END;
        "#]],
    );
}

#[test]
fn views() {
    check(
        "CREATE TABLE t (k INTEGER NOT NULL, at TIMESTAMP NOT NULL, amount DECIMAL, small TINYINT, name VARCHAR(9));
         PARTITION TABLE t ON COLUMN k;
         CREATE VIEW a AS SELECT k, TRUNCATE(HOUR, at) hour, COUNT(*) n, COUNT(DISTINCT name) AS names, SUM(amount),
           SUM(small) FROM t AS x WHERE x.amount >= 10 AND name <> 'me' AND small IS NOT NULL GROUP BY x.k, hour;
         CREATE VIEW b (k, w) AS SELECT k, TIME_WINDOW(WEEK, 2, at, END) FROM t GROUP BY k, TIME_WINDOW(WEEK, 2, at, END);
         CREATE INDEX a_by_hour ON a (hour);
         CREATE VIEW c AS SELECT name, MIN(at), MAX(name) FROM t GROUP BY name;",
        expect![[r#"
            CREATE TABLE T (K INTEGER NOT NULL, AT TIMESTAMP NOT NULL, AMOUNT DECIMAL, SMALL TINYINT, NAME VARCHAR(9));
            PARTITION TABLE T ON COLUMN K;
            CREATE VIEW A (K, HOUR, N, NAMES, C5, C6) AS SELECT K, TRUNCATE(HOUR, AT), COUNT(*), COUNT(DISTINCT NAME), SUM(AMOUNT), SUM(SMALL) FROM T WHERE AMOUNT >= 10.000000000000 AND NAME <> 'me' AND SMALL IS NOT NULL GROUP BY K, TRUNCATE(HOUR, AT);
            CREATE INDEX A_BY_HOUR ON A (HOUR);
            CREATE VIEW B (K, W) AS SELECT K, TIME_WINDOW(WEEK, 2, AT, END) FROM T GROUP BY K, TIME_WINDOW(WEEK, 2, AT, END);
            CREATE VIEW C (NAME, C2, C3) AS SELECT NAME, MIN(AT), MAX(NAME) FROM T GROUP BY NAME;
        "#]],
    );
    let catalog = parse(
        "CREATE TABLE t (k INTEGER NOT NULL, v SMALLINT);
         CREATE VIEW a AS SELECT v, k, SUM(v) FROM t GROUP BY v, k;
         CREATE VIEW b AS SELECT v, COUNT(*) FROM t GROUP BY v;
         PARTITION TABLE t ON COLUMN k;",
    )
    .unwrap();
    assert_eq!(catalog.tables[1].partition_column, Some(1), "known though the table was partitioned later");
    assert_eq!(catalog.tables[1].columns[2].column_type, Type::BigInt);
    assert!(catalog.tables[1].columns[2].nullable);
    assert_eq!(catalog.tables[2].partition_column, None);
}

#[test]
fn drops() {
    let text = "CREATE STREAM s (a INTEGER NOT NULL); CREATE TABLE t (a INTEGER NOT NULL); PARTITION TABLE t ON COLUMN a;
        CREATE VIEW v AS SELECT a FROM s GROUP BY a; CREATE VIEW w AS SELECT a FROM t GROUP BY a;
        CREATE TOPIC USING STREAM s; CREATE PROCEDURE p PARTITION ON TABLE t COLUMN a; ";
    check(
        &format!(
            "{text} DROP STREAM s CASCADE; DROP INDEX i IF EXISTS; DROP PROCEDURE com.example.gone IF EXISTS; DROP TABLE gone CASCADE IF EXISTS"
        ),
        expect![[r#"
            CREATE TABLE T (A INTEGER NOT NULL);
            PARTITION TABLE T ON COLUMN A;
            CREATE VIEW W (A) AS SELECT A FROM T GROUP BY A;
            CREATE PROCEDURE p PARTITION ON TABLE T COLUMN A PARAMETER 0;
        "#]],
    );
    check_error(
        &format!("{text} DROP STREAM s"),
        expect!["line 3, column 101: the view V depends on S: drop it first, or CASCADE"],
    );
    check_error(&format!("{text} DROP TABLE s IF EXISTS"), expect!["line 3, column 100: S is a stream"]);
    check_error("DROP TABLE t", expect!["line 1, column 12: there is no table T"]);
}

#[test]
fn extend_keeps_what_is_there() {
    let mut catalog = parse(METRO).unwrap();
    let before = catalog.clone();
    let check = |catalog: &mut Catalog, text: &str, expect: Expect| {
        let error = extend(catalog, text).expect_err("this text must be refused");
        expect.assert_eq(&error.to_string());
    };
    check(
        &mut catalog,
        "CREATE TABLE extra (a INTEGER); DROP TABLE cards IF EXISTS CASCADE",
        expect!["line 1, column 44: the table CARDS is in the catalogue already and can't be dropped"],
    );
    check(
        &mut catalog,
        "CREATE INDEX i ON cards (balance)",
        expect!["line 1, column 19: CARDS is in the catalogue already and can't be changed"],
    );
    check(
        &mut catalog,
        "CREATE TOPIC fraud EXECUTE PROCEDURE p",
        expect!["line 1, column 14: there is a topic fraud already"],
    );
    assert_eq!(catalog, before);
    extend(&mut catalog, "CREATE TABLE extra (a INTEGER); DROP TABLE extra; CREATE TABLE more (a INTEGER)")
        .unwrap();
    assert_eq!(catalog.tables[..before.tables.len()], before.tables);
    assert_eq!(catalog.find("MORE"), Some(before.tables.len() as TableId));
}

#[test]
fn a_statement_in_the_catalogue() {
    let catalog = parse(METRO).unwrap();
    let check =
        |text: &str, expected: bool| assert_eq!(statement_is_in(&catalog, text), Ok(expected), "{text}");
    check(&render(&catalog), true);
    for statement in METRO.split(';').filter(|statement| !statement.contains("DROP")) {
        check(statement, true);
    }
    check(
        "create table TRAINS (train_id smallint not null primary key, name varchar(25) default null)",
        true,
    );
    check("CREATE TABLE trains (train_id SMALLINT NOT NULL PRIMARY KEY, name VARCHAR(26))", false);
    check("CREATE TABLE trips (trip_id INTEGER)", false);
    check("CREATE TABLE unknown (a INTEGER)", false);
    check("PARTITION TABLE trains ON COLUMN train_id", false);
    check("CREATE INDEX card_events_by_card ON card_events (card_id, date_time)", false);
    check(
        "CREATE VIEW card_history_second AS SELECT card_id, TRUNCATE(MINUTE, date_time) AS second FROM card_events GROUP BY card_id, second",
        false,
    );
    check("DROP TABLE unknown IF EXISTS", true);
    check("DROP TABLE cards IF EXISTS", false);
    assert!(statement_is_in(&catalog, "DROP TABLE unknown").is_err());
    assert!(statement_is_in(&catalog, "SELECT 1").is_err());
}
