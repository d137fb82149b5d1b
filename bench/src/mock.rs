//! A throw-away server for bench's own tests: it speaks just enough of the VoltDB protocol to log in and to
//! have taps judged by the naive judge, rightly or with one rule broken.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::contenders::{Contender, Shape, tollgate};
use crate::transit::judge::{Judge, Outcome};
use crate::transit::population::Population;
use crate::transit::stream::Tap;
use crate::wire::Codec;
use crate::wire::volt::{TAP_BYTES, VoltCodec, encode_answer, encode_login_reply};

pub(crate) struct Mock {
    address: SocketAddr,
}

impl Mock {
    /// Listens on a thread of its own, and judges on one more per connection. With `forgetful`, it never says
    /// fraud.
    pub(crate) fn start(population: Population, forgetful: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let judge = Arc::new(Mutex::new(Judge::new(population)));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let judge = Arc::clone(&judge);
                std::thread::spawn(move || serve(socket, &judge, forgetful));
            }
        });
        Self { address }
    }
}

/// Answers until the caller hangs up.
fn serve(mut socket: TcpStream, judge: &Mutex<Judge>, forgetful: bool) -> Option<()> {
    let mut login = [0; 54];
    socket.read_exact(&mut login).ok()?;
    socket.write_all(&encode_login_reply("mock")).ok()?;
    let mut frame = [0; TAP_BYTES];
    loop {
        socket.read_exact(&mut frame).ok()?;
        let number = |at: usize| i32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
        let handle = u64::from_be_bytes(frame[22..30].try_into().unwrap());
        let time_ms = i64::from_be_bytes(frame[38..46].try_into().unwrap());
        let tap = Tap { card_id: number(33), time_ms, station_id: number(47) };
        let (mut outcome, mut message) = judge.lock().unwrap().judge(&tap);
        if forgetful && outcome == Outcome::Fraud {
            (outcome, message) = (Outcome::Accepted, "Remaining Balance: 0.00".into());
        }
        if outcome == Outcome::Failed {
            message = "unknown station".into();
        }
        socket.write_all(&answer(handle, outcome, &message)).ok()?;
    }
}

fn answer(handle: u64, outcome: Outcome, message: &str) -> Vec<u8> {
    if outcome != Outcome::Failed {
        return encode_answer(handle, outcome == Outcome::Accepted, message);
    }
    let mut body = vec![0];
    body.extend_from_slice(&handle.to_be_bytes());
    body.extend_from_slice(&[0x20, 0xff]);
    body.extend_from_slice(&(message.len() as u32).to_be_bytes());
    body.extend_from_slice(message.as_bytes());
    body.extend_from_slice(&[0x80, 0, 0, 0, 0, 0, 0]);
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

impl Contender for Mock {
    fn version(&self) -> String {
        "mock".into()
    }

    fn shape(&self) -> Shape {
        Shape { connections: 3, window: 100 }
    }

    fn load(&mut self, _population: Population) -> anyhow::Result<()> {
        Ok(())
    }

    fn connect(&self) -> anyhow::Result<TcpStream> {
        tollgate::connect(self.address)
    }

    fn codec(&self) -> Box<dyn Codec> {
        Box::new(VoltCodec::new())
    }

    fn process_id(&self) -> u32 {
        std::process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::connection::Connection;
    use crate::load::open_loop::{self, Open};
    use crate::load::single::{self, Caller};
    use crate::transit::stream::TapStream;
    use crate::verify;

    const SMALL: Population = Population { cards: 1_000 };

    #[test]
    fn a_contender_that_follows_the_rules_is_verified() {
        let mock = Mock::start(SMALL, false);
        let counts = verify::run(&mock, SMALL, 1, 30_000).unwrap();
        assert_eq!(counts.total(), 30_000);
        assert!(counts.accepted > 0 && counts.rejected > 0 && counts.fraud > 0 && counts.failed > 0);
    }

    #[test]
    fn a_contender_that_skips_a_rule_is_refused() {
        let mock = Mock::start(SMALL, true);
        let error = verify::run(&mock, SMALL, 1, 30_000).unwrap_err().to_string();
        assert!(error.contains("expected Fraud"), "{error}");
    }

    #[test]
    fn the_open_loop_sends_every_call_and_loses_none() {
        let mock = Mock::start(SMALL, false);
        let mut connections = vec![
            Connection::new(mock.connect().unwrap(), mock.codec()).unwrap(),
            Connection::new(mock.connect().unwrap(), mock.codec()).unwrap(),
        ];
        let mut stream = TapStream::new(1, SMALL);
        let plan = Open { calls_per_s: 20_000.0, seconds: 0.2 };
        let result = open_loop::run(&plan, &mut || stream.next_tap(), &mut connections).unwrap();
        assert_eq!(result.tally.counts.total(), 4_000);
        assert_eq!(result.tally.latency_ns.len(), 4_000);
    }

    #[test]
    fn a_lone_caller_gets_each_answer() {
        let mock = Mock::start(SMALL, false);
        let mut caller = Caller::new(mock.connect().unwrap(), mock.codec()).unwrap();
        let mut stream = TapStream::new(1, SMALL);
        let tally = single::run(&mut caller, &mut || stream.next_tap(), 60.0, 200).unwrap();
        assert_eq!(tally.counts.total(), 200);
        assert_eq!(tally.counts.failed, 0);
    }
}
