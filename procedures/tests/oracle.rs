//! A naive oracle (plain maps, no index, no undo) beside the metro's procedures: a million random calls, with
//! late, duplicate, boundary and invalid taps, must be answered alike and leave the same rows.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{collections::BTreeMap, sync::Arc};
use tollgate_procedures::{
    Registry, Results, Tx,
    procedure::Code,
    transit::{self, metro},
};
use tollgate_schema::{
    codec::{params::ParamWriter, table::TableReader},
    dynamic, record,
    store::Store,
    value::{Value, timestamp},
};

const CARDS: i32 = 300;
const STATIONS: i16 = 17;
const FARE: i32 = 250;

/// What a card's owner sees.
#[derive(Clone)]
struct Card {
    enabled: bool,
    unlimited: bool,
    balance: i32,
    expires_us: Option<i64>,
    notify: i8,
}

/// One row of card_events.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    at_us: i64,
    station: i16,
    code: i8,
    amount: i32,
    accept: i8,
}

#[derive(Default)]
struct Oracle {
    cards: BTreeMap<i32, Card>,
    /// In the order they were recorded.
    events: BTreeMap<i32, Vec<Event>>,
    /// Accepted entries in the order they were accepted: (time, station, an exit was paired).
    rides: BTreeMap<i32, Vec<(i64, i16, bool)>>,
    fraud: Vec<(String, i32)>,
    trips: Vec<(String, i16, i16)>,
    alerts: Vec<(i32, String)>,
}

type Answer = Result<(i8, String), String>;

impl Oracle {
    fn record(&mut self, card_id: i32, at_us: i64, station: i16, code: i8, amount: i32, accept: i8) {
        self.events.entry(card_id).or_default().push(Event { at_us, station, code, amount, accept });
    }

    fn validate_entry(&mut self, card_id: i32, at_ms: i64, station: i32, amount: i32) -> Answer {
        if !(1..=i32::from(STATIONS)).contains(&station) {
            return Err(format!("unknown station {station}"));
        }
        let (station, at_us) = (station as i16, at_ms * 1000);
        let Some(card) = self.cards.get(&card_id).cloned() else {
            self.record(card_id, at_us, station, 1, 0, 0);
            return Ok((0, "Card Invalid".into()));
        };
        if !card.enabled {
            self.record(card_id, at_us, station, 1, 0, 0);
            return Ok((0, "Card Disabled".into()));
        }
        if !card.unlimited && card.balance < FARE {
            self.record(card_id, at_us, station, 1, 0, 0);
            if card.notify != 0 {
                self.alerts.push((card_id, "Insufficient Balance".into()));
            }
            return Ok((0, format!("Card has insufficient balance: {}", money(card.balance))));
        }
        if card.unlimited && card.expires_us.is_none_or(|e| e <= at_us) {
            self.record(card_id, at_us, station, 1, 0, 0);
            return Ok((0, "Card Expired".into()));
        }
        if self.is_fraud(card_id, at_us) {
            self.record(card_id, at_us, station, 1, 0, -1);
            self.fraud.push((format!("{card_id}_{at_ms}"), amount));
            return Ok((0, "Fraudulent transaction".into()));
        }
        let charged = if card.unlimited { 0 } else { FARE };
        self.cards.get_mut(&card_id).expect("found above").balance -= charged;
        self.record(card_id, at_us, station, 1, charged, 1);
        self.rides.entry(card_id).or_default().push((at_us, station, false));
        Ok((
            1,
            match card.expires_us {
                Some(expires) if card.unlimited => format!("Card Expires: {}", timestamp::Display(expires)),
                _ => format!("Remaining Balance: {}", money(card.balance - FARE)),
            },
        ))
    }

    fn is_fraud(&self, card_id: i32, at_us: i64) -> bool {
        let none = Vec::new();
        let entries: Vec<_> =
            self.events.get(&card_id).unwrap_or(&none).iter().filter(|e| e.code == 1).collect();
        let double = entries.iter().any(|e| (e.at_us - at_us).abs() < 1_000_000);
        let hour: Vec<_> =
            entries.iter().filter(|e| e.at_us > at_us - 3_600_000_000 && e.at_us <= at_us).collect();
        let mut stations: Vec<_> = hour.iter().map(|e| e.station).collect();
        stations.sort_unstable();
        stations.dedup();
        double || stations.len() >= 5 || hour.len() >= 10
    }

    fn process_exit(&mut self, card_id: i32, at_ms: i64, station: i32) -> Answer {
        if !(1..=i32::from(STATIONS)).contains(&station) {
            return Err(format!("unknown station {station}"));
        }
        let (station, at_us) = (station as i16, at_ms * 1000);
        self.record(card_id, at_us, station, -1, 0, 1);
        let rides = self.rides.entry(card_id).or_default();
        let latest = (0..rides.len()).filter(|&i| rides[i].0 <= at_us).max_by_key(|&i| rides[i].0);
        if let Some(ride) = latest
            && !rides[ride].2
        {
            rides[ride].2 = true;
            self.trips.push((format!("{card_id}_{}", ride + 1), rides[ride].1, station));
        }
        Ok((1, String::new()))
    }

    fn recharge(&mut self, card_id: i32, amount: i32, station: i32) -> Answer {
        let known = (1..=i32::from(STATIONS)).contains(&station);
        let message = match self.cards.get_mut(&card_id) {
            None => "Card not recharged: unknown card".into(),
            Some(_) if !known => format!("Card not recharged: unknown station {station}"),
            Some(card) if card.unlimited => "Card not recharged: unlimited card".into(),
            Some(_) if amount <= 0 => format!("Card not recharged: amount {amount}"),
            Some(card) => {
                card.balance += amount;
                "Card recharged successfully".into()
            }
        };
        self.alerts.push((card_id, message));
        Ok((0, String::new()))
    }
}

fn money(cents: i32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The real thing: procedures over a store, called with parameter bytes as a front end would.
struct Real {
    registry: Registry,
    store: Store,
    now_us: i64,
}

impl Real {
    fn new() -> Real {
        let registry = Registry::new()
            .schema("metro", metro::DDL, transit::procedures())
            .expect("the product's own schema");
        let store = Store::new(Arc::new(registry.catalog().clone()));
        Real { registry, store, now_us: 1 }
    }

    fn table(&self, name: &str) -> u16 {
        self.registry.catalog().find(name).expect("a table of the metro")
    }

    fn insert(&mut self, table: &str, values: &[Value]) {
        let id = self.table(table);
        dynamic::insert(&mut self.store, id, values, 0).expect("a good row");
    }

    fn call(&mut self, name: &str, parameters: &[Value]) -> Answer {
        let mut bytes = Vec::new();
        let mut writer = ParamWriter::new(&mut bytes);
        for value in parameters {
            writer.put_value(value);
        }
        writer.finish();
        let registered = self.registry.get(self.registry.find(name).expect("registered"));
        let Code::Single(code) = &registered.procedure.code else { panic!("of one partition") };
        let mut reply = Vec::new();
        self.now_us += 1;
        let alerts_before = self.alerts();
        let foreseen = registered.procedure.foresee.map(|foresee| {
            let group = foresee(&self.store, registered.base, &bytes);
            group.iter().for_each(|group| self.store.prefetch_group_row(*group));
            group.iter().for_each(|group| self.store.prefetch_group_strings(*group));
            group.is_some()
        });
        let mark = self.store.mark();
        let mut tx = Tx::new(&mut self.store, registered.base, self.now_us, 7);
        if let Err(abort) = code(&mut tx, &bytes, &mut Results::new(&mut reply)) {
            self.store.rollback_to(mark);
            return Err(abort.to_string());
        }
        if let Some(foreseen) = foreseen {
            assert_eq!(foreseen, self.alerts() > alerts_before, "an alert is foreseen: {parameters:?}");
        }
        if name == "RechargeCard" {
            return Ok((0, String::new()));
        }
        let rows = TableReader::new(&reply[4..]).and_then(|table| table.to_values()).expect("a table");
        let [Value::TinyInt(accepted), Value::Varchar(message)] = &rows[0][..] else { panic!("{rows:?}") };
        Ok((*accepted, message.clone()))
    }

    /// How many alerts there were.
    fn alerts(&self) -> u64 {
        self.store.count(self.table("card_alert_export"))
    }

    fn rows(&self, table: &str) -> Vec<Vec<Value>> {
        let id = self.table(table);
        let def = self.registry.catalog().table(id);
        if def.is_stream() {
            let rows = self.store.stream_read(id, 0, usize::MAX);
            return rows.map(|(_, _, row)| record::decode_row(def, row)).collect();
        }
        self.store.scan(id).map(|row| record::decode_row(def, row.row())).collect()
    }
}

fn card(rng: &mut SmallRng, start_us: i64) -> Card {
    let unlimited = rng.random_bool(0.3);
    Card {
        enabled: rng.random_bool(0.95),
        unlimited,
        balance: [0, 249, 250, 251, 500, 1000, 100_000][rng.random_range(0..7)],
        expires_us: (unlimited && rng.random_bool(0.9))
            .then(|| start_us + rng.random_range(-1..3) * 1_800_000_000),
        notify: rng.random_range(0..3),
    }
}

fn setup(oracle: &mut Oracle, real: &mut Real, rng: &mut SmallRng, start_us: i64) {
    for id in 1..=STATIONS {
        let name = Value::Varchar(format!("Station {id}"));
        real.insert(
            "stations",
            &[Value::SmallInt(id), name, Value::SmallInt(FARE as i16), Value::Integer(1)],
        );
    }
    for id in 1..=CARDS {
        let card = card(rng, start_us);
        real.insert(
            "cards",
            &[
                Value::Integer(id),
                Value::TinyInt(card.enabled.into()),
                Value::TinyInt(card.unlimited.into()),
                Value::Integer(card.balance),
                card.expires_us.map_or(Value::Null, Value::Timestamp),
                Value::Varchar(format!("Rider {id}")),
                Value::Varchar("5551234".into()),
                Value::Null,
                Value::TinyInt(card.notify),
            ],
        );
        oracle.cards.insert(id, card);
    }
}

/// A time near one the card was tapped at: boundaries of the windows, duplicates, late ones.
fn pick_time(rng: &mut SmallRng, clock_ms: i64, recent: &[i64]) -> i64 {
    if recent.is_empty() || rng.random_bool(0.6) {
        return clock_ms;
    }
    let base = recent[rng.random_range(0..recent.len())];
    let offsets = [0, 999, 1000, 1001, -999, -1000, 3_599_999, 3_600_000, 3_600_001, -3_600_000, 60_000];
    base + offsets[rng.random_range(0..offsets.len())]
}

fn run(calls: u32, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let start_ms = 1_700_000_000_000;
    let (mut oracle, mut real) = (Oracle::default(), Real::new());
    setup(&mut oracle, &mut real, &mut rng, start_ms * 1000);
    let mut clock_ms = start_ms;
    let mut recent: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for n in 0..calls {
        clock_ms += rng.random_range(0..4_000);
        let card_id = if rng.random_bool(0.02) { CARDS + 7 } else { rng.random_range(1..=CARDS) };
        let station = if rng.random_bool(0.01) { rng.random_range(-5..40) } else { rng.random_range(1..=17) };
        let times = recent.entry(card_id).or_default();
        let at_ms = pick_time(&mut rng, clock_ms, times);
        times.push(at_ms);
        if times.len() > 12 {
            times.remove(0);
        }
        let amount = rng.random_range(-1000..20_000);
        let tap = [
            Value::Integer(card_id),
            Value::BigInt(at_ms),
            Value::Integer(station),
            Value::Integer(1),
            Value::Integer(amount),
        ];
        let (expected, got) = match rng.random_range(0..10) {
            0..6 => {
                (oracle.validate_entry(card_id, at_ms, station, amount), real.call("ValidateEntry", &tap))
            }
            6..9 => (oracle.process_exit(card_id, at_ms, station), real.call("ProcessExit", &tap)),
            _ => (
                oracle.recharge(card_id, amount, station),
                real.call(
                    "RechargeCard",
                    &[Value::Integer(card_id), Value::Integer(amount), Value::Integer(station)],
                ),
            ),
        };
        assert_eq!(got, expected, "seed {seed}, call {n}: card {card_id}, {at_ms} ms, station {station}");
    }
    compare_rows(&oracle, &real);
}

fn compare_rows(oracle: &Oracle, real: &Real) {
    let balances: Vec<_> = real.rows("cards").into_iter().map(|r| (r[0].clone(), r[3].clone())).collect();
    for (id, balance) in balances {
        let Value::Integer(id) = id else { panic!("an id") };
        assert_eq!(balance, Value::Integer(oracle.cards[&id].balance), "card {id}");
    }
    let mut events: BTreeMap<i32, Vec<Event>> = BTreeMap::new();
    for row in real.rows("card_events") {
        let [
            Value::Integer(card),
            Value::Timestamp(at_us),
            Value::SmallInt(station),
            Value::TinyInt(code),
            Value::Integer(amount),
            Value::TinyInt(accept),
            Value::Integer(_),
        ] = row[..]
        else {
            panic!("card_events row {row:?}")
        };
        events.entry(card).or_default().push(Event { at_us, station, code, amount, accept });
    }
    let sorted = |events: &BTreeMap<i32, Vec<Event>>| {
        let mut all = events.clone();
        all.values_mut().for_each(|list| {
            list.sort_by_key(|e| (e.at_us, e.station, e.code, e.amount, e.accept));
        });
        all
    };
    assert_eq!(sorted(&events), sorted(&oracle.events));
    let text = |v: &Value| if let Value::Varchar(s) = v { s.clone() } else { panic!("text") };
    let fraud: Vec<_> = real.rows("fraud").iter().map(|r| (text(&r[0]), r[5].clone())).collect();
    let expected: Vec<_> =
        oracle.fraud.iter().map(|(id, amount)| (id.clone(), Value::Integer(*amount))).collect();
    assert_eq!(fraud, expected);
    let trips: Vec<_> =
        real.rows("trips").iter().map(|r| (text(&r[0]), r[2].clone(), r[4].clone())).collect();
    let station = |s: i16| Value::Integer(i32::from(s));
    let expected: Vec<_> =
        oracle.trips.iter().map(|(id, a, b)| (id.clone(), station(*a), station(*b))).collect();
    assert_eq!(trips, expected);
    let alerts: Vec<_> = real.rows("card_alert_export").iter().map(|r| (r[0].clone(), text(&r[7]))).collect();
    let expected: Vec<_> = oracle.alerts.iter().map(|(id, m)| (Value::Integer(*id), m.clone())).collect();
    assert_eq!(alerts, expected);
}

#[test]
fn a_million_random_calls_are_answered_as_the_oracle_answers() {
    for seed in 0..10 {
        run(100_000, seed);
    }
}
