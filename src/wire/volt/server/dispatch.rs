//! What a call means: a procedure goes to the executor of its partition, a system procedure is answered here.

use super::{
    batch_call,
    call_sink::CallSink,
    parameters::{self, Adapted},
    system::{Front, SystemCalls},
    writer::ConnectionSink,
};
use crate::{
    call::{Batch, Call, Form},
    gate::Refusal,
    node::{connections::ConnectionFacts, desk::By, shared::Shared},
    wire::volt::{
        frame::{self, Frame},
        invocation::Invocation,
        response,
        status::Status,
    },
};
use bytes::BytesMut;
use std::{io, ops::Range, sync::Arc};
use tollgate_procedures::registry::ProcedureId;

/// Sorts the calls of one connection.
pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    sink: Arc<ConnectionSink>,
    /// Where replies of procedures go.
    call_sink: Arc<CallSink>,
    system: SystemCalls,
    /// The name looked up last: a connection mostly calls one procedure.
    last: Option<(Box<str>, ProcedureId)>,
    /// Calls of the read at hand, by executor.
    by_executor: Vec<Vec<Call>>,
}

impl Dispatcher {
    pub(super) fn new(
        front: Arc<Front>,
        sink: Arc<ConnectionSink>,
        facts: Arc<ConnectionFacts>,
    ) -> Dispatcher {
        let shared = front.shared.clone();
        let call_sink =
            Arc::new(CallSink { shared: shared.clone(), connection: sink.clone(), facts: facts.clone() });
        let system = SystemCalls::new(front, sink.clone(), facts);
        let by_executor = (0..shared.gate.executors()).map(|_| Vec::new()).collect();
        Dispatcher { shared, sink, call_sink, system, last: None, by_executor }
    }

    /// Takes whole frames, one after another; `by`: who is to run them. An error ends the connection: nobody
    /// can be told.
    pub(super) async fn dispatch(&mut self, mut bytes: BytesMut, by: By) -> io::Result<()> {
        let received_us = self.shared.monotonic_us();
        let mut sorted = Sorted::default();
        let mut rest = &bytes[..];
        while let Ok(Frame::Whole { body, rest: after }) = frame::split(rest) {
            rest = after;
            sorted.calls += 1;
            match Invocation::read(body) {
                Ok(call) if call.name.starts_with('@') && !self.is_registered(call.name) => {
                    sorted.system.push(range_in(&bytes, body))
                }
                Ok(call) if call.batch => sorted.batches.push(range_in(&bytes, body)),
                Ok(call) => self.procedure(&call, &bytes, &mut sorted),
                Err(error) => match error.handle {
                    Some(handle) => sorted.fail(handle, Status::UnexpectedFailure, &error.to_string()),
                    None => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
                },
            }
        }
        for (at, count) in &sorted.counts {
            bytes[*at..*at + 2].copy_from_slice(&count.to_be_bytes());
        }
        bytes.extend_from_slice(&sorted.appended);
        let bytes = bytes.freeze();
        self.sink.expect(sorted.calls);
        if !sorted.called.is_empty() {
            self.call_sink.facts.initiated.read(received_us, sorted.called);
        }
        if !sorted.failures.is_empty() {
            self.sink.answer(sorted.failures, sorted.failed);
        }
        for executor in 0..self.by_executor.len() {
            let calls = std::mem::take(&mut self.by_executor[executor]);
            if calls.is_empty() {
                continue;
            }
            // The next read will bring about as many.
            self.by_executor[executor].reserve(calls.len().min(1024));
            self.submit(
                executor,
                Batch { sink: self.call_sink.clone(), received_us, bytes: bytes.clone(), calls },
                by,
            )
            .await;
        }
        for call in sorted.batches {
            let body = &bytes[call.start as usize..call.end as usize];
            batch_call::make(&self.call_sink, body, received_us).await;
        }
        for call in sorted.system {
            let frame = bytes.slice(call.start as usize..call.end as usize);
            self.system.answer(frame, received_us);
        }
        Ok(())
    }

    /// Some system procedures are registered like any other: those that change rows.
    fn is_registered(&self, name: &str) -> bool {
        self.shared.gate.registry().find(name).is_some()
    }

    fn procedure(&mut self, call: &Invocation<'_>, bytes: &[u8], sorted: &mut Sorted) {
        let gate = &self.shared.gate;
        let admitted = match &self.last {
            Some((name, id)) if **name == *call.name && !gate.is_refusing() => Ok(*id),
            _ => gate.admit(call.name),
        };
        let id = match admitted {
            Ok(id) => id,
            Err(refusal) => return sorted.refuse(call.handle, &refusal),
        };
        if self.last.as_ref().is_none_or(|(name, _)| **name != *call.name) {
            self.last = Some((call.name.into(), id));
        }
        let mut parameters = range_in(bytes, call.params);
        let target = parameters::adapt(gate, id, call).map(|(target, adapted)| {
            match adapted {
                Adapted::AsSent => {}
                Adapted::From { bytes, count } => {
                    parameters.start += bytes;
                    sorted.counts.push((parameters.start as usize, count));
                }
                Adapted::Replaced(set) => {
                    let start = (bytes.len() + sorted.appended.len()) as u32;
                    parameters = start..start + set.len() as u32;
                    sorted.appended.extend_from_slice(&set);
                }
            }
            target
        });
        match target {
            Err(refusal) => {
                self.call_sink.facts.initiated.turned_away(id);
                sorted.refuse(call.handle, &refusal);
            }
            Ok(target) => {
                sorted.called(id);
                let call = Call {
                    handle: call.handle,
                    procedure: id,
                    target,
                    form: Form::Parameters,
                    parameters,
                    identity: None,
                };
                self.by_executor[gate.executor_of(&call)].push(call);
            }
        }
    }

    async fn submit(&self, executor: usize, batch: Batch, by: By) {
        let handles: Vec<i64> = match self.shared.gate.is_stopping() {
            true => batch.calls.iter().map(|call| call.handle).collect(),
            false => Vec::new(),
        };
        if let Err(refusal) = self.shared.gate.submit(executor, batch, by).await {
            let mut sorted = Sorted::default();
            handles.into_iter().for_each(|handle| sorted.refuse(handle, &refusal));
            self.sink.answer(sorted.failures, sorted.failed);
        }
    }
}

/// What one read brought besides calls for executors.
#[derive(Default)]
struct Sorted {
    calls: u32,
    /// Response frames of calls that failed at the door.
    failures: Vec<u8>,
    failed: u32,
    /// Bodies of calls of system procedures.
    system: Vec<Range<u32>>,
    /// Bodies of batch calls.
    batches: Vec<Range<u32>>,
    /// Calls for executors, by procedure.
    called: Vec<(ProcedureId, u32)>,
    /// Parameter counts to be written, and where.
    counts: Vec<(usize, i16)>,
    /// Parameter sets that take the place of some that came, behind what was read.
    appended: Vec<u8>,
}

impl Sorted {
    fn fail(&mut self, handle: i64, status: Status, text: &str) {
        response::write_failure(&mut self.failures, handle, status, text);
        self.failed += 1;
    }

    fn called(&mut self, procedure: ProcedureId) {
        match self.called.iter_mut().rev().find(|(known, _)| *known == procedure) {
            Some((_, count)) => *count += 1,
            None => self.called.push((procedure, 1)),
        }
    }

    #[cold]
    fn refuse(&mut self, handle: i64, refusal: &Refusal) {
        self.fail(handle, status_of(refusal), &refusal.to_string());
    }
}

/// Where a part of `whole` lies in it.
fn range_in(whole: &[u8], part: &[u8]) -> Range<u32> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    assert!(start + part.len() <= whole.len(), "a call's parameters lie in its batch");
    start as u32..(start + part.len()) as u32
}

/// How a refusal at the gate is told.
pub(crate) fn status_of(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::UnknownProcedure(_) => Status::UnexpectedFailure,
        Refusal::Parameter(_) | Refusal::NeedsDestination(_) | Refusal::NoSuchPartition(_) => {
            Status::GracefulFailure
        }
        Refusal::WritesRefused(_) | Refusal::NoLeader(_) | Refusal::Busy | Refusal::Stopping => {
            Status::ServerUnavailable
        }
    }
}
