//! A guarded store beside one that is not: it refuses exactly the rows that belong elsewhere, and is
//! otherwise the same.

use std::sync::Arc;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use tollgate_schema::{
    catalog::{Catalog, TableId},
    record,
    ring::Ring,
    row::RowBuf,
    store::{RowId, Scope, Store, WriteError},
};

use crate::{generate, model::key};

const PARTITIONS: u16 = 3;

struct Pair {
    random: SmallRng,
    catalog: Arc<Catalog>,
    ring: Arc<Ring>,
    home: u16,
    guarded: Store,
    free: Store,
    /// The first refusal of the transaction.
    refused: Option<WriteError>,
    refusals: [u32; 2],
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let catalog = generate::catalog();
        let (ring, home) = (Arc::new(Ring::new(PARTITIONS)), (seed % u64::from(PARTITIONS)) as u16);
        let mut guarded = Store::new(catalog.clone());
        guarded.set_home(ring.clone(), home);
        let free = Store::new(catalog.clone());
        let random = SmallRng::seed_from_u64(seed);
        Pair { random, catalog, ring, home, guarded, free, refused: None, refusals: [0; 2] }
    }

    /// What is to be said of a row, by its values.
    fn verdict(&self, scope: Scope, table: TableId, row: &RowBuf) -> Option<WriteError> {
        let def = self.catalog.table(table);
        match def.partition_column {
            Some(column) => {
                let key = &record::decode_row(def, row.as_ref())[column];
                let is_home = self.ring.partition_of_value(key) == Some(self.home);
                (!is_home).then_some(WriteError::OtherPartition { table })
            }
            None if def.is_stream() || scope == Scope::All => None,
            None => Some(WriteError::Replicated { table }),
        }
    }

    /// Does the same to both stores, the free one only if `verdict` allows it.
    fn both<R: PartialEq + std::fmt::Debug>(
        &mut self,
        verdict: Option<WriteError>,
        change: impl Fn(&mut Store) -> Result<R, WriteError>,
    ) {
        let before = self.guarded.mark();
        let done = change(&mut self.guarded);
        match verdict {
            None => assert_eq!(done, change(&mut self.free)),
            Some(error) => {
                assert_eq!(done, Err(error));
                assert_eq!(self.guarded.mark(), before, "what is refused changed nothing");
                self.refused.get_or_insert(error);
                let of_key = matches!(error, WriteError::OtherPartition { .. });
                self.refusals[usize::from(of_key)] += 1;
            }
        }
    }

    fn change(&mut self, scope: Scope) {
        let table = self.random.random_range(0..self.catalog.tables.len()) as TableId;
        let def = self.catalog.table(table).clone();
        if def.is_view() {
            return;
        }
        let row = generate::row(&self.catalog, table, &mut self.random);
        let verdict = self.verdict(scope, table, &row);
        let of_table = verdict.filter(|error| matches!(error, WriteError::Replicated { .. }));
        if def.is_stream() {
            return self.both(verdict, |store| store.append(table, row.as_ref(), 7));
        }
        let Some(primary) = &def.primary_key else {
            return match self.random.random_range(0..3) {
                // A row that is elsewhere is not here to be deleted.
                0 => self.both(of_table, |store| store.delete_equal(table, row.as_ref())),
                _ => self.both(verdict, |store| store.insert(table, row.as_ref())),
            };
        };
        let Some(old) = self.pick(table) else {
            return self.both(verdict, |store| store.insert(table, row.as_ref()));
        };
        let id = |store: &Store| -> RowId {
            store.find(table, &key(&def, &primary.columns, &old)).expect("the row was just seen")
        };
        match self.random.random_range(0..8) {
            0 => self.both(of_table, |store| store.delete(table, id(store))),
            1 | 2 => self.both(verdict, |store| store.update(table, id(store), row.as_ref())),
            3 | 4 => {
                let new = RowBuf { fixed: row.fixed, tail: old.tail.clone() };
                let verdict = self.verdict(scope, table, &new);
                self.both(verdict, |store| store.update_fixed(table, id(store), &new.fixed));
            }
            _ => self.both(verdict, |store| store.insert(table, row.as_ref())),
        }
    }

    fn pick(&mut self, table: TableId) -> Option<RowBuf> {
        let count = self.free.count(table);
        let at = self.random.random_range(0..count.max(1));
        self.free.scan(table).nth(at as usize).map(|row| row.row().to_buf())
    }

    fn transaction(&mut self) {
        let scope = if self.random.random() { Scope::One } else { Scope::All };
        self.guarded.guard(scope);
        for _ in 0..self.random.random_range(1..8) {
            self.change(scope);
        }
        assert_eq!(self.guarded.unguard(), self.refused.take());
        assert_eq!(self.guarded.unguard(), None);
    }
}

#[test]
fn a_row_is_written_only_where_it_belongs() {
    for seed in 0..6 {
        let mut pair = Pair::new(seed);
        for _ in 0..1500 {
            pair.transaction();
        }
        assert_eq!(pair.guarded.state_digest(), pair.free.state_digest(), "seed {seed}");
        assert!(pair.refusals.iter().all(|count| *count > 100), "seed {seed}: {:?}", pair.refusals);
    }
}

/// What was written is applied, undone and expired wherever it is: no procedure runs then.
#[test]
fn without_a_procedure_nothing_is_guarded() {
    let catalog = generate::catalog();
    let mut random = SmallRng::seed_from_u64(1);
    let mut leader = Store::new(catalog.clone());
    let mut follower = Store::new(catalog.clone());
    follower.set_home(Arc::new(Ring::new(PARTITIONS)), 0);
    let mark = leader.mark();
    for _ in 0..300 {
        let table = catalog.find("cards").expect("it is declared");
        // Some keys are there already.
        let _ = leader.insert(table, generate::row(&catalog, table, &mut random).as_ref());
    }
    follower.apply(&leader.take_effects()).expect("a leader's effects");
    assert_eq!(follower.state_digest(), leader.state_digest());
    leader.set_home(Arc::new(Ring::new(PARTITIONS)), 0);
    leader.guard(Scope::One);
    leader.rollback_to(mark);
    assert_eq!(leader.unguard(), None);
    assert_eq!(leader.state_digest(), Store::new(catalog).state_digest());
}
