//! `@Statistics` tells what happened.

use super::Server;
use tollgate::client::ResultTable;
use tollgate_schema::value::Value;

impl Server {
    fn statistics(&mut self, selector: &str, flag: i32) -> Vec<ResultTable> {
        let parameters = [Value::Varchar(selector.to_string()), Value::Integer(flag)];
        let answer = self.call("@Statistics", &parameters);
        assert!(answer.is_success(), "{selector}: {}", answer.status_text);
        answer.tables
    }

    /// The sum of a column over the rows in which another column has this text.
    pub(super) fn sum(&mut self, selector: &str, flag: i32, column: &str, of: (&str, &str)) -> i64 {
        let table = self.statistics(selector, flag).remove(0);
        let rows = table.rows.iter().filter(|row| table.text(row, of.0) == Some(of.1));
        rows.map(|row| table.integer(row, column).expect("the column is there")).sum()
    }
}

#[test]
fn rows_and_memory_of_tables_are_those_of_now() {
    let mut server = Server::start();
    for count in 1..=20 {
        server.sql(&format!("INSERT INTO cards (card_id) VALUES ({count})"));
        assert_eq!(server.sum("TABLE", 0, "TUPLE_COUNT", ("TABLE_NAME", "CARDS")), count);
    }
    assert!(server.sum("TABLE", 0, "TUPLE_ALLOCATED_MEMORY", ("TABLE_NAME", "CARDS")) > 0);
    assert_eq!(server.sum("INDEX", 0, "ENTRY_COUNT", ("TABLE_NAME", "CARDS")), 20);
    let memory = server.statistics("MEMORY", 0).remove(0);
    assert!(memory.integer(&memory.rows[0], "RSS").unwrap() > 1_000);
    assert!(memory.integer(&memory.rows[0], "TUPLECOUNT").unwrap() >= 20);
}

#[test]
fn calls_are_counted_and_the_first_of_each_procedure_is_timed() {
    let mut server = Server::start();
    let insert = |server: &mut Server, id: i32| {
        let row = [Value::Integer(id), Value::Varchar("Ann".into()), Value::Integer(0), Value::Null];
        server.call("CARDS.insert", &row)
    };
    for id in 0..100 {
        assert!(insert(&mut server, id).is_success());
    }
    assert!(!insert(&mut server, 1).is_success());
    let of = ("PROCEDURE", "CARDS.insert");
    assert_eq!(server.sum("PROCEDURE", 0, "INVOCATIONS", of), 101);
    assert_eq!(server.sum("PROCEDURE", 0, "FAILURES", of), 1);
    let timed = server.sum("PROCEDURE", 0, "TIMED_INVOCATIONS", of);
    assert!((1..20).contains(&timed), "{timed}");
    assert!(server.sum("PROCEDURE", 0, "AVG_EXECUTION_TIME", of) > 0);
    assert!(server.sum("PROCEDURE", 0, "MIN_PARAMETER_SET_SIZE", of) > 0);
    assert!(server.sum("PROCEDURE", 0, "MAX_RESULT_SIZE", of) > 0);
    let profile = server.statistics("PROCEDUREPROFILE", 0).remove(0);
    assert!(profile.rows.iter().any(|row| profile.text(row, "PROCEDURE") == Some("CARDS.insert")));

    assert_eq!(server.sum("PROCEDURE", 1, "INVOCATIONS", of), 101, "since the start");
    insert(&mut server, 200);
    assert_eq!(server.sum("PROCEDURE", 1, "INVOCATIONS", of), 1, "since the last time");
    assert_eq!(server.sum("PROCEDURE", 0, "INVOCATIONS", of), 102);
}

#[test]
fn expired_rows_are_counted_where_they_were() {
    let mut server = Server::start();
    for id in 0..10 {
        let at = if id < 7 { "2001-01-01 00:00:00" } else { "2999-01-01 00:00:00" };
        server.sql(&format!("INSERT INTO passing VALUES ({id}, '{at}')"));
    }
    let of = ("TABLE_NAME", "PASSING");
    while server.sum("TTL", 0, "ROWS_DELETED", of) != 7 {}
    assert_eq!(server.sum("TTL", 0, "ROWS_REMAINING", of), 3);
    let table = server.statistics("TTL", 0).remove(0);
    assert_eq!(table.rows.len(), 4, "a row for each partition");
    let goes = table.rows.iter().map(|row| table.integer(row, "LAST_DELETE_TIMESTAMP").unwrap());
    assert!(goes.into_iter().all(|ms| ms > 1_600_000_000_000), "each partition looked");
}

#[test]
fn each_connection_s_calls_are_counted_by_procedure() {
    let mut server = Server::start();
    let mut second = server.connect();
    let row = |id: i32| [Value::Integer(id), Value::Varchar("Ann".into()), Value::Integer(0), Value::Null];
    for id in 0..10 {
        assert!(server.call("CARDS.insert", &row(id)).is_success());
        assert!(second.call("CARDS.insert", &row(100 + id)).unwrap().is_success());
    }
    assert!(!server.call("CARDS.insert", &row(100)).is_success());
    assert!(!server.call("CARDS.insert", &row(1)[..1]).is_success());
    assert!(!server.call("CARDS.insert", &[]).is_success(), "at the door");
    assert!(server.call("CARDS.delete", &[Value::Integer(3)]).is_success());
    let of = ("PROCEDURE_NAME", "CARDS.insert");
    let table = server.statistics("INITIATOR", 0).remove(0);
    let inserts: Vec<_> = table.rows.iter().filter(|row| table.text(row, of.0) == Some(of.1)).collect();
    let figures = inserts
        .iter()
        .map(|row| ["INVOCATIONS", "FAILURES", "ABORTS"].map(|column| table.integer(row, column).unwrap()));
    assert_eq!(figures.collect::<Vec<_>>(), [[13, 3, 0], [10, 0, 0]]);
    assert!(inserts.iter().all(|row| table.text(row, "CONNECTION_HOSTNAME") == Some("127.0.0.1")));
    let time = |column| inserts.iter().map(|row| table.integer(row, column).unwrap()).max().unwrap();
    assert!(time("MAX_EXECUTION_TIME") >= time("MIN_EXECUTION_TIME"));
    assert_eq!(server.sum("INITIATOR", 0, "INVOCATIONS", ("PROCEDURE_NAME", "CARDS.delete")), 1);

    assert_eq!(server.sum("INITIATOR", 1, "INVOCATIONS", of), 23, "since the start");
    assert!(second.call("CARDS.insert", &row(200)).unwrap().is_success());
    assert_eq!(server.sum("INITIATOR", 1, "INVOCATIONS", of), 1, "since the last time");
    drop(second);
    while server.sum("INITIATOR", 0, "INVOCATIONS", of) != 13 {}
}

#[test]
fn each_connection_is_listed_while_it_is_open() {
    let mut server = Server::start();
    let clients = |server: &mut Server| server.statistics("LIVECLIENTS", 0).remove(0).rows.len();
    assert_eq!(clients(&mut server), 1);
    let mut second = server.connect();
    assert!(second.call("@Ping", &[]).unwrap().is_success());
    assert_eq!(clients(&mut server), 2);
    let io = server.statistics("IOSTATS", 0).remove(0);
    let other = io.rows.iter().find(|row| io.integer(row, "MESSAGES_READ") == Some(1)).expect("the second");
    assert!(
        io.integer(other, "BYTES_READ").unwrap() > 20 && io.integer(other, "BYTES_WRITTEN").unwrap() > 20
    );
    drop(second);
    while clients(&mut server) != 1 {}
}

#[test]
fn every_selector_answers() {
    let mut server = Server::start();
    for selector in [
        "TOPO",
        "PARTITIONCOUNT",
        "TABLE",
        "INDEX",
        "MEMORY",
        "COMMANDLOG",
        "SNAPSHOTSTATUS",
        "TTL",
        "PROCEDURE",
        "PROCEDUREPROFILE",
        "INITIATOR",
        "LATENCY",
        "LIVECLIENTS",
        "LIMITS",
        "IOSTATS",
        "CPU",
        "QUEUE",
        "STARVATION",
        "MANAGEMENT",
    ] {
        for flag in [0, 1] {
            assert!(!server.statistics(selector, flag).is_empty(), "{selector}");
        }
    }
    let latency = server.statistics("LATENCY", 0).remove(0);
    assert!(latency.integer(&latency.rows[0], "COUNT").unwrap() > 0);
    let count = server.statistics("PARTITIONCOUNT", 0).remove(0);
    assert_eq!(count.integer(&count.rows[0], "PARTITION_COUNT"), Some(4));
    let topology = server.statistics("TOPO", 0);
    assert_eq!((topology[0].rows.len(), topology[1].rows.len()), (5, 1));
}
