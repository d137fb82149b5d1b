//! Connections: accepted up to a number, each with bounds on how long a request's head may take and how long
//! a peer may leave an answer untaken.

use crate::{limits, node::shared::Shared};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep},
};

/// Accepts connections until the task is ended.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    open: Arc<AtomicUsize>,
    shared: Arc<Shared>,
) {
    let service = TowerToHyperService::new(router);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: it passes when connections end.
                tracing::warn!(%error, "a connection over HTTP could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let counted = Counted::new(&open);
        if counted.number > shared.config.limits.connections {
            tokio::spawn(turn_away(stream, counted));
            continue;
        }
        let service = service.clone();
        tokio::spawn(async move {
            let _counted = counted;
            let _ = stream.set_nodelay(true);
            let served = http1::Builder::new()
                // A peer that has sent all it will send still waits for its answer.
                .half_close(true)
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_millis(limits::HTTP_HEAD_MAX_MS))
                .max_buf_size(limits::HTTP_HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(Guarded::new(stream)), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%peer, %error, "connection over HTTP ended");
            }
        });
    }
}

/// Counts a connection as long as it lives.
struct Counted {
    open: Arc<AtomicUsize>,
    /// How many there are with this one.
    number: usize,
}

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Counted {
        Counted { open: open.clone(), number: open.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection too many is told so, unless it does not even listen.
async fn turn_away(mut stream: TcpStream, _counted: Counted) {
    const BODY: &str = r#"{"error":{"code":"busy","message":"too many connections"}}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Retry-After: 1\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(answer.as_bytes())).await;
}

/// A socket whose peer must take something of what is written from time to time.
struct Guarded {
    stream: TcpStream,
    /// Set while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    fn new(stream: TcpStream) -> Guarded {
        Guarded { stream, stalled: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let longest = Duration::from_millis(limits::REPLY_STALL_MAX_MS);
        let stalled =
            self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + longest)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
