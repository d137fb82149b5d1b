//! One call at a time on one blocking connection: what a lone caller waits.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};

use super::tally::Tally;
use crate::clock::now_ns;
use crate::transit::stream::Tap;
use crate::wire::{Codec, Reply};

/// A call that is not answered for this long never will be.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// A caller that waits for each answer.
pub(crate) struct Caller {
    socket: TcpStream,
    codec: Box<dyn Codec>,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Caller {
    /// Takes over a socket that is already logged in.
    pub(crate) fn new(socket: TcpStream, codec: Box<dyn Codec>) -> anyhow::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(SILENCE_LIMIT))?;
        Ok(Self { socket, codec, out: Vec::new(), input: vec![0; 64 * 1024] })
    }

    /// Sends one tap and hands the answer to `on_reply`.
    pub(crate) fn call(&mut self, tap: &Tap, on_reply: &mut dyn FnMut(&Reply<'_>)) -> anyhow::Result<()> {
        self.out.clear();
        self.codec.encode_tap(1, tap, &mut self.out);
        self.socket.write_all(&self.out).context("writing a call")?;
        let mut filled = 0;
        loop {
            let read = self.socket.read(&mut self.input[filled..]);
            if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
                continue;
            }
            match read.with_context(|| format!("waiting for the reply to {tap:?}"))? {
                0 => bail!("the contender closed the connection"),
                count => filled += count,
            }
            if let Some((_, reply)) = self.codec.decode_reply(&self.input[..filled])? {
                on_reply(&reply);
                return Ok(());
            }
        }
    }
}

/// Calls for `seconds`, at most `max_calls` times.
pub(crate) fn run(
    caller: &mut Caller,
    next_tap: &mut dyn FnMut() -> Tap,
    seconds: f64,
    max_calls: u64,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new();
    let deadline_ns = now_ns() + (seconds * 1e9) as u64;
    while tally.counts.total() < max_calls {
        let start_ns = now_ns();
        if start_ns > deadline_ns {
            break;
        }
        caller.call(&next_tap(), &mut |reply| tally.reply(reply, now_ns() - start_ns))?;
    }
    Ok(tally)
}
