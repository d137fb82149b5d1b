//! A registry that is somewhere else, asked over HTTP: one connection a request, for what is learned is
//! remembered by whoever asked.

use super::{
    Answer, Request, SchemasError,
    config::{Location, SchemaRegistryConfig},
};
use crate::{registry::CONTENT_TYPE, tls};
use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// From the first byte to the last of one request.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// A longer answer is refused.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// See the module.
pub(super) struct External {
    url: String,
    location: Location,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    authorization: Option<String>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl External {
    /// `None`: the configuration names no other registry.
    pub(super) fn new(config: &SchemaRegistryConfig) -> anyhow::Result<Option<External>> {
        let Some(location) = config.location()? else { return Ok(None) };
        let tls = match location.is_https {
            false => None,
            true => {
                let connector = tls::client_config(&config.ca).context("[schema_registry]")?;
                let name = ServerName::try_from(location.host.clone()).context("schema_registry.url")?;
                Some((TlsConnector::from(connector), name))
            }
        };
        let authorization = config.password.as_ref().map(|password| {
            let pair = format!("{}:{}", config.user, password.reveal());
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        Ok(Some(External { url: config.url.clone(), location, tls, authorization }))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn answer(&self, request: Request) -> Result<Answer, SchemasError> {
        let failed = |reason: String| SchemasError::External { url: self.url.clone(), reason };
        match tokio::time::timeout(REQUEST_MAX, self.ask(request)).await {
            Ok(answer) => answer.map_err(|error| failed(chain(&*error))),
            Err(_) => Err(failed(format!("it did not answer within {} s", REQUEST_MAX.as_secs()))),
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        let Location { host, port, .. } = &self.location;
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), *port)).await?;
        match &self.tls {
            None => self.exchange(stream, request).await,
            Some((connector, name)) => {
                self.exchange(connector.connect(name.clone(), stream).await?, request).await
            }
        }
    }

    async fn exchange<S>(&self, stream: S, request: Request) -> Result<Answer, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Location { host, port, base, .. } = &self.location;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let mut builder = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{base}{}{query}", request.path))
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::ACCEPT, CONTENT_TYPE)
            .header(header::CONTENT_TYPE, CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            builder = builder.header(header::AUTHORIZATION, authorization);
        }
        let request = builder.body(Full::new(Bytes::from(request.body)))?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?;
            Ok::<Answer, Failure>(Answer { status, body: body.to_bytes().to_vec() })
        };
        // The connection moves while the answer is waited for, and ends with it.
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            ended = connection => {
                ended?;
                exchange.await
            }
        }
    }
}

/// An error with what it comes from.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use std::{net::SocketAddr, path::Path};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    fn run<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(future)
    }

    fn request() -> Request {
        let (method, path, query) = ("POST".to_string(), "/subjects/a%2Fb".to_string(), "x=1".to_string());
        Request { method, path, query, body: b"body".to_vec() }
    }

    /// Answers one request with some bytes and closes; what was asked.
    async fn answer_once(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) -> String {
        let mut asked = Vec::new();
        while !asked.ends_with(b"body") {
            assert_ne!(stream.read_buf(&mut asked).await.expect("it can be read"), 0, "the request is cut");
        }
        stream.write_all(answer).await.expect("it can be written");
        stream.shutdown().await.expect("it can be closed");
        String::from_utf8(asked).expect("a text")
    }

    async fn asked(
        text: String,
        listener: TcpListener,
        answer: &[u8],
    ) -> (Result<Answer, SchemasError>, String) {
        let config: SchemaRegistryConfig = toml::from_str(&text).expect("a configuration");
        let external = External::new(&config).expect("it is right").expect("it is elsewhere");
        let serve = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            answer_once(stream, answer).await
        };
        tokio::join!(external.answer(request()), serve)
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

    #[test]
    fn what_is_asked_and_answered() {
        run(async {
            let (listener, at) = listen().await;
            let text = format!("url = 'http://{at}/base/'\nuser = 'u'\npassword = 'p'");
            let (answer, asked) = asked(text, listener, OK).await;
            assert_eq!(answer, Ok(Answer { status: 200, body: b"{}".to_vec() }));
            assert!(asked.starts_with("POST /base/subjects/a%2Fb?x=1 HTTP/1.1\r\n"), "{asked}");
            assert!(asked.contains("authorization: Basic dTpw\r\n"), "{asked}");
            assert!(asked.contains(&format!("host: {at}\r\n")), "{asked}");
        });
    }

    #[test]
    fn answers_that_are_none_say_where_they_come_from() {
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", ANSWER_BYTES_MAX + 1);
        let long = [long.into_bytes(), vec![b' '; ANSWER_BYTES_MAX + 1]].concat();
        for (answer, part) in
            [(&b"nonsense\r\n\r\n"[..], "invalid HTTP version"), (b"", "closed"), (&long, "length limit")]
        {
            run(async {
                let (listener, at) = listen().await;
                let (failed, _) = asked(format!("url = 'http://{at}'"), listener, answer).await;
                let text = failed.expect_err("it is no answer").to_string();
                assert!(text.contains(part) && text.contains(&at.to_string()), "{part}: {text}");
            });
        }
    }

    fn write(directory: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("the directory takes files");
        path
    }

    #[test]
    fn over_tls() {
        let directory = tempfile::tempdir().expect("a directory");
        let key = KeyPair::generate().expect("a key");
        let names = vec!["127.0.0.1".to_string()];
        let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("signed");
        let chain = write(directory.path(), "server.pem", &certificate.pem());
        let private = write(directory.path(), "server.key", &key.serialize_pem());
        let server = tls::server_config(&chain, &private, tls::ClientCertificates::None).expect("files");
        run(async {
            let (listener, at) = listen().await;
            let text = format!("url = 'https://{at}'\nca = {chain:?}");
            let config: SchemaRegistryConfig = toml::from_str(&text).expect("a configuration");
            let external = External::new(&config).expect("it is right").expect("it is elsewhere");
            let serve = async {
                let (stream, _) = listener.accept().await.expect("a connection");
                let stream = TlsAcceptor::from(server).accept(stream).await.expect("a handshake");
                answer_once(stream, OK).await
            };
            let (answer, _) = tokio::join!(external.answer(request()), serve);
            assert_eq!(answer, Ok(Answer { status: 200, body: b"{}".to_vec() }));
        });
    }
}
