//! Connections of Kafka clients: accept, TLS if it is wanted, then one task that reads requests and one that
//! writes responses in the same order.
//!
//! - `connection`, `dispatch`: from bytes to what a request does; `login`: who may send one; `room`: how many
//!   of them there are at a time;
//! - `produce`, `inbound`: records in; `fetch`, `encoded`, `offsets`: records out; `schemas`: of those in
//!   Avro;
//! - `groups`, `commits`, `lags`: consumer groups; `metadata`, `admin`, `configs`: topics; `keeping`,
//!   `compacting`: how long their records stay;
//! - `front`, `topics`, `settings`: what connections share.
//!
//! Runs on: net threads. It never knows: rows' layouts, the log.

mod admin;
mod commits;
mod compacting;
mod configs;
mod connection;
mod dispatch;
mod encoded;
mod fetch;
mod front;
mod groups;
mod inbound;
mod keeping;
pub(crate) mod lags;
mod login;
mod metadata;
mod offsets;
mod produce;
mod room;
mod schemas;
mod settings;
mod topics;

pub use front::KafkaFront;

use std::{io, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A handshake takes no longer.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Accepts connections until the listener fails or the server stops; keeps groups and logs in order
/// meanwhile.
pub(crate) async fn serve(listener: TcpListener, front: Arc<KafkaFront>) {
    let registering = schemas::register_all(&front);
    tokio::join!(
        accept(listener, front.clone()),
        front.groups.run(&front.shared),
        keeping::run(&front),
        registering
    );
}

async fn accept(listener: TcpListener, front: Arc<KafkaFront>) {
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
        let Some(counted) = front.count_connection() else {
            tracing::debug!(%peer, "too many connections");
            continue;
        };
        let front = front.clone();
        tokio::spawn(async move {
            let _counted = counted;
            if let Err(error) = connection(stream, front).await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
    }
}

async fn connection(stream: TcpStream, front: Arc<KafkaFront>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_keepalive(true)?;
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    match front.tls.clone() {
        None => {
            let (read, write) = stream.into_split();
            connection::run(read, write, (local, peer), front).await
        }
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls).accept(stream);
            let stream = tokio::time::timeout(HANDSHAKE_MAX, handshake).await??;
            let (read, write) = tokio::io::split(stream);
            connection::run(read, write, (local, peer), front).await
        }
    }
}
