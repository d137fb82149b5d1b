//! Calls of the server's own procedures from a thread that may wait, each in a partition that is named.
//! Never knows: what they are for.

use crate::{
    call::PartitionId,
    gate::Refusal,
    node::{desk::By, shared::Shared},
    one_call::{self, OneCall},
    slices::{self, Wanted},
    wire::volt::{
        frame::{self, Frame},
        response::Response,
        status::Status,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Runtime;
use tollgate_schema::{
    catalog::TableId,
    codec::{ParamWriter, TableReader},
    store::StreamSlice,
};

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{procedure} in partition {partition}: {text}")]
    Failed { procedure: &'static str, partition: PartitionId, text: String },
    #[error("{procedure} in partition {partition} was not answered in {}s", ANSWER_MAX.as_secs())]
    Late { procedure: &'static str, partition: PartitionId },
    #[error("rows of stream {stream} in partition {partition} did not come in {}s", ANSWER_MAX.as_secs())]
    LateRows { stream: TableId, partition: PartitionId },
}

/// A partition that takes longer has a disk that hangs; the export says so and asks again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Makes the calls of one thread.
pub(super) struct Caller {
    pub(super) shared: Arc<Shared>,
    /// To wait for executors, or for a schema registry.
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
        let mut parameters = Vec::new();
        let mut writer = ParamWriter::new(&mut parameters);
        write(&mut writer);
        writer.finish();
        let call = OneCall {
            procedure: self.shared.gate.own_in_need(procedure),
            parameters,
            destination: Some(i32::from(partition)),
            identity: None,
            is_measured: false,
        };
        let pending = self.wait_for(call.submit(&self.shared, By::Owner))?;
        Ok(Pending { procedure, partition, pending })
    }

    /// Asks for rows of a stream.
    pub(super) fn rows(&self, wanted: Wanted) -> Result<PendingRows, CallError> {
        let Wanted { stream, partition, .. } = wanted;
        Ok(PendingRows { stream, partition, pending: slices::start(&self.shared, wanted, By::Owner)? })
    }

    /// Makes a call and waits for its answer.
    pub(super) fn call(
        &self,
        procedure: &'static str,
        partition: PartitionId,
        write: impl FnOnce(&mut ParamWriter<'_>),
    ) -> Result<Answer, CallError> {
        self.start(procedure, partition, write)?.wait(self)
    }
}

/// A call on its way.
pub(super) struct Pending {
    procedure: &'static str,
    partition: PartitionId,
    pending: one_call::Pending,
}

impl Pending {
    pub(super) fn wait(self, caller: &Caller) -> Result<Answer, CallError> {
        let Pending { procedure, partition, pending } = self;
        match caller.wait_for(async { tokio::time::timeout(ANSWER_MAX, pending.reply()).await }) {
            Ok(reply) => answer(procedure, partition, reply),
            Err(_) => Err(CallError::Late { procedure, partition }),
        }
    }

    /// The answer, if it is there.
    pub(super) fn poll(&mut self) -> Option<Result<Answer, CallError>> {
        self.pending.poll().map(|reply| answer(self.procedure, self.partition, reply))
    }
}

/// Rows on their way.
pub(super) struct PendingRows {
    stream: TableId,
    partition: PartitionId,
    pending: slices::Pending,
}

impl PendingRows {
    pub(super) fn wait(self, caller: &Caller) -> Result<StreamSlice, CallError> {
        let PendingRows { stream, partition, pending } = self;
        match caller.wait_for(async { tokio::time::timeout(ANSWER_MAX, pending.slice()).await }) {
            Ok(slice) => Ok(slice?),
            Err(_) => Err(CallError::LateRows { stream, partition }),
        }
    }
}

fn answer(
    procedure: &'static str,
    partition: PartitionId,
    reply: Result<one_call::Reply, Refusal>,
) -> Result<Answer, CallError> {
    let answer = Answer { frame: reply?.frame };
    let response = answer.response();
    if response.status == Status::Success {
        return Ok(answer);
    }
    let text = response.status_text.unwrap_or_default().to_string();
    Err(CallError::Failed { procedure, partition, text })
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
