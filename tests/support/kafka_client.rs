//! A client of the Kafka port: one request, one response, by the product's own codec. What is to be sent as
//! raw bytes is sent through its socket.

use super::{Server, wait};
use bytes::Bytes;
use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};
use tollgate::wire::kafka::{
    protocol::{
        ApiKey, ErrorCode, Out, Reader, Request, Response,
        produce::{PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData},
        write_request,
    },
    records::{BatchWriter, Compression, NewRecord, Producer},
};

pub(crate) const PRODUCE_VERSION: i16 = 9;

pub(crate) struct KafkaClient {
    pub(crate) socket: TcpStream,
}

impl KafkaClient {
    pub(crate) fn connect(server: &Server) -> KafkaClient {
        KafkaClient::open(server.kafka).expect("the server listens")
    }

    pub(crate) fn open(address: SocketAddr) -> io::Result<KafkaClient> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(wait::PATIENCE))?;
        socket.set_nodelay(true)?;
        Ok(KafkaClient { socket })
    }

    /// The answer to a request, which has to come.
    pub(crate) fn ask(&mut self, version: i16, request: &Request) -> Response {
        self.try_ask(version, request).unwrap_or_else(|error| panic!("{:?}: {error}", request.api()))
    }

    pub(crate) fn try_ask(&mut self, version: i16, request: &Request) -> io::Result<Response> {
        self.socket.write_all(&frame(version, request))?;
        self.answer(request.api(), version)
    }

    /// The next response.
    pub(crate) fn answer(&mut self, api: ApiKey, version: i16) -> io::Result<Response> {
        let frame = self.frame()?;
        let broken = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        let flexible_head = api.response_header_version(version) >= 1;
        let mut head = Reader::new(frame.clone(), version, flexible_head);
        head.int32().map_err(|error| broken(&error))?;
        head.tagged_fields().map_err(|error| broken(&error))?;
        let body = frame.slice(frame.len() - head.left()..);
        let mut reader = Reader::new(body, version, api.is_flexible(version));
        Response::read(api, &mut reader).map_err(|error| broken(&error))
    }

    /// The next frame, without its length.
    pub(crate) fn frame(&mut self) -> io::Result<Bytes> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?];
        self.socket.read_exact(&mut frame)?;
        Ok(frame.into())
    }

    /// Sends one batch to one partition, for all replicas to have it.
    pub(crate) fn produce(&mut self, topic: &str, part: i32, batch: Bytes) -> PartitionProduceResponse {
        let request = produce_request(&[(topic, part, batch)]);
        let Response::Produce(response) = self.ask(PRODUCE_VERSION, &request) else {
            panic!("an answer to another request")
        };
        let topic = response.responses.into_iter().next().expect("an answer for the topic");
        topic.partition_responses.into_iter().next().expect("an answer for the partition")
    }

    /// Whether the server closes the connection, whatever it says before that.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        loop {
            match self.frame() {
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                }
            }
        }
    }
}

/// A whole frame.
pub(crate) fn frame(version: i16, request: &Request) -> Vec<u8> {
    let mut frame = Out::default();
    write_request(&mut frame, version, 7, Some("test"), request).expect("a request that can be written");
    frame.into_vec()
}

pub(crate) fn produce_request(batches: &[(&str, i32, Bytes)]) -> Request {
    let topic_data = batches.iter().map(|(topic, part, batch)| TopicProduceData {
        name: (*topic).to_string(),
        partition_data: vec![PartitionProduceData { index: *part, records: Some(batch.clone()) }],
    });
    Request::Produce(ProduceRequest {
        transactional_id: None,
        acks: -1,
        timeout_ms: 30_000,
        topic_data: topic_data.collect(),
    })
}

/// A batch of records with these values.
pub(crate) fn batch(values: &[String], compression: Compression, producer: Option<Producer>) -> Vec<u8> {
    let mut writer = BatchWriter::new();
    for value in values {
        let value = Some(value.as_bytes());
        writer.push(&NewRecord { timestamp_ms: 1000, value, ..NewRecord::default() });
    }
    writer.finish(compression, producer).expect("our own bytes compress").to_vec()
}

/// Recharges a card at station 1, on a connection that must be fine.
pub(crate) fn recharge(client: &mut KafkaClient, card: i32, cents: i32) {
    let batch = batch(&[format!("{card},{cents},1")], Compression::None, None);
    let answer = client.produce("RECHARGE", 0, batch.into());
    assert_eq!(answer.error, ErrorCode::None, "{answer:?}");
}
