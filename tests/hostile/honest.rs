//! An ordinary caller: taps, one after the other, on a thread of its own, and every answer has to be right.
//! It fails when an answer takes longer than [`wait::PATIENCE`]: a server under attack may be slower, but not
//! stuck.

use crate::support::{Server, line, wait};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};
use tollgate_schema::value::Value;

const BALANCE_CENTS: i32 = 1_000_000_000;

pub(super) struct Honest {
    answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    caller: JoinHandle<()>,
}

impl Honest {
    pub(super) fn start(server: &Server) -> Honest {
        let (answered, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut connection = server.connect();
        line::new_card(&mut connection, 1, BALANCE_CENTS);
        let caller = {
            let (answered, stop) = (answered.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut at_ms = line::MORNING_MS;
                while !stop.load(Ordering::Relaxed) {
                    at_ms += 600_000;
                    let (card, station) = (Value::Integer(1), Value::Integer(4));
                    let tap = [card, Value::BigInt(at_ms), station, Value::TinyInt(1), Value::Integer(0)];
                    let start = wait::now();
                    let accepted = line::succeed(&mut connection, "ValidateEntry", &tap);
                    assert_eq!(accepted, Some(Value::TinyInt(1)));
                    assert!(start.elapsed() < wait::PATIENCE, "an answer took {:?}", start.elapsed());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        Honest { answered, stop, caller }
    }

    /// Waits until that many more calls are answered.
    pub(super) fn wait_for_answers(&self, more: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        let reached = wait::until(|| {
            assert!(!self.caller.is_finished(), "the ordinary caller failed");
            (self.answered.load(Ordering::Relaxed) >= enough).then_some(())
        });
        assert!(reached.is_some(), "the ordinary caller gets answers");
    }

    pub(super) fn finish(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.caller.join().expect("the ordinary caller got right answers");
        self.answered.load(Ordering::Relaxed)
    }
}
