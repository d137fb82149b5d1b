//! The members, the network between them, and one generator that decides everything that happens.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tollgate_cluster::disk::{FaultyDisk, Keep};
use tollgate_cluster::replica::RaftMessage;

use crate::node::Running;
use crate::oracle::Oracle;

struct Member {
    disk: FaultyDisk,
    running: Option<Running>,
}

pub(crate) struct World {
    random: SmallRng,
    members: Vec<Member>,
    voters: Vec<u64>,
    network: Vec<RaftMessage>,
    /// `cut[from][to]`: nothing gets through.
    cut: Vec<Vec<bool>>,
    pub(crate) oracle: Oracle,
    /// A hash of everything that happened, after each step.
    pub(crate) history: Vec<u64>,
    pub(crate) crashes: usize,
    pub(crate) installed_snapshots: usize,
    proposals: u64,
    /// How likely faults are in this run.
    faults: f64,
}

impl World {
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let voters: Vec<u64> = (1..=count as u64).collect();
        let members =
            voters.iter().map(|&id| Member { disk: FaultyDisk::new(seed ^ id), running: None }).collect();
        let faults = random.random_range(0.2..1.5);
        let mut world = Self {
            random,
            members,
            voters,
            network: Vec::new(),
            cut: vec![vec![false; count]; count],
            oracle: Oracle::default(),
            history: Vec::new(),
            crashes: 0,
            installed_snapshots: 0,
            proposals: 0,
            faults,
        };
        (0..count).for_each(|member| world.start(member));
        world
    }

    fn chance(&mut self, probability: f64) -> bool {
        let probability = (probability * self.faults).min(1.0);
        self.random.random_bool(probability)
    }

    fn start(&mut self, member: usize) {
        let seed = self.random.random();
        let Member { disk, running } = &mut self.members[member];
        *running = Running::start(disk, member as u64 + 1, &self.voters, seed);
        if running.is_none() {
            self.power_cut(member);
        }
    }

    /// The process and the machine's power are gone; what the disk keeps of unsynced writes is drawn.
    fn power_cut(&mut self, member: usize) {
        self.crashes += 1;
        let keep = [Keep::Durable, Keep::Everything, Keep::Subset][self.random.random_range(0..3)];
        let seed = self.random.random();
        let Member { disk, running } = &mut self.members[member];
        *running = None;
        *disk = disk.after_crash(keep, seed);
    }

    pub(crate) fn chaos_step(&mut self) {
        if self.chance(0.01) {
            let (from, to) = (
                self.random.random_range(0..self.members.len()),
                self.random.random_range(0..self.members.len()),
            );
            self.cut[from][to] ^= true;
        }
        if self.chance(0.005) {
            self.cut.iter_mut().flatten().for_each(|cut| *cut = false);
        }
        for member in 0..self.members.len() {
            self.chaos_member(member);
        }
        self.deliver(0.1);
        self.check();
    }

    fn chaos_member(&mut self, member: usize) {
        if self.members[member].running.is_none() {
            if self.random.random_bool(0.05) {
                self.start(member);
            }
            return;
        }
        if self.chance(0.004) {
            return self.power_cut(member);
        }
        if self.chance(0.01) {
            let operation = self.members[member].disk.operations() + self.random.random_range(1..6);
            self.members[member].disk.crash_at(operation);
        }
        if self.random.random_bool(0.3) {
            self.members[member].running.as_mut().unwrap().replica.tick();
        }
        if self.random.random_bool(0.2) {
            self.propose(member);
        }
        self.process(member);
        if self.random.random_bool(0.5) {
            let rounds = self.random.random_range(1..4);
            self.write(member, rounds);
        }
        if self.random.random_bool(0.01) {
            let to_newest = self.random.random_bool(0.5);
            let Member { disk, running } = &mut self.members[member];
            if running.as_mut().is_some_and(|running| !running.snapshot(disk, to_newest)) {
                self.power_cut(member);
            }
        }
    }

    fn propose(&mut self, member: usize) {
        self.proposals += 1;
        let block = Bytes::from(format!("block {}", self.proposals));
        let running = self.members[member].running.as_mut().unwrap();
        if running.replica.ready_to_lead() {
            running.replica.propose(block).unwrap();
        }
    }

    fn process(&mut self, member: usize) {
        let running = self.members[member].running.as_mut().unwrap();
        for message in running.process(&mut self.oracle) {
            self.network.push(message);
        }
    }

    fn write(&mut self, member: usize, rounds: usize) {
        let running = self.members[member].running.as_mut().unwrap();
        if !running.write(rounds) {
            self.power_cut(member);
        }
    }

    /// Delivers some of the messages under way, in any order; loses and doubles some.
    fn deliver(&mut self, faults: f64) {
        for _ in 0..self.random.random_range(0..8) {
            if self.network.is_empty() {
                return;
            }
            let position = self.random.random_range(0..self.network.len());
            if self.chance(faults) {
                self.lost(position);
            } else if self.chance(faults / 2.0) {
                let message = self.network[position].clone();
                self.hand_over(message);
            } else {
                let message = self.network.swap_remove(position);
                self.hand_over(message);
            }
        }
        while self.network.len() > 200 {
            self.lost(0);
        }
    }

    fn lost(&mut self, position: usize) {
        let message = self.network.swap_remove(position);
        let sender = self.members[message.from() as usize - 1].running.as_mut();
        if let (Some(sender), true) = (sender, message.snapshot().is_some()) {
            sender.replica.report_snapshot(message.to(), false);
        }
    }

    fn hand_over(&mut self, message: RaftMessage) {
        let (from, to) = (message.from() as usize - 1, message.to() as usize - 1);
        let is_snapshot = message.snapshot().is_some();
        let reachable = !self.cut[from][to] && self.members[to].running.is_some();
        let mut received = false;
        if reachable {
            let Member { disk, running } = &mut self.members[to];
            let running = running.as_mut().unwrap();
            let applied_before = running.applied_index;
            received = running.receive(disk, message.clone());
            if !received {
                self.power_cut(to);
            } else if is_snapshot {
                self.process(to);
                let running = self.members[to].running.as_ref().unwrap();
                self.installed_snapshots += usize::from(running.applied_index > applied_before);
            }
        }
        if let (Some(sender), true) = (self.members[from].running.as_mut(), is_snapshot) {
            sender.replica.report_snapshot(message.to(), received);
        } else if let (Some(sender), false) = (self.members[from].running.as_mut(), reachable) {
            sender.replica.report_unreachable(message.to());
        }
    }

    /// Checks what must hold now, and notes what happened.
    fn check(&mut self) {
        let running: Vec<&Running> =
            self.members.iter().filter_map(|member| member.running.as_ref()).collect();
        for (position, left) in running.iter().enumerate() {
            for right in &running[position + 1..] {
                Oracle::logs_match(&left.replica, &right.replica);
            }
        }
        let mut hasher = DefaultHasher::new();
        for member in &self.members {
            let replica = member.running.as_ref().map(|running| &running.replica);
            replica
                .map(|replica| (replica.term(), replica.is_leader(), replica.last_index()))
                .hash(&mut hasher);
            replica.map(|replica| (replica.committed_index(), replica.applied_index())).hash(&mut hasher);
            member.disk.operations().hash(&mut hasher);
        }
        self.network.len().hash(&mut hasher);
        self.history.push(hasher.finish());
    }

    /// No more faults: every member comes up, and all reach one state that holds everything ever committed.
    pub(crate) fn heal(&mut self) {
        self.faults = 0.0;
        self.cut.iter_mut().flatten().for_each(|cut| *cut = false);
        for member in 0..self.members.len() {
            if self.members[member].disk.is_crashed() {
                self.power_cut(member);
            }
            self.members[member].disk.crash_at(u64::MAX);
            if self.members[member].running.is_none() {
                self.start(member);
            }
        }
        let committed_before = self.oracle.last_committed();
        for step in 0..400 {
            for member in 0..self.members.len() {
                if step % 2 == 0 {
                    self.members[member].running.as_mut().unwrap().replica.tick();
                }
                if step == 300 {
                    self.propose(member);
                }
                self.process(member);
                self.write(member, usize::MAX);
                self.process(member);
            }
            for message in std::mem::take(&mut self.network) {
                self.hand_over(message);
            }
            self.check();
        }
        let states: Vec<(u64, &Vec<Bytes>)> = self
            .members
            .iter()
            .map(|member| {
                let running = member.running.as_ref().unwrap();
                (running.applied_index, &running.applied)
            })
            .collect();
        assert!(states[0].0 > committed_before, "the group commits again after the faults");
        assert_eq!(states[0].0, self.oracle.last_committed());
        assert!(states.iter().all(|state| *state == states[0]), "all members reach the same state");
    }
}
