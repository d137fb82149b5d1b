//! `GET /api/v1/streams` and `GET /api/v1/streams/{name}`: committed rows of streams, read by the partition
//! itself.

use super::{
    call::{self, Reply, Request, to_json},
    error::ApiError,
    procedures::json_response,
    results::Named,
};
use crate::node::shared::Shared;
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error, SerializeSeq},
};
use std::sync::Arc;
use tollgate_procedures::builtin::STREAM_READ_ROWS_MAX;
use tollgate_schema::{
    catalog::{TableDef, TableKind},
    codec::{ParamWriter, RawParam, RowReader, TableReader},
    value::Value,
};

const LIMIT_DEFAULT: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    partition: Option<u16>,
    offset: Option<u64>,
    limit: Option<usize>,
}

/// `GET /api/v1/streams/{name}`.
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    from: Result<Query<From>, QueryRejection>,
) -> Result<Response, ApiError> {
    let catalog = shared.gate.registry().catalog();
    let stream = catalog.find(&name).map(|id| catalog.table(id)).filter(|def| def.is_stream());
    let stream = stream.ok_or_else(|| ApiError::not_found(format!("there is no stream {name}")))?;
    let Query(from) = from.map_err(query_error)?;
    let partitions = shared.config.partitions;
    let partition = match from.partition {
        Some(partition) if partition < partitions => partition,
        Some(_) => return Err(ApiError::parameter("partition", format!("there are {partitions}"))),
        None if partitions == 1 => 0,
        None => return Err(ApiError::parameter("partition", "is missing: offsets count in each partition")),
    };
    let limit = from.limit.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > STREAM_READ_ROWS_MAX {
        return Err(ApiError::parameter("limit", format!("must be from 1 to {STREAM_READ_ROWS_MAX}")));
    }
    let offset = i64::try_from(from.offset.unwrap_or(0));
    let offset = offset.map_err(|_| ApiError::parameter("offset", "is beyond every stream"))?;
    let parameters =
        [Value::Varchar(stream.name.clone()), Value::BigInt(offset), Value::Integer(limit as i32)];
    let reply = call_builtin(&shared, "@StreamRead", partition, &parameters).await?;
    let name = stream.name.clone();
    let json = reply.written(move |reply| page(&name, partition, offset, reply)).await?;
    json_response(StatusCode::OK, json)
}

/// What does not read as a query names no field by itself.
fn query_error(rejection: QueryRejection) -> ApiError {
    let text = rejection.body_text();
    let named = ["partition", "offset", "limit"].into_iter().find(|name| text.contains(name));
    match named {
        Some(name) => ApiError::parameter(name, text),
        None => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameter", text),
    }
}

async fn call_builtin(
    shared: &Arc<Shared>,
    name: &str,
    partition: u16,
    values: &[Value],
) -> Result<Reply, ApiError> {
    let procedure = shared.gate.admit(name)?;
    let mut parameters = Vec::new();
    let mut writer = ParamWriter::new(&mut parameters);
    values.iter().for_each(|value| {
        writer.put_value(value);
    });
    writer.finish();
    let destination = Some(i32::from(partition));
    call::run(shared, Request { procedure, parameters, destination, identity: None }).await
}

#[derive(Serialize)]
struct Page<'a> {
    stream: &'a str,
    partition: u16,
    /// The oldest that is still there: what was before it is trimmed.
    first_offset: i64,
    /// Where to read on.
    next_offset: i64,
    /// What the stream's next row will get.
    end_offset: i64,
    rows: Rows<'a>,
}

fn page(stream: &str, partition: u16, offset: i64, reply: &Reply) -> Result<Vec<u8>, ApiError> {
    let response = reply.success()?;
    let tables: Result<Vec<TableReader<'_>>, _> = response.tables.iter().collect();
    let tables = tables.map_err(|error| ApiError::internal(error.to_string()))?;
    let [bounds, rows] = tables[..] else { return Err(ApiError::internal("two tables were expected")) };
    let [first_offset, end_offset] = integers(&bounds)?;
    let last = rows.rows().last().transpose().map_err(|error| ApiError::internal(error.to_string()))?;
    let last = last.and_then(|mut row| row.next()?.ok()?.as_integer());
    // Beyond the end there is nothing yet; the caller stays where it is.
    let next_offset = last.map_or(offset.max(first_offset), |last| last + 1);
    let page = Page { stream, partition, first_offset, next_offset, end_offset, rows: Rows(rows) };
    to_json(&page)
}

/// The one row of a table of integers.
fn integers<const N: usize>(table: &TableReader<'_>) -> Result<[i64; N], ApiError> {
    let row = table.rows().next().and_then(Result::ok);
    let cells = row.map(|row| row.filter_map(|cell| cell.ok()?.as_integer()).collect::<Vec<_>>());
    cells.and_then(|cells| cells.try_into().ok()).ok_or_else(|| ApiError::internal("offsets were expected"))
}

/// `[{"offset","timestamp_us","values":{…}}]`.
struct Rows<'a>(TableReader<'a>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            offset: i64,
            timestamp_us: i64,
            values: Named<'a>,
        }
        let names: Vec<&str> = self.0.columns().map(|(name, _)| name).skip(2).collect();
        let mut list = serializer.serialize_seq(None)?;
        for row in self.0.rows() {
            let mut cells = row.map_err(S::Error::custom)?;
            let (offset, timestamp_us) = (head(&mut cells), head(&mut cells));
            let (Some(offset), Some(timestamp_us)) = (offset, timestamp_us) else {
                return Err(S::Error::custom("a row begins with its offset and its time"));
            };
            list.serialize_element(&Row { offset, timestamp_us, values: Named { names: &names, cells } })?;
        }
        list.end()
    }
}

fn head(cells: &mut RowReader<'_>) -> Option<i64> {
    match cells.next()?.ok()? {
        RawParam::Timestamp(micros) => Some(micros),
        other => other.as_integer(),
    }
}

#[derive(Serialize)]
struct List<'a> {
    streams: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_column: Option<&'a str>,
    /// Columns of the message key.
    key: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    columns: Vec<ListedColumn<'a>>,
    partitions: Vec<Bounds>,
}

#[derive(Serialize)]
struct ListedColumn<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    column_type: String,
}

#[derive(Serialize)]
struct Bounds {
    partition: u16,
    first_offset: i64,
    next_offset: i64,
}

/// `GET /api/v1/streams`.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let catalog = shared.gate.registry().catalog();
    let streams = catalog.tables.iter().filter(|def| def.is_stream() && !def.is_internal());
    let mut streams: Vec<Listed<'_>> = streams.map(listed).collect();
    for partition in 0..shared.config.partitions {
        let reply = call_builtin(&shared, "@StreamBounds", partition, &[]).await?;
        let response = reply.success()?;
        let table = response.tables.iter().next().and_then(Result::ok);
        let table = table.ok_or_else(|| ApiError::internal("a table of offsets was expected"))?;
        for row in table.rows() {
            let cells: Result<Vec<RawParam<'_>>, _> = row.and_then(Iterator::collect);
            let cells = cells.map_err(|error| ApiError::internal(error.to_string()))?;
            let [RawParam::Varchar(name), RawParam::BigInt(first_offset), RawParam::BigInt(next_offset)] =
                cells[..]
            else {
                return Err(ApiError::internal("a stream's offsets were expected"));
            };
            if let Some(stream) = streams.iter_mut().find(|stream| stream.name == name) {
                stream.partitions.push(Bounds { partition, first_offset, next_offset });
            }
        }
    }
    json_response(StatusCode::OK, to_json(&List { streams })?)
}

fn listed(def: &TableDef) -> Listed<'_> {
    let name_of = |&column: &usize| def.columns[column].name.as_str();
    let (key, topic) = match &def.kind {
        TableKind::Stream { key, topic } => (key.iter().map(name_of).collect(), topic.as_deref()),
        _ => (Vec::new(), None),
    };
    let columns = def.visible().iter();
    let columns =
        columns.map(|c| ListedColumn { name: &c.name, column_type: c.column_type.to_string() }).collect();
    let partition_column = def.partition_column.as_ref().map(name_of);
    Listed { name: &def.name, partition_column, key, topic, columns, partitions: Vec::new() }
}
