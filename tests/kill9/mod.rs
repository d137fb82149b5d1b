//! The server is killed in the middle of its work, fifty times. Afterwards every decision that was
//! acknowledged is there, none is there twice, and money adds up. [`cards`] is what has to be true; [`load`]
//! makes the calls. [`kafka`] is the same over the Kafka port.

mod cards;
mod kafka;
mod load;

use crate::support::{Server, Settings, line, stream, wait};
use cards::{CARDS, Card};
use load::Load;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use std::time::Duration;

const ROUNDS: u32 = 50;
const LOADERS: usize = 3;

/// Small files, so that the log is cut, snapshots are taken and both are read again within the test.
const SMALL_FILES: &str = "[log]\nsegment_bytes = 1048576\n[snapshot]\nlog_bytes = 2097152\n";

#[test]
fn fifty_times_under_load() {
    let mut random = SmallRng::seed_from_u64(9);
    let mut server = Server::with(&Settings { more: SMALL_FILES, ..Settings::default() });
    line::load(&server);
    let mut cards: Vec<Card> = (1..=CARDS).map(Card::new).collect();
    let mut connection = server.connect();
    for card in &cards {
        line::new_card(&mut connection, card.id, cards::FIRST_BALANCE_CENTS);
    }
    drop(connection);

    let (mut acknowledged, mut in_doubt) = (0, 0);
    for round in 0..ROUNDS {
        let per_loader = cards.len().div_ceil(LOADERS);
        let loads: Vec<Load<'_>> =
            cards.chunks_mut(per_loader).map(|cards| Load::start(&server, cards)).collect();
        let enough = random.random_range(10..1500);
        let reached =
            wait::until(|| (loads.iter().map(Load::acknowledged).sum::<usize>() >= enough).then_some(()));
        assert!(reached.is_some(), "round {round}: {enough} calls were not acknowledged in time");
        server.kill();
        for load in loads {
            let counts = load.finish();
            acknowledged += counts.acknowledged;
            in_doubt += counts.in_doubt;
        }
        if round % 5 == 4 {
            // Again, while it reads its log.
            server.start_unwatched();
            wait::pause(Duration::from_millis(random.random_range(0..60)));
            server.kill();
        }
        server.restart();
        let mut connection = server.connect();
        for card in &mut cards {
            card.settle(&mut connection);
        }
    }
    let mut connection = server.connect();
    for card in &cards {
        card.check_everything(&mut connection);
    }
    check_alerts(&server, &cards);
    assert!(server.stop().success(), "{}", server.log());
    println!("{ROUNDS} rounds: {acknowledged} calls acknowledged, {in_doubt} in doubt when the server died");
    assert!(in_doubt > 0, "the server was killed while it worked");
}

/// The stream of alerts has a row for each recharge, in each partition without a gap.
fn check_alerts(server: &Server, cards: &[Card]) {
    let mut alerts = vec![0; cards.len() + 1];
    for row in stream::rows(server, "card_alert_export") {
        let id = row["CARD_ID"].as_i64().and_then(|id| usize::try_from(id).ok()).expect("a card's number");
        alerts[id] += 1;
    }
    let recharges = cards.iter().map(|card| card.recharges);
    assert_eq!(alerts[1..], recharges.collect::<Vec<i64>>());
}
