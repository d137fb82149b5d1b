//! The world around the coordinator, and the rules held against each of its answers.

use super::super::*;
use super::client::{Client, Doing, REQUEST_TIMEOUT_MS};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;

/// How much goes wrong, each as one in so many; 0 is never.
#[derive(Clone)]
pub(super) struct Chaos {
    lose: u32,
    crash: u32,
    leave: u32,
    change: u32,
    fail_persist: u32,
    restart: u32,
}

impl Chaos {
    pub(super) fn none() -> Chaos {
        Chaos { lose: 0, crash: 0, leave: 0, change: 0, fail_persist: 0, restart: 0 }
    }

    pub(super) fn all() -> Chaos {
        Chaos { lose: 20, crash: 400, leave: 400, change: 300, fail_persist: 10, restart: 150 }
    }
}

#[derive(Clone)]
enum Request {
    Join(JoinGroup),
    Sync(SyncGroup),
    Heartbeat(Identity),
    Leave(Leaving),
}

/// An answer owed: to whom, for what.
struct Owed {
    client: usize,
    request: Request,
}

/// One set of parts a leader brought.
struct Brought {
    generation: i32,
    parts: FxHashMap<String, Bytes>,
}

pub(super) struct World {
    pub(super) now_ms: u64,
    pub(super) syncs_told: u64,
    pub(super) restarts: u64,
    pub(super) generations_told: u64,
    rng: SmallRng,
    chaos: Chaos,
    groups: Groups,
    clients: Vec<Client>,
    /// On the way to the coordinator, each with the time it arrives.
    requests: Vec<(u64, u64, Request)>,
    /// On the way back.
    answers: Vec<(u64, Effect)>,
    /// On the way into the log, in order.
    persists: VecDeque<(u64, u64, Option<Vec<u8>>)>,
    durable: Option<Vec<u8>>,
    owed: FxHashMap<u64, Owed>,
    /// Whose an answer on its way is.
    answered: FxHashMap<u64, usize>,
    waiters: u64,
    /// What leaders brought, by a number that stands in each part.
    brought: Vec<Brought>,
    /// Which of them a generation was told. None: its parts were all empty so far.
    told: FxHashMap<i32, usize>,
    /// Of all lives of the coordinator.
    highest_generation: i32,
    /// After a restart it is the durable one again, whatever was told and came to nothing.
    current_generation: i32,
    durable_generations: FxHashSet<i32>,
    /// Whose place a member id inherited.
    instances: FxHashMap<String, String>,
}

fn generation_of(state: &[u8]) -> i32 {
    i32::from_be_bytes(state[1..5].try_into().expect("four bytes"))
}

impl World {
    pub(super) fn new(seed: u64, chaos: Chaos) -> World {
        let mut rng = SmallRng::seed_from_u64(seed);
        let delay_ms = if rng.random_ratio(1, 2) { 0 } else { 3_000 };
        let count = rng.random_range(1..6);
        World {
            now_ms: 0,
            syncs_told: 0,
            restarts: 0,
            generations_told: 0,
            rng,
            chaos,
            groups: Groups::new(config(delay_ms)),
            clients: (0..count).map(Client::new).collect(),
            requests: Vec::new(),
            answers: Vec::new(),
            persists: VecDeque::new(),
            durable: None,
            owed: FxHashMap::default(),
            answered: FxHashMap::default(),
            waiters: 0,
            brought: Vec::new(),
            told: FxHashMap::default(),
            highest_generation: 0,
            current_generation: 0,
            durable_generations: FxHashSet::default(),
            instances: FxHashMap::default(),
        }
    }

    fn happens(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.rng.random_ratio(1, one_in)
    }

    pub(super) fn step(&mut self) {
        self.now_ms += self.rng.random_range(1..400);
        if self.happens(self.chaos.restart) {
            self.restart();
        }
        for client in 0..self.clients.len() {
            self.act(client);
        }
        let (due, later) =
            std::mem::take(&mut self.requests).into_iter().partition(|one| one.0 <= self.now_ms);
        self.requests = later;
        let due: Vec<(u64, u64, Request)> = due;
        for (_, waiter, request) in due {
            self.arrive(waiter, request);
            self.take_effects();
        }
        while self.persists.front().is_some_and(|(due_ms, ..)| *due_ms <= self.now_ms) {
            self.persist_next();
        }
        if self.groups.next_deadline_ms().is_some_and(|deadline_ms| deadline_ms <= self.now_ms) {
            self.groups.tick(self.now_ms);
            self.take_effects();
            assert!(self.groups.next_deadline_ms().is_none_or(|deadline_ms| deadline_ms > self.now_ms));
        }
        let (due, later) =
            std::mem::take(&mut self.answers).into_iter().partition(|one| one.0 <= self.now_ms);
        self.answers = later;
        let due: Vec<(u64, Effect)> = due;
        for (_, effect) in due {
            self.deliver(effect);
        }
    }

    fn send(&mut self, client: usize, request: Request) -> u64 {
        self.waiters += 1;
        let waiter = self.waiters;
        if self.happens(self.chaos.lose) {
            return waiter;
        }
        // Some come very late, when their sender has long gone on.
        let late = self.chaos.lose > 0 && self.rng.random_ratio(1, 50);
        let delay_ms = if late { self.rng.random_range(0..40_000) } else { self.rng.random_range(0..300) };
        let owed = Owed { client, request: request.clone() };
        self.owed.insert(waiter, owed);
        self.requests.push((self.now_ms + delay_ms, waiter, request));
        waiter
    }

    fn act(&mut self, index: usize) {
        let now_ms = self.now_ms;
        if self.happens(self.chaos.crash) {
            let until_ms = now_ms + self.rng.random_range(0..30_000);
            let client = &mut self.clients[index];
            client.member_id.clear();
            client.doing = Doing::Down { until_ms };
        }
        let (change, leave) = (self.happens(self.chaos.change), self.happens(self.chaos.leave));
        let client = &mut self.clients[index];
        if change && matches!(client.doing, Doing::Working { .. }) {
            client.metadata += 1;
            client.doing = Doing::ToJoin { at_ms: now_ms };
        }
        if leave && !client.member_id.is_empty() && matches!(client.doing, Doing::Working { .. }) {
            let leaving =
                Leaving { member_id: client.member_id.clone(), instance_id: client.instance_id.clone() };
            client.member_id.clear();
            client.doing = Doing::Down { until_ms: now_ms + 5_000 };
            self.send(index, Request::Leave(leaving));
            return;
        }
        match client.doing {
            Doing::Down { until_ms } if until_ms <= now_ms => client.doing = Doing::ToJoin { at_ms: now_ms },
            Doing::ToJoin { at_ms } if at_ms <= now_ms => {
                let request = Request::Join(client.join());
                let waiter = self.send(index, request);
                self.clients[index].doing = Doing::Joining { waiter, since_ms: now_ms };
            }
            Doing::Joining { since_ms, .. } | Doing::Syncing { since_ms, .. }
                if since_ms + REQUEST_TIMEOUT_MS <= now_ms =>
            {
                client.doing = Doing::ToJoin { at_ms: now_ms };
            }
            Doing::Working { heartbeat_at_ms } if heartbeat_at_ms <= now_ms => {
                client.doing = Doing::Working { heartbeat_at_ms: now_ms + 3_000 };
                let identity = client.identity();
                self.send(index, Request::Heartbeat(identity));
            }
            _ => {}
        }
    }

    fn arrive(&mut self, waiter: u64, request: Request) {
        match request {
            Request::Join(request) => {
                let suffix = self.rng.random();
                self.groups.join(request, suffix, waiter, self.now_ms);
            }
            Request::Sync(request) => self.groups.sync(request, waiter, self.now_ms),
            Request::Heartbeat(identity) => self.groups.heartbeat(&identity, waiter, self.now_ms),
            Request::Leave(leaving) => self.groups.leave("g", vec![leaving], waiter, self.now_ms),
        }
    }

    fn persist_next(&mut self) {
        let Some((_, change, state)) = self.persists.pop_front() else { return };
        let ok = !self.happens(self.chaos.fail_persist);
        // One that fails may be durable all the same.
        if ok || self.rng.random_ratio(1, 2) {
            if let Some(state) = &state {
                self.durable_generations.insert(generation_of(state));
            }
            self.durable = state;
        }
        self.groups.persisted("g", change, ok, self.now_ms);
        self.take_effects();
    }

    /// The coordinator is gone with all it knew; of the changes on their way some became durable.
    fn restart(&mut self) {
        self.restarts += 1;
        let count = self.rng.random_range(0..=self.persists.len());
        for (_, _, state) in self.persists.drain(..).take(count) {
            if let Some(state) = &state {
                self.durable_generations.insert(generation_of(state));
            }
            self.durable = state;
        }
        self.groups = Groups::new(config(if self.rng.random_ratio(1, 2) { 0 } else { 3_000 }));
        match &self.durable {
            Some(state) => {
                self.groups.restore("g", state, self.now_ms).expect("our own bytes");
                self.current_generation = generation_of(state);
            }
            // Nothing was ever made durable: nobody has a member id that will be known.
            None => {
                self.highest_generation = 0;
                self.current_generation = 0;
                self.told.clear();
            }
        }
        // Connections end: nobody waits for anything any more.
        self.owed.clear();
        self.requests.clear();
        self.answers.clear();
        self.answered.clear();
        for client in &mut self.clients {
            if matches!(client.doing, Doing::Joining { .. } | Doing::Syncing { .. }) {
                client.doing = Doing::ToJoin { at_ms: self.now_ms + 500 };
            }
        }
    }

    /// Each answer is checked when the coordinator gives it, whether or not it will arrive.
    fn take_effects(&mut self) {
        for effect in self.groups.drain() {
            let waiter = match &effect {
                Effect::Persist { group, change, state } => {
                    assert_eq!(group, "g");
                    let due_ms = self.persists.back().map_or(0, |last| last.0);
                    let due_ms = due_ms.max(self.now_ms + self.rng.random_range(0..1_000));
                    self.persists.push_back((due_ms, *change, state.clone()));
                    continue;
                }
                Effect::Joined { waiter, .. }
                | Effect::Synced { waiter, .. }
                | Effect::Answer { waiter, .. }
                | Effect::Left { waiter, .. } => *waiter,
            };
            let owed = self.owed.remove(&waiter).unwrap_or_else(|| panic!("{waiter} waits for no answer"));
            match (&effect, &owed.request) {
                (Effect::Joined { result: Ok(joined), .. }, Request::Join(request)) => {
                    self.check_joined(joined, request);
                }
                (Effect::Synced { result: Ok(synced), .. }, Request::Sync(request)) => {
                    self.check_synced(synced, request);
                }
                (Effect::Joined { .. }, Request::Join(_))
                | (Effect::Synced { .. }, Request::Sync(_))
                | (Effect::Answer { .. }, Request::Heartbeat(_))
                | (Effect::Left { .. }, Request::Leave(_)) => {}
                _ => panic!("an answer of another kind: {effect:?}"),
            }
            if self.happens(self.chaos.lose) {
                continue;
            }
            self.answered.insert(waiter, owed.client);
            self.answers.push((self.now_ms + self.rng.random_range(0..300), effect));
        }
    }

    fn check_joined(&mut self, joined: &Joined, request: &JoinGroup) {
        if joined.generation != self.current_generation {
            assert!(
                joined.generation > self.highest_generation,
                "a generation goes backwards or is used twice"
            );
            self.generations_told += 1;
            self.current_generation = joined.generation;
            self.highest_generation = joined.generation;
        }
        if let Some(instance_id) = &request.instance_id {
            self.instances.insert(joined.member_id.clone(), instance_id.clone());
        }
        if joined.leader == joined.member_id {
            assert!(joined.members.iter().any(|member| member.member_id == joined.member_id));
        } else {
            assert!(joined.members.is_empty());
        }
    }

    fn check_synced(&mut self, synced: &Synced, request: &SyncGroup) {
        self.syncs_told += 1;
        let generation = request.generation;
        assert!(self.durable_generations.contains(&generation), "{generation} is told before it is durable");
        let told = self.told.get(&generation).copied();
        if synced.assignment.is_empty() {
            if let Some(number) = told {
                assert!(
                    self.part(number, &request.member_id).is_none_or(Bytes::is_empty),
                    "its part is lost"
                );
            }
            return;
        }
        let text = std::str::from_utf8(&synced.assignment).expect("text");
        let number: usize = text.split('/').next().expect("a number").parse().expect("a number");
        assert_eq!(told.unwrap_or(number), number, "generation {generation} has two assignments");
        self.told.insert(generation, number);
        assert_eq!(self.brought[number].generation, generation, "an assignment of another generation");
        assert_eq!(self.part(number, &request.member_id), Some(&synced.assignment), "someone else's part");
    }

    /// What the leader meant for this member, or for the one whose place it took over.
    fn part(&self, number: usize, member_id: &str) -> Option<&Bytes> {
        let parts = &self.brought[number].parts;
        let instance = self.instances.get(member_id);
        let same = |other: &String| instance.is_some() && self.instances.get(other) == instance;
        parts.get(member_id).or_else(|| parts.iter().find(|(other, _)| same(other)).map(|(_, part)| part))
    }

    fn deliver(&mut self, effect: Effect) {
        let now_ms = self.now_ms;
        match effect {
            Effect::Joined { waiter, result } => {
                let Some(index) = self.answered.remove(&waiter) else { return };
                let client = &mut self.clients[index];
                if !matches!(client.doing, Doing::Joining { waiter: waits, .. } if waits == waiter) {
                    return;
                }
                match result {
                    Ok(joined) => self.sync(index, &joined),
                    Err(refused) => {
                        if refused.error == GroupError::MemberIdRequired {
                            client.member_id = refused.member_id;
                        }
                        client.refused(refused.error, now_ms);
                    }
                }
            }
            Effect::Synced { waiter, result } => {
                let Some(index) = self.answered.remove(&waiter) else { return };
                let client = &mut self.clients[index];
                if !matches!(client.doing, Doing::Syncing { waiter: waits, .. } if waits == waiter) {
                    return;
                }
                match result {
                    Ok(synced) => {
                        client.part = synced.assignment;
                        client.doing = Doing::Working { heartbeat_at_ms: now_ms + 3_000 };
                    }
                    Err(error) => client.refused(error, now_ms),
                }
            }
            Effect::Answer { waiter, result } => {
                let Some(index) = self.answered.remove(&waiter) else { return };
                let client = &mut self.clients[index];
                if let (Err(error), Doing::Working { .. }) = (result, &client.doing) {
                    client.refused(error, now_ms);
                }
            }
            Effect::Left { waiter, .. } => {
                self.answered.remove(&waiter);
            }
            Effect::Persist { .. } => unreachable!("it is no answer"),
        }
    }

    /// It joined: now it asks for its part, and brings everyone's if it leads.
    fn sync(&mut self, index: usize, joined: &Joined) {
        let client = &mut self.clients[index];
        client.member_id.clone_from(&joined.member_id);
        client.generation = joined.generation;
        let mut request = sync_request(joined.generation, &joined.member_id, &[]);
        request.instance_id.clone_from(&client.instance_id);
        request.protocol_type = Some(joined.protocol_type.clone());
        request.protocol_name = Some(joined.protocol_name.clone());
        if joined.leader == joined.member_id && !joined.skip_assignment {
            let number = self.brought.len();
            for member in &joined.members {
                // More members than partitions: some get nothing.
                if !self.rng.random_ratio(1, 8) {
                    let part = format!("{number}/{}", member.member_id);
                    request.assignments.push((member.member_id.clone(), Bytes::from(part)));
                }
                if let Some(instance_id) = &member.instance_id {
                    self.instances.insert(member.member_id.clone(), instance_id.clone());
                }
            }
            let parts = request.assignments.iter().cloned().collect();
            self.brought.push(Brought { generation: joined.generation, parts });
        }
        let waiter = self.send(index, Request::Sync(request));
        self.clients[index].doing = Doing::Syncing { waiter, since_ms: self.now_ms };
    }

    /// From here on nothing goes wrong.
    pub(super) fn calm_down(&mut self) {
        self.chaos = Chaos::none();
    }

    pub(super) fn check_calm(&self) {
        let group = self.groups.describe("g").expect("there are clients, so there is a group");
        assert_eq!(group.state, GroupState::Stable, "{group:?} {:?}", self.clients);
        assert_eq!(group.members.len(), self.clients.len(), "{group:?} {:?}", self.clients);
        for client in &self.clients {
            assert!(matches!(client.doing, Doing::Working { .. }), "{client:?}");
            assert_eq!(client.generation, group.generation, "{client:?}");
            let member = group.members.iter().find(|member| member.member_id == client.member_id);
            assert_eq!(member.expect("it is a member").assignment, client.part);
        }
        let waiting =
            self.owed.values().filter(|owed| matches!(owed.request, Request::Join(_) | Request::Sync(_)));
        assert_eq!(waiting.count(), 0, "someone was never answered");
    }
}
