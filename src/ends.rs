//! Where each stream ends, as far as it is committed: told by the partitions, waited for by readers that have
//! read all there is. Never knows: rows, who reads.
//!
//! Runs on: whatever thread is at an executor's desk tells, net threads look and wait.

use crate::call::PartitionId;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::futures::Notified;
use tollgate_schema::catalog::{Catalog, TableId};

/// See the module.
pub struct StreamEnds {
    streams: Vec<Stream>,
    partitions: usize,
}

struct Stream {
    id: TableId,
    /// By partition.
    ends: Vec<AtomicU64>,
    changed: tokio::sync::Notify,
}

impl StreamEnds {
    pub fn new(catalog: &Catalog, partitions: u16) -> StreamEnds {
        let partitions = usize::from(partitions);
        let ids = catalog.tables.iter().zip(0..).filter(|(def, _)| def.is_stream()).map(|(_, id)| id);
        let stream = |id| Stream {
            id,
            ends: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
            changed: tokio::sync::Notify::new(),
        };
        StreamEnds { streams: ids.map(stream).collect(), partitions }
    }

    fn stream(&self, id: TableId) -> &Stream {
        self.streams.iter().find(|stream| stream.id == id).expect("a stream of the catalogue")
    }

    /// The offset that the stream's next row will get, once all that is committed is counted.
    pub fn end(&self, stream: TableId, partition: PartitionId) -> u64 {
        self.stream(stream).ends[usize::from(partition)].load(Ordering::Acquire)
    }

    /// Ends when the stream has grown in any partition after this was made and polled or enabled.
    pub fn grown(&self, stream: TableId) -> Notified<'_> {
        self.stream(stream).changed.notified()
    }

    fn tell(&self, place: usize, partition: PartitionId, end: u64) {
        let stream = &self.streams[place];
        if stream.ends[usize::from(partition)].swap(end, Ordering::AcqRel) != end {
            stream.changed.notify_waiters();
        }
    }
}

/// What one partition knows of its streams' ends.
pub(crate) struct Ends {
    shared: std::sync::Arc<StreamEnds>,
    partition: PartitionId,
    /// As they were when a block was last cut.
    seen: Vec<u64>,
}

/// Streams that a block made longer: their place and their end behind it.
pub(crate) type Grown = Vec<(usize, u64)>;

impl Ends {
    pub(crate) fn new(shared: std::sync::Arc<StreamEnds>, partition: PartitionId) -> Ends {
        assert!(usize::from(partition) < shared.partitions, "partition {partition} is told of");
        let seen = vec![0; shared.streams.len()];
        Ends { shared, partition, seen }
    }

    /// What has grown since the last time.
    pub(crate) fn grown(&mut self, end_of: impl Fn(TableId) -> u64) -> Grown {
        let mut grown = Grown::new();
        for (place, stream) in self.shared.streams.iter().enumerate() {
            let end = end_of(stream.id);
            if end != self.seen[place] {
                self.seen[place] = end;
                grown.push((place, end));
            }
        }
        grown
    }

    /// That much is committed.
    pub(crate) fn tell(&self, grown: &Grown) {
        grown.iter().for_each(|&(place, end)| self.shared.tell(place, self.partition, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tollgate_schema::ddl;

    #[tokio::test]
    async fn a_waiter_is_told_when_its_stream_has_grown() {
        let catalog = ddl::parse("CREATE STREAM a (x INTEGER); CREATE STREAM b (x INTEGER);").unwrap();
        let shared = Arc::new(StreamEnds::new(&catalog, 2));
        let mut ends = Ends::new(shared.clone(), 1);
        let mut waiting = Box::pin(shared.grown(0));
        waiting.as_mut().enable();
        let grown = ends.grown(|stream| if stream == 0 { 3 } else { 0 });
        assert_eq!(shared.end(0, 1), 0, "nothing is committed yet");
        ends.tell(&grown);
        waiting.await;
        assert_eq!([shared.end(0, 0), shared.end(0, 1), shared.end(1, 1)], [0, 3, 0]);
        assert!(ends.grown(|stream| if stream == 0 { 3 } else { 0 }).is_empty(), "it is known");
        assert_eq!(ends.grown(|_| 2).len(), 2, "an end that went back is told, too");
    }
}
