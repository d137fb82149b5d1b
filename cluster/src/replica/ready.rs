//! Turning what raft wants done into an [`Outbox`], in the order that keeps its promises.
//!
//! Raft hands out numbered "readies". What promises something durable waits for the append of its ready; the
//! rest leaves at once.

use bytes::Bytes;
use protobuf::Message as _;
use raft::eraftpb::{ConfChangeV2, Entry, EntryType};
use raft::{ReadState, Ready};

use super::outbox::{CommittedEntry, EntryKind, Outbox, Position, ReadReady, RoleChange, SnapshotToInstall};
use super::outstanding::Unpersisted;
use super::{RaftMessage, Replica, message, start};
use crate::log::{GroupAppend, LogStart, Membership};

impl Replica {
    /// Adds to `out` what is to be done. Returns false when there is nothing more; call it until then after
    /// any other call.
    pub fn poll(&mut self, out: &mut Outbox) -> bool {
        let mut progress = self.release(out);
        if self.node.has_ready() {
            let ready = self.node.ready();
            self.take_ready(ready, out);
            progress = true;
        } else if let Some(start) = self.new_start.take() {
            out.appends.push(self.append_of(0, Some(start), Vec::new()));
            progress = true;
        }
        self.report_role(out);
        progress
    }

    /// Hands out what waited for the disk.
    fn release(&mut self, out: &mut Outbox) -> bool {
        if self.released.messages.is_empty() && self.released.committed.is_empty() {
            return false;
        }
        out.messages.extend(self.released.messages.drain(..).map(RaftMessage));
        let committed = std::mem::take(&mut self.released.committed);
        self.hand_out(committed, out);
        true
    }

    fn take_ready(&mut self, mut ready: Ready, out: &mut Outbox) {
        let number = ready.number();
        let mut snapshot_index = None;
        if !ready.snapshot().is_empty() {
            snapshot_index = Some(self.take_snapshot(&ready, out));
        }
        out.reads.extend(ready.take_read_states().iter().map(read_ready));
        if let Some(hard_state) = ready.hs() {
            self.node.mut_store().set_hard_state(hard_state.clone());
        }
        let entries = ready.take_entries();
        self.appended_bytes += entries.iter().map(|entry| entry.data.len() as u64).sum::<u64>();
        self.node.mut_store().append(entries.iter().cloned());
        let committed = ready.take_committed_entries();
        let messages = ready.take_messages();
        let persisted_messages = ready.take_persisted_messages();
        // The new members may decide by themselves from the moment a change is in force, so a restart must
        // not forget that it was committed: its commit index goes to the disk first.
        let first_change = committed.iter().position(|entry| entry.entry_type != EntryType::EntryNormal);
        let must_append = ready.must_sync() || first_change.is_some() || self.new_start.is_some();
        self.node.advance_append_async(ready);

        if must_append {
            let start = self.new_start.take();
            out.appends.push(self.append_of(number, start, entries));
            self.outstanding.push(Unpersisted {
                number,
                up_to: number,
                snapshot_index,
                ..Unpersisted::default()
            });
        }
        let hold_committed = self.outstanding.holds_committed();
        let hold_messages = self.vote_unpersisted.is_some();
        let Some(last) = self.outstanding.last_mut() else {
            self.node.on_persist_ready(number);
            out.messages.extend(messages.into_iter().chain(persisted_messages).map(RaftMessage));
            self.hand_out(committed, out);
            return;
        };
        last.up_to = number;
        last.messages.extend(persisted_messages);
        if hold_messages {
            // A lone voter leads before its vote is durable; what it sends to learners must not outrun that.
            last.messages.extend(messages);
        } else {
            out.messages.extend(messages.into_iter().map(RaftMessage));
        }
        let mut now = committed;
        if hold_committed {
            last.committed.append(&mut now);
        } else if let Some(first) = first_change {
            last.committed = now.split_off(first);
        }
        self.hand_out(now, out);
    }

    /// A snapshot replaces the log: everything before is void.
    fn take_snapshot(&mut self, ready: &Ready, out: &mut Outbox) -> u64 {
        let snapshot = ready.snapshot();
        let meta = message::snapshot_meta(snapshot.get_metadata());
        self.node.mut_store().reset(&meta);
        self.new_start = Some(start::start_at(&meta));
        self.members = meta.members.clone();
        self.outstanding.drop_committed(); // all of it is in the snapshot
        self.released.committed.clear();
        let index = meta.index;
        out.snapshot_to_install = Some(SnapshotToInstall { meta, manifest: snapshot.data.clone() });
        index
    }

    /// The part of the node's next record; always with the hard state, which so never needs a record of its
    /// own for a commit index.
    fn append_of(&mut self, number: u64, start: Option<LogStart>, entries: Vec<Entry>) -> GroupAppend {
        let hard_state = self.node.store().hard_state().clone();
        if self.logged_vote != (hard_state.term, hard_state.vote) {
            self.logged_vote = (hard_state.term, hard_state.vote);
            self.vote_unpersisted = Some(number);
        }
        GroupAppend { group: self.group, ready_number: number, start, entries, hard_state: Some(hard_state) }
    }

    fn hand_out(&mut self, committed: Vec<Entry>, out: &mut Outbox) {
        out.committed.reserve(committed.len());
        for entry in committed {
            let position = Position { term: entry.term, index: entry.index };
            let entry = match entry.entry_type {
                EntryType::EntryNormal if entry.data.is_empty() => {
                    CommittedEntry { position, data: Bytes::new(), kind: EntryKind::Empty }
                }
                EntryType::EntryNormal => {
                    CommittedEntry { position, data: entry.data, kind: EntryKind::Block }
                }
                EntryType::EntryConfChangeV2 | EntryType::EntryConfChange => {
                    self.change_members(&entry.data);
                    CommittedEntry {
                        position,
                        data: Bytes::new(),
                        kind: EntryKind::Members(self.members.clone()),
                    }
                }
            };
            out.committed.push(entry);
        }
    }

    /// Puts a committed change of members in force. One that makes no sense (every member sees the same one,
    /// and judges it the same way) changes nothing.
    fn change_members(&mut self, data: &[u8]) {
        let mut change = ConfChangeV2::default();
        if change.merge_from_bytes(data).is_err() {
            return;
        }
        if let Ok(conf_state) = self.node.apply_conf_change(&change) {
            self.members = Membership::from_conf_state(&conf_state);
        }
    }

    fn report_role(&mut self, out: &mut Outbox) {
        let leads = self.is_leader().then(|| self.term());
        if leads == self.reported_leader_term {
            return;
        }
        if let Some(term) = self.reported_leader_term {
            out.role_changes.push(RoleChange::SteppedDown { term });
        }
        if let Some(term) = leads {
            out.role_changes.push(RoleChange::BecameLeader { term });
        }
        self.reported_leader_term = leads;
    }
}

fn read_ready(state: &ReadState) -> ReadReady {
    let context =
        state.request_ctx.as_slice().try_into().expect("read_index made the context of eight bytes");
    ReadReady { context: u64::from_le_bytes(context), index: state.index }
}
