//! Batch calls: one call whose only parameter is a table, each row of which holds the parameters of a call of
//! its own. Each is a transaction like any other and runs where its key belongs (a directed procedure: where
//! the caller says); the answer is one table with a row for each, in the order of the rows:
//!
//! | column | |
//! |---|---|
//! | `STATUS` TINYINT | as of a response |
//! | `STATUS_STRING` STRING | NULL for a success |
//! | `RESULTS` VARBINARY | the result tables; NULL for a failure |
//!
//! The tables are as a response has them: their number (2 bytes), then each with its length in front.

use super::{
    call_sink::CallSink,
    dispatch::status_of,
    parameters::{self, Adapted},
};
use crate::{
    call::{Arrival, Batch, Call, Form, ReplySink},
    gate::Refusal,
    limits,
    node::desk::By,
    wire::volt::{
        frame::{self, Frame},
        invocation::Invocation,
        response::{self, Response, Tables},
        status::Status,
    },
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tollgate_procedures::registry::ProcedureId;
use tollgate_schema::{
    codec::{ParamReader, ParamWriter, RawParam, TableHeader, TableReader, TableWriter},
    types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT},
};

/// Makes the calls of a batch call; the answer goes to the connection when the last of them is answered.
/// `body`: the frame's, read before.
pub(super) async fn make(sink: &Arc<CallSink>, body: &[u8], received_us: u64) {
    let Ok(call) = Invocation::read(body) else { return };
    let refuse = |status: Status, text: &str| {
        let mut frame = Vec::new();
        response::write_failure(&mut frame, call.handle, status, text);
        sink.connection.send(frame, &[Arrival::one(received_us)]);
    };
    let gate = &sink.shared.gate;
    let id = match gate.admit(call.name) {
        Ok(id) => id,
        Err(refusal) => return refuse(status_of(&refusal), &refusal.to_string()),
    };
    let rows = match parameter_sets(call.params) {
        Ok(rows) => rows,
        Err(text) => return refuse(Status::GracefulFailure, &text),
    };
    let count = rows.len();
    sink.facts.initiated.read(received_us, vec![(id, count as u32)]);
    let gather = Arc::new(Gather {
        sink: sink.clone(),
        handle: call.handle,
        received_us,
        answers: Mutex::new(Answers { rows: vec![None; count], waiting: count }),
    });
    if count == 0 {
        return gather.finish(Vec::new());
    }
    for (executor, (bytes, calls)) in sort(&gather, id, &call, rows).into_iter().enumerate() {
        if calls.is_empty() {
            continue;
        }
        let handles: Vec<i64> = calls.iter().map(|call| call.handle).collect();
        let batch = Batch { sink: gather.clone(), received_us, bytes: Bytes::from(bytes), calls };
        if let Err(refusal) = gate.submit(executor, batch, By::Owner).await {
            handles.into_iter().for_each(|row| gather.turned_away(row, &refusal));
        }
    }
}

/// A parameter set for each row of the table, or why it is no batch call.
fn parameter_sets(params: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let malformed = |error: &dyn std::fmt::Display| format!("a batch call's table cannot be read: {error}");
    let mut reader = ParamReader::new(params).map_err(|error| malformed(&error))?;
    let only = reader.next_param().map_err(|error| malformed(&error))?;
    let (Some(RawParam::Table(table)), 1) = (only, reader.total()) else {
        return Err("a batch call has one parameter, a table of the calls' parameters".to_string());
    };
    let table = TableReader::new(table).map_err(|error| malformed(&error))?;
    if table.row_count() > limits::BATCH_CALLS_MAX {
        let (rows, max) = (table.row_count(), limits::BATCH_CALLS_MAX);
        return Err(format!("a batch call has at most {max} rows, this one has {rows}"));
    }
    let set = |row: Result<_, _>| -> Result<Vec<u8>, String> {
        let row: tollgate_schema::codec::RowReader<'_> = row.map_err(|error| malformed(&error))?;
        let mut bytes = Vec::new();
        let mut writer = ParamWriter::new(&mut bytes);
        for value in row.to_values().map_err(|error| malformed(&error))? {
            writer.put_value(&value);
        }
        writer.finish();
        Ok(bytes)
    };
    table.rows().map(set).collect()
}

/// The calls for each executor, in their bytes; what is refused at the door is answered.
fn sort(
    gather: &Gather,
    id: ProcedureId,
    batch: &Invocation<'_>,
    rows: Vec<Vec<u8>>,
) -> Vec<(Vec<u8>, Vec<Call>)> {
    let gate = &gather.sink.shared.gate;
    let mut by_executor: Vec<(Vec<u8>, Vec<Call>)> = vec![Default::default(); gate.executors()];
    for (mut set, handle) in rows.into_iter().zip(0..) {
        // The key in each row is the row's own: none is given another.
        let one = Invocation { params: &set, all_partitions: false, ..*batch };
        match parameters::adapt(gate, id, &one) {
            Err(refusal) => gather.turned_away(handle, &refusal),
            Ok((target, adapted)) => {
                if let Adapted::From { bytes, count } = adapted {
                    set.drain(..bytes as usize);
                    set[..2].copy_from_slice(&count.to_be_bytes());
                }
                let call = Call {
                    handle,
                    procedure: id,
                    target,
                    form: Form::Parameters,
                    parameters: 0..0,
                    identity: None,
                };
                let (bytes, calls) = &mut by_executor[gate.executor_of(&call)];
                let start = bytes.len() as u32;
                bytes.extend_from_slice(&set);
                calls.push(Call { parameters: start..bytes.len() as u32, ..call });
            }
        }
    }
    by_executor
}

/// Takes the replies to the calls of one batch call: the handle of each is its row's number.
struct Gather {
    sink: Arc<CallSink>,
    handle: i64,
    received_us: u64,
    answers: Mutex<Answers>,
}

struct Answers {
    rows: Vec<Option<Answer>>,
    waiting: usize,
}

#[derive(Clone, Debug)]
struct Answer {
    status: Status,
    text: Option<String>,
    /// The number of tables, then the tables.
    tables: Vec<u8>,
}

impl Gather {
    fn turned_away(&self, row: i64, refusal: &Refusal) {
        let mut frame = Vec::new();
        response::write_failure(&mut frame, row, status_of(refusal), &refusal.to_string());
        self.take(&frame);
    }

    /// Response frames; the last one that was waited for ends the batch call.
    fn take(&self, mut frames: &[u8]) {
        let mut answers = self.answers.lock();
        while let Ok(Frame::Whole { body, rest }) = frame::split(frames) {
            frames = rest;
            let response = Response::read(body).expect("our own frames are well formed");
            let row = usize::try_from(response.handle).expect("a row's number");
            let answer = Answer {
                status: response.status,
                text: response.status_text.map(str::to_string),
                tables: [&response.tables.count.to_be_bytes(), response.tables.bytes].concat(),
            };
            assert!(answers.rows[row].replace(answer).is_none(), "row {row} was answered before");
            answers.waiting -= 1;
        }
        if answers.waiting == 0 {
            let rows = std::mem::take(&mut answers.rows);
            drop(answers);
            self.finish(rows.into_iter().map(|answer| answer.expect("every row is answered")).collect());
        }
    }

    fn finish(&self, answers: Vec<Answer>) {
        let header = TableHeader::new([
            ("STATUS", Type::TinyInt),
            ("STATUS_STRING", VARCHAR_DEFAULT),
            ("RESULTS", Type::Varbinary { max: VALUE_BYTES_MAX }),
        ]);
        let mut bytes = Vec::new();
        let mut table = TableWriter::new(&mut bytes, &header);
        for answer in &answers {
            table.row(|row| {
                row.put_i8(answer.status.code());
                match &answer.text {
                    Some(text) => row.put_str(text),
                    None => row.put_null(),
                };
                if answer.status == Status::Success {
                    row.put_bytes(&answer.tables);
                } else {
                    row.put_null();
                }
            });
        }
        table.finish();
        let mut frame = Vec::new();
        response::write_success(&mut frame, self.handle, Tables { count: 1, bytes: &bytes });
        let now_us = self.sink.shared.monotonic_us();
        let calls = answers.len() as u32;
        self.sink.facts.initiated.answered(&[Arrival { received_us: self.received_us, calls }], now_us);
        self.sink.connection.send(frame, &[Arrival::one(self.received_us)]);
    }
}

impl ReplySink for Gather {
    fn send(&self, frames: Vec<u8>, _arrivals: &[Arrival]) {
        self.take(&frames);
    }

    fn refused(&self, procedure: ProcedureId, aborted: bool) {
        self.sink.refused(procedure, aborted);
    }
}
