//! One connection: frames in, responses out in the order of their requests. What a request starts, it starts
//! when it is read; the rest of its work is done when its response is due.

use super::{
    dispatch::{self, Session},
    front::KafkaFront,
    login::{Login, REFUSED_FOR},
    metadata::Address,
    room::Taken,
};
use crate::{
    clock, limits,
    wire::kafka::protocol::{Out, read_head},
};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc::{Receiver, Sender, channel},
};

/// Read from a socket in one go, of a large frame: other connections wait meanwhile.
const READ_AT_ONCE: u64 = 1 << 20;
/// Written together.
const WRITE_BYTES: usize = 256 << 10;

/// What becomes of a request.
pub(super) enum Due {
    /// A whole response, or nothing: the client wants none.
    Now(Out),
    Later(Pin<Box<dyn Future<Output = Out> + Send>>),
    /// A login was refused: this is told, then nothing is read, and after a while the connection ends.
    Last(Out),
}

/// Something due, and the room that its request takes until then.
type Held = (Due, Taken);

/// Serves a connection until it ends.
pub(super) async fn run<R, W>(
    read: R,
    write: W,
    (local, peer): (SocketAddr, SocketAddr),
    front: Arc<KafkaFront>,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let address = match front.shared.config.kafka.advertised_parts() {
        Some((host, port)) => Address { host: host.to_string(), port },
        None => Address { host: local.ip().to_string(), port: local.port() },
    };
    let login = Login::new(&front);
    let session = Session { front, address, client: peer.ip(), login };
    let (due, outgoing) = channel(limits::KAFKA_REQUESTS_MAX);
    let mut writer = tokio::spawn(write_responses(write, outgoing));
    let outcome = read_requests(read, session, &due).await;
    drop(due);
    // Responses that are on their way still go out to a peer that closed only its sending half.
    let stall_max = Duration::from_millis(limits::REPLY_STALL_MAX_MS);
    if tokio::time::timeout(stall_max, &mut writer).await.is_err() {
        writer.abort();
    }
    outcome
}

async fn read_requests(
    mut read: impl AsyncRead + Unpin,
    mut session: Session,
    due: &Sender<Held>,
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(limits::READ_BYTES);
    let room = session.front.room.of_connection();
    loop {
        // Of the request at hand, if it is large: until when it has to be there.
        let mut taken: Option<(Taken, Instant)> = None;
        let frame = loop {
            if let Some(frame) = take_frame(&mut buffer, session.frame_bytes_max())? {
                break frame;
            }
            // A length that is only claimed takes no room from others.
            if taken.is_none() && buffer.len() >= limits::READ_BYTES {
                let held = room.take(length(&buffer).unwrap_or(0) as usize).await?;
                taken = Some((held, clock::now() + Duration::from_millis(limits::KAFKA_REQUEST_MAX_MS)));
            }
            let deadline = taken.as_ref().map(|(_, deadline)| *deadline);
            let deadline = deadline.or_else(|| Some(clock::now() + session.login_max()?));
            // Its length alone is no reason to allocate; with room for it, it comes to lie where it stays.
            let most = if taken.is_some() { usize::MAX } else { limits::READ_BYTES };
            buffer.reserve(missing(&buffer).clamp(limits::READ_BYTES / 4, most));
            let mut some = (&mut read).take(READ_AT_ONCE);
            let read = some.read_buf(&mut buffer);
            let read = match deadline {
                None => read.await?,
                Some(deadline) => tokio::time::timeout_at(deadline.into(), read).await??,
            };
            if read == 0 {
                return Ok(());
            }
        };
        let held = match taken {
            Some((held, _)) => held,
            None => room.take(frame.len()).await?,
        };
        let begun = begin(&mut session, frame).await?;
        let is_last = matches!(begun, Due::Last(_));
        if due.send((begun, held)).await.is_err() || is_last {
            return Ok(());
        }
    }
}

/// A request whose head can't be read ends the connection: nobody could be told.
async fn begin(session: &mut Session, frame: Bytes) -> io::Result<Due> {
    if session.login.takes_raw_tokens() {
        return Ok(session.login_token(&frame).await);
    }
    let broken =
        |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    match read_head(frame) {
        Ok((head, body)) => dispatch::begin(session, head, body).await,
        Err(error) => match error.answer() {
            Some(answer) => Ok(Due::Now(answer)),
            None => Err(broken(&error)),
        },
    }
}

/// The length that stands before a frame.
fn length(buffer: &[u8]) -> Option<i32> {
    buffer.first_chunk().map(|length| i32::from_be_bytes(*length))
}

/// A whole frame, without its length.
fn take_frame(buffer: &mut BytesMut, bytes_max: usize) -> io::Result<Option<Bytes>> {
    let Some(said) = length(buffer) else { return Ok(None) };
    let Some(length) = usize::try_from(said).ok().filter(|&length| length <= bytes_max) else {
        let text = format!("frame length: {said} is not from 0 to {bytes_max}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    };
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// What the frame at hand still needs.
fn missing(buffer: &[u8]) -> usize {
    length(buffer).map_or(4, |length| (4 + length.max(0) as usize).saturating_sub(buffer.len()))
}

async fn write_responses(mut write: impl AsyncWrite + Unpin, mut outgoing: Receiver<Held>) {
    let mut out = Out::default();
    let stall_max = Duration::from_millis(limits::REPLY_STALL_MAX_MS);
    loop {
        let next = match outgoing.try_recv() {
            Ok(next) => Some(next),
            Err(_) if out.is_empty() => outgoing.recv().await,
            Err(_) => None,
        };
        let mut is_last = false;
        let (next, _held) = next.unzip();
        match next {
            Some(Due::Now(response)) => out.append(response),
            Some(Due::Last(response)) => {
                out.append(response);
                is_last = true;
            }
            Some(Due::Later(response)) => {
                // What is due before it does not wait for it.
                if !flush(&mut write, std::mem::take(&mut out), stall_max).await {
                    return;
                }
                out = response.await;
            }
            None if out.is_empty() => return,
            None => {}
        }
        if out.len() < WRITE_BYTES && !is_last && !outgoing.is_empty() {
            continue;
        }
        let is_taken = flush(&mut write, std::mem::take(&mut out), stall_max).await;
        if is_last {
            // Time for its client to read what it was told: hanging up on bytes that were not read may take
            // those from it that were sent.
            tokio::time::sleep(REFUSED_FOR).await;
        }
        if !is_taken || is_last {
            let _ = write.shutdown().await;
            return;
        }
    }
}

/// False: the peer takes nothing any more.
async fn flush(write: &mut (impl AsyncWrite + Unpin), out: Out, most: Duration) -> bool {
    if out.is_empty() {
        return true;
    }
    let written = async {
        write.write_all_buf(&mut out.into_parts()).await?;
        write.flush().await
    };
    matches!(tokio::time::timeout(most, written).await, Ok(Ok(())))
}
