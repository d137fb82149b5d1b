//! The connections of the Volt port that are open, as operators see them. Each connection counts for itself;
//! nobody waits for a lock but at its begin and its end.
//!
//! Runs on: net threads count, any thread reads.

use crate::node::initiated::Initiated;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// See the module.
#[derive(Default)]
pub struct Connections {
    open: Mutex<BTreeMap<i64, Arc<ConnectionFacts>>>,
    last_id: AtomicI64,
    refused: AtomicU64,
}

/// What one connection counts. Its reader and its writer add; every figure only says what was a moment ago.
#[derive(Debug)]
pub struct ConnectionFacts {
    /// From 1; no two connections of one process have the same.
    pub id: i64,
    pub peer: SocketAddr,
    /// The address the peer connected to.
    pub local: SocketAddr,
    pub bytes_read: AtomicU64,
    pub calls_read: AtomicU64,
    pub bytes_written: AtomicU64,
    /// Replies given to the writer.
    pub replies_made: AtomicU64,
    /// Replies that the peer's socket took.
    pub replies_written: AtomicU64,
    /// Its calls of procedures.
    pub initiated: Initiated,
}

impl Connections {
    /// A connection was accepted. It is listed once it has logged in.
    pub fn accepted(&self, peer: SocketAddr, local: SocketAddr) -> Arc<ConnectionFacts> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(ConnectionFacts {
            id,
            peer,
            local,
            bytes_read: AtomicU64::new(0),
            calls_read: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            replies_made: AtomicU64::new(0),
            replies_written: AtomicU64::new(0),
            initiated: Initiated::default(),
        })
    }

    pub fn open(&self, facts: &Arc<ConnectionFacts>) {
        self.open.lock().insert(facts.id, facts.clone());
    }

    pub fn closed(&self, id: i64) {
        self.open.lock().remove(&id);
    }

    /// One more was turned away.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Those that are logged in, the oldest first.
    pub fn list(&self) -> Vec<Arc<ConnectionFacts>> {
        self.open.lock().values().cloned().collect()
    }

    /// How many were accepted and how many turned away since the start.
    pub fn totals(&self) -> (u64, u64) {
        (self.last_id.load(Ordering::Relaxed) as u64, self.refused.load(Ordering::Relaxed))
    }
}
