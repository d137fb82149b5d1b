//! A server for tests: a table with a column of every type, a replicated table, and a procedure of each kind.

use tollgate_procedures::{Abort, MultiTx, Procedure, Registry, Tx};

tollgate_schema_macros::schema! {
    pub mod every_type {
        "CREATE TABLE every_type (
           id          INTEGER        NOT NULL PRIMARY KEY,
           tiny        TINYINT,
           small       SMALLINT,
           whole       INTEGER,
           big         BIGINT,
           real_number FLOAT,
           exact       DECIMAL,
           text        VARCHAR(100),
           raw         VARBINARY(256),
           at          TIMESTAMP
         );
         PARTITION TABLE every_type ON COLUMN id;

         CREATE TABLE everywhere (
           place INTEGER     NOT NULL PRIMARY KEY,
           name  VARCHAR(64) NOT NULL
         );"
    }
}

use every_type::{EveryType, Tables};

fn insert_and_abort(tx: &mut Tx<'_>, id: i32, reason: String) -> Result<i64, Abort> {
    tx.every_type().insert(EveryType { id, ..EveryType::default() })?;
    Err(Abort::user(reason))
}

fn insert_and_panic(tx: &mut Tx<'_>, id: i32) -> Result<i64, Abort> {
    tx.every_type().insert(EveryType { id, ..EveryType::default() })?;
    panic!("on purpose");
}

fn count_here(tx: &mut Tx<'_>) -> Result<i64, Abort> {
    Ok(tx.every_type().scan().count() as i64)
}

fn places_here(tx: &mut Tx<'_>) -> Result<i64, Abort> {
    Ok(tx.everywhere().scan().count() as i64)
}

fn count_everywhere(tx: &mut MultiTx<'_>) -> Result<i64, Abort> {
    let partitions = tx.partitions();
    Ok((0..partitions).map(|n| tx.partition(n).every_type().scan().count() as i64).sum())
}

fn main() -> std::process::ExitCode {
    let procedures = vec![
        Procedure::single("InsertAndAbort", ["id", "reason"], insert_and_abort),
        Procedure::single("InsertAndPanic", ["id"], insert_and_panic),
        Procedure::directed("CountHere", [], count_here).read_only(),
        Procedure::directed("PlacesHere", [], places_here).read_only(),
        Procedure::multi("CountEverywhere", [], count_everywhere).read_only(),
    ];
    let registry =
        Registry::new().schema("every_type", every_type::DDL, procedures).expect("the schema is right");
    tollgate::main(registry)
}
