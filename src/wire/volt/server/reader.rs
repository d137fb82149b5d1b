//! The reading half of a connection: what one socket read brings becomes one batch for each executor.

use super::{dispatch::Dispatcher, system::Front, writer::ConnectionSink};
use crate::{
    limits,
    node::{connections::ConnectionFacts, desk::By},
    wire::volt::frame,
};
use bytes::BytesMut;
use std::{
    io,
    sync::{Arc, atomic::Ordering},
};
use tokio::{io::AsyncReadExt, net::tcp::OwnedReadHalf};

/// A frame that is not whole yet gets this much room at a time: its length alone is no reason to allocate.
const GROWTH_BYTES_MAX: usize = 1 << 20;

/// Reads calls until the peer stops sending; then waits for the replies that are on their way.
pub(super) async fn read_calls(
    mut socket: OwnedReadHalf,
    mut buffer: BytesMut,
    sink: Arc<ConnectionSink>,
    front: &Arc<Front>,
    facts: Arc<ConnectionFacts>,
) -> io::Result<()> {
    let mut dispatcher = Dispatcher::new(front.clone(), sink.clone(), facts.clone());
    let mut by = By::Helper;
    let mut full_reads = 0;
    loop {
        let whole = whole_frames(&buffer)?;
        if whole.bytes > 0 {
            let bytes = buffer.split_to(whole.bytes);
            facts.bytes_read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            dispatcher.dispatch(bytes, by).await?;
        }
        sink.room().await;
        if sink.is_closed() {
            return Ok(());
        }
        buffer.reserve(whole.missing.clamp(limits::READ_BYTES / 4, GROWTH_BYTES_MAX));
        if socket.read_buf(&mut buffer).await? == 0 {
            sink.drained().await;
            return Ok(());
        }
        full_reads = if buffer.len() == buffer.capacity() { full_reads + 1 } else { 0 };
        by = if full_reads > limits::FULL_READS_MAX { By::Owner } else { By::Helper };
    }
}

struct Whole {
    /// How much of the buffer is whole frames.
    bytes: usize,
    /// What the frame behind them still needs.
    missing: usize,
}

fn whole_frames(buffer: &[u8]) -> io::Result<Whole> {
    let mut rest = buffer;
    loop {
        match frame::split(rest) {
            Ok(frame::Frame::Whole { rest: after, .. }) => rest = after,
            Ok(frame::Frame::Partial { missing }) => {
                return Ok(Whole { bytes: buffer.len() - rest.len(), missing });
            }
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}
