//! What the store's part of a tap costs, without procedures, log and network:
//! `cargo run --release -p tollgate-schema --example store_speed [-- CARDS TAPS AHEAD]`.

use std::{collections::VecDeque, hint::black_box, sync::Arc};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use tollgate_schema::{
    catalog::TableId,
    ddl, record,
    row::{RowBuf, RowRef, Slot},
    store::Store,
    value::Value,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STATIONS: i16 = 17;
const HOUR_US: i64 = 3_600_000_000;
/// Transactions of a block.
const BLOCK: u32 = 256;

/// Time on a processor, where the system tells, so that a busy machine does not count; else the clock's.
struct Clock {
    started: std::time::Instant,
    on_processor: Option<u64>,
}

/// Nanoseconds this thread has run.
fn on_processor() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

impl Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "an example measures; the store itself never asks for the time"
    )]
    fn start() -> Clock {
        Clock { started: std::time::Instant::now(), on_processor: on_processor() }
    }

    fn lap(&self, what: &str, count: u64) {
        let wall_ns = self.started.elapsed().as_nanos() as u64;
        let ran_ns = on_processor().zip(self.on_processor).map_or(wall_ns, |(now, then)| now - then);
        let each = ran_ns as f64 / count.max(1) as f64;
        println!("{what:<58} {:>9.1} ms {each:>9.1} ns each", ran_ns as f64 / 1e6);
    }
}

/// The store with the metro's tables, and where their rows have what a tap looks at.
struct Metro {
    store: Store,
    cards: TableId,
    taps: TableId,
    balance: usize,
    time: usize,
    station: usize,
    /// A tap whose card, time and station are to be filled in.
    tap: Vec<u8>,
}

impl Metro {
    fn new() -> Metro {
        let catalog = Arc::new(ddl::parse(include_str!("../metro.sql")).expect("the schema is right"));
        let id = |name: &str| catalog.find(name).expect("it is declared");
        let (cards, taps) = (id("cards"), id("card_events"));
        let offset = |table: TableId, column: &str| {
            let table = catalog.table(table);
            match table.layout.slots[table.column(column).expect("it is declared")] {
                Slot::Fixed { offset } => offset as usize,
                Slot::Tail { .. } => panic!("a number"),
            }
        };
        let (balance, time, station) =
            (offset(cards, "balance"), offset(taps, "date_time"), offset(taps, "station_id"));
        let values = [0, 0, 0, 1, 250, 1].map(Value::Integer);
        let mut tap = RowBuf::default();
        record::encode_row(catalog.table(taps), &values, 0, &mut tap.fixed, &mut tap.tail).expect("a tap");
        Metro { store: Store::new(catalog), cards, taps, balance, time, station, tap: tap.fixed }
    }

    fn insert_card(&mut self, card_id: i32) {
        let text = |text: String| Value::Varchar(text);
        let values = [
            Value::Integer(card_id),
            Value::TinyInt(1),
            Value::TinyInt(0),
            Value::Integer(100_000),
            Value::Null,
            text(format!("Rider {card_id}")),
            text(format!("{card_id:010}")),
            text(format!("rider{card_id}@example.org")),
            Value::TinyInt(1),
        ];
        let mut row = RowBuf::default();
        record::encode_row(self.store.catalog().table(self.cards), &values, 0, &mut row.fixed, &mut row.tail)
            .expect("a card");
        self.store.insert(self.cards, row.as_ref()).expect("a card is inserted");
    }
}

/// What a tap does to the store: find the card, walk its last hour, record the tap, charge the fare.
#[inline]
fn judge(metro: &mut Metro, card_id: i32, time_us: i64, station_id: i16) -> u32 {
    let Metro { store, cards, taps, balance, time, station, tap } = metro;
    let id = store.find_int(*cards, i64::from(card_id)).expect("the card is there");
    let mut fixed = [0; 64];
    let row = store.row(*cards, id).fixed;
    let width = row.len();
    fixed[..width].copy_from_slice(row);
    let (mut entries, mut stations) = (0, 0u64);
    for row in store.history(*taps, i64::from(card_id)) {
        if row.integer(*time, 8) <= time_us - HOUR_US {
            break;
        }
        entries += 1;
        stations |= 1 << (row.integer(*station, 2) & 63);
    }
    tap[..4].copy_from_slice(&card_id.to_le_bytes());
    tap[*time..*time + 8].copy_from_slice(&time_us.to_le_bytes());
    tap[*station..*station + 2].copy_from_slice(&station_id.to_le_bytes());
    store.insert(*taps, RowRef { fixed: tap, tail: &[] }).expect("a tap is inserted");
    let place = &mut fixed[*balance..*balance + 4];
    let left = i32::from_le_bytes((&*place).try_into().expect("four bytes")).wrapping_sub(250);
    place.copy_from_slice(&left.to_le_bytes());
    store.update_fixed(*cards, id, &fixed[..width]).expect("a balance is charged");
    entries + stations.count_ones()
}

/// Taps at random, in the order of time.
struct Riders {
    random: SmallRng,
    cards: i32,
    time_us: i64,
    step_us: i64,
    seen: u64,
}

impl Riders {
    fn new(cards: i32) -> Riders {
        // Two taps an hour of each card.
        let step_us = HOUR_US / (i64::from(cards) * 2);
        Riders { random: SmallRng::seed_from_u64(1), cards, time_us: 1_700_000_000_000_000, step_us, seen: 0 }
    }

    /// Judges so many taps; memory is asked for when a tap is known, so many taps ahead of its turn.
    fn tap(&mut self, metro: &mut Metro, count: u64, ahead: usize, what: &str, keep: Option<&mut Vec<u8>>) {
        let mut block = Vec::new();
        let is_kept = keep.is_some();
        let effects = keep.unwrap_or(&mut block);
        let clock = Clock::start();
        let mut next: VecDeque<(i32, i16)> = VecDeque::new();
        for n in 0..count {
            while next.len() <= ahead {
                let tap = (self.random.random_range(0..self.cards), self.random.random_range(1..=STATIONS));
                next.push_back(tap);
                if ahead > 0 {
                    metro.store.prefetch(metro.cards, i64::from(tap.0));
                    metro.store.prefetch(metro.taps, i64::from(tap.0));
                }
            }
            if ahead > 0 {
                metro.store.prefetch_row(metro.cards, i64::from(next[ahead / 2].0));
                metro.store.prefetch_row(metro.taps, i64::from(next[ahead / 2].0));
                metro.store.prefetch_rest(metro.taps, i64::from(next[ahead / 4].0));
            }
            let (card_id, station_id) = next.pop_front().expect("there is one more");
            self.time_us += self.step_us;
            self.seen += u64::from(judge(metro, card_id, self.time_us, station_id));
            if n % u64::from(BLOCK) == 0 {
                if !is_kept {
                    effects.clear();
                }
                commit(metro, effects);
            }
        }
        commit(metro, effects);
        clock.lap(what, count);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let cards = arguments.next().unwrap_or(500_000) as i32;
    let taps = arguments.next().unwrap_or(10_000_000);
    let ahead = arguments.next().unwrap_or(0) as usize;
    let mut metro = Metro::new();
    let mut card_effects = Vec::new();
    let clock = Clock::start();
    for card_id in 0..cards {
        metro.insert_card(card_id);
    }
    clock.lap("insert cards", cards as u64);
    commit(&mut metro, &mut card_effects);

    let mut riders = Riders::new(cards);
    let part = taps / 5;
    for n in 0..5 {
        let what = format!("judge taps, history of {} to {}", n * part, (n + 1) * part);
        riders.tap(&mut metro, part, ahead, &what, None);
    }
    for ahead in [0, 2, 4, 8, 16] {
        let what = format!("judge taps, asking for memory {ahead} taps ahead");
        riders.tap(&mut metro, part / 4, ahead, &what, None);
    }
    let mut tap_effects = Vec::with_capacity(part as usize * 32);
    riders.tap(&mut metro, part / 2, ahead, "judge taps, and keep their effects", Some(&mut tap_effects));
    memory(&metro);
    let sections = snapshot(&mut metro, &mut riders, part / 2);
    recover(&metro, &sections, &card_effects, &tap_effects);
    black_box(riders.seen);
}

/// Takes a snapshot while taps go on.
fn snapshot(metro: &mut Metro, riders: &mut Riders, taps: u64) -> Vec<(u32, Vec<u8>)> {
    let clock = Clock::start();
    let frozen = metro.store.freeze();
    clock.lap("freeze", 1);
    riders.tap(metro, taps, 8, "judge taps while a frozen view is held", None);
    let clock = Clock::start();
    let mut sections: Vec<(u32, Vec<u8>)> = Vec::new();
    let result: Result<(), ()> = frozen.write(&mut |kind, bytes| {
        sections.push((kind, bytes.to_vec()));
        Ok(())
    });
    result.expect("the sink takes everything");
    let bytes: usize = sections.iter().map(|(_, bytes)| bytes.len()).sum();
    clock.lap(&format!("write a snapshot of {} MB", bytes >> 20), metro.store.count(metro.taps));
    drop(frozen);
    riders.tap(metro, taps, 8, "judge taps after it is dropped", None);
    sections
}

/// Loads a snapshot, and applies effects to it.
fn recover(metro: &Metro, sections: &[(u32, Vec<u8>)], card_effects: &[u8], tap_effects: &[u8]) {
    let sections = sections.iter().map(|(kind, bytes)| (*kind, bytes));
    let clock = Clock::start();
    let mut loaded = Store::load(metro.store.catalog().clone(), sections).expect("what was written loads");
    clock.lap("load the snapshot", loaded.count(metro.taps));
    let before = loaded.count(metro.taps);
    let clock = Clock::start();
    loaded.apply(tap_effects).expect("what a store gave applies");
    clock.lap(&format!("apply {} MB of taps", tap_effects.len() >> 20), loaded.count(metro.taps) - before);
    drop(loaded);
    let mut follower = Store::new(metro.store.catalog().clone());
    let clock = Clock::start();
    follower.apply(card_effects).expect("what a store gave applies");
    clock.lap("apply cards", follower.count(metro.cards));
}

fn commit(metro: &mut Metro, effects: &mut Vec<u8>) {
    metro.store.drain_effects_into(effects);
    let mark = metro.store.mark();
    metro.store.release_to(mark);
}

fn memory(metro: &Metro) {
    for table in metro.store.memory() {
        if table.rows > 0 {
            let name = &metro.store.catalog().table(table.table).name;
            let bytes = table.row_bytes + table.tail_bytes + table.index_bytes;
            let each = bytes as f64 / table.rows as f64;
            println!("{name:<20} {table:?} = {each:.1} bytes a row");
        }
    }
}
