//! Where the replies to a connection's calls of procedures go: to its writer, counted on the way for each procedure.

use super::{monotonic_us, writer::ConnectionSink};
use crate::{
    call::ReplySink,
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
    fn send(&self, frames: Vec<u8>, calls: u32, received_us: u64) {
        self.facts.initiated.answered(received_us, calls, monotonic_us(&self.shared));
        self.connection.send(frames, calls, received_us);
    }

    fn refused(&self, procedure: ProcedureId, aborted: bool) {
        self.facts.initiated.refused(procedure, aborted);
    }
}
