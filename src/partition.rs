//! One partition: its rows, its raft group, the block that is being filled and the blocks that are on their
//! way.
//!
//! A state machine without IO: calls, log answers and messages come in, replies and what the replica wants
//! come out. The leader runs ahead of the commit, so:
//! - every reply, reads included, leaves only when the block its state came from is committed (invariant 1);
//! - undo is kept until then; a leader that loses its term rolls back to exactly the committed prefix
//!   (invariant 2);
//! - a reply waits on its (term, index): committed by a successor it is still sent, overwritten it becomes a
//!   definite "not applied";
//! - a new leader executes only after an entry of its own term is applied.
//!
//! Runs on: whatever thread is at the executor's desk.

use crate::{
    block::{self, Block},
    call::{Batch, Call, PartitionId},
    ends::{Ends, Grown, StreamEnds},
    expiry::{Expired, Expiry, Keep},
    limits,
    node::fingerprint::Fingerprints,
    replies::{Departures, Replies},
    session::{self, Done, Known},
    wire::volt::{
        response::{self, Tables},
        status::Status,
    },
};
mod feed;

use bytes::Bytes;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tollgate_cluster::{
    log::Membership,
    replica::{CommittedEntry, EntryKind, Position, Replica},
};
use tollgate_procedures::{Abort, Results, Tx, procedure::Code, registry::Registered, transaction::Decision};
use tollgate_schema::{
    catalog::{Catalog, TableId},
    store::{EffectError, Frozen, Mark, Scope, Store},
};

/// Why a partition cannot go on; the process ends, for going on would be to answer from a wrong state.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error("partition {partition}, log index {index}: {error}")]
    Block { partition: PartitionId, index: u64, error: block::BlockError },
    #[error("partition {partition}, log index {index}: {error}")]
    Effects { partition: PartitionId, index: u64, error: EffectError },
    #[error("partition {partition}: a peer sent a snapshot at {index}; this version cannot install one")]
    SnapshotFromPeer { partition: PartitionId, index: u64 },
    #[error(
        "partition {partition}, log index {index}: the block was written for another schema \
         (fingerprint {found:#010x}, this binary has {expected:#010x})"
    )]
    Catalog { partition: PartitionId, index: u64, found: u32, expected: u32 },
}

/// What became of a call, for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    Committed(Decision),
    /// It had been done before: the stored reply was given.
    Repeated,
    Aborted,
    Failed,
}

/// See the module.
pub struct Partition {
    pub id: PartitionId,
    pub replica: Replica,
    store: Store,
    catalog: Fingerprints,
    open: OpenBlock,
    pending: VecDeque<PendingBlock>,
    /// Undo reaches back to here: the end of the last committed block.
    committed: Mark,
    /// The store holds what `pending` and `open` say, beyond the committed prefix.
    ahead: bool,
    applied_index: u64,
    last_timestamp_us: i64,
    freezes: Vec<PendingFreeze>,
    expiry: Expiry,
    ends: Option<Ends>,
    /// Sessions kept here, at most.
    pub sessions_max: u64,
    /// Result tables of the call that runs.
    tables: Vec<u8>,
    /// Memory of a block that is done with.
    spare_block: Vec<u8>,
}

/// A block whose memory is kept; larger ones are rare.
const SPARE_BLOCK_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
struct OpenBlock {
    replies: Replies,
    transactions: u32,
}

struct PendingBlock {
    position: Position,
    end: Mark,
    /// Streams that it makes longer.
    grown: Grown,
    replies: Replies,
}

/// A view of the rows as they stand at a position of the log.
pub struct FrozenAt {
    pub partition: PartitionId,
    pub position: Position,
    pub timestamp_us: i64,
    pub members: Membership,
    pub rows: Frozen,
}

/// Takes a frozen view once it is committed.
pub type Publish = Arc<dyn Fn(FrozenAt) + Send + Sync>;

struct PendingFreeze {
    frozen: FrozenAt,
    publish: Publish,
}

impl Partition {
    /// `applied_index`, `timestamp_us`: where `store` stands (a snapshot's position, or 0).
    pub fn new(
        id: PartitionId,
        store: Store,
        replica: Replica,
        catalog: Fingerprints,
        applied_index: u64,
        timestamp_us: i64,
    ) -> Partition {
        let committed = store.mark();
        let expiry = Expiry::new(store.catalog());
        Partition {
            id,
            replica,
            store,
            catalog,
            open: OpenBlock::default(),
            pending: VecDeque::new(),
            committed,
            ahead: false,
            applied_index,
            last_timestamp_us: timestamp_us,
            freezes: Vec::new(),
            expiry,
            ends: None,
            sessions_max: limits::SESSIONS_MAX,
            tables: Vec::new(),
            spare_block: Vec::new(),
        }
    }

    /// Whether calls may run here now. Not while the rows lack what is on its way: blocks that were proposed,
    /// then rolled back, and may still be committed.
    pub fn serves(&self) -> bool {
        self.replica.ready_to_lead() && (self.ahead || self.pending.is_empty())
    }

    /// Whether this member alone decides: no other could know better.
    pub fn is_sole_voter(&self) -> bool {
        let members = self.replica.members();
        members.voters == [self.replica.member()] && members.voters_outgoing.is_empty()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// For transactions over all partitions; whoever takes it calls [`Partition::joined`] or rolls back.
    pub(crate) fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    pub fn applied_index(&self) -> u64 {
        self.applied_index
    }

    /// The next transaction's time: the clock's, but strictly increasing (invariant 5).
    pub(crate) fn next_timestamp_us(&mut self, now_us: i64) -> i64 {
        self.last_timestamp_us = now_us.max(self.last_timestamp_us + 1);
        self.last_timestamp_us
    }

    /// Runs one call and keeps its reply with the open block.
    pub fn run(&mut self, registered: &Registered, batch: &Batch, call: &Call, now_us: i64) -> Ran {
        if let Some(ran) = self.repeat(registered, batch, call) {
            return ran;
        }
        let timestamp_us = self.next_timestamp_us(now_us);
        let mark = self.store.mark();
        self.tables.clear();
        let outcome = self.execute(registered, batch.parameters(call), timestamp_us);
        let start = self.open.replies.bytes.len();
        let outcome = outcome.and_then(|(count, decision)| {
            let tables = Tables { count, bytes: &self.tables };
            response::write_success(&mut self.open.replies.bytes, call.handle, tables);
            if call.identity.is_none() {
                return Ok(decision);
            }
            let reply = self.open.replies.bytes.split_off(start);
            self.keep_session(registered, batch, call, &reply, timestamp_us)?;
            self.open.replies.bytes.extend_from_slice(&reply);
            Ok(decision)
        });
        let ran = match outcome {
            Ok(decision) => {
                let wrote = self.store.mark() != mark;
                self.open.transactions += u32::from(wrote);
                self.ahead |= wrote;
                Ran::Committed(decision)
            }
            Err(abort) => {
                self.store.rollback_to(mark);
                write_abort(&mut self.open.replies.bytes, call.handle, &abort, self.store.catalog())
            }
        };
        self.open.replies.close_frame(&batch.sink, batch.received_us);
        ran
    }

    /// Runs a procedure's code: how many result tables it left in `tables`, and what it decided. After an
    /// error its writes are still there, to be undone.
    #[inline]
    fn execute(
        &mut self,
        registered: &Registered,
        parameters: &[u8],
        timestamp_us: i64,
    ) -> Result<(u16, Decision), Abort> {
        let Code::Single(code) = &registered.procedure.code else {
            unreachable!("the front end sends only procedures of one partition here")
        };
        let mark = self.store.mark();
        self.store.guard(Scope::One);
        let mut tx = Tx::new(&mut self.store, registered.base, timestamp_us, timestamp_us as u64);
        let mut results = Results::new(&mut self.tables);
        // A panic is a bug of one procedure: it must not take the partition down with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| code(&mut tx, parameters, &mut results)));
        let (count, decision) = (results.tables(), tx.decision());
        let refused = self.store.unguard();
        match outcome {
            Ok(Ok(())) if registered.procedure.read_only && self.store.mark() != mark => {
                return Err(Abort::Internal("a read-only procedure wrote".to_string()));
            }
            Ok(outcome) => outcome?,
            Err(panic) => return Err(Abort::Internal(panic_text(&*panic))),
        }
        refused.map_or(Ok((count, decision)), |error| Err(Abort::Write(error)))
    }

    /// Answers a call that was done before, or whose identity another call has. What only reads may run
    /// again.
    #[inline]
    pub(crate) fn repeat(&mut self, registered: &Registered, batch: &Batch, call: &Call) -> Option<Ran> {
        let key = batch.identity(call).filter(|_| !registered.procedure.read_only)?;
        let replies = &mut self.open.replies;
        let ran = match session::find(&self.store, &registered.procedure.name, key, batch.parameters(call)) {
            Known::Nothing => return None,
            Known::Reply(reply) => {
                reply.write(&mut replies.bytes, call.handle);
                batch.sink.repeated(call.handle);
                Ran::Repeated
            }
            Known::OtherCall => {
                let status = Status::GracefulFailure;
                response::write_failure(&mut replies.bytes, call.handle, status, session::REUSED);
                Ran::Failed
            }
        };
        replies.close_frame(&batch.sink, batch.received_us);
        Some(ran)
    }

    /// Keeps the reply to a call that had an identity, as a part of its transaction.
    pub(crate) fn keep_session(
        &mut self,
        registered: &Registered,
        batch: &Batch,
        call: &Call,
        reply: &[u8],
        timestamp_us: i64,
    ) -> Result<(), Abort> {
        let Some(key) = batch.identity(call).filter(|_| !registered.procedure.read_only) else {
            return Ok(());
        };
        let (procedure, parameters) = (registered.procedure.name.as_str(), batch.parameters(call));
        let done = Done { procedure, key, parameters, timestamp_us };
        session::keep(&mut self.store, done, reply, self.sessions_max)
            .map_err(|error| Abort::Row(format!("the reply can't be kept for the idempotency key: {error}")))
    }

    /// Lets go what is old, a bounded number of rows, as a transaction of its own.
    pub fn expire(&mut self, now_us: i64, keep: &Keep) {
        if !self.serves() {
            return;
        }
        let mark = self.store.mark();
        self.expiry.run(&mut self.store, now_us.max(self.last_timestamp_us), keep);
        if self.store.mark() != mark {
            self.next_timestamp_us(now_us);
            self.joined();
        }
    }

    /// A transaction over several partitions changed rows here.
    pub(crate) fn joined(&mut self) {
        self.open.transactions += 1;
        self.ahead = true;
    }

    /// Where replies to calls that ran elsewhere on this partition's state wait with the open block.
    pub(crate) fn open_replies(&mut self) -> &mut Replies {
        &mut self.open.replies
    }

    /// Effects in the open block, in bytes.
    pub fn open_effect_bytes(&self) -> usize {
        self.store.effect_bytes()
    }

    /// Proposes the open block. Replies without effects leave with the block before them, or at once if all
    /// is committed and no other member could know better.
    pub fn cut(&mut self, departures: &mut Departures) {
        if self.open.transactions == 0 && self.open.replies.is_empty() {
            return;
        }
        if !self.serves() {
            self.refuse_open(departures);
            return;
        }
        if self.open.transactions == 0 && self.is_sole_voter() {
            let replies = self.reopen(departures).replies;
            match self.pending.back_mut() {
                Some(last) => last.replies.append(replies),
                None => departures.add(replies),
            }
            return;
        }
        let mut bytes = std::mem::take(&mut self.spare_block);
        block::begin(&mut bytes);
        self.store.drain_effects_into(&mut bytes);
        block::finish(&mut bytes, self.catalog.own(), self.last_timestamp_us, self.open.transactions);
        match self.replica.propose(Bytes::from(bytes)) {
            Ok(position) => {
                let OpenBlock { replies, .. } = self.reopen(departures);
                let (end, grown) = (self.store.mark(), self.grown());
                self.pending.push_back(PendingBlock { position, end, grown, replies });
            }
            // It was not appended anywhere: the state that came of it must go.
            Err(_) => self.step_down(departures),
        }
    }

    /// Begins the next open block and hands over this one.
    fn reopen(&mut self, departures: &mut Departures) -> OpenBlock {
        let next = OpenBlock { replies: departures.spare(), ..OpenBlock::default() };
        std::mem::replace(&mut self.open, next)
    }

    /// This member leads no longer (or never did): back to exactly the committed prefix (invariant 2).
    pub fn step_down(&mut self, departures: &mut Departures) {
        if self.ahead {
            self.store.rollback_to(self.committed);
            self.ahead = false;
        }
        self.freezes.clear();
        self.refuse_open(departures);
    }

    fn refuse_open(&mut self, departures: &mut Departures) {
        let open = std::mem::take(&mut self.open);
        assert!(open.transactions == 0 || !self.ahead, "effects without a leader were rolled back");
        let text = "not applied: this node does not lead the partition";
        departures.add(open.replies.failed(Status::ServerUnavailable, text));
    }

    /// An entry of the group's log is committed and durable.
    pub fn committed(&mut self, entry: CommittedEntry, departures: &mut Departures) -> Result<(), Fatal> {
        assert!(entry.position.index > self.applied_index, "entries are committed in order, once");
        self.applied_index = entry.position.index;
        if self.pending.front().is_some_and(|block| block.position == entry.position) {
            let block = self.pending.pop_front().expect("it is the front");
            if self.ahead {
                self.store.release_to(block.end);
                self.committed = block.end;
                self.ends.iter().for_each(|ends| ends.tell(&block.grown));
            } else {
                self.apply(&entry)?;
            }
            departures.add(block.replies);
        } else {
            self.overwrite(entry.position, departures);
            if entry.kind == EntryKind::Block {
                self.apply(&entry)?;
            }
        }
        if self.pending.is_empty() && self.open.transactions == 0 {
            self.ahead = false;
        }
        self.replica.applied_to(entry.position.index);
        self.reuse(entry.data);
        self.publish_freezes();
        Ok(())
    }

    /// Keeps the memory of a block that nobody needs any more for the next one.
    fn reuse(&mut self, block: Bytes) {
        if block.len() > self.spare_block.capacity()
            && block.len() <= SPARE_BLOCK_BYTES_MAX
            && block.is_unique()
        {
            self.spare_block = Vec::from(block);
        }
    }

    /// Another leader's entry stands where ours stood: what we proposed there will never be.
    fn overwrite(&mut self, position: Position, departures: &mut Departures) {
        while let Some(block) = self.pending.pop_front_if(|b| b.position.index <= position.index) {
            assert!(!self.ahead, "a leader's own entries are not overwritten while it leads");
            let text = "not applied: another node took over the partition before this was committed";
            departures.add(block.replies.failed(Status::ServerUnavailable, text));
        }
    }

    fn apply(&mut self, entry: &CommittedEntry) -> Result<(), Fatal> {
        let (partition, index) = (self.id, entry.position.index);
        let Block { catalog, timestamp_us, effects, .. } =
            block::decode(&entry.data).map_err(|error| Fatal::Block { partition, index, error })?;
        if !self.catalog.reads(catalog) {
            let expected = self.catalog.own();
            return Err(Fatal::Catalog { partition, index, found: catalog, expected });
        }
        self.store.apply(&effects).map_err(|error| Fatal::Effects { partition, index, error })?;
        self.last_timestamp_us = self.last_timestamp_us.max(timestamp_us);
        self.committed = self.store.mark();
        let grown = self.grown();
        self.ends.iter().for_each(|ends| ends.tell(&grown));
        Ok(())
    }

    /// Streams whose ends changed since this was last asked.
    fn grown(&mut self) -> Grown {
        let store = &self.store;
        self.ends.as_mut().map_or(Grown::new(), |ends| ends.grown(|stream| store.stream_bounds(stream).1))
    }

    /// From now on the committed ends of the streams are told there. Everything here must be committed.
    pub fn tell_ends(&mut self, shared: Arc<StreamEnds>) {
        assert!(!self.ahead && self.open.transactions == 0, "what is not committed is not told");
        self.ends = Some(Ends::new(shared, self.id));
        let grown = self.grown();
        self.ends.iter().for_each(|ends| ends.tell(&grown));
    }

    /// Freezes the rows as they stand now; `publish` is called once the block they stand at is committed
    /// (invariant 9). The open block must have been cut.
    pub fn freeze(&mut self, publish: Publish) {
        assert_eq!(self.open.transactions, 0, "a view stands at a block's end");
        let position = match self.pending.back() {
            Some(block) => block.position,
            None => Position { term: self.replica.term(), index: self.applied_index },
        };
        let (partition, timestamp_us) = (self.id, self.last_timestamp_us);
        let members = self.replica.members().clone();
        let frozen = FrozenAt { partition, position, timestamp_us, members, rows: self.store.freeze() };
        self.freezes.push(PendingFreeze { frozen, publish });
        self.publish_freezes();
    }

    fn publish_freezes(&mut self) {
        let applied = self.applied_index;
        for freeze in self.freezes.extract_if(.., |f| f.frozen.position.index <= applied) {
            (freeze.publish)(freeze.frozen);
        }
    }

    /// What expiry did to each table with a TTL, but for the server's own.
    pub fn expired(&self) -> impl Iterator<Item = Expired> {
        let catalog = self.store.catalog();
        self.expiry.expired().filter(|expired| !catalog.table(expired.table).is_internal())
    }

    /// First and next offset of each stream.
    pub fn streams(&self) -> Vec<(TableId, u64, u64)> {
        let tables = self.store.catalog().tables.iter().zip(0..);
        let streams = tables.filter(|(def, _)| def.is_stream());
        streams
            .map(|(_, id)| {
                let (first, next) = self.store.stream_bounds(id);
                (id, first, next)
            })
            .collect()
    }

    /// Whether the open block must be cut now, whatever the log is doing.
    pub fn is_full(&self) -> bool {
        self.open_effect_bytes() >= limits::BLOCK_EFFECT_BYTES_MAX
    }
}

/// Writes the reply to a call that was rolled back.
pub(crate) fn write_abort(out: &mut Vec<u8>, handle: i64, abort: &Abort, catalog: &Catalog) -> Ran {
    let (status, ran) = match abort {
        Abort::User(_) => (Status::UserAbort, Ran::Aborted),
        Abort::Parameter(_) | Abort::Write(_) | Abort::Row(_) => (Status::GracefulFailure, Ran::Failed),
        Abort::Internal(_) => (Status::UnexpectedFailure, Ran::Failed),
    };
    response::write_failure(out, handle, status, &abort_text(abort, catalog));
    ran
}

/// The text as VoltDB's clients know it: what kind of failure, then the reason.
fn abort_text(abort: &Abort, catalog: &Catalog) -> String {
    let kind = match abort {
        Abort::User(_) => "USER ABORT",
        Abort::Parameter(_) => "PARAMETER ERROR",
        Abort::Write(_) | Abort::Row(_) => "CONSTRAINT VIOLATION",
        Abort::Internal(_) => "UNEXPECTED FAILURE",
    };
    let reason = match abort {
        Abort::Write(error) => error.message(catalog),
        other => other.to_string(),
    };
    format!("VOLTDB ERROR: {kind}\n  {reason}")
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the procedure panicked: {}", text.unwrap_or("no message"))
}
