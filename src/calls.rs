//! Calls of procedures that the server makes itself and waits for on a runtime: any number at once, each
//! executor's handed over together; the answers come when all of them are there.

use crate::{
    call::{Arrival, Batch, Call, Form, PartitionId, ReplySink, Target},
    clock,
    gate::Refusal,
    node::{desk::By, shared::Shared},
    wire::volt::{
        frame::{self, Frame},
        response::{self, Response},
        status::Status,
    },
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tollgate_procedures::registry::ProcedureId;
use tollgate_schema::{
    codec::{ParamWriter, TableReader},
    value::Value,
};

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{text}")]
    Failed { status: Status, text: String },
}

impl CallError {
    /// Whether the same call may succeed later: nothing was wrong with it.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            CallError::Refused(refusal) => {
                use Refusal::{Busy, NoLeader, Stopping, WritesRefused};
                matches!(refusal, WritesRefused(_) | NoLeader(_) | Busy | Stopping)
            }
            CallError::Failed { status, .. } => *status == Status::ServerUnavailable,
        }
    }
}

/// Calls that will be handed over together.
pub(crate) struct Calls<'a> {
    shared: &'a Arc<Shared>,
    bytes: Vec<u8>,
    by_executor: Vec<Vec<Call>>,
    count: usize,
}

impl<'a> Calls<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>) -> Calls<'a> {
        let by_executor = (0..shared.gate.executors()).map(|_| Vec::new()).collect();
        Calls { shared, bytes: Vec::new(), by_executor, count: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a call of one of the server's own procedures. `partition`: where a directed one runs. Its place
    /// among the answers.
    pub(crate) fn add(
        &mut self,
        name: &str,
        partition: Option<PartitionId>,
        write: impl FnOnce(&mut ParamWriter<'_>),
    ) -> Result<usize, Refusal> {
        let procedure = self.shared.gate.own(name)?;
        let start = self.bytes.len();
        let mut writer = ParamWriter::new(&mut self.bytes);
        write(&mut writer);
        writer.finish();
        let set = &self.bytes[start..];
        let target = self.shared.gate.target(procedure, set, partition.map(i32::from))?;
        Ok(self.put(procedure, target, Form::Parameters, start))
    }

    /// Makes room for so many bytes of calls at once.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Adds a feed of records for a procedure in one partition.
    pub(crate) fn add_feed(
        &mut self,
        procedure: ProcedureId,
        partition: PartitionId,
        feed: &[u8],
    ) -> Result<usize, Refusal> {
        let procedure = self.shared.gate.admit_id(procedure)?;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(feed);
        Ok(self.put(procedure, Target::Partition(partition), Form::Feed, start))
    }

    fn put(&mut self, procedure: ProcedureId, target: Target, form: Form, start: usize) -> usize {
        let place = self.count;
        self.count += 1;
        let parameters = start as u32..self.bytes.len() as u32;
        let call = Call { handle: place as i64, procedure, target, form, parameters, identity: None };
        self.by_executor[self.shared.gate.executor_of(&call)].push(call);
        place
    }

    /// Hands them over, in order; waits only for room.
    pub(crate) async fn submit(self) -> Result<Pending, Refusal> {
        let gate = &self.shared.gate;
        if gate.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let (sender, frames) = oneshot::channel();
        if self.count == 0 {
            let _ = sender.send(Vec::new());
            return Ok(Pending { frames, waited: Duration::ZERO });
        }
        let gathered = Gathered { frames: vec![None; self.count], left: self.count, sender: Some(sender) };
        let sink = Arc::new(Gather(Mutex::new(gathered)));
        let received_us = self.shared.monotonic_us();
        let before = clock::now();
        let bytes = Bytes::from(self.bytes);
        for (executor, calls) in self.by_executor.into_iter().enumerate() {
            if !calls.is_empty() {
                let batch = Batch { sink: sink.clone(), received_us, bytes: bytes.clone(), calls };
                gate.submit(executor, batch, By::Helper).await?;
            }
        }
        Ok(Pending { frames, waited: before.elapsed() })
    }

    /// Hands them over and waits for the answers.
    pub(crate) async fn run(self) -> Result<Vec<Answer>, CallError> {
        Ok(self.submit().await?.answers().await?)
    }
}

/// One call of one of the server's own procedures.
pub(crate) async fn one(
    shared: &Arc<Shared>,
    name: &str,
    partition: Option<PartitionId>,
    write: impl FnOnce(&mut ParamWriter<'_>),
) -> Result<Tables, CallError> {
    let mut calls = Calls::new(shared);
    calls.add(name, partition, write)?;
    let answers = calls.run().await?;
    answers.into_iter().next().expect("one call has one answer").tables()
}

/// Calls on their way.
pub(crate) struct Pending {
    frames: oneshot::Receiver<Vec<Vec<u8>>>,
    /// How long there was no room for them.
    pub(crate) waited: Duration,
}

impl Pending {
    /// By place.
    pub(crate) async fn answers(self) -> Result<Vec<Answer>, Refusal> {
        // Nobody drops a sink unanswered but a server that ends.
        let frames = self.frames.await.map_err(|_| Refusal::Stopping)?;
        Ok(frames.into_iter().map(Answer).collect())
    }
}

/// The response frame of one call.
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    /// Its result tables, if it succeeded.
    pub(crate) fn tables(self) -> Result<Tables, CallError> {
        let Ok(Frame::Whole { body, .. }) = frame::split(&self.0) else {
            panic!("our own frames are whole");
        };
        let response = Response::read(body).expect("our own frames are well formed");
        if response.status != Status::Success {
            let text = response.status_text.unwrap_or_default().to_string();
            return Err(CallError::Failed { status: response.status, text });
        }
        let start = response.tables.bytes.as_ptr() as usize - self.0.as_ptr() as usize;
        Ok(Tables { count: response.tables.count, start, frame: self.0 })
    }
}

/// The result tables of one call.
pub(crate) struct Tables {
    frame: Vec<u8>,
    start: usize,
    count: u16,
}

impl Tables {
    /// Reads them; they are of the server's own making.
    pub(crate) fn readers(&self) -> Vec<TableReader<'_>> {
        let tables = response::Tables { count: self.count, bytes: &self.frame[self.start..] };
        tables.iter().map(|table| table.expect("our own tables are well formed")).collect()
    }

    /// Where bytes that a reader gave lie in the frame.
    pub(crate) fn range_of(&self, bytes: &[u8]) -> Range<usize> {
        let start = bytes.as_ptr() as usize - self.frame.as_ptr() as usize;
        assert!(start + bytes.len() <= self.frame.len(), "bytes of this frame");
        start..start + bytes.len()
    }

    /// The whole reply, for whoever knows what lies where.
    pub(crate) fn into_frame(self) -> Vec<u8> {
        self.frame
    }

    /// All rows of one table.
    pub(crate) fn rows(&self, table: usize) -> Vec<Vec<Value>> {
        self.readers()[table].to_values().expect("our own tables are well formed")
    }

    /// The integers of the only row of a table.
    pub(crate) fn integers(&self, table: usize) -> Vec<i64> {
        let rows = self.rows(table);
        let [row] = &rows[..] else { panic!("one row was expected") };
        row.iter().map(integer).collect()
    }
}

/// An integer or a time; NULL is the smallest.
pub(crate) fn integer(value: &Value) -> i64 {
    match *value {
        Value::TinyInt(v) => i64::from(v),
        Value::SmallInt(v) => i64::from(v),
        Value::Integer(v) => i64::from(v),
        Value::BigInt(v) | Value::Timestamp(v) => v,
        Value::Null => i64::MIN,
        ref other => panic!("an integer was expected, not {other:?}"),
    }
}

/// A text.
pub(crate) fn text(value: &Value) -> &str {
    match value {
        Value::Varchar(text) => text,
        other => panic!("a text was expected, not {other:?}"),
    }
}

/// Bytes.
pub(crate) fn binary(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Varbinary(bytes) => Some(bytes),
        Value::Null => None,
        other => panic!("bytes were expected, not {other:?}"),
    }
}

/// Takes the answers to some calls: the handle of each is its place. How long they took is not counted: they
/// are parts of requests.
struct Gather(Mutex<Gathered>);

struct Gathered {
    frames: Vec<Option<Vec<u8>>>,
    left: usize,
    sender: Option<oneshot::Sender<Vec<Vec<u8>>>>,
}

impl Gathered {
    fn put(&mut self, handle: i64, frame: Vec<u8>) {
        let place = usize::try_from(handle).expect("a place");
        assert!(self.frames[place].replace(frame).is_none(), "call {place} was answered before");
        self.left -= 1;
    }
}

impl ReplySink for Gather {
    fn send(&self, frames: Vec<u8>, _arrivals: &[Arrival]) {
        let mut gathered = self.0.lock();
        let mut rest = &frames[..];
        let mut whole = None;
        while let Ok(Frame::Whole { body, rest: after }) = frame::split(rest) {
            let handle = body.get(1..9).expect("our own frames are whole");
            let handle = i64::from_be_bytes(handle.try_into().expect("eight bytes"));
            if after.is_empty() && rest.len() == frames.len() {
                whole = Some(handle);
            } else {
                gathered.put(handle, rest[..rest.len() - after.len()].to_vec());
            }
            rest = after;
        }
        if let Some(handle) = whole {
            gathered.put(handle, frames);
        }
        if gathered.left == 0
            && let Some(sender) = gathered.sender.take()
        {
            let frames = std::mem::take(&mut gathered.frames);
            // Whoever waited may have gone.
            let _ = sender.send(frames.into_iter().map(|frame| frame.expect("all are here")).collect());
        }
    }
}
