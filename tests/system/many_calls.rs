//! Calls that are several: one to every partition, and batch calls.

use super::{RawConnection, Server, render};
use expect_test::expect;
use tollgate::{client::Answer, wire::volt::invocation::Invocation};
use tollgate_schema::{
    codec::{ParamWriter, TableHeader, TableWriter},
    types::{Type, VARCHAR_DEFAULT},
    value::Value,
};

const PARTITIONS: i32 = 4;

fn raw(server: &Server) -> RawConnection {
    RawConnection::open(server.node.as_ref().expect("the node runs").volt_address)
}

/// Calls as clients call every partition: named, and with the same integer in front.
fn call_partition(connection: &mut RawConnection, name: &str, partition: i32, more: &[Value]) -> Answer {
    let mut params = Vec::new();
    let mut writer = ParamWriter::new(&mut params);
    writer.put_i32(7);
    for value in more {
        writer.put_value(value);
    }
    writer.finish();
    let call = Invocation {
        destination: Some(partition),
        all_partitions: true,
        ..Invocation::new(name, i64::from(partition), &params)
    };
    connection.call(&call)
}

#[test]
fn a_key_that_belongs_elsewhere_gives_way_to_one_of_the_partition() {
    let mut server = Server::start();
    let mut connection = raw(&server);
    for partition in 0..PARTITIONS {
        let answer = call_partition(&mut connection, "WORDS.insert", partition, &[]);
        assert!(answer.is_success(), "{answer:?}");
        let name = Value::Varchar("Ann".to_string());
        let answer = call_partition(
            &mut connection,
            "CARDS.insert",
            partition,
            &[name, Value::Integer(0), Value::Null],
        );
        assert!(answer.is_success(), "{answer:?}");
        let words = call_partition(&mut connection, "WordsHere", partition, &[Value::Integer(10)]);
        assert_eq!(words.tables[0].rows, [[Value::BigInt(10)]], "one word, in this partition");
    }
    // One of them was in the partition it was sent to, and stayed.
    expect![[r#"
        CARD_ID
          0
          2
          3
          7
    "#]]
    .assert_eq(&server.sql("SELECT card_id FROM cards ORDER BY card_id"));
    for partition in [-1, PARTITIONS] {
        let answer = call_partition(&mut connection, "CARDS.select", partition, &[]);
        assert!(!answer.is_success() && answer.status_text.contains("partition"), "{answer:?}");
    }
    // Without the flag a destination says nothing to a procedure that has a key of its own.
    let mut params = Vec::new();
    let mut writer = ParamWriter::new(&mut params);
    writer.put_i32(7);
    writer.finish();
    for partition in 0..PARTITIONS {
        let call = Invocation { destination: Some(partition), ..Invocation::new("CARDS.select", 1, &params) };
        assert_eq!(connection.call(&call).tables[0].rows.len(), 1);
    }
}

/// A batch call with these rows of (card, name).
fn batch(name: &str, rows: &[(Option<i32>, &str)], connection: &mut RawConnection) -> Answer {
    let header = TableHeader::new([
        ("A", Type::Integer),
        ("B", VARCHAR_DEFAULT),
        ("C", Type::Integer),
        ("D", Type::Timestamp),
    ]);
    let mut bytes = Vec::new();
    let mut table = TableWriter::new(&mut bytes, &header);
    for (card, name) in rows {
        table.row(|row| {
            row.put_value(&card.map_or(Value::Null, Value::Integer)).put_str(name).put_i32(5).put_null();
        });
    }
    table.finish();
    let mut params = Vec::new();
    let mut writer = ParamWriter::new(&mut params);
    writer.put_table(&bytes);
    writer.finish();
    connection.call(&Invocation { batch: true, ..Invocation::new(name, 3, &params) })
}

#[test]
fn each_row_of_a_batch_call_is_a_call() {
    let mut server = Server::start();
    let mut connection = raw(&server);
    let rows = [(Some(1), "Ann"), (Some(2), "Bob"), (None, "Nobody"), (Some(1), "Again"), (Some(3), "Cleo")];
    let answer = batch("CARDS.insert", &rows, &mut connection);
    let table = &answer.tables[0];
    let statuses: Vec<_> = table.rows.iter().map(|row| table.integer(row, "STATUS").unwrap()).collect();
    assert_eq!(statuses, [1, 1, -2, -2, 1], "in the order of the rows");
    assert!(table.text(&table.rows[2], "STATUS_STRING").unwrap().contains("NULL"));
    assert!(table.text(&table.rows[3], "STATUS_STRING").unwrap().contains("already has a row"));
    // The one table that the procedure answers, as a response has it.
    let Value::Varbinary(result) = &table.rows[0][2] else { panic!("{answer:?}") };
    let tables = tollgate::wire::volt::response::Tables { count: 1, bytes: &result[2..] };
    assert_eq!(result[..2], [0, 1]);
    let only = tables.iter().next().unwrap().unwrap();
    assert_eq!(only.to_values().unwrap(), [[Value::BigInt(1)]], "modified_tuples");
    assert_eq!(table.rows[2][2], Value::Null);
    expect![[r#"
        CARD_ID | NAME
          1 | Ann
          2 | Bob
          3 | Cleo
    "#]]
    .assert_eq(&server.sql("SELECT card_id, name FROM cards ORDER BY card_id"));

    assert_eq!(batch("CARDS.insert", &[], &mut connection).tables[0].rows.len(), 0);
    let answer = batch("Moon.insert", &rows, &mut connection);
    assert!(render(&answer).contains("Moon.insert was not found"), "{answer:?}");
    let wrong = batch("CARDS.delete", &rows, &mut connection);
    assert!(wrong.tables[0].rows.iter().all(|row| row[0] == Value::TinyInt(-2)), "each with four parameters");
    // Many, over all partitions and executors.
    let many: Vec<_> = (100..5_000).map(|card| (Some(card), "one of many")).collect();
    let answer = batch("CARDS.insert", &many, &mut connection);
    assert!(answer.tables[0].rows.iter().all(|row| row[0] == Value::TinyInt(1)));
    assert_eq!(server.sql("SELECT COUNT(*) FROM cards"), "C1\n  4903\n");
    assert_eq!(server.sum("INITIATOR", 0, "INVOCATIONS", ("PROCEDURE_NAME", "CARDS.insert")), 4_905);
}

#[test]
fn what_is_no_batch_call_is_refused_as_a_whole() {
    let server = Server::start();
    let mut connection = raw(&server);
    let mut check = |values: &[Value], table: Option<&[u8]>, text: &str| {
        let mut params = Vec::new();
        let mut writer = ParamWriter::new(&mut params);
        for value in values {
            writer.put_value(value);
        }
        if let Some(table) = table {
            writer.put_table(table);
        }
        writer.finish();
        let answer =
            connection.call(&Invocation { batch: true, ..Invocation::new("CARDS.select", 3, &params) });
        assert!(!answer.is_success() && answer.status_text.contains(text), "{answer:?}");
    };
    check(&[], None, "one parameter");
    check(&[Value::Integer(1)], None, "one parameter");
    check(&[Value::Integer(1), Value::Integer(2)], None, "one parameter");
    check(&[], Some(&[0, 0, 0, 3, 1, 2, 3]), "cannot be read");
    let mut bytes = Vec::new();
    let header = TableHeader::new([("A", Type::TinyInt)]);
    let mut table = TableWriter::new(&mut bytes, &header);
    for _ in 0..20_000 {
        table.row(|row| {
            row.put_i8(1);
        });
    }
    table.finish();
    check(&[], Some(&bytes), "at most 16384 rows");
}
