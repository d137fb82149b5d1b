//! The metro's schema as typed rows: what a procedure does with them.

use std::sync::Arc;

use tollgate_schema::{
    catalog::TableId,
    ddl,
    store::{Store, WriteError},
    typed::Access,
};

tollgate_schema_macros::schema! {
    pub mod metro = "../metro.sql";
}

use metro::{CardAlertExport, CardEvents, Cards, Stations, Tables, TrainEvents};

struct Transaction {
    store: Store,
    base: TableId,
}

impl Access for Transaction {
    fn store(&self) -> &Store {
        &self.store
    }

    fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    fn base(&self) -> TableId {
        self.base
    }

    fn now_us(&self) -> i64 {
        77
    }
}

/// A transaction over a catalogue in which the metro comes second.
fn transaction() -> Transaction {
    let mut catalog =
        ddl::parse("CREATE TABLE before (a INTEGER NOT NULL PRIMARY KEY)").expect("it is well-formed");
    let base = catalog.tables.len() as TableId;
    ddl::extend(&mut catalog, metro::DDL).expect("the macro read it");
    assert_eq!(catalog.tables.len(), usize::from(base + metro::TABLE_COUNT));
    Transaction { store: Store::new(Arc::new(catalog)), base }
}

/// A tap as a procedure would judge it, with rows of two tables held at once.
fn tap(tx: &mut Transaction, card_id: i32, station_id: i16, at_us: i64) -> Result<Option<i32>, WriteError> {
    let tables = tx.read();
    let (Some(station), Some(card)) = (tables.stations().get(station_id), tables.cards().get(card_id)) else {
        return Ok(None);
    };
    let taps =
        tables.card_events().history(card_id).take_while(|tap| tap.date_time() > at_us - 1_000).count();
    let fare = i32::from(station.fare());
    if card.balance() < fare || taps > 0 {
        let (name, station) = (card.name().map(str::to_owned), station.name().map(str::to_owned));
        tx.card_alert_export().append(CardAlertExport {
            card_id,
            export_time: at_us,
            name: name.as_deref(),
            station_name: station.as_deref(),
            alert_message: "refused",
            ..Default::default()
        })?;
        return Ok(None);
    }
    let balance = card.balance() - fare;
    assert!(tx.cards().update(card_id, |card| card.set_balance(balance))?);
    tx.card_events().insert(CardEvents {
        card_id,
        date_time: at_us,
        station_id,
        activity_code: 1,
        amount: fare,
        accept: 1,
        ride: 0,
    })?;
    Ok(Some(balance))
}

#[test]
fn a_procedure() {
    let mut tx = transaction();
    tx.stations().insert(Stations { station_id: 4, name: Some("Harvard"), ..Default::default() }).unwrap();
    tx.cards().insert(Cards { card_id: 7, balance: 600, name: Some("Ann"), ..Default::default() }).unwrap();
    assert_eq!(tap(&mut tx, 8, 4, 1_000_000), Ok(None));
    assert_eq!(tap(&mut tx, 7, 4, 1_000_000), Ok(Some(350)));
    assert_eq!(tap(&mut tx, 7, 4, 1_000_500), Ok(None));
    assert_eq!(tap(&mut tx, 7, 4, 2_000_000), Ok(Some(100)));
    assert_eq!(tap(&mut tx, 7, 4, 3_000_000), Ok(None));

    let times: Vec<i64> = tx.card_events().history(7).map(|tap| tap.date_time()).collect();
    assert_eq!(times, [2_000_000, 1_000_000]);
    let card = tx.cards().get(7).unwrap();
    assert_eq!((card.enabled(), card.card_type(), card.balance(), card.expires()), (1, 0, 100, None));
    assert_eq!((card.name(), card.phone()), (Some("Ann"), None));
    let stream = tx.base + CardAlertExport::ID;
    let alerts: Vec<_> = tx.store.stream_read(stream, 0, 10).collect();
    assert_eq!(alerts.len(), 2);
    let (offset, timestamp_us, row) = alerts[1];
    let alert = metro::CardAlertExportRef::from(row);
    assert_eq!((offset, timestamp_us), (1, 77));
    assert_eq!(
        (alert.station_name(), alert.alert_message(), alert.notify()),
        (Some("Harvard"), "refused", 0)
    );
}

#[test]
fn updates_of_strings_keep_the_others() {
    let mut tx = transaction();
    let card =
        Cards { card_id: 1, name: Some("Ann"), phone: Some("617"), email: Some("a@b"), ..Default::default() };
    assert_eq!(tx.cards().upsert(card), Ok(true));
    let phone = "555".to_owned();
    tx.cards()
        .update(1, |card| {
            card.set_phone(Some(&phone));
            card.set_name(None);
            card.set_expires(Some(9));
            card.set_balance(card.balance() + 5);
        })
        .unwrap();
    let card = tx.cards().get(1).unwrap();
    assert_eq!((card.name(), card.phone(), card.email()), (None, Some("555"), Some("a@b")));
    assert_eq!((card.expires(), card.balance()), (Some(9), 5));
    assert_eq!(tx.cards().upsert(Cards { card_id: 1, enabled: 0, ..Default::default() }), Ok(false));
    assert_eq!(tx.cards().get(1).unwrap().enabled(), 0);
    assert_eq!(tx.cards().count(), 1);
    assert_eq!(tx.cards().delete(1), Ok(true));
    assert_eq!(tx.cards().delete(1), Ok(false));
    assert_eq!(tx.cards().update(1, |card| card.set_balance(1)), Ok(false));
}

#[test]
fn refusals_change_nothing() {
    let mut tx = transaction();
    let cards = tx.base + Cards::ID;
    let long = Cards { card_id: 1, phone: Some("12345678901"), ..Default::default() };
    assert_eq!(tx.cards().insert(long), Err(WriteError::TooLong { table: cards, column: 6 }));
    let null = Cards { card_id: 1, balance: i32::MIN, ..Default::default() };
    assert_eq!(tx.cards().insert(null), Err(WriteError::NotNull { table: cards, column: 3 }));
    assert_eq!(tx.cards().count(), 0);
    tx.cards().insert(Cards { card_id: 1, ..Default::default() }).unwrap();
    let error = tx.cards().update(1, |card| card.set_balance(i32::MIN)).unwrap_err();
    assert_eq!(error.message(tx.store.catalog()), "CARDS.BALANCE is NOT NULL");
    let error = tx.cards().update(1, |card| card.set_phone(Some("12345678901"))).unwrap_err();
    assert_eq!(error.message(tx.store.catalog()), "a value is too long for CARDS.PHONE, VARCHAR(10)");
    let card = tx.cards().get(1).unwrap();
    assert_eq!((card.balance(), card.phone()), (0, None));
    let again = tx.cards().insert(Cards { card_id: 1, ..Default::default() });
    assert!(matches!(again, Err(WriteError::Duplicate { .. })), "{again:?}");
}

#[test]
fn keys_of_several_columns() {
    let mut tx = transaction();
    let event = TrainEvents { train_id: 2, station_id: 5, activity_type: 1, time: 100 };
    tx.train_events().insert(event).unwrap();
    assert!(tx.train_events().get(2, 5, 100).is_none(), "the key's order is station, train, time");
    assert_eq!(tx.train_events().get(5, 2, 100).unwrap().activity_type(), 1);
    tx.train_events().update(5, 2, 100, |event| event.set_activity_type(0)).unwrap();
    let all: Vec<String> = tx.read().train_events().scan().map(|event| format!("{event:?}")).collect();
    assert_eq!(all, ["TrainEventsRef { train_id: 2, station_id: 5, activity_type: 0, time: 100 }"]);
    assert_eq!(tx.train_events().delete(5, 2, 100), Ok(true));
}

#[test]
fn a_row_of_a_history_is_deleted_by_what_it_is() {
    let mut tx = transaction();
    let event = CardEvents { card_id: 1, date_time: 5, ..Default::default() };
    tx.card_events().insert(event).unwrap();
    assert_eq!(tx.card_events().delete(CardEvents { date_time: 6, ..event }), Ok(false));
    assert_eq!(tx.card_events().delete(event), Ok(true));
    assert_eq!(tx.card_events().history(1).count(), 0);
}
