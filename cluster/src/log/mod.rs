//! The node log: one durable log for all raft groups of a node (docs/FORMAT.md, "Node log").
//!
//! In reading order: `batch` is what is appended, `format` how it looks on disk, `segment` the files,
//! `writer` appends and recycles, `recover` reads everything back at start, `view` shows one group's
//! part to raft, `inspect` is for people. It never knows what the data of an entry means.

mod batch;
mod error;
mod format;
mod index;
mod inspect;
mod ledger;
mod recover;
mod scan;
mod segment;
mod view;
mod writer;

pub use batch::{GroupAppend, LogBatch, LogStart, Membership};
pub use error::LogError;
pub use inspect::{EntrySummary, GroupSummary, LogReport, RecordSummary, SegmentSummary, inspect, verify};
pub use recover::{OpenedLog, RecoveredGroup, RecoveryReport, open};
pub(crate) use view::LogView;
pub use view::SnapshotMeta;
pub use writer::{Durability, LogConfig, LogStats, LogWriter, SpareMaker};
