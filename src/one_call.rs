//! A call that is made alone, and its reply, for whoever waits for it. Never knows: what is in the frames,
//! how long its caller waits.

use crate::{
    call::{Arrival, Batch, Call, Form, ReplySink},
    gate::Refusal,
    node::{desk::By, shared::Shared},
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::oneshot;
use tollgate_procedures::registry::ProcedureId;

/// What is to be called.
pub(crate) struct OneCall<'a> {
    /// Admitted by the gate.
    pub(crate) procedure: ProcedureId,
    /// The parameter set.
    pub(crate) parameters: Vec<u8>,
    /// The partition that the caller names.
    pub(crate) destination: Option<i32>,
    /// An idempotency key.
    pub(crate) identity: Option<&'a [u8]>,
    /// How long it took is counted: it is no part of another call.
    pub(crate) is_measured: bool,
}

/// A call on its way.
pub(crate) struct Pending(oneshot::Receiver<Reply>);

/// The answer to a call.
pub(crate) struct Reply {
    /// A response frame.
    pub(crate) frame: Vec<u8>,
    /// It was stored when the call was done; this time nothing was.
    pub(crate) is_repeated: bool,
}

impl OneCall<'_> {
    /// Hands it over; waits only for room in its executor's queue.
    pub(crate) async fn submit(self, shared: &Arc<Shared>, by: By) -> Result<Pending, Refusal> {
        let gate = &shared.gate;
        if gate.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let target = gate.target(self.procedure, &self.parameters, self.destination)?;
        let mut bytes = self.parameters;
        let parameters = 0..bytes.len() as u32;
        let identity = self.identity.map(|identity| {
            bytes.extend_from_slice(identity);
            parameters.end..bytes.len() as u32
        });
        let procedure = self.procedure;
        let call = Call { handle: 0, procedure, target, form: Form::Parameters, parameters, identity };
        let executor = gate.executor_of(&call);
        let (sender, reply) = oneshot::channel();
        let measured_by = self.is_measured.then(|| shared.clone());
        let sink =
            Sink { sender: Mutex::new(Some(sender)), is_repeated: AtomicBool::new(false), measured_by };
        let received_us = shared.monotonic_us();
        let batch = Batch { sink: Arc::new(sink), received_us, bytes: Bytes::from(bytes), calls: vec![call] };
        gate.submit(executor, batch, by).await?;
        Ok(Pending(reply))
    }
}

impl Pending {
    pub(crate) async fn reply(self) -> Result<Reply, Refusal> {
        // Nobody drops a sink unanswered but a server that ends.
        self.0.await.map_err(|_| Refusal::Stopping)
    }

    /// The reply, if it is there.
    pub(crate) fn poll(&mut self) -> Option<Result<Reply, Refusal>> {
        match self.0.try_recv() {
            Ok(reply) => Some(Ok(reply)),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(Refusal::Stopping)),
        }
    }
}

/// Takes the reply.
struct Sink {
    sender: Mutex<Option<oneshot::Sender<Reply>>>,
    is_repeated: AtomicBool,
    measured_by: Option<Arc<Shared>>,
}

impl ReplySink for Sink {
    fn send(&self, frame: Vec<u8>, arrivals: &[Arrival]) {
        assert!(matches!(arrivals, [Arrival { calls: 1, .. }]), "one call was sent, not {arrivals:?}");
        if let Some(shared) = &self.measured_by {
            shared.latency.record(arrivals, shared.monotonic_us());
        }
        if let Some(sender) = self.sender.lock().take() {
            // Whoever waited may have gone.
            let _ = sender.send(Reply { frame, is_repeated: self.is_repeated.load(Ordering::Acquire) });
        }
    }

    fn repeated(&self, _handle: i64) {
        self.is_repeated.store(true, Ordering::Release);
    }
}
