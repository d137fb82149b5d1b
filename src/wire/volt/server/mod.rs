//! Connections of VoltDB clients: accept, log in, then one task that reads calls and one that writes replies.
//!
//! Runs on: net threads. It never knows: rows, the log.

mod batch_call;
mod call_sink;
mod dispatch;
mod parameters;
mod reader;
mod system;
mod writer;

pub(crate) use dispatch::status_of;
pub use system::Front;
pub(crate) use system::answer_alone;

use crate::{
    limits,
    node::{connections::ConnectionFacts, shared::Shared},
    wire::volt::{
        frame::{self, Frame},
        login::{LoginFailure, LoginReply, LoginRequest},
    },
};
use bytes::BytesMut;
use std::{io, net::SocketAddr, sync::Arc, sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use writer::ConnectionSink;

/// Accepts connections until the listener fails or the server stops.
pub async fn serve(listener: TcpListener, front: Arc<Front>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: it passes when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let front = front.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(stream, peer, front).await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
    }
}

/// Counts a connection as long as it lives.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> (Counted, usize) {
        let before = shared.connections.fetch_add(1, Ordering::Relaxed);
        (Counted(shared.clone()), before + 1)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lists a connection as long as it lives.
struct Listed(Arc<Shared>, Arc<ConnectionFacts>);

impl Listed {
    fn new(shared: &Arc<Shared>, facts: &Arc<ConnectionFacts>) -> Listed {
        shared.clients.open(facts);
        Listed(shared.clone(), facts.clone())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.clients.closed(self.1.id);
    }
}

async fn connection(mut stream: TcpStream, peer: SocketAddr, front: Arc<Front>) -> io::Result<()> {
    let shared = front.shared.clone();
    let facts = shared.clients.accepted(peer, stream.local_addr()?);
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_keepalive(true)?;
    let (_counted, connections) = Counted::new(&shared);
    let mut buffer = BytesMut::with_capacity(limits::READ_BYTES);
    let login_max = Duration::from_millis(limits::LOGIN_MAX_MS);
    let login = tokio::time::timeout(login_max, read_login(&mut stream, &mut buffer)).await;
    let outcome = match login {
        Err(_) => Err(LoginFailure::TimedOut),
        Ok(Err(error)) => return Err(error),
        Ok(Ok(_)) if connections > shared.config.limits.connections => Err(LoginFailure::TooManyConnections),
        Ok(Ok(login)) => login,
    };
    let mut reply = Vec::new();
    match outcome {
        Ok(()) => LoginReply {
            host_id: shared.host_id,
            connection_id: facts.id,
            cluster_start_ms: shared.cluster_start_ms,
            leader_address: [127, 0, 0, 1],
            build: shared.build,
        }
        .write(&mut reply),
        Err(failure) => failure.write(&mut reply),
    }
    // One write: some clients read this reply with a single read.
    stream.write_all(&reply).await?;
    if outcome.is_err() {
        shared.clients.refused();
        return stream.shutdown().await;
    }
    let (read_half, write_half) = stream.into_split();
    let _listed = Listed::new(&shared, &facts);
    let (sink, outgoing) = ConnectionSink::new(shared.clone(), facts.clone());
    let mut writer = tokio::spawn(writer::write_replies(write_half, outgoing, sink.clone()));
    let outcome = reader::read_calls(read_half, buffer, sink.clone(), &front, facts).await;
    sink.finish();
    // Replies that are on their way still go out to a peer that closed only its sending half.
    let stall_max = Duration::from_millis(limits::REPLY_STALL_MAX_MS);
    if tokio::time::timeout(stall_max, &mut writer).await.is_err() {
        writer.abort();
    }
    outcome
}

/// Reads the login frame; the user and password are not checked while security is off.
async fn read_login(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<Result<(), LoginFailure>> {
    const LOGIN_BYTES_MAX: usize = 4096;
    loop {
        match frame::split(buffer) {
            Ok(Frame::Whole { body, .. }) => {
                let login = LoginRequest::read(body).map(|_| ());
                let taken = 4 + body.len();
                let _ = buffer.split_to(taken);
                return Ok(login);
            }
            Ok(Frame::Partial { missing }) if buffer.len() + missing <= LOGIN_BYTES_MAX => {}
            _ => return Ok(Err(LoginFailure::Malformed)),
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
