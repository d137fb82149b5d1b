//! What the clients do: append to counters and read them, in one partition or in all.

use std::sync::Arc;
use tollgate::call::{Batch, Call, Form, ReplySink, Target};
use tollgate_procedures::{Abort, MultiTx, Procedure, Registry, Tx};
use tollgate_schema::{codec::ParamWriter, dynamic, typed::Access, value::Value};

const DDL: &str = "
CREATE TABLE counters (id BIGINT NOT NULL, value BIGINT NOT NULL, PRIMARY KEY (id));
PARTITION TABLE counters ON COLUMN id;
CREATE TABLE everywhere (operation BIGINT NOT NULL, PRIMARY KEY (operation));
CREATE STREAM journal PARTITION ON COLUMN id (id BIGINT NOT NULL, operation BIGINT NOT NULL, value BIGINT NOT NULL);
CREATE TABLE recent (id BIGINT NOT NULL, operation BIGINT NOT NULL, at TIMESTAMP NOT NULL, PRIMARY KEY (id, operation))
    USING TTL 1 SECONDS ON COLUMN at BATCH_SIZE 10 MAX_FREQUENCY 20;
PARTITION TABLE recent ON COLUMN id;
CREATE VIEW totals AS SELECT id, COUNT(*), MAX(value) FROM journal GROUP BY id;
";

/// A counter's key is from 0 to this.
pub(super) const KEYS: i64 = 12;
/// A write whose operation is a multiple of this has an identity, so that its client may ask again.
pub(super) const KEYED_EVERY: i64 = 2;
/// An append whose operation is a multiple of this changes rows, then aborts.
pub(super) const ABORT_EVERY: i64 = 13;

pub(super) fn registry() -> Registry {
    let procedures = vec![
        Procedure::single("Append", ["id", "operation"], append),
        Procedure::single("Read", ["id"], read).read_only(),
        Procedure::multi("Everywhere", ["operation"], everywhere),
    ];
    Registry::new().schema("counters", DDL, procedures).expect("a good schema")
}

fn value_of(tx: &Tx<'_>, id: i64) -> Result<i64, Abort> {
    let found = dynamic::find(tx.store(), tx.base(), &[Value::BigInt(id)])?;
    Ok(found.map_or(0, |row| if let Value::BigInt(v) = row[1] { v } else { unreachable!("BIGINT") }))
}

/// Adds one to the counter and writes who did it; answers the new value.
fn append(tx: &mut Tx<'_>, id: i64, operation: i64) -> Result<i64, Abort> {
    let value = value_of(tx, id)? + 1;
    let (table, now_us) = (tx.base(), Access::now_us(tx));
    dynamic::upsert(tx.store_mut(), table, &[Value::BigInt(id), Value::BigInt(value)], now_us)?;
    let row = [Value::BigInt(id), Value::BigInt(operation), Value::BigInt(value)];
    dynamic::insert(tx.store_mut(), table + 2, &row, now_us)?;
    let recent = [Value::BigInt(id), Value::BigInt(operation), Value::Timestamp(now_us)];
    dynamic::insert(tx.store_mut(), table + 3, &recent, now_us)?;
    if operation % ABORT_EVERY == 0 {
        return Err(Abort::user("every thirteenth is refused after it wrote"));
    }
    Ok(value)
}

fn read(tx: &mut Tx<'_>, id: i64) -> Result<i64, Abort> {
    value_of(tx, id)
}

/// Writes a row in every partition.
fn everywhere(tx: &mut MultiTx<'_>, operation: i64) -> Result<i64, Abort> {
    for partition in 0..tx.partitions() {
        let mut tx = tx.partition(partition);
        let (table, now_us) = (tx.base() + 1, Access::now_us(&tx));
        dynamic::insert(tx.store_mut(), table, &[Value::BigInt(operation)], now_us)?;
    }
    Ok(operation)
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Append { key: i64 },
    Read { key: i64 },
    Everywhere,
}

impl Operation {
    /// Whether the call with that number has an identity.
    pub(super) fn is_keyed(self, number: i64) -> bool {
        !matches!(self, Operation::Read { .. }) && number % KEYED_EVERY == 0
    }
}

/// The operation as a batch of one call, with the operation's number as its handle.
pub(super) fn batch(
    registry: &Registry,
    operation: Operation,
    number: i64,
    target: Target,
    sink: Arc<dyn ReplySink>,
) -> Batch {
    let (name, parameters) = match operation {
        Operation::Append { key } => ("Append", vec![key, number]),
        Operation::Read { key } => ("Read", vec![key]),
        Operation::Everywhere => ("Everywhere", vec![number]),
    };
    let mut bytes = Vec::new();
    let mut writer = ParamWriter::new(&mut bytes);
    for parameter in parameters {
        writer.put_i64(parameter);
    }
    writer.finish();
    let parameters = 0..bytes.len() as u32;
    let identity = operation.is_keyed(number).then(|| {
        bytes.extend_from_slice(&number.to_be_bytes());
        parameters.end..bytes.len() as u32
    });
    let call = Call {
        handle: number,
        procedure: registry.find(name).expect("registered"),
        target,
        form: Form::Parameters,
        parameters,
        identity,
    };
    Batch { sink, received_us: 0, bytes: bytes.into(), calls: vec![call] }
}
