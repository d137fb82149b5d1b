//! Committed rows of streams, handed out as they lie in their partition: to take them costs the partition a
//! pointer for each 64 rows, and whoever reads them does so on a thread of its own, as long as it likes. No
//! transaction, no reply. Never knows: what becomes of the rows.

use crate::{
    call::PartitionId,
    ends::StreamEnds,
    gate::Refusal,
    node::{desk::By, executor::Input, shared::Shared},
    partition::Partition,
};
use tokio::sync::oneshot;
use tollgate_schema::{catalog::TableId, store::StreamSlice};

/// Rows that are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) stream: TableId,
    pub(crate) partition: PartitionId,
    /// The first offset; of rows that are gone, the first that is kept.
    pub(crate) from: u64,
    /// About so many, but one row at least.
    pub(crate) bytes: usize,
}

/// What an executor is asked.
pub struct Request {
    wanted: Wanted,
    reply: oneshot::Sender<Result<StreamSlice, Refusal>>,
}

impl Request {
    pub(crate) fn partition(&self) -> PartitionId {
        self.wanted.partition
    }

    /// Rows that are not committed are seen by nobody, so the slice ends before them.
    pub(crate) fn answer(self, partition: Option<&Partition>, ends: &StreamEnds) {
        let Wanted { stream, partition: number, from, bytes } = self.wanted;
        let leads = partition.filter(|partition| partition.serves());
        let slice = leads
            .ok_or(Refusal::NoLeader(number))
            .map(|partition| partition.store().stream_slice(stream, from, ends.end(stream, number), bytes));
        // Whoever asked may have gone.
        let _ = self.reply.send(slice);
    }
}

/// Rows on their way.
pub(crate) struct Pending(oneshot::Receiver<Result<StreamSlice, Refusal>>);

/// Asks for rows. `by`: who is to get them from the partition.
pub(crate) fn start(shared: &Shared, wanted: Wanted, by: By) -> Result<Pending, Refusal> {
    let (reply, pending) = oneshot::channel();
    shared.gate.put(shared.gate.owner_of(wanted.partition), Input::Slice(Request { wanted, reply }), by)?;
    Ok(Pending(pending))
}

impl Pending {
    pub(crate) async fn slice(self) -> Result<StreamSlice, Refusal> {
        self.0.await.unwrap_or(Err(Refusal::Stopping))
    }
}

/// Asks for rows and waits for them.
pub(crate) async fn read(shared: &Shared, wanted: Wanted) -> Result<StreamSlice, Refusal> {
    start(shared, wanted, By::Helper)?.slice().await
}
