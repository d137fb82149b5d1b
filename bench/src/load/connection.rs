//! One pipelined connection to a contender: buffers, calls in flight, and no blocking.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use anyhow::{Context, bail};

use super::poll::Interest;
use crate::transit::stream::Tap;
use crate::wire::{Codec, Reply};

/// Grows when one reply is larger; a read takes whatever the socket holds up to this.
const READ_BUFFER_BYTES: usize = 256 * 1024;

pub(crate) struct Connection {
    socket: TcpStream,
    codec: Box<dyn Codec>,
    out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    filled: usize,
    /// Handles of the calls not yet answered, oldest first; only used when the protocol carries no handle.
    in_flight: VecDeque<u64>,
}

impl Connection {
    /// Takes over a socket that is already logged in.
    pub(crate) fn new(socket: TcpStream, codec: Box<dyn Codec>) -> anyhow::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            codec,
            out: Vec::with_capacity(READ_BUFFER_BYTES),
            written: 0,
            input: vec![0; READ_BUFFER_BYTES],
            filled: 0,
            in_flight: VecDeque::new(),
        })
    }

    /// Queues the call; `flush` sends it.
    #[inline]
    pub(crate) fn queue(&mut self, handle: u64, tap: &Tap) {
        self.codec.encode_tap(handle, tap, &mut self.out);
        self.in_flight.push_back(handle);
    }

    /// Sends as much as the socket takes.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(0) => bail!("the contender closed the connection"),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("writing calls"),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    pub(crate) fn interest(&self) -> Interest {
        Interest::new(self.socket.as_raw_fd(), self.written < self.out.len())
    }

    /// Reads once and hands every whole reply to `on_reply` with its handle. Returns how many there were.
    pub(crate) fn receive(&mut self, on_reply: &mut dyn FnMut(u64, Reply<'_>)) -> anyhow::Result<usize> {
        if self.filled == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
        match self.socket.read(&mut self.input[self.filled..]) {
            Ok(0) => bail!("the contender closed the connection"),
            Ok(count) => self.filled += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(0);
            }
            Err(error) => return Err(error).context("reading replies"),
        }
        let (mut at, mut replies) = (0, 0);
        while let Some((used, reply)) = self.codec.decode_reply(&self.input[at..self.filled])? {
            at += used;
            replies += 1;
            let oldest = self.in_flight.pop_front().context("a reply that nobody asked for")?;
            on_reply(reply.handle.unwrap_or(oldest), reply);
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(replies)
    }
}
