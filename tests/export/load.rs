//! Recharges of cards, each of which is an alert, until the server dies.

use crate::support::{Server, wait};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tollgate::client::{Pipeline, Reply};
use tollgate_schema::value::Value;

const WINDOW: u32 = 32;

pub(super) struct Load {
    made: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Load {
    pub(super) fn start(server: &Server, cards: i32) -> Load {
        let made = Arc::new(AtomicU64::new(0));
        let counted = made.clone();
        let on_reply = move |(): (), reply: Reply<'_>| {
            counted.fetch_add(u64::from(reply.response.is_some()), Ordering::Relaxed);
        };
        let mut pipeline =
            Pipeline::open(&server.volt.into(), WINDOW, on_reply).expect("the server is there");
        let thread = std::thread::spawn(move || {
            for n in 0.. {
                let parameters = [Value::Integer(1 + n % cards), Value::Integer(100), Value::Integer(1)];
                let called = pipeline.call("RechargeCard", (), wait::now(), |params| {
                    for value in &parameters {
                        params.put_value(value);
                    }
                });
                if called.is_err() {
                    break;
                }
                if n % WINDOW as i32 == 0 {
                    // What the server takes at full speed would take long to be read back.
                    wait::pause(Duration::from_millis(15));
                }
            }
            // The server is gone.
            let _ = pipeline.finish(wait::PATIENCE);
        });
        Load { made, thread }
    }

    /// Recharges that were answered.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    pub(super) fn wait_for(&self, made: u64) {
        let reached = wait::until(|| (self.made() >= made).then_some(()));
        assert!(reached.is_some(), "{made} recharges were not answered in time");
    }

    /// Ends once the server is gone.
    pub(super) fn finish(self) {
        self.thread.join().expect("the load ends when the server does");
    }
}
