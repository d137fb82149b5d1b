//! A server that answers every tap without judging it, as a process of its own: the ceiling that the
//! generator and the loopback device set. A contender near this figure is limited by the measurement, not by
//! itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use super::process::{Server, free_port};
use super::{Contender, Shape, tollgate};
use crate::load::poll::{self, Interest};
use crate::transit::population::Population;
use crate::wire::Codec;
use crate::wire::volt::{HANDLE_AT, TAP_BYTES, VoltCodec, encode_answer, encode_login_reply, login_request};

/// Where an answer's handle stands, behind length and version.
const ANSWER_HANDLE_AT: usize = 5;

pub(crate) struct Null {
    // Dropped in this order: the server first, then the directory it writes to.
    server: Server,
    _directory: TempDir,
    address: SocketAddr,
}

impl Null {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("bench-null-").tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("null-server").arg(port.to_string());
        let mut server = Server::start(&mut command, &directory.path().join("null.log"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.wait_for_port(address, Duration::from_secs(10))?;
        Ok(Self { server, _directory: directory, address })
    }
}

impl Contender for Null {
    fn version(&self) -> String {
        "no judgement at all: what the generator can do".into()
    }

    fn shape(&self) -> Shape {
        Shape { connections: 4, window: 16_384 }
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
        self.server.id()
    }
}

/// One caller of the null server.
struct Caller {
    socket: TcpStream,
    input: Vec<u8>,
    filled: usize,
    out: Vec<u8>,
    written: usize,
    logged_in: bool,
}

/// The server's own main: serves until it is killed.
pub(crate) fn serve(port: u16) -> anyhow::Result<()> {
    use std::os::fd::AsRawFd;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("listening")?;
    listener.set_nonblocking(true)?;
    let mut callers: Vec<Caller> = Vec::new();
    loop {
        let mut interests = vec![Interest::new(listener.as_raw_fd(), false)];
        for caller in &callers {
            interests.push(Interest::new(caller.socket.as_raw_fd(), caller.written < caller.out.len()));
        }
        poll::wait(&mut interests, 1_000_000_000)?;
        // A caller that has failed or hung up is dropped.
        callers.retain_mut(|caller| caller.turn().is_ok());
        while let Ok((socket, _)) = listener.accept() {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let input = vec![0; 256 * 1024];
            callers.push(Caller { socket, input, filled: 0, out: Vec::new(), written: 0, logged_in: false });
        }
    }
}

impl Caller {
    /// Reads once, answers every whole frame, writes what the socket takes.
    fn turn(&mut self) -> std::io::Result<()> {
        match self.socket.read(&mut self.input[self.filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let mut at = 0;
        if !self.logged_in && self.filled >= login_request().len() {
            at = login_request().len();
            self.logged_in = true;
            self.out.extend_from_slice(&encode_login_reply("null"));
        }
        let mut answer = encode_answer(0, true, "Remaining Balance: 12.50");
        while self.logged_in && self.filled - at >= TAP_BYTES {
            let handle = &self.input[at + HANDLE_AT..at + HANDLE_AT + 8];
            answer[ANSWER_HANDLE_AT..ANSWER_HANDLE_AT + 8].copy_from_slice(handle);
            self.out.extend_from_slice(&answer);
            at += TAP_BYTES;
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        match self.socket.write(&self.out[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
        Ok(())
    }
}
