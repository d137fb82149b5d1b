//! Rows by value: what loaders, default procedures and ad hoc SQL do to a store without typed rows.

use crate::{
    catalog::TableId,
    record::{self, RowError},
    row::{Layout, RowBuf, RowRef, Slot},
    store::{
        RowId, Store, WriteError,
        key::{self, KeyColumn},
        shape,
    },
    types::Type,
    value::{ConvertError, Value, convert},
};

/// Why a row was not written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DynamicError {
    #[error(transparent)]
    Row(#[from] RowError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("key column {column}: {error}")]
    Key { column: String, error: ConvertError },
}

/// Encodes the values of all columns, in order.
fn encode(store: &Store, table: TableId, values: &[Value], now_us: i64) -> Result<RowBuf, RowError> {
    let mut row = RowBuf::default();
    record::encode_row(store.catalog().table(table), values, now_us, &mut row.fixed, &mut row.tail)?;
    Ok(row)
}

/// Inserts a row; a stream gets it appended.
pub fn insert(store: &mut Store, table: TableId, values: &[Value], now_us: i64) -> Result<(), DynamicError> {
    let row = encode(store, table, values, now_us)?;
    if store.catalog().table(table).is_stream() {
        store.append(table, row.as_ref(), now_us)?;
    } else {
        store.insert(table, row.as_ref())?;
    }
    Ok(())
}

/// Inserts a row or replaces the one with its primary key.
pub fn upsert(store: &mut Store, table: TableId, values: &[Value], now_us: i64) -> Result<(), DynamicError> {
    let row = encode(store, table, values, now_us)?;
    match find_image(store, table, row.as_ref()) {
        Some(id) => replace(store, table, id, row)?,
        None => store.insert(table, row.as_ref())?,
    }
    Ok(())
}

/// Gives the row of that primary key new values in all columns; false: there is no such row.
pub fn update(
    store: &mut Store,
    table: TableId,
    key: &[Value],
    values: &[Value],
    now_us: i64,
) -> Result<bool, DynamicError> {
    let row = encode(store, table, values, now_us)?;
    let Some(id) = find_id(store, table, key)? else { return Ok(false) };
    replace(store, table, id, row)?;
    Ok(true)
}

/// Replaces a row; its hidden columns stay as they are.
fn replace(store: &mut Store, table: TableId, id: RowId, mut row: RowBuf) -> Result<(), WriteError> {
    let def = store.catalog().table(table);
    if let Some(Slot::Fixed { offset }) = def.layout.slots.get(def.visible().len()) {
        let hidden = *offset as usize..;
        row.fixed[hidden.clone()].copy_from_slice(&store.row(table, id).fixed[hidden]);
    }
    store.update(table, id, row.as_ref())
}

/// Deletes the row of that primary key; false: there is no such row.
pub fn delete(store: &mut Store, table: TableId, key: &[Value]) -> Result<bool, DynamicError> {
    let found = find_id(store, table, key)?;
    if let Some(id) = found {
        store.delete(table, id)?;
    }
    Ok(found.is_some())
}

/// The values of the row of that primary key.
pub fn find(store: &Store, table: TableId, key: &[Value]) -> Result<Option<Vec<Value>>, DynamicError> {
    let def = store.catalog().table(table);
    Ok(find_id(store, table, key)?.map(|id| record::decode_row(def, store.row(table, id))))
}

/// # Panics
/// If the table has no primary key, or `key` not as many values as it has columns.
fn find_id(store: &Store, table: TableId, key: &[Value]) -> Result<Option<RowId>, DynamicError> {
    let def = store.catalog().table(table);
    let columns = &def.primary_key.as_ref().expect("the table has a primary key").columns;
    assert_eq!(columns.len(), key.len(), "one value for each key column");
    let mut bytes = Vec::with_capacity(32);
    for (&column, value) in columns.iter().zip(key) {
        let column = &def.columns[column];
        let value = convert(value, column.column_type)
            .map_err(|error| DynamicError::Key { column: column.name.clone(), error })?;
        push_value(&value, column.column_type, &mut bytes);
    }
    Ok(store.find(table, &bytes))
}

/// Appends the key encoding of a value of that type, or NULL: that of a row of this one column.
fn push_value(value: &Value, column_type: Type, bytes: &mut Vec<u8>) {
    let mut row = RowBuf::default();
    record::write(value, column_type, &mut row.fixed, &mut row.tail);
    let slot = Layout::new([column_type]).slots[0];
    key::push_column(row.as_ref(), KeyColumn { slot, column_type }, bytes);
}

fn find_image(store: &Store, table: TableId, row: RowRef<'_>) -> Option<RowId> {
    let def = store.catalog().table(table);
    let columns = &def.primary_key.as_ref().expect("the table has a primary key").columns;
    store.find(table, &key::of_row(row, &shape::key_columns(def, columns)))
}
