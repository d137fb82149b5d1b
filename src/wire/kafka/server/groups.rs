//! Consumer groups: what clients ask is put before the coordinator, which decides; what it wants kept becomes
//! rows before anybody hears of it. Offsets are rows, too.

use super::{
    front::KafkaFront,
    metadata::{GROUP_OPERATIONS, operations},
};
use crate::{
    calls::{self, CallError, Calls, binary, integer, text},
    clock,
    config::KafkaConfig,
    node::shared::Shared,
    wire::kafka::{
        groups::{Config, Effect, GroupError, Groups, Identity, JoinError, JoinGroup, Joined, Leaving, Left},
        groups::{SyncGroup, Synced},
        protocol::{
            ErrorCode,
            delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse},
            describe_groups::{
                DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
            },
            heartbeat::{HeartbeatRequest, HeartbeatResponse},
            join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember},
            leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse},
            list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup},
            sync_group::{SyncGroupRequest, SyncGroupResponse},
        },
    },
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// How often the coordinator looks at the clock.
const TICK: Duration = Duration::from_millis(50);

/// The coordinator and those that wait for it. Changes are kept by one task, in order; the channel to it is
/// unbounded because each group has a bounded number under way.
pub(super) struct Coordinator {
    groups: Mutex<Groups>,
    waiting: Mutex<FxHashMap<u64, oneshot::Sender<Answered>>>,
    last_waiter: AtomicU64,
    changes: UnboundedSender<Change>,
    to_keep: Mutex<Option<UnboundedReceiver<Change>>>,
    /// Groups of which only offsets are known.
    with_offsets: Mutex<BTreeSet<String>>,
}

struct Change {
    group: String,
    number: u64,
    state: Option<Vec<u8>>,
}

enum Answered {
    Joined(Result<Joined, JoinError>),
    Synced(Result<Synced, GroupError>),
    Heard(Result<(), GroupError>),
    Left(Vec<Left>),
}

/// As a response has it.
pub(super) fn code(error: GroupError) -> ErrorCode {
    ErrorCode::of_code(error.code()).unwrap_or(ErrorCode::UnknownServerError)
}

/// Milliseconds on the front end's monotonic clock.
fn now_ms(shared: &Shared) -> u64 {
    shared.monotonic_us() / 1000
}

impl Coordinator {
    pub(super) fn new(config: &KafkaConfig) -> Coordinator {
        let (changes, to_keep) = unbounded_channel();
        let initial_rebalance_delay_ms = config.group_initial_rebalance_delay_ms;
        Coordinator {
            groups: Mutex::new(Groups::new(Config { initial_rebalance_delay_ms, ..Config::default() })),
            waiting: Mutex::default(),
            last_waiter: AtomicU64::new(0),
            changes,
            to_keep: Mutex::new(Some(to_keep)),
            with_offsets: Mutex::default(),
        }
    }

    /// Brings back the groups that were kept; their members go on.
    pub(super) async fn load(&self, shared: &Arc<Shared>) -> Result<(), CallError> {
        for partition in 0..shared.config.partitions {
            let kept = calls::one(shared, "@Groups", Some(partition), |_| {}).await?;
            for row in kept.rows(0) {
                let group = text(&row[0]);
                let Some(state) = binary(&row[1]) else {
                    self.with_offsets.lock().insert(group.to_string());
                    continue;
                };
                if let Err(error) = self.groups.lock().restore(group, state, now_ms(shared)) {
                    // Its members will find out with their next heartbeat, and join anew.
                    tracing::error!(group, %error, "a consumer group could not be brought back");
                }
            }
        }
        Ok(())
    }

    /// Puts something before the coordinator, and carries out what comes of it.
    fn ask<R>(&self, what: impl FnOnce(&mut Groups) -> R) -> R {
        let (result, effects) = {
            let mut groups = self.groups.lock();
            let result = what(&mut groups);
            (result, groups.drain())
        };
        for effect in effects {
            match effect {
                Effect::Joined { waiter, result } => self.answer(waiter, Answered::Joined(result)),
                Effect::Synced { waiter, result } => self.answer(waiter, Answered::Synced(result)),
                Effect::Answer { waiter, result } => self.answer(waiter, Answered::Heard(result)),
                Effect::Left { waiter, members } => self.answer(waiter, Answered::Left(members)),
                Effect::Persist { group, change, state } => {
                    // The task that keeps them ends with the server: then nobody waits.
                    let _ = self.changes.send(Change { group, number: change, state });
                }
            }
        }
        result
    }

    fn answer(&self, waiter: u64, answered: Answered) {
        if let Some(sender) = self.waiting.lock().remove(&waiter) {
            // Whoever waited may have gone.
            let _ = sender.send(answered);
        }
    }

    /// Asks, and waits for the answer.
    async fn wait(&self, what: impl FnOnce(&mut Groups, u64)) -> Option<Answered> {
        let waiter = self.last_waiter.fetch_add(1, Ordering::Relaxed);
        let (sender, answered) = oneshot::channel();
        self.waiting.lock().insert(waiter, sender);
        self.ask(|groups| what(groups, waiter));
        answered.await.ok()
    }

    /// Lets time pass, and keeps changes, for as long as it is polled.
    pub(super) async fn run(&self, shared: &Arc<Shared>) {
        let Some(mut to_keep) = self.to_keep.lock().take() else { return };
        let ticks = async {
            let mut every = tokio::time::interval(TICK);
            loop {
                every.tick().await;
                self.ask(|groups| groups.tick(now_ms(shared)));
            }
        };
        let keeping = async {
            while let Some(Change { group, number, state }) = to_keep.recv().await {
                let kept = calls::one(shared, "@GroupKeep", None, |set| {
                    set.put_str(&group);
                    match &state {
                        Some(state) => set.put_bytes(state),
                        None => set.put_null(),
                    };
                });
                let kept = kept.await;
                if let Err(error) = &kept {
                    tracing::warn!(group, %error, "a change of a consumer group could not be kept");
                }
                self.ask(|groups| groups.persisted(&group, number, kept.is_ok(), now_ms(shared)));
            }
        };
        tokio::join!(ticks, keeping);
    }

    /// Whether the member may commit.
    pub(super) fn check_commit(&self, shared: &Shared, identity: &Identity) -> Result<(), GroupError> {
        self.ask(|groups| groups.check_commit(identity, now_ms(shared)))
    }

    /// All groups by name, each with the number of its members.
    pub(super) fn members(&self) -> BTreeMap<String, usize> {
        let only_offsets = self.with_offsets.lock().iter().map(|group| (group.clone(), 0)).collect();
        let mut all: BTreeMap<String, usize> = only_offsets;
        all.extend(self.ask(|groups| groups.list()).into_iter().map(|listed| (listed.group, listed.members)));
        all
    }

    /// Offsets were committed under that name.
    pub(super) fn has_offsets(&self, group: &str) {
        let mut known = self.with_offsets.lock();
        if !known.contains(group) {
            known.insert(group.to_string());
        }
    }
}

pub(super) async fn join(
    front: &KafkaFront,
    request: JoinGroupRequest,
    version: i16,
    client: (&str, String),
) -> JoinGroupResponse {
    let member_id = request.member_id.clone();
    let join = JoinGroup {
        group: request.group_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        protocol_type: request.protocol_type,
        protocols: request.protocols.into_iter().map(|p| (p.name, p.metadata)).collect(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: match version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        client_id: client.0.to_string(),
        client_host: client.1,
        requires_known_member_id: version >= 4,
        supports_skip_assignment: version >= 9,
    };
    let suffix = u128::from(clock::entropy()) << 64 | u128::from(clock::entropy());
    let now_ms = now_ms(&front.shared);
    let answered = front.groups.wait(|groups, waiter| groups.join(join, suffix, waiter, now_ms)).await;
    let failed = |error, member_id| JoinGroupResponse {
        error,
        member_id,
        protocol_name: None,
        ..JoinGroupResponse::default()
    };
    let joined = match answered {
        Some(Answered::Joined(Ok(joined))) => joined,
        Some(Answered::Joined(Err(refused))) => return failed(code(refused.error), refused.member_id),
        _ => return failed(ErrorCode::CoordinatorNotAvailable, member_id),
    };
    let members = joined.members.into_iter().map(|member| JoinGroupResponseMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        metadata: member.metadata,
    });
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: Some(joined.protocol_type),
        protocol_name: Some(joined.protocol_name),
        leader: joined.leader,
        skip_assignment: joined.skip_assignment,
        member_id: joined.member_id,
        members: members.collect(),
        ..JoinGroupResponse::default()
    }
}

pub(super) async fn sync(front: &KafkaFront, request: SyncGroupRequest) -> SyncGroupResponse {
    let sync = SyncGroup {
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        protocol_type: request.protocol_type,
        protocol_name: request.protocol_name,
        assignments: request.assignments.into_iter().map(|a| (a.member_id, a.assignment)).collect(),
    };
    let now_ms = now_ms(&front.shared);
    match front.groups.wait(|groups, waiter| groups.sync(sync, waiter, now_ms)).await {
        Some(Answered::Synced(Ok(synced))) => SyncGroupResponse {
            protocol_type: Some(synced.protocol_type),
            protocol_name: Some(synced.protocol_name),
            assignment: synced.assignment,
            ..SyncGroupResponse::default()
        },
        Some(Answered::Synced(Err(error))) => {
            SyncGroupResponse { error: code(error), ..SyncGroupResponse::default() }
        }
        _ => SyncGroupResponse { error: ErrorCode::CoordinatorNotAvailable, ..SyncGroupResponse::default() },
    }
}

pub(super) async fn heartbeat(front: &KafkaFront, request: HeartbeatRequest) -> HeartbeatResponse {
    let identity = Identity {
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let now_ms = now_ms(&front.shared);
    let error = match front.groups.wait(|groups, waiter| groups.heartbeat(&identity, waiter, now_ms)).await {
        Some(Answered::Heard(Ok(()))) => ErrorCode::None,
        Some(Answered::Heard(Err(error))) => code(error),
        _ => ErrorCode::CoordinatorNotAvailable,
    };
    HeartbeatResponse { throttle_time_ms: 0, error }
}

pub(super) async fn leave(
    front: &KafkaFront,
    request: LeaveGroupRequest,
    version: i16,
) -> LeaveGroupResponse {
    let one = Leaving { member_id: request.member_id, instance_id: None };
    let several = request
        .members
        .into_iter()
        .map(|member| Leaving { member_id: member.member_id, instance_id: member.group_instance_id });
    let leaving = if version <= 2 { vec![one] } else { several.collect() };
    let (group, now_ms) = (request.group_id, now_ms(&front.shared));
    let left = match front.groups.wait(|groups, waiter| groups.leave(&group, leaving, waiter, now_ms)).await {
        Some(Answered::Left(left)) => left,
        _ => {
            let error = ErrorCode::CoordinatorNotAvailable;
            return LeaveGroupResponse { error, ..LeaveGroupResponse::default() };
        }
    };
    let error_of = |left: &Left| left.result.err().map_or(ErrorCode::None, code);
    let of_one = left.first().filter(|_| version <= 2).map_or(ErrorCode::None, error_of);
    let members = left.into_iter().map(|left| MemberResponse {
        error: error_of(&left),
        member_id: left.member_id,
        group_instance_id: left.instance_id,
    });
    LeaveGroupResponse { throttle_time_ms: 0, error: of_one, members: members.collect() }
}

pub(super) fn list(front: &KafkaFront, request: &ListGroupsRequest) -> ListGroupsResponse {
    const CLASSIC: &str = "classic";
    let listed = front.groups.ask(|groups| groups.list());
    let mut groups: Vec<ListedGroup> = listed
        .into_iter()
        .map(|group| ListedGroup {
            group_id: group.group,
            protocol_type: group.protocol_type,
            group_state: group.state.name().to_string(),
            group_type: CLASSIC.to_string(),
        })
        .collect();
    for group in front.groups.with_offsets.lock().iter() {
        if !groups.iter().any(|known| known.group_id == *group) {
            groups.push(ListedGroup {
                group_id: group.clone(),
                protocol_type: String::new(),
                group_state: "Empty".to_string(),
                group_type: CLASSIC.to_string(),
            });
        }
    }
    let wanted = |filter: &[String], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    groups.retain(|group| {
        wanted(&request.states_filter, &group.group_state) && wanted(&request.types_filter, &group.group_type)
    });
    ListGroupsResponse { throttle_time_ms: 0, error: ErrorCode::None, groups }
}

pub(super) fn describe(front: &KafkaFront, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let authorized_operations = operations(request.include_authorized_operations, GROUP_OPERATIONS);
    let describe = |group_id: String| {
        let described = front.groups.ask(|groups| groups.describe(&group_id));
        let has_offsets = front.groups.with_offsets.lock().contains(&group_id);
        let Some(group) = described else {
            let group_state = if has_offsets { "Empty" } else { "Dead" }.to_string();
            return DescribedGroup { group_id, group_state, authorized_operations, ..Default::default() };
        };
        let members = group.members.into_iter().map(|member| DescribedGroupMember {
            member_id: member.member_id,
            group_instance_id: member.instance_id,
            client_id: member.client_id,
            client_host: member.client_host,
            member_metadata: member.metadata,
            member_assignment: member.assignment,
        });
        DescribedGroup {
            error: ErrorCode::None,
            group_id,
            group_state: group.state.name().to_string(),
            protocol_type: group.protocol_type,
            protocol_data: group.protocol_name,
            members: members.collect(),
            authorized_operations,
        }
    };
    DescribeGroupsResponse { throttle_time_ms: 0, groups: request.groups.into_iter().map(describe).collect() }
}

pub(super) async fn delete(front: &KafkaFront, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        let error = match delete_one(front, &group_id).await {
            Ok(()) => ErrorCode::None,
            Err(error) => error,
        };
        results.push(DeletableGroupResult { group_id, error });
    }
    DeleteGroupsResponse { throttle_time_ms: 0, results }
}

async fn delete_one(front: &KafkaFront, group: &str) -> Result<(), ErrorCode> {
    let has_offsets = front.groups.with_offsets.lock().contains(group);
    match front.groups.ask(|groups| groups.delete(group)) {
        Ok(()) => {}
        Err(GroupError::GroupIdNotFound) if has_offsets => {}
        Err(error) => return Err(code(error)),
    }
    let forgotten = calls::one(&front.shared, "@GroupForget", None, |set| {
        set.put_str(group);
    });
    forgotten.await.map_err(|_| ErrorCode::CoordinatorNotAvailable)?;
    front.groups.with_offsets.lock().remove(group);
    Ok(())
}

/// What a group has read: topic, partition, offset, leader epoch, metadata.
pub(super) type Read = (String, i32, i64, i32, String);

/// All that is kept of what a group has read.
pub(super) async fn offsets(front: &KafkaFront, group: &str) -> Result<Vec<Read>, CallError> {
    let tables = calls::one(&front.shared, "@GroupOffsets", None, |set| {
        set.put_str(group);
    });
    let rows = tables.await?.rows(0);
    let row = |row: &Vec<_>| {
        let (topic, metadata) = (text(&row[0]).to_string(), text(&row[4]).to_string());
        (topic, integer(&row[1]) as i32, integer(&row[2]), integer(&row[3]) as i32, metadata)
    };
    Ok(rows.iter().map(row).collect())
}

/// Keeps what a group has read, all of it or an error.
pub(super) async fn commit(front: &KafkaFront, group: &str, read: &[Read]) -> Result<(), CallError> {
    let mut calls = Calls::new(&front.shared);
    for (topic, part, offset, leader_epoch, metadata) in read {
        calls.add("@GroupCommit", None, |set| {
            set.put_str(group).put_str(topic).put_i32(*part).put_i64(*offset);
            set.put_i32(*leader_epoch).put_str(metadata);
        })?;
    }
    for answer in calls.run().await? {
        answer.tables()?;
    }
    front.groups.has_offsets(group);
    Ok(())
}
