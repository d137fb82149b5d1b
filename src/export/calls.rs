//! Calls of the server's own procedures from a thread that may wait, each in a partition that is named.
//! Never knows: what they are for.

use crate::{
    call::{Arrival, Batch, Call, Form, PartitionId, ReplySink},
    gate::Refusal,
    node::{desk::By, shared::Shared},
    wire::volt::{
        frame::{self, Frame},
        response::Response,
        status::Status,
    },
};
use bytes::Bytes;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Runtime;
use tollgate_schema::codec::{ParamWriter, TableReader};

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{procedure} in partition {partition}: {text}")]
    Failed { procedure: &'static str, partition: PartitionId, text: String },
    #[error("{procedure} in partition {partition} was not answered in {}s", ANSWER_MAX.as_secs())]
    Late { procedure: &'static str, partition: PartitionId },
}

/// A partition that takes longer has a disk that hangs; the export says so and asks again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Makes the calls of one thread.
pub(super) struct Caller {
    pub(super) shared: Arc<Shared>,
    /// To wait for room in an executor's queue, or for a schema registry.
    runtime: Runtime,
}

impl Caller {
    pub(super) fn new(shared: Arc<Shared>) -> std::io::Result<Caller> {
        Ok(Caller { shared, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()? })
    }

    /// Waits for something that is not of librdkafka.
    pub(super) fn wait_for<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Hands a call over; waits only for room.
    pub(super) fn start(
        &self,
        procedure: &'static str,
        partition: PartitionId,
        write: impl FnOnce(&mut ParamWriter<'_>),
    ) -> Result<Pending, CallError> {
        let gate = &self.shared.gate;
        if gate.is_stopping() {
            return Err(Refusal::Stopping.into());
        }
        let mut bytes = Vec::new();
        let mut writer = ParamWriter::new(&mut bytes);
        write(&mut writer);
        writer.finish();
        let id = gate.own_in_need(procedure);
        let target = gate.target(id, &bytes, Some(i32::from(partition)))?;
        let parameters = 0..bytes.len() as u32;
        let call =
            Call { handle: 0, procedure: id, target, form: Form::Parameters, parameters, identity: None };
        let executor = gate.executor_of(&call);
        let (sender, frames) = bounded(1);
        let batch = Batch {
            sink: Arc::new(OneFrame { sender }),
            received_us: 0,
            bytes: Bytes::from(bytes),
            calls: vec![call],
        };
        self.wait_for(gate.submit(executor, batch, By::Owner))?;
        Ok(Pending { procedure, partition, frames })
    }

    /// Makes a call and waits for its answer.
    pub(super) fn call(
        &self,
        procedure: &'static str,
        partition: PartitionId,
        write: impl FnOnce(&mut ParamWriter<'_>),
    ) -> Result<Answer, CallError> {
        self.start(procedure, partition, write)?.wait()
    }
}

/// A call on its way.
pub(super) struct Pending {
    procedure: &'static str,
    partition: PartitionId,
    frames: Receiver<Vec<u8>>,
}

impl Pending {
    pub(super) fn wait(self) -> Result<Answer, CallError> {
        match self.frames.recv_timeout(ANSWER_MAX) {
            Ok(frame) => self.answer(frame),
            // Nobody drops a sink unanswered but a server that ends.
            Err(RecvTimeoutError::Disconnected) => Err(Refusal::Stopping.into()),
            Err(RecvTimeoutError::Timeout) => {
                Err(CallError::Late { procedure: self.procedure, partition: self.partition })
            }
        }
    }

    /// The answer, if it is there.
    pub(super) fn poll(&self) -> Option<Result<Answer, CallError>> {
        match self.frames.try_recv() {
            Ok(frame) => Some(self.answer(frame)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(Refusal::Stopping.into())),
        }
    }

    fn answer(&self, frame: Vec<u8>) -> Result<Answer, CallError> {
        let answer = Answer { frame };
        let response = answer.response();
        if response.status == Status::Success {
            return Ok(answer);
        }
        let text = response.status_text.unwrap_or_default().to_string();
        Err(CallError::Failed { procedure: self.procedure, partition: self.partition, text })
    }
}

/// The response frame of a call that succeeded.
pub(super) struct Answer {
    frame: Vec<u8>,
}

impl Answer {
    fn response(&self) -> Response<'_> {
        let Ok(Frame::Whole { body, .. }) = frame::split(&self.frame) else {
            panic!("our own frames are whole")
        };
        Response::read(body).expect("our own frames are well formed")
    }

    /// Its result tables.
    pub(super) fn tables(&self) -> Vec<TableReader<'_>> {
        let tables = self.response().tables;
        tables.iter().map(|table| table.expect("our own tables are well formed")).collect()
    }
}

/// Takes the reply of one call.
struct OneFrame {
    sender: Sender<Vec<u8>>,
}

impl ReplySink for OneFrame {
    fn send(&self, frames: Vec<u8>, _arrivals: &[Arrival]) {
        // Whoever waited may have gone.
        let _ = self.sender.try_send(frames);
    }
}
