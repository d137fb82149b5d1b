//! A call on its way from a front end to the executor, and its reply on the way back. One batch holds what
//! one socket read brought; one reply message holds what one round of an executor released for a connection.

use bytes::Bytes;
use std::{ops::Range, sync::Arc};
use tollgate_procedures::registry::ProcedureId;

/// Position of a partition, from 0.
pub type PartitionId = u16;

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Partition(PartitionId),
    /// All partitions, one such call at a time.
    All,
}

/// What [`Call::parameters`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One parameter set.
    #[default]
    Parameters,
    /// A [feed](crate::feed): a call for each of its records.
    Feed,
}

/// One call. Its bytes lie in its batch.
#[derive(Clone, Debug)]
pub struct Call {
    /// Given back with the reply; the client's own over the Volt port.
    pub handle: i64,
    pub procedure: ProcedureId,
    pub target: Target,
    pub form: Form,
    /// The parameter set as it came, or a feed, in [`Batch::bytes`].
    pub parameters: Range<u32>,
    /// An idempotency key in [`Batch::bytes`]: the call runs once, a repetition gets the stored reply.
    pub identity: Option<Range<u32>>,
}

/// What one socket read brought.
pub struct Batch {
    pub sink: Arc<dyn ReplySink>,
    /// When it was read, on the front end's monotonic clock: handed back with the replies.
    pub received_us: u64,
    pub bytes: Bytes,
    pub calls: Vec<Call>,
}

impl Batch {
    /// A call's parameter set.
    #[inline]
    pub fn parameters(&self, call: &Call) -> &[u8] {
        &self.bytes[call.parameters.start as usize..call.parameters.end as usize]
    }

    /// A call's identity, if it has one.
    #[inline]
    pub fn identity(&self, call: &Call) -> Option<&[u8]> {
        let range = call.identity.as_ref()?;
        Some(&self.bytes[range.start as usize..range.end as usize])
    }
}

/// Calls that were read at one time, on the front end's monotonic clock, and are answered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub received_us: u64,
    pub calls: u32,
}

impl Arrival {
    /// One call.
    pub fn one(received_us: u64) -> Arrival {
        Arrival { received_us, calls: 1 }
    }
}

/// Where replies go. Called by executors; never blocks.
pub trait ReplySink: Send + Sync {
    /// Whole response frames, one after another (`wire::volt::response` is their form, over every front end),
    /// of the calls that `arrivals` counts, in any order.
    fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]);

    /// An empty buffer for the next frames, best one that was used before.
    fn buffer(&self) -> Vec<u8> {
        Vec::new()
    }

    /// A call of that procedure, whose reply will be sent, was undone: by its own decision (`aborted`) or for
    /// another reason.
    fn refused(&self, _procedure: ProcedureId, _aborted: bool) {}

    /// The call with that handle was done before; the reply that will be sent is the one that was stored
    /// then.
    fn repeated(&self, _handle: i64) {}
}
