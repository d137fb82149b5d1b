//! One connection's load: calls for its cards, pipelined, until the server dies. Which calls were
//! acknowledged is noted the moment their reply is read.

use super::cards::{Card, Operation};
use crate::support::{Server, wait};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};
use tollgate::client::{Answer, Pipeline, Reply, ServerAddress};
use tollgate_schema::value::Value;

const WINDOW: u32 = 64;

/// A call: the card's place among those of this load, and its place in what was sent for that card.
type Tag = (usize, usize);

pub(super) struct Counts {
    pub(super) acknowledged: usize,
    pub(super) in_doubt: usize,
}

/// What the reading thread notes.
#[derive(Default)]
struct Noted {
    acknowledged: Vec<Tag>,
    wrong: Vec<String>,
}

pub(super) struct Load<'a> {
    cards: &'a mut [Card],
    acknowledged: Arc<AtomicUsize>,
    noted: Arc<Mutex<Noted>>,
    /// Gives back what it sent for each card.
    sender: JoinHandle<Vec<Card>>,
}

impl<'a> Load<'a> {
    pub(super) fn start(server: &Server, cards: &'a mut [Card]) -> Load<'a> {
        let address = server.volt.into();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let noted = Arc::new(Mutex::new(Noted::default()));
        let on_reply = {
            let (acknowledged, noted) = (acknowledged.clone(), noted.clone());
            move |tag: Tag, reply: Reply<'_>| {
                let Some(response) = reply.response else { return };
                let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = Answer::of(&response).expect("a reply that can be read");
                if let Some(wrong) = wrong(&answer) {
                    noted.wrong.push(wrong);
                }
                noted.acknowledged.push(tag);
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        };
        let own: Vec<Card> =
            cards.iter_mut().map(|card| std::mem::replace(card, Card::new(card.id))).collect();
        let sender = std::thread::spawn(move || send(&address, own, on_reply));
        Load { cards, acknowledged, noted, sender }
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until the connection is lost, and notes with the cards what was acknowledged.
    pub(super) fn finish(self) -> Counts {
        let sent = self.sender.join().expect("the sender ends when the server does");
        for (place, card) in self.cards.iter_mut().zip(sent) {
            *place = card;
        }
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(noted.wrong.is_empty(), "wrong answers: {:?}", noted.wrong);
        for &(card, call) in &noted.acknowledged {
            self.cards[card].sent[call].acknowledged = true;
        }
        let sent: usize = self.cards.iter().map(|card| card.sent.len()).sum();
        let acknowledged = noted.acknowledged.len();
        Counts { acknowledged, in_doubt: sent - acknowledged }
    }
}

/// Sends until the connection is lost; then every reply that came has been noted.
fn send(
    server: &ServerAddress,
    mut cards: Vec<Card>,
    on_reply: impl FnMut(Tag, Reply<'_>) + Send + 'static,
) -> Vec<Card> {
    let mut pipeline =
        Pipeline::open(server, WINDOW, on_reply).expect("the server is there when a round begins");
    loop {
        for place in 0..cards.len() {
            let card = &mut cards[place];
            let operation = card.next();
            let tag = (place, card.sent.len() - 1);
            if make(&mut pipeline, card, operation, tag).is_err() {
                // Tells every call under way that it is lost, and ends the reading thread.
                let _ = pipeline.finish(wait::PATIENCE);
                return cards;
            }
        }
    }
}

fn make(
    pipeline: &mut Pipeline<Tag>,
    card: &Card,
    operation: Operation,
    tag: Tag,
) -> Result<(), tollgate::client::ClientError> {
    let (id, station) = (Value::Integer(card.id), Value::Integer(card.station()));
    let (procedure, values) = match operation {
        Operation::Tap { at_ms } => {
            ("ValidateEntry", vec![id, Value::BigInt(at_ms), station, Value::TinyInt(1), Value::Integer(0)])
        }
        Operation::Recharge { cents } => ("RechargeCard", vec![id, Value::Integer(cents), station]),
    };
    pipeline.call(procedure, tag, wait::now(), |params| {
        for value in &values {
            params.put_value(value);
        }
    })
}

/// What is wrong with an answer: every tap here is to be accepted, every recharge to be done.
fn wrong(answer: &Answer) -> Option<String> {
    let table = answer.tables.first();
    let first = table.and_then(|table| table.rows.first()).and_then(|row| row.first());
    match first {
        Some(Value::TinyInt(1) | Value::BigInt(0)) if answer.is_success() => None,
        _ => Some(format!("{answer:?}")),
    }
}
