//! What is refused, where and why.

use expect_test::{Expect, expect};

use super::check_error;

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
    check_error(
        "load classes procedures.jar;",
        expect!["line 1, column 1: `load` is a command of sqlcmd, no DDL"],
    );
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

const S: &str = "CREATE STREAM s PARTITION ON COLUMN a (a INTEGER NOT NULL, b VARCHAR, c TIMESTAMP);\n";

#[test]
fn errors_of_views() {
    let check = |text: &str, expect: Expect| check_error(&format!("{S}{text}"), expect);
    check(
        "CREATE VIEW v AS SELECT a, SUM(a * 2) FROM s GROUP BY a",
        expect!["line 2, column 34: an expression in a view is not supported"],
    );
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
        expect!["line 2, column 33: a view without GROUP BY is not supported"],
    );
    check(
        "CREATE VIEW v AS SELECT a FROM s GROUP BY a HAVING a > 1",
        expect!["line 2, column 45: `HAVING` in a view is not supported"],
    );
    check(
        "CREATE VIEW v (x, y) AS SELECT a FROM s GROUP BY a",
        expect!["line 2, column 13: 2 names for 1 columns"],
    );
}

#[test]
fn errors_of_streams_topics_and_procedures() {
    let check = |text: &str, expect: Expect| check_error(&format!("{S}{text}"), expect);
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
