//! What reads, what does not and why, and that nothing makes the reader panic.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::*;
use crate::{catalog::*, types::Type, value::Value};

const METRO: &str = include_str!("../../metro.sql");

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
    expect![[r#"["STATIONS", "TRAINS", "TRAIN_EVENTS", "CARDS", "CARD_EVENTS", "CARD_HISTORY_SECOND", "CARD_RIDES", "OPEN_RIDES", "CARD_ALERT_EXPORT", "CARD_EXPORT_STATS", "FRAUD", "TRIPS"]"#]].assert_eq(&format!("{names:?}"));
    let kind = |name: &str| catalog.table(catalog.find(name).unwrap()).kind.clone();
    assert_eq!(kind("cards"), TableKind::Table(Organisation::Keyed));
    assert_eq!(kind("card_events"), TableKind::Table(Organisation::History { key: 0, time: 1 }));
    assert_eq!(kind("open_rides"), TableKind::Table(Organisation::History { key: 0, time: 1 }));
    assert_eq!(kind("fraud"), TableKind::Stream { key: vec![0], topic: Some("FRAUD".to_owned()) });
    let events = catalog.table(catalog.find("card_events").unwrap());
    assert_eq!((events.layout.fixed_width, events.layout.tail_columns), (20, 0));
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
        &format!("{text} DROP STREAM s CASCADE; DROP INDEX i IF EXISTS; DROP TABLE gone CASCADE IF EXISTS"),
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
fn errors_of_syntax() {
    check_error(
        "CREATE TABEL t (a INTEGER)",
        expect!["line 1, column 8: expected TABLE, STREAM, VIEW, INDEX, TOPIC or PROCEDURE, found `TABEL`"],
    );
    check_error(
        "CREATE TABLE t (a INTEGER\n  b INTEGER)",
        expect![
            "line 2, column 3: expected NOT NULL, DEFAULT, PRIMARY KEY, UNIQUE, ASSUMEUNIQUE, `,` or `)`, found `b`"
        ],
    );
    check_error(
        "CREATE TABLE t (a NUMBER)",
        expect![
            "line 1, column 19: expected a type (TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DECIMAL, VARCHAR, VARBINARY or TIMESTAMP), found `NUMBER`"
        ],
    );
    check_error(
        "CREATE TABLE t (a GEOGRAPHY)",
        expect!["line 1, column 19: the type `GEOGRAPHY` is not supported"],
    );
    check_error(
        "CREATE TABLE t (a VARCHAR(0))",
        expect!["line 1, column 27: expected a length from 1 to 1048576, found `0`"],
    );
    check_error(
        "CREATE TABLE t (a VARCHAR(300000))",
        expect!["line 1, column 27: more than 262144 must be declared in BYTES"],
    );
    check_error(
        "CREATE TABLE t (a DECIMAL(10, 2))",
        expect!["line 1, column 27: DECIMAL(10, 2) is not supported; every DECIMAL is DECIMAL(38, 12)"],
    );
    check_error(
        "CREATE TABLE t (a INTEGER DEFAULT now)",
        expect!["line 1, column 35: DEFAULT NOW is for TIMESTAMP, and A is INTEGER"],
    );
    check_error(
        "CREATE TABLE t (a TINYINT DEFAULT 200)",
        expect!["line 1, column 35: 200 is out of range for TINYINT"],
    );
    check_error(
        "CREATE TABLE t (a INTEGER REFERENCES u)",
        expect!["line 1, column 27: `REFERENCES` is not supported"],
    );
    check_error(
        "CREATE TABLE t (a INTEGER, FOREIGN KEY (a) REFERENCES u (b))",
        expect!["line 1, column 28: the constraint `FOREIGN` is not supported"],
    );
    check_error(
        "CREATE TABLE t (a INTEGER) CREATE TABLE u (a INTEGER)",
        expect!["line 1, column 28: expected `;`, found `CREATE`"],
    );
    check_error(
        "CREATE TABLE t (a VARCHAR DEFAULT 'never ends)",
        expect!["line 1, column 35: Unterminated string literal"],
    );
    check_error(
        "CREATE TABLE \"a b\" (a INTEGER)",
        expect![[
            r#"line 1, column 14: expected a table's name, found `"a b"`; a name is at most 128 letters, digits and `_`, no digit first"#
        ]],
    );
    check_error(
        "CREATE TABLE t (a INTEGER) USING TTL 5 FORTNIGHTS ON COLUMN a",
        expect!["line 1, column 40: expected SECONDS, MINUTES, HOURS, DAYS or ON, found `FORTNIGHTS`"],
    );
    check_error("ALTER TABLE t ADD COLUMN b INTEGER", expect!["line 1, column 1: `ALTER` is not supported"]);
    check_error("CREATE ROLE admin WITH ALL", expect!["line 1, column 8: CREATE `ROLE` is not supported"]);
    check_error(
        "CREATE TABLE",
        expect!["line 1, column 13: expected a table's name, found the end of the text"],
    );
}

#[test]
fn errors_of_tables() {
    const T: &str = "CREATE TABLE t (a INTEGER NOT NULL, b INTEGER, c FLOAT NOT NULL, PRIMARY KEY (a)); ";
    let check = |text: &str, expect: Expect| check_error(&format!("{T}{text}"), expect);
    check("CREATE TABLE T (a INTEGER)", expect!["line 1, column 97: there is a table T already"]);
    check("CREATE TABLE u (a INTEGER, A INTEGER)", expect!["line 1, column 111: U has a column A already"]);
    check("CREATE TABLE u (a INTEGER, PRIMARY KEY (b))", expect!["line 1, column 124: U has no column B"]);
    check(
        "CREATE TABLE u (a INTEGER PRIMARY KEY, PRIMARY KEY (a))",
        expect!["line 1, column 123: U has a primary key already"],
    );
    check(
        "CREATE TABLE u (a INTEGER NOT NULL DEFAULT NULL)",
        expect!["line 1, column 127: A is NOT NULL, so NULL is no default"],
    );
    check(
        "PARTITION TABLE t ON COLUMN b",
        expect!["line 1, column 112: the partitioning column B must be NOT NULL"],
    );
    check(
        "PARTITION TABLE t ON COLUMN c",
        expect![
            "line 1, column 112: the partitioning column C is FLOAT; expected an integer type, VARCHAR or VARBINARY"
        ],
    );
    check("PARTITION TABLE v ON COLUMN b", expect!["line 1, column 100: there is no table V"]);
    check(
        "CREATE TABLE u (a INTEGER NOT NULL, b INTEGER UNIQUE); PARTITION TABLE u ON COLUMN a",
        expect![
            "line 1, column 167: the unique key VOLTDB_AUTOGEN_IDX_CT_U_B of U must contain its partitioning column A, or be ASSUMEUNIQUE"
        ],
    );
    check(
        "PARTITION TABLE t ON COLUMN a; CREATE UNIQUE INDEX i ON t (b)",
        expect![
            "line 1, column 135: the unique index I of T must contain its partitioning column A, or be ASSUMEUNIQUE"
        ],
    );
    check(
        "CREATE INDEX i ON t (b); CREATE INDEX i ON t (a)",
        expect!["line 1, column 122: there is an index or a key I already"],
    );
    check(
        "CREATE INDEX i ON t (ABS(b))",
        expect!["line 1, column 105: an index on an expression is not supported"],
    );
    check(
        "CREATE INDEX i ON t (b) WHERE a > 5",
        expect!["line 1, column 108: an index on a part of the rows (WHERE) is not supported"],
    );
    check(
        "CREATE TABLE u (a VARCHAR) USING TTL 5 ON COLUMN a",
        expect![
            "line 1, column 133: the TTL column A is VARCHAR(2048); expected TIMESTAMP or an integer type"
        ],
    );
    check(
        "CREATE TABLE u (a BIGINT) USING TTL 9223372036854775807 DAYS ON COLUMN a",
        expect!["line 1, column 120: expected a time from 1 second to 292,000 years"],
    );
    check(
        "CREATE TABLE u (a VARBINARY(1048576), b VARBINARY(1048576), c TINYINT)",
        expect!["line 1, column 144: with this column a row may take 2097153 bytes; 2097152 are allowed"],
    );
}

#[test]
fn errors_of_views_streams_and_procedures() {
    const S: &str = "CREATE STREAM s PARTITION ON COLUMN a (a INTEGER NOT NULL, b VARCHAR, c TIMESTAMP);\n";
    let check = |text: &str, expect: Expect| check_error(&format!("{S}{text}"), expect);
    check(
        "CREATE VIEW v AS SELECT b, COUNT(*) FROM s GROUP BY b",
        expect!["line 2, column 13: a view over the stream S must group by its partitioning column A"],
    );
    check(
        "CREATE VIEW v AS SELECT COUNT(*), a FROM s GROUP BY a",
        expect![
            "line 2, column 25: a view selects all it groups by, in the order of GROUP BY, and then its aggregates"
        ],
    );
    check(
        "CREATE VIEW v AS SELECT a FROM s GROUP BY a, b",
        expect![
            "line 2, column 46: a view selects all it groups by, in the order of GROUP BY, and then its aggregates"
        ],
    );
    check(
        "CREATE VIEW v AS SELECT a, SUM(b) FROM s GROUP BY a",
        expect!["line 2, column 32: column B is VARCHAR(2048); expected a number"],
    );
    check(
        "CREATE VIEW v AS SELECT a, TRUNCATE(SECOND, b) FROM s GROUP BY a, TRUNCATE(SECOND, b)",
        expect!["line 2, column 84: column B is VARCHAR(2048); expected TIMESTAMP"],
    );
    check(
        "CREATE VIEW v AS SELECT a, TRUNCATE(EPOCH, c) FROM s GROUP BY a",
        expect!["line 2, column 37: expected a unit of time (MICROSECOND to YEAR), found `EPOCH`"],
    );
    check(
        "CREATE VIEW v AS SELECT a, AVG(a) FROM s GROUP BY a",
        expect![
            "line 2, column 28: expected COUNT, SUM, MIN, MAX, TRUNCATE, TIME_WINDOW or a column's name, found `AVG`"
        ],
    );
    check(
        "CREATE VIEW v AS SELECT a + 1 FROM s GROUP BY a",
        expect!["line 2, column 27: an expression in a view is not supported"],
    );
    check(
        "CREATE VIEW v AS SELECT a FROM s, u GROUP BY a",
        expect!["line 2, column 33: a view over more than one table is not supported"],
    );
    check(
        "CREATE VIEW v AS SELECT a FROM s WHERE a > 1 OR a < 0 GROUP BY a",
        expect!["line 2, column 46: OR in a view is not supported"],
    );
    check(
        "CREATE VIEW v AS SELECT a FROM s",
        expect!["line 2, column 33: expected GROUP, found the end of the text"],
    );
    check(
        "CREATE VIEW v AS SELECT a FROM s GROUP BY a HAVING a > 1",
        expect!["line 2, column 45: `HAVING` in a view is not supported"],
    );
    check(
        "CREATE VIEW v (x, y) AS SELECT a FROM s GROUP BY a",
        expect!["line 2, column 13: 2 names for 1 columns"],
    );
    check(
        "CREATE STREAM r (a INTEGER PRIMARY KEY)",
        expect!["line 2, column 28: a stream keeps no rows, so it has no keys"],
    );
    check("CREATE INDEX i ON s (a)", expect!["line 2, column 19: S is a stream: it keeps no rows to index"]);
    check(
        "CREATE TOPIC USING STREAM s PROPERTIES (consumer.keys=nothing)",
        expect!["line 2, column 41: S has no column NOTHING"],
    );
    check(
        "CREATE TOPIC USING STREAM s; CREATE TOPIC USING STREAM s",
        expect!["line 2, column 56: S is published as topic s already"],
    );
    check("CREATE TOPIC t", expect!["line 2, column 14: expected USING STREAM, EXECUTE PROCEDURE or OPAQUE"]);
    check("CREATE TOPIC t EXECUTE PROCEDURE u.insert", expect!["line 2, column 34: there is no table U"]);
    check(
        "CREATE PROCEDURE p PARTITION ON TABLE s COLUMN b",
        expect!["line 2, column 48: S is partitioned on A"],
    );
    check(
        "CREATE PROCEDURE p PARTITION ON TABLE s COLUMN a AND ON TABLE s COLUMN a",
        expect!["line 2, column 50: a procedure of two partitions (AND ON TABLE) is not supported"],
    );
    check(
        "CREATE DIRECTED PROCEDURE p PARTITION ON TABLE s COLUMN a",
        expect![
            "line 2, column 27: a DIRECTED procedure runs wherever it is sent: PARTITION ON is not for it"
        ],
    );
    check(
        "CREATE PROCEDURE p AS BEGIN SELECT 1;",
        expect!["line 2, column 38: expected END, found the end of the text"],
    );
    check(
        "CREATE PROCEDURE ALLOW admin",
        expect!["line 2, column 18: expected a procedure's name: only FROM CLASS gives one by itself"],
    );
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
