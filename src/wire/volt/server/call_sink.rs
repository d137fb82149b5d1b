//! Where the replies to a connection's calls of procedures go: to its writer, counted on the way for each
//! procedure.

use super::writer::ConnectionSink;
use crate::{
    call::{Arrival, ReplySink},
    node::{connections::ConnectionFacts, shared::Shared},
};
use std::sync::Arc;
use tollgate_procedures::registry::ProcedureId;

/// See the module.
pub(super) struct CallSink {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: Arc<ConnectionSink>,
    pub(super) facts: Arc<ConnectionFacts>,
}

impl ReplySink for CallSink {
    fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]) {
        let now_us = self.shared.monotonic_us();
        self.facts.initiated.answered(arrivals, now_us);
        self.connection.send_at(frames, arrivals, now_us);
    }

    fn buffer(&self) -> Vec<u8> {
        self.connection.buffer()
    }

    fn refused(&self, procedure: ProcedureId, aborted: bool) {
        self.facts.initiated.refused(procedure, aborted);
    }
}
