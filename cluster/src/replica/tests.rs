//! The driver's rules one by one, on members that stand side by side without a network between them.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::disk::{FaultyDisk, Keep};
use crate::log::{LogBatch, LogConfig, LogWriter, RecoveredGroup, open};

const GROUP: u32 = 3;

/// A member whose disk is as slow as the test wants.
struct Peer {
    replica: Replica,
    writer: LogWriter,
    disk: FaultyDisk,
    out: Outbox,
    applied: Vec<CommittedEntry>,
}

fn open_log(disk: &FaultyDisk) -> (LogWriter, RecoveredGroup) {
    let config = LogConfig { segment_bytes: 1 << 16, spares_at_open: 0, ..LogConfig::default() };
    let mut opened = open(Arc::new(disk.clone()), Path::new("log"), config).unwrap();
    let recovered = opened.take_group(GROUP);
    (opened.writer, recovered)
}

impl Peer {
    fn of(config: &GroupConfig, disk: FaultyDisk) -> Self {
        let (writer, recovered) = open_log(&disk);
        let replica = Replica::new(config, recovered, None, config.member).unwrap();
        Self { replica, writer, disk, out: Outbox::default(), applied: Vec::new() }
    }

    fn new(member: u64, voters: &[u64]) -> Self {
        Self::of(&GroupConfig::new(GROUP, member, voters.to_vec()), FaultyDisk::new(member))
    }

    /// Polls and applies, but writes nothing.
    fn poll(&mut self) {
        while self.replica.poll(&mut self.out) {}
        for entry in self.out.committed.drain(..) {
            self.replica.applied_to(entry.position.index);
            self.applied.push(entry);
        }
    }

    /// Lets the disk catch up.
    fn write(&mut self) {
        while !self.out.appends.is_empty() {
            let groups = std::mem::take(&mut self.out.appends);
            let last = groups.iter().map(|part| part.ready_number).max().unwrap();
            self.writer.append(&LogBatch { groups }).unwrap();
            self.replica.persisted(last);
            self.poll();
        }
    }

    fn settle(&mut self) {
        self.poll();
        self.write();
    }

    fn blocks(&self) -> Vec<&[u8]> {
        self.applied
            .iter()
            .filter(|entry| entry.kind == EntryKind::Block)
            .map(|entry| &entry.data[..])
            .collect()
    }
}

/// Delivers all messages until there are none.
fn exchange(peers: &mut [Peer]) {
    loop {
        let mut messages = Vec::new();
        for peer in peers.iter_mut() {
            peer.settle();
            messages.append(&mut peer.out.messages);
        }
        if messages.is_empty() {
            return;
        }
        for message in messages {
            let from = message.from();
            let to = message.to();
            let is_snapshot = message.snapshot().is_some();
            if let Some(receiver) = peers.iter_mut().find(|peer| peer.replica.member() == to) {
                receiver.replica.step(message).unwrap();
            }
            if let Some(sender) = peers.iter_mut().find(|peer| peer.replica.member() == from && is_snapshot) {
                sender.replica.report_snapshot(to, true);
            }
        }
    }
}

/// Three members, the first of which leads.
fn trio() -> Vec<Peer> {
    let mut peers: Vec<Peer> = (1..=3).map(|member| Peer::new(member, &[1, 2, 3])).collect();
    peers[0].replica.campaign();
    exchange(&mut peers);
    assert!(peers[0].replica.ready_to_lead());
    peers
}

fn block(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn a_lone_voter_leads_at_once_and_commits_only_what_is_durable() {
    let mut peer = Peer::new(1, &[1]);
    assert!(peer.replica.is_leader() && !peer.replica.ready_to_lead());
    peer.poll();
    assert_eq!(peer.out.role_changes, [RoleChange::BecameLeader { term: 2 }]);
    assert!(peer.applied.is_empty(), "its first entry is not durable yet");
    peer.write();
    assert!(peer.replica.ready_to_lead());
    let positions = [block("a"), block("b")].map(|data| peer.replica.propose(data).unwrap());
    assert_eq!(positions, [Position { term: 2, index: 3 }, Position { term: 2, index: 4 }]);
    peer.poll();
    assert!(peer.blocks().is_empty());
    peer.write();
    assert_eq!(peer.blocks(), [b"a", b"b"]);
    assert_eq!(peer.applied.last().map(|entry| entry.position), Some(positions[1]));
}

#[test]
fn a_vote_and_an_acknowledgement_leave_only_when_durable() {
    let mut peers = [Peer::new(1, &[1, 2]), Peer::new(2, &[1, 2])];
    for peer in &mut peers {
        peer.settle(); // the founding record
    }
    let [candidate, voter] = &mut peers;
    candidate.replica.campaign();
    candidate.settle();
    let ask = candidate.out.messages.pop().unwrap();
    voter.replica.step(ask).unwrap();
    voter.settle();
    candidate.replica.step(voter.out.messages.pop().unwrap()).unwrap(); // a pre-vote promises nothing
    candidate.poll();
    assert!(candidate.out.messages.is_empty(), "it may not ask before its own vote is durable");
    candidate.write();
    voter.replica.step(candidate.out.messages.pop().unwrap()).unwrap();
    voter.poll();
    assert!(voter.out.messages.is_empty(), "the vote is not durable");
    voter.write();
    candidate.replica.step(voter.out.messages.pop().unwrap()).unwrap();
    assert!(candidate.replica.is_leader());
    candidate.poll();
    let append = candidate.out.messages.pop().expect("a leader sends before its own disk is done");
    voter.replica.step(append).unwrap();
    voter.poll();
    assert!(voter.out.messages.is_empty(), "the entry is not durable");
    voter.write();
    assert_eq!(voter.out.messages.len(), 1);
}

#[test]
fn what_a_lone_voter_sends_to_learners_waits_for_its_vote() {
    let config = GroupConfig { learners: vec![9], ..GroupConfig::new(GROUP, 1, vec![1]) };
    let mut peer = Peer::of(&config, FaultyDisk::new(1));
    assert!(peer.replica.is_leader());
    peer.poll();
    assert!(peer.out.messages.is_empty(), "a restart could use the same term for other entries");
    peer.write();
    assert_eq!(peer.out.messages.len(), 1);
}

#[test]
fn three_members_commit_and_a_successor_keeps_what_was_committed() {
    let mut peers = trio();
    let position = peers[0].replica.propose(block("a")).unwrap();
    exchange(&mut peers);
    peers[0].replica.transfer_leader(2);
    assert_eq!(peers[0].replica.propose(block("x")), Err(ProposeError::Busy), "while leadership moves");
    exchange(&mut peers);
    assert!(peers[1].replica.ready_to_lead());
    assert_eq!(peers[0].replica.propose(block("x")), Err(ProposeError::NotLeader { leader: Some(2) }));
    assert_eq!(peers[0].out.role_changes.last(), Some(&RoleChange::SteppedDown { term: 2 }));
    let next = peers[1].replica.propose(block("b")).unwrap();
    assert!(next.term > position.term);
    exchange(&mut peers);
    peers[1].replica.tick();
    peers[1].replica.tick(); // the heartbeat tells the others of the commit
    exchange(&mut peers);
    for peer in &peers {
        assert_eq!(peer.blocks(), [b"a", b"b"]);
    }
}

#[test]
fn a_read_waits_for_proof_of_leadership() {
    let mut peer = Peer::new(1, &[1]);
    assert_eq!(peer.replica.read_index(7), Err(ProposeError::Busy), "nothing of its term is committed");
    peer.settle();
    peer.replica.read_index(7).unwrap();
    peer.settle();
    assert_eq!(peer.out.reads, [ReadReady { context: 7, index: peer.replica.committed_index() }]);

    let mut peers = trio();
    assert_eq!(peers[1].replica.read_index(8), Err(ProposeError::NotLeader { leader: Some(1) }));
    peers[0].replica.read_index(8).unwrap();
    peers[0].settle();
    assert!(peers[0].out.reads.is_empty(), "no other member answered yet");
    exchange(&mut peers);
    assert_eq!(peers[0].out.reads, [ReadReady { context: 8, index: peers[0].replica.committed_index() }]);
    assert_eq!(peers[0].replica.read_index(9), Ok(()));
}

#[test]
fn a_change_of_members_is_in_force_only_when_its_commit_is_durable() {
    let mut peer = Peer::new(1, &[1]);
    peer.settle();
    peer.replica.propose_members(&[MemberChange::AddVoter(2)]).unwrap();
    assert_eq!(
        peer.replica.propose_members(&[MemberChange::AddVoter(3)]),
        Err(ProposeError::MembersChanging)
    );
    peer.replica.propose(block("behind")).unwrap();
    peer.poll();
    let entries = std::mem::take(&mut peer.out.appends);
    peer.writer.append(&LogBatch { groups: entries.clone() }).unwrap();
    peer.replica.persisted(entries[0].ready_number);
    peer.poll();
    assert!(peer.blocks().is_empty(), "what is behind the change waits with it");
    assert_eq!(peer.replica.members().voters, [1]);
    let commit = peer.out.appends.first().and_then(|part| part.hard_state.clone()).unwrap();
    assert!(commit.commit >= peer.replica.last_index() - 1, "the commit index is on its way to the disk");
    peer.write();
    assert_eq!(peer.replica.members().voters, [1, 2]);
    assert_eq!(peer.blocks(), [b"behind"]);

    // After a restart the member knows that it may not decide alone.
    let disk = peer.disk.after_crash(Keep::Durable, 0);
    let mut again = Peer::of(&GroupConfig::new(GROUP, 1, vec![1]), disk);
    assert!(!again.replica.is_leader());
    again.settle();
    assert_eq!(again.replica.members().voters, [1, 2]);
    assert!(!again.replica.is_leader());
}

#[test]
fn a_new_member_is_brought_in_by_snapshot_and_then_votes() {
    let mut peers = vec![Peer::new(1, &[1])];
    peers[0].settle();
    for text in ["a", "b", "c"] {
        peers[0].replica.propose(block(text)).unwrap();
        peers[0].settle();
    }
    peers[0].replica.propose_members(&[MemberChange::AddLearner(2)]).unwrap();
    peers[0].settle();
    let index = peers[0].replica.applied_index();
    let members = peers[0].replica.members().clone();
    assert_eq!((members.voters.clone(), members.learners.clone()), (vec![1], vec![2]));
    let meta = SnapshotMeta { index, term: 2, members };
    peers[0].replica.set_snapshot(&meta, block("state"));
    peers[0].replica.compact(&meta);
    peers.push(Peer::new(2, &[]));
    for _ in 0..30 {
        peers.iter_mut().for_each(|peer| peer.replica.tick());
        exchange(&mut peers);
    }
    let installed = peers[1].out.snapshot_to_install.take().unwrap();
    assert_eq!((installed.meta, installed.manifest), (meta, block("state")));
    assert_eq!(peers[1].replica.applied_index(), index);
    peers[0].replica.propose_members(&[MemberChange::AddVoter(2)]).unwrap();
    exchange(&mut peers);
    peers[0].replica.propose(block("d")).unwrap();
    exchange(&mut peers);
    peers[0].replica.transfer_leader(2);
    exchange(&mut peers);
    assert!(peers[1].replica.ready_to_lead());
    assert_eq!(peers[1].blocks(), [b"d"]);
    assert_eq!(peers[1].replica.peers().len(), 1);

    // Without its log, the member refuses to go on from the snapshot alone.
    let (_, nothing) = open_log(&FaultyDisk::new(5));
    let config = GroupConfig::new(GROUP, 2, vec![]);
    let error = Replica::new(&config, nothing, Some(&SnapshotMeta { index, term: 2, ..meta_of(&[1]) }), 1);
    assert_eq!(error.map(|_| ()), Err(StartError::LogMissing { group: GROUP, snapshot: index }));
}

fn meta_of(voters: &[u64]) -> SnapshotMeta {
    SnapshotMeta { index: 1, term: 1, members: Membership::of_voters(voters) }
}

#[test]
fn a_restart_needs_the_snapshot_the_log_was_cut_for() {
    let mut peer = Peer::new(1, &[1]);
    peer.settle();
    for text in ["a", "b", "c"] {
        peer.replica.propose(block(text)).unwrap();
        peer.settle();
    }
    let index = peer.replica.applied_index();
    let meta = SnapshotMeta { index, term: 2, ..meta_of(&[1]) };
    peer.replica.set_snapshot(&meta, Bytes::new());
    peer.replica.compact(&SnapshotMeta { index: index - 1, ..meta.clone() });
    assert!(!peer.replica.node.has_ready(), "an idle group still hands its new start to the log");
    peer.settle();
    let config = GroupConfig::new(GROUP, 1, vec![1]);
    let start = |snapshot: Option<&SnapshotMeta>| {
        let (_, recovered) = open_log(&peer.disk.after_crash(Keep::Durable, 0));
        Replica::new(&config, recovered, snapshot, 1)
    };
    let missing = |snapshot| StartError::SnapshotMissing { group: GROUP, log_start: index - 1, snapshot };
    assert_eq!(start(None).map(|_| ()), Err(missing(0)));
    let older = SnapshotMeta { index: index - 2, term: 2, ..meta_of(&[1]) };
    assert_eq!(start(Some(&older)).map(|_| ()), Err(missing(index - 2)));
    let other = SnapshotMeta { term: 1, ..meta.clone() };
    let differ = StartError::TermsDiffer { group: GROUP, index, log_term: 2, snapshot_term: 1 };
    assert_eq!(start(Some(&other)).map(|_| ()), Err(differ));
    assert_eq!(start(Some(&meta)).unwrap().applied_index(), index);
    let newer = SnapshotMeta { index: index + 5, ..meta };
    assert_eq!(start(Some(&newer)).unwrap().start_index(), index + 5, "installed, then the power went");
}

#[test]
fn proposals_beyond_the_bound_are_refused_until_something_commits() {
    let config = GroupConfig {
        uncommitted_bytes_max: 1000,
        message_bytes_max: 500,
        ..GroupConfig::new(GROUP, 1, vec![1])
    };
    let mut peer = Peer::of(&config, FaultyDisk::new(1));
    peer.settle();
    let data = Bytes::from(vec![1; 400]);
    let taken =
        std::iter::repeat_with(|| peer.replica.propose(data.clone())).take(5).filter(Result::is_ok).count();
    assert_eq!(taken, 2);
    assert_eq!(peer.replica.propose(data.clone()), Err(ProposeError::Busy));
    peer.settle();
    assert_eq!(peer.blocks().len(), 2);
    peer.replica.propose(data).unwrap();
}

#[test]
fn messages_that_members_never_send_each_other_are_refused() {
    let mut peers = trio();
    let of = |kind: MessageType| {
        RaftMessage(Message { msg_type: kind, from: 2, to: 1, term: 2, ..Message::default() })
    };
    let refused = |peer: &mut Peer, message: RaftMessage| {
        let (term, last) = (peer.replica.term(), peer.replica.last_index());
        let error = peer.replica.step(message).unwrap_err();
        assert_eq!((peer.replica.term(), peer.replica.last_index()), (term, last));
        error
    };
    for kind in [
        MessageType::MsgPropose,
        MessageType::MsgHup,
        MessageType::MsgBeat,
        MessageType::MsgReadIndex,
        MessageType::MsgTransferLeader,
        MessageType::MsgSnapStatus,
        MessageType::MsgUnreachable,
        MessageType::MsgCheckQuorum,
    ] {
        assert!(
            matches!(refused(&mut peers[0], of(kind)), MessageError::Refused { from: 2, .. }),
            "{kind:?}"
        );
    }
    let mut no_term = of(MessageType::MsgAppend);
    no_term.0.term = 0;
    let mut elsewhere = of(MessageType::MsgHeartbeat);
    elsewhere.0.to = 2;
    let mut gap = of(MessageType::MsgAppend);
    gap.0.entries = vec![Entry { index: 9, ..Entry::default() }].into();
    let mut endless = of(MessageType::MsgAppend);
    endless.0.index = u64::MAX;
    endless.0.entries = vec![Entry::default()].into();
    for message in [no_term, elsewhere, gap, endless] {
        assert!(matches!(refused(&mut peers[0], message), MessageError::Refused { .. }));
    }
    let mut beyond = of(MessageType::MsgHeartbeat);
    beyond.0.commit = 1000;
    let last_index = peers[0].replica.last_index();
    assert_eq!(refused(&mut peers[0], beyond), MessageError::LostEntries { commit: 1000, last_index });
}

#[test]
fn a_replica_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Replica>();
    is_send::<Outbox>();
    is_send::<LogWriter>();
}

proptest! {
    #[test]
    fn random_bytes_as_a_message_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = RaftMessage::decode(&Bytes::from(bytes)) {
            let _ = message.check(1, 10);
            let _ = message.snapshot();
        }
    }

    #[test]
    fn a_changed_message_is_refused_or_read_but_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let entries = vec![Entry { index: 5, term: 2, data: block("data"), ..Entry::default() }];
        let whole = RaftMessage(Message {
            msg_type: MessageType::MsgAppend, from: 2, to: 1, term: 2, index: 4, entries: entries.into(),
            ..Message::default()
        });
        let mut bytes = Vec::new();
        whole.encode(&mut bytes);
        prop_assert_eq!(RaftMessage::decode(&Bytes::from(bytes.clone())), Ok(whole));
        for (position, value) in changes {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        let _ = RaftMessage::decode(&Bytes::from(bytes));
    }
}
