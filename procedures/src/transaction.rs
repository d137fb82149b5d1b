//! What a procedure's code sees: one partition's tables and the transaction's own time and chance.

use crate::abort::Abort;
use tollgate_schema::{
    catalog::TableId,
    ring::Ring,
    store::{Store, WriteError},
    typed::Access,
};

/// What was decided, next to the reply: for counters and, later, for explaining a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub outcome: Outcome,
    /// Bit n: rule n of the procedure hit.
    pub rules: u32,
}

/// Rules that a decision tells apart.
pub const RULES_MAX: usize = u32::BITS as usize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The procedure decides nothing.
    #[default]
    None,
    Accepted,
    Rejected,
    Fraud,
}

/// A transaction in one partition.
pub struct Tx<'a> {
    store: &'a mut Store,
    base: TableId,
    now_us: i64,
    seed: u64,
    pub(crate) decision: Decision,
}

impl<'a> Tx<'a> {
    /// `base`: the first table of the procedure's schema; `now_us`: the transaction's time, strictly
    /// increasing in a partition; `seed`: its source of chance.
    pub fn new(store: &'a mut Store, base: TableId, now_us: i64, seed: u64) -> Tx<'a> {
        Tx { store, base, now_us, seed, decision: Decision::default() }
    }

    /// The transaction's time, microseconds since 1970-01-01 UTC: the only clock a procedure has.
    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// The next pseudo-random number of this transaction (splitmix64): the same for the same seed.
    pub fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Says what was decided.
    pub fn decided(&mut self, outcome: Outcome, rules: u32) {
        self.decision = Decision { outcome, rules };
    }

    pub fn decision(&self) -> Decision {
        self.decision
    }
}

impl Access for Tx<'_> {
    #[inline]
    fn store(&self) -> &Store {
        self.store
    }

    #[inline]
    fn store_mut(&mut self) -> &mut Store {
        self.store
    }

    #[inline]
    fn base(&self) -> TableId {
        self.base
    }

    #[inline]
    fn now_us(&self) -> i64 {
        self.now_us
    }
}

/// A transaction over all partitions of the node.
pub struct MultiTx<'a> {
    /// In the order of partition numbers.
    stores: Vec<&'a mut Store>,
    ring: &'a Ring,
    base: TableId,
    now_us: i64,
    seed: u64,
}

impl<'a> MultiTx<'a> {
    pub fn new(
        stores: Vec<&'a mut Store>,
        ring: &'a Ring,
        base: TableId,
        now_us: i64,
        seed: u64,
    ) -> MultiTx<'a> {
        assert!(!stores.is_empty(), "a node has at least one partition");
        MultiTx { stores, ring, base, now_us, seed }
    }

    pub fn partitions(&self) -> usize {
        self.stores.len()
    }

    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// The ring that says which partition a key belongs to.
    pub fn ring(&self) -> &Ring {
        self.ring
    }

    /// One partition's tables.
    pub fn partition(&mut self, partition: usize) -> Tx<'_> {
        Tx::new(self.stores[partition], self.base, self.now_us, self.seed ^ partition as u64)
    }

    /// The tables of the partition that an integer key belongs to.
    pub fn partition_of(&mut self, key: i64) -> Tx<'_> {
        let partition = self.ring.partition_of_int(key);
        self.partition(partition as usize)
    }

    /// The same change in every partition: how a replicated table is written. The first error ends it, and
    /// with it the whole transaction.
    pub fn everywhere<R>(
        &mut self,
        mut change: impl FnMut(&mut Tx<'_>) -> Result<R, WriteError>,
    ) -> Result<R, Abort> {
        let mut last = None;
        for partition in 0..self.partitions() {
            last = Some(change(&mut self.partition(partition))?);
        }
        Ok(last.expect("a node has at least one partition"))
    }
}
