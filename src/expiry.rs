//! What goes by itself: rows of `USING TTL` tables, the oldest rows of streams, old sessions. In small steps,
//! each an ordinary transaction of the partition's leader, so that replicas and views see ordinary deletes.
//!
//! Runs on: executor threads, once a tick. It never knows: clocks, IO.

use crate::{limits, session};
use std::ops::Bound;
use tollgate_procedures::builtin::exports;
use tollgate_schema::{
    catalog::{Catalog, TableDef, TableId, TableKind, Ttl},
    record::column_value,
    row::{RowBuf, RowRef},
    store::{
        RowId, Store, SweepPlace,
        key::{self, KeyColumn},
    },
    types::Type,
    value::Value,
};

/// How much is kept.
#[derive(Clone, Debug)]
pub struct Keep {
    /// Rows of a stream, in each partition.
    pub stream_rows: u64,
    /// How long a session is known.
    pub sessions_us: i64,
    pub exports: Vec<KeepForExport>,
}

/// Rows of a stream that wait for an export go beyond [`Keep::stream_rows`], up to a limit.
#[derive(Clone, Debug)]
pub struct KeepForExport {
    pub export: String,
    /// In upper case.
    pub stream: String,
    /// In each partition.
    pub backlog_rows_max: u64,
}

impl Keep {
    /// The first row of a stream that stays.
    fn first_of(&self, store: &Store, stream: TableId, next: u64) -> u64 {
        let name = &store.catalog().table(stream).name;
        let waiting = self.exports.iter().filter(|export| export.stream == *name).map(|export| {
            let position = exports::position(store, &export.export, name).unwrap_or(0);
            position.max(next.saturating_sub(export.backlog_rows_max))
        });
        waiting.fold(next.saturating_sub(self.stream_rows), u64::min)
    }
}

/// Where expiry stands in one partition.
#[derive(Debug)]
pub struct Expiry {
    tables: Vec<Expiring>,
    streams: Vec<TableId>,
}

/// What expiry did to one table of one partition, since the start and in its last go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    pub table: TableId,
    pub rows: u64,
    pub last_rows: u64,
    /// When, by the partition's time, microseconds since 1970; 0: not yet.
    pub last_us: i64,
}

/// One table with a TTL.
#[derive(Debug)]
struct Expiring {
    table: TableId,
    ttl: Ttl,
    /// Position of an index that begins with the TTL column, and so leads to the oldest rows.
    index: Option<usize>,
    /// Where the walk goes on, when there is no such index.
    place: SweepPlace,
    /// When the next go may begin.
    due_us: i64,
    expired: Expired,
}

/// Pages looked through in one go when no index leads to the expired rows: about half a megabyte.
const SWEEP_PAGES_MAX: usize = 128;
/// Goes made up for in one tick, when ticks come late.
const GOES_PER_TICK_MAX: u32 = 8;

impl Expiry {
    pub fn new(catalog: &Catalog) -> Expiry {
        let all = || catalog.tables.iter().zip(0..);
        let tables = all().filter_map(|(def, table)| {
            let ttl = def.ttl.clone().filter(|_| matches!(def.kind, TableKind::Table(_)))?;
            let index = index_on(def, ttl.column);
            let expired = Expired { table, ..Expired::default() };
            Some(Expiring { table, ttl, index, place: SweepPlace::default(), due_us: i64::MIN, expired })
        });
        let streams = all().filter(|(def, _)| def.is_stream()).map(|(_, id)| id);
        Expiry { tables: tables.collect(), streams: streams.collect() }
    }

    /// What was done to each table with a TTL.
    pub fn expired(&self) -> impl Iterator<Item = Expired> {
        self.tables.iter().map(|expiring| expiring.expired)
    }

    /// Deletes what is due at `now_us`, a bounded number of rows.
    pub fn run(&mut self, store: &mut Store, now_us: i64, keep: &Keep) {
        for expiring in &mut self.tables {
            expiring.run(store, now_us);
        }
        for &stream in &self.streams {
            let (first, next) = store.stream_bounds(stream);
            if next - first > keep.stream_rows {
                let stays = keep.first_of(store, stream, next);
                if stays > first {
                    store.trim_stream(stream, stays);
                }
            }
        }
        session::expire(
            store,
            now_us.saturating_sub(keep.sessions_us),
            limits::SESSIONS_EXPIRED_PER_TICK_MAX,
        );
    }
}

/// An index whose entries are in the order of that column first. A history's own clustering does not count:
/// it is by key.
fn index_on(def: &TableDef, column: usize) -> Option<usize> {
    let indexes = def.indexes.iter().map(|index| &index.columns);
    let uniques = def.uniques.iter().map(|unique| &unique.columns);
    indexes.chain(uniques).position(|columns| columns.first() == Some(&column))
}

impl Expiring {
    fn run(&mut self, store: &mut Store, now_us: i64) {
        let interval_us = 1_000_000 / i64::from(self.ttl.max_frequency.max(1));
        for _ in 0..GOES_PER_TICK_MAX {
            if now_us < self.due_us {
                return;
            }
            // Goes that are late by more than a second are not made up for.
            let late_us = now_us.saturating_sub(self.due_us);
            self.due_us = if late_us > 1_000_000 { now_us } else { self.due_us } + interval_us;
            self.go(store, now_us);
        }
    }

    /// Deletes up to a batch of expired rows.
    fn go(&mut self, store: &mut Store, now_us: i64) {
        let def = store.catalog().table(self.table).clone();
        let batch = self.ttl.batch_size as usize;
        // Expired: column * unit < now - period.
        let cutoff_us = now_us.saturating_sub(self.ttl.period_us);
        let cutoff =
            cutoff_us.div_euclid(self.ttl.unit_us) + i64::from(cutoff_us.rem_euclid(self.ttl.unit_us) > 0);
        let expired = match self.index {
            Some(index) => through_index(store, self.table, &def, self.ttl.column, index, cutoff, batch),
            None => self.through_walk(store, &def, cutoff, batch),
        };
        let deleted =
            expired.iter().filter(|row| delete(store, self.table, &def, row.as_ref())).count() as u64;
        self.expired.rows += deleted;
        (self.expired.last_rows, self.expired.last_us) = (deleted, now_us);
    }

    fn through_walk(&mut self, store: &Store, def: &TableDef, cutoff: i64, batch: usize) -> Vec<RowBuf> {
        let mut expired = Vec::new();
        let next = store.sweep(self.table, self.place, SWEEP_PAGES_MAX, &mut |row| {
            if counted(&column_value(def, row, self.ttl.column)).is_some_and(|value| value < cutoff) {
                expired.push(row.to_buf());
            }
            expired.len() < batch
        });
        self.place = next.unwrap_or_default();
        expired
    }
}

/// What a TTL column counts; NULL never expires.
fn counted(value: &Value) -> Option<i64> {
    match value {
        Value::Timestamp(micros) => Some(*micros),
        value => value.as_integer(),
    }
}

/// The first rows of the index below `cutoff`.
fn through_index(
    store: &Store,
    table: TableId,
    def: &TableDef,
    column: usize,
    index: usize,
    cutoff: i64,
    batch: usize,
) -> Vec<RowBuf> {
    let column_type = def.columns[column].column_type;
    let Some((from, to)) = bounds(column_type, cutoff) else { return Vec::new() };
    let rows = store.index_range(table, index, Bound::Excluded(&from), Bound::Excluded(&to));
    rows.take(batch).map(|row| row.to_buf()).collect()
}

/// The encodings of NULL, the smallest of its type, and of `cutoff`; `None` when no value of the type is
/// below it.
fn bounds(column_type: Type, cutoff: i64) -> Option<(Vec<u8>, Vec<u8>)> {
    let bits = 8 * column_type.fixed_width().expect("a TTL column is of a fixed width");
    let (null, max) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
    if cutoff <= null {
        return None;
    }
    let (mut from, mut to) = (Vec::new(), Vec::new());
    key::push_integer(null, column_type, &mut from);
    // A cutoff beyond the type leaves out its largest value only, which is as good as never.
    key::push_integer(cutoff.min(max), column_type, &mut to);
    Some((from, to))
}

/// Deletes a row that is there. A view that refuses (a sum that would overflow) keeps the row; it is tried
/// again.
fn delete(store: &mut Store, table: TableId, def: &TableDef, row: RowRef<'_>) -> bool {
    let outcome = match &def.primary_key {
        Some(primary) => {
            let columns = primary.columns.iter().map(|&column| KeyColumn {
                slot: def.layout.slots[column],
                column_type: def.columns[column].column_type,
            });
            let id: RowId = store
                .find(table, &key::of_row(row, &columns.collect::<Vec<_>>()))
                .expect("the row was just seen");
            store.delete(table, id).map(drop)
        }
        None => store.delete_equal(table, row).map(drop),
    };
    if let Err(error) = &outcome {
        tracing::debug!(table = %def.name, %error, "an expired row stays");
    }
    outcome.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::sync::Arc;
    use tollgate_procedures::{Registry, Tx};
    use tollgate_schema::dynamic;

    const SECOND_US: i64 = 1_000_000;
    const KEEP: Keep = Keep { stream_rows: 50, sessions_us: SECOND_US, exports: Vec::new() };

    /// Each way there is to find expired rows: by an index, by walking rows, a history, a heap; by time, by
    /// seconds.
    const DDL: &str = "
        CREATE TABLE indexed (id INTEGER NOT NULL, at TIMESTAMP, PRIMARY KEY (id))
            USING TTL 10 SECONDS ON COLUMN at BATCH_SIZE 40 MAX_FREQUENCY 2;
        PARTITION TABLE indexed ON COLUMN id;
        CREATE INDEX indexed_at ON indexed (at);
        CREATE TABLE walked (id INTEGER NOT NULL, at TIMESTAMP, PRIMARY KEY (id))
            USING TTL 10 SECONDS ON COLUMN at BATCH_SIZE 40 MAX_FREQUENCY 2;
        PARTITION TABLE walked ON COLUMN id;
        CREATE TABLE history (id INTEGER NOT NULL, at TIMESTAMP)
            USING TTL 10 SECONDS ON COLUMN at BATCH_SIZE 40 MAX_FREQUENCY 2;
        PARTITION TABLE history ON COLUMN id;
        CREATE INDEX by_id ON history (id, at);
        CREATE TABLE heap (id INTEGER NOT NULL, at INTEGER)
            USING TTL 10 SECONDS ON COLUMN at BATCH_SIZE 40 MAX_FREQUENCY 2;
        CREATE TABLE seconds (id INTEGER NOT NULL, at INTEGER, PRIMARY KEY (id))
            USING TTL 10 SECONDS ON COLUMN at BATCH_SIZE 40 MAX_FREQUENCY 2;
        CREATE INDEX seconds_at ON seconds (at);
        CREATE STREAM told (id INTEGER NOT NULL);
        CREATE VIEW counted (id, rows) AS SELECT id, COUNT(*) FROM history GROUP BY id;
    ";
    const TABLES: [&str; 5] = ["INDEXED", "WALKED", "HISTORY", "HEAP", "SECONDS"];

    struct World {
        store: Store,
        expiry: Expiry,
        now_us: i64,
    }

    impl World {
        fn new() -> World {
            let registry = Registry::new().schema("test", DDL, []).unwrap();
            let store = Store::new(Arc::new(registry.catalog().clone()));
            let expiry = Expiry::new(store.catalog());
            World { store, expiry, now_us: 1_000_000 * SECOND_US }
        }

        fn id(&self, table: &str) -> TableId {
            self.store.catalog().find(table).unwrap()
        }

        /// Adds a row that is so old; `None`: NULL.
        fn add(&mut self, table: &str, id: i32, age_us: Option<i64>) {
            let at = match age_us.map(|age_us| self.now_us - age_us) {
                None => Value::Null,
                Some(at_us) if ["HEAP", "SECONDS"].contains(&table) => {
                    Value::Integer(at_us.div_euclid(SECOND_US) as i32)
                }
                Some(at_us) => Value::Timestamp(at_us),
            };
            let table = self.id(table);
            dynamic::insert(&mut self.store, table, &[Value::Integer(id), at], self.now_us).unwrap();
        }

        /// How many rows are expired now, and how many are not.
        fn expired(&self, table: &str) -> (usize, usize) {
            let table = self.id(table);
            let def = self.store.catalog().table(table);
            let ttl = def.ttl.as_ref().unwrap();
            let expired = |value: i64| value * ttl.unit_us < self.now_us - ttl.period_us;
            let values = self.store.scan(table).map(|row| counted(&column_value(def, row.row(), ttl.column)));
            let (expired, kept): (Vec<_>, Vec<_>) = values.partition(|v| v.is_some_and(expired));
            (expired.len(), kept.len())
        }

        fn run(&mut self) {
            self.expiry.run(&mut self.store, self.now_us, &KEEP);
        }
    }

    #[test]
    fn expired_rows_go_batch_by_batch_and_no_others() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut world = World::new();
        for id in 0..2000 {
            for table in TABLES {
                let age_us = rng.random_ratio(9, 10).then(|| rng.random_range(0..20 * SECOND_US));
                world.add(table, id, age_us);
            }
        }
        let before = TABLES.map(|table| world.expired(table));
        for (table, (expired, _)) in TABLES.iter().zip(before) {
            assert!(expired > 500, "{table} has {expired} expired rows");
        }
        world.run();
        for (table, (expired, kept)) in TABLES.iter().zip(before) {
            assert_eq!(world.expired(table), (expired - 40, kept), "{table}: one batch");
        }
        world.run();
        for (table, (expired, kept)) in TABLES.iter().zip(before) {
            assert_eq!(world.expired(table), (expired - 40, kept), "{table}: twice a second at most");
        }
        // Time stands almost still for the rows, but not for the goes.
        let mut goes = 0;
        while TABLES.iter().any(|table| world.expired(table).0 > 0) {
            world.now_us += SECOND_US / 2;
            world.run();
            goes += 1;
            assert!(goes < 300, "it comes to an end");
        }
        let kept = TABLES.map(|table| world.expired(table).1);
        assert!(kept.iter().all(|kept| *kept > 150), "NULL never expires: {kept:?}");
    }

    #[test]
    fn a_boundary_is_kept_until_it_has_passed() {
        let mut world = World::new();
        for (n, table) in TABLES.iter().enumerate() {
            world.add(table, n as i32, Some(10 * SECOND_US));
        }
        world.run();
        assert_eq!(TABLES.map(|table| world.expired(table)), [(0, 1); 5]);
        world.now_us += SECOND_US;
        world.run();
        assert_eq!(TABLES.map(|table| world.expired(table)), [(0, 0); 5]);
    }

    #[test]
    fn late_ticks_are_made_up_for_within_bounds() {
        let mut world = World::new();
        (0..1000).for_each(|id| world.add("INDEXED", id, Some(100 * SECOND_US)));
        world.run();
        assert_eq!(world.expired("INDEXED").0, 960);
        world.now_us += SECOND_US;
        world.run();
        assert_eq!(world.expired("INDEXED").0, 880, "two goes in a second");
        world.now_us += 3600 * SECOND_US;
        world.run();
        let indexed = world.id("INDEXED");
        let told = world.expiry.expired().find(|told| told.table == indexed).unwrap();
        let last_us = world.now_us;
        assert_eq!(told, Expired { table: indexed, rows: 160, last_rows: 40, last_us });
        assert_eq!(world.expired("INDEXED").0, 840, "an hour of silence is not made up for at once");
    }

    #[test]
    fn streams_keep_their_newest_rows() {
        let mut world = World::new();
        let stream = world.id("TOLD");
        for n in 0..120 {
            dynamic::insert(&mut world.store, stream, &[Value::Integer(n)], world.now_us).unwrap();
            world.run();
            let (first, next) = world.store.stream_bounds(stream);
            assert_eq!((first, next), ((n as u64 + 1).saturating_sub(50), n as u64 + 1));
        }
    }

    #[test]
    fn rows_wait_for_exports_up_to_a_limit() {
        let mut rng = SmallRng::seed_from_u64(3);
        let mut world = World::new();
        let stream = world.id("TOLD");
        let of = |export: &str, backlog_rows_max| KeepForExport {
            export: export.to_string(),
            stream: "TOLD".to_string(),
            backlog_rows_max,
        };
        let other = KeepForExport { stream: "OTHER".to_string(), ..of("far", u64::MAX) };
        let keep = Keep { exports: vec![of("near", 80), of("far", 200), other], ..KEEP };
        let mut positions = [0, 0];
        for n in 0..1_000u64 {
            dynamic::insert(&mut world.store, stream, &[Value::Integer(n as i32)], world.now_us).unwrap();
            for (position, export) in positions.iter_mut().zip(["near", "far"]) {
                if rng.random_ratio(1, 40) {
                    *position = rng.random_range(*position..=n + 1);
                    let mut tx = Tx::new(&mut world.store, 0, world.now_us, 0);
                    exports::keep_position(&mut tx, export, "TOLD", *position as i64).unwrap();
                }
            }
            world.expiry.run(&mut world.store, world.now_us, &keep);
            let (first, next) = world.store.stream_bounds(stream);
            assert_eq!(next, n + 1);
            assert!(first <= next.saturating_sub(50), "as many as without exports stay");
            let waiting = [(positions[0], 80), (positions[1], 200)];
            for (position, limit) in waiting {
                assert!(first <= position.max(next.saturating_sub(limit)), "what has not left waits");
            }
            let least = waiting.map(|(position, limit)| position.max(next.saturating_sub(limit)));
            let bound = least[0].min(least[1]).min(next.saturating_sub(50));
            assert!(first == bound || next - first <= 200, "and no more: {first} {bound}");
        }
    }

    /// What a replica applies, and a rollback takes back, is the same as what was done.
    #[test]
    fn expiry_is_an_ordinary_transaction() {
        let mut rng = SmallRng::seed_from_u64(9);
        let mut world = World::new();
        let mut replica = Store::new(world.store.catalog().clone());
        for step in 0..200 {
            for table in TABLES {
                let age_us = rng.random_range(0..30 * SECOND_US);
                world.add(table, step, Some(age_us));
                world.add("HISTORY", rng.random_range(0..5), Some(age_us));
            }
            let (mark, digest) = (world.store.mark(), world.store.state_digest());
            world.now_us += rng.random_range(0..SECOND_US);
            world.run();
            if rng.random_ratio(1, 5) {
                world.store.rollback_to(mark);
                assert_eq!(world.store.state_digest(), digest);
            }
            let effects = world.store.take_effects();
            world.store.release_to(world.store.mark());
            replica.apply(&effects).unwrap();
            assert_eq!(replica.state_digest(), world.store.state_digest(), "step {step}");
        }
        assert!(world.store.count(world.id("HISTORY")) < 400, "some rows went");
    }
}
