//! Connections that asked by `@Subscribe` to be told of changes: of who leads which partition, and of the
//! list of procedures. Each is told what differs from what it was told last, by an answer or by a push.

use super::super::writer::ConnectionSink;
use crate::wire::volt::{
    invocation::{HANDLE_PUSH_PROCEDURES, HANDLE_PUSH_TOPOLOGY},
    response,
    system::{
        catalog,
        facts::{ClusterFacts, NodeStats, PartitionFacts, ProcedureInfo},
        statistics::{self, Request, Selector},
    },
};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use tollgate_schema::{catalog::Catalog, ring::Ring};

/// All connections that are there. See the module.
#[derive(Default)]
pub(super) struct Subscribers(Mutex<Vec<Weak<Subscriber>>>);

/// One connection.
pub(super) struct Subscriber {
    sink: Arc<ConnectionSink>,
    told: Mutex<Told>,
}

/// What a connection knows.
#[derive(Default)]
struct Told {
    subscribed: bool,
    topology: Option<Topology>,
    procedures: Option<Arc<Vec<ProcedureInfo>>>,
}

/// What clients route by.
#[derive(Clone, PartialEq, Eq)]
struct Topology {
    coordinator: i32,
    partitions: Vec<PartitionFacts>,
}

impl Topology {
    fn of(cluster: &ClusterFacts) -> Topology {
        Topology { coordinator: cluster.coordinator, partitions: cluster.partitions.clone() }
    }
}

impl Subscribers {
    /// A connection that may subscribe; forgotten when it is dropped.
    pub(super) fn add(&self, sink: Arc<ConnectionSink>) -> Arc<Subscriber> {
        let subscriber = Arc::new(Subscriber { sink, told: Mutex::default() });
        self.0.lock().push(Arc::downgrade(&subscriber));
        subscriber
    }

    /// Sends each subscriber what it does not know.
    pub(super) fn tell_changes(
        &self,
        cluster: &ClusterFacts,
        procedures: &Arc<Vec<ProcedureInfo>>,
        ring: &Ring,
    ) {
        let subscribers: Vec<Arc<Subscriber>> = {
            let mut all = self.0.lock();
            all.retain(|subscriber| subscriber.strong_count() > 0);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        for subscriber in subscribers {
            let frames = subscriber.told.lock().news(cluster, procedures, ring);
            if !frames.is_empty() {
                subscriber.sink.answer(frames, 0);
            }
        }
    }
}

impl Subscriber {
    pub(super) fn subscribe(&self) {
        self.told.lock().subscribed = true;
    }

    pub(super) fn was_told_topology(&self, cluster: &ClusterFacts) {
        self.told.lock().topology = Some(Topology::of(cluster));
    }

    pub(super) fn was_told_procedures(&self, procedures: &Arc<Vec<ProcedureInfo>>) {
        self.told.lock().procedures = Some(procedures.clone());
    }
}

impl Told {
    /// Frames of what the connection does not know; from now on it does.
    fn news(&mut self, cluster: &ClusterFacts, procedures: &Arc<Vec<ProcedureInfo>>, ring: &Ring) -> Vec<u8> {
        let mut frames = Vec::new();
        if !self.subscribed {
            return frames;
        }
        let topology = Topology::of(cluster);
        if self.topology.as_ref() != Some(&topology) {
            let request = Request { selector: Selector::Topo, flag: false };
            let answer = statistics::answer(request, cluster, ring, &NodeStats::default());
            response::write_success(&mut frames, HANDLE_PUSH_TOPOLOGY, answer.tables());
            self.topology = Some(topology);
        }
        if self.procedures.as_ref() != Some(procedures) {
            let selector = catalog::Selector::Procedures;
            let answer = catalog::answer(selector, &Catalog::default(), procedures, &[]);
            response::write_success(&mut frames, HANDLE_PUSH_PROCEDURES, answer.tables());
            self.procedures = Some(procedures.clone());
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::volt::{
        frame::{self, Frame},
        response::Response,
        system::facts::Routing,
    };

    fn cluster(leader: i32) -> ClusterFacts {
        let partitions = vec![PartitionFacts { leader, replicas: vec![0, 1] }];
        ClusterFacts { partitions, ..ClusterFacts::default() }
    }

    fn procedures(name: &str) -> Arc<Vec<ProcedureInfo>> {
        let (name, routing) = (name.to_string(), Routing::Everywhere);
        Arc::new(vec![ProcedureInfo { name, read_only: true, routing, params: Vec::new() }])
    }

    /// Handles of the frames.
    fn handles(mut frames: &[u8]) -> Vec<i64> {
        let mut handles = Vec::new();
        while let Ok(Frame::Whole { body, rest }) = frame::split(frames) {
            handles.push(Response::read(body).expect("a push is a response").handle);
            frames = rest;
        }
        handles
    }

    #[test]
    fn who_did_not_subscribe_is_told_nothing() {
        assert!(Told::default().news(&cluster(0), &procedures("A"), &Ring::new(1)).is_empty());
    }

    #[test]
    fn what_differs_from_what_was_told_is_pushed_once() {
        let ring = Ring::new(1);
        let mut told = Told { subscribed: true, ..Told::default() };
        let mut check = |leader, name, expected: &[i64]| {
            assert_eq!(handles(&told.news(&cluster(leader), &procedures(name), &ring)), expected);
        };
        check(0, "A", &[HANDLE_PUSH_TOPOLOGY, HANDLE_PUSH_PROCEDURES]);
        check(0, "A", &[]);
        check(1, "A", &[HANDLE_PUSH_TOPOLOGY]);
        check(1, "A", &[]);
        check(1, "B", &[HANDLE_PUSH_PROCEDURES]);
        check(0, "B", &[HANDLE_PUSH_TOPOLOGY]);
    }

    #[test]
    fn what_was_answered_is_not_pushed() {
        let mut told = Told {
            subscribed: true,
            topology: Some(Topology::of(&cluster(0))),
            procedures: Some(procedures("A")),
        };
        assert!(told.news(&cluster(0), &procedures("A"), &Ring::new(1)).is_empty());
    }
}
