//! The Kafka port: requests that are none, batches that lie, clients that do not log in.

use super::under_attack;
use crate::support::{
    Server, Settings,
    kafka_client::{self, KafkaClient, PRODUCE_VERSION, batch, produce_request, recharge},
    line, wait,
};
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::SmallRng};
use std::{io::Write as _, net::Shutdown, time::Duration};
use tollgate::wire::kafka::{
    protocol::{
        ApiKey, ErrorCode, Reader, Request, Response,
        api_versions::ApiVersionsRequest,
        create_topics::{CreatableTopic, CreateTopicsRequest},
        field::Secret,
        metadata::MetadataRequest,
        sasl_authenticate::SaslAuthenticateRequest,
        sasl_handshake::SaslHandshakeRequest,
    },
    records::{Compression, Producer},
};
use tollgate_schema::value::Value;

const FRAME_BYTES_MAX: i32 = 32 << 20;

fn versions() -> Request {
    Request::ApiVersions(ApiVersionsRequest::default())
}

/// An honest client of the same port is served.
pub(super) fn is_served(server: &Server) {
    let mut client = KafkaClient::connect(server);
    let Response::ApiVersions(answer) = client.ask(3, &versions()) else { panic!("another answer") };
    assert_eq!(answer.error, ErrorCode::None);
    recharge(&mut client, 1, 1);
}

fn closes(server: &Server, bytes: &[u8], what: &str) {
    let mut client = KafkaClient::connect(server);
    // It may hang up before it has read all.
    let _ = client.socket.write_all(bytes);
    assert!(client.is_closed_by_server(), "{what}");
}

#[test]
fn kafka_lengths_that_no_request_has() {
    under_attack(|server| {
        for length in [0, -1, i32::MIN, i32::MAX, FRAME_BYTES_MAX + 1] {
            closes(server, &length.to_be_bytes(), &format!("length {length}"));
        }
        // Claimed, and not sent.
        let before = super::resident_bytes(server);
        let callers: Vec<KafkaClient> = (0..100)
            .map(|_| {
                let mut client = KafkaClient::connect(server);
                client.socket.write_all(&FRAME_BYTES_MAX.to_be_bytes()).unwrap();
                client.socket.write_all(&[0; 64]).unwrap();
                client
            })
            .collect();
        is_served(server);
        let grown = super::resident_bytes(server).saturating_sub(before);
        assert!(grown < 300 << 20, "{} MiB for what was only claimed", grown >> 20);
        drop(callers);
        is_served(server);
    });
}

#[test]
fn kafka_requests_that_are_half_there() {
    under_attack(|server| {
        let whole = kafka_client::frame(3, &versions());
        let mut silent = Vec::new();
        for length in 1..whole.len() {
            let mut client = KafkaClient::connect(server);
            client.socket.write_all(&whole[..length]).unwrap();
            if length % 2 == 0 {
                client.socket.shutdown(Shutdown::Write).unwrap();
                assert!(client.is_closed_by_server(), "{length} bytes");
            } else {
                silent.push((client, length));
            }
        }
        is_served(server);
        // Who took long is answered as soon as the rest is there.
        for (mut client, length) in silent {
            client.socket.write_all(&whole[length..]).unwrap();
            client.answer(ApiKey::ApiVersions, 3).unwrap();
        }
    });
}

#[test]
fn kafka_requests_that_cannot_be_read() {
    under_attack(|server| {
        let metadata = kafka_client::frame(9, &Request::Metadata(MetadataRequest::default()));
        let mut unknown_api = metadata.clone();
        unknown_api[4..6].copy_from_slice(&999i16.to_be_bytes());
        let mut negative_api = metadata.clone();
        negative_api[4..6].copy_from_slice(&(-1i16).to_be_bytes());
        let mut unknown_version = metadata.clone();
        unknown_version[6..8].copy_from_slice(&99i16.to_be_bytes());
        let mut long_client = metadata.clone();
        long_client[12..14].copy_from_slice(&i16::MAX.to_be_bytes());
        let garbled = [&metadata[..18], &[0xff; 8]].concat();
        let mut garbled_whole = garbled.clone();
        let length = garbled.len() as i32 - 4;
        garbled_whole[..4].copy_from_slice(&length.to_be_bytes());
        closes(server, &unknown_api, "an unknown API");
        closes(server, &negative_api, "a negative API");
        closes(server, &unknown_version, "an unknown version");
        closes(server, &long_client, "a client id longer than its frame");
        closes(server, &garbled_whole, "a body that is none");
        closes(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "another protocol");
        // Whoever asks for versions in a version that is not known is told in the oldest form.
        let mut client = KafkaClient::connect(server);
        let mut newer = kafka_client::frame(3, &versions());
        newer[6..8].copy_from_slice(&77i16.to_be_bytes());
        client.socket.write_all(&newer).unwrap();
        let frame = client.frame().unwrap();
        assert_eq!(frame[..6], [0, 0, 0, 7, 0, 35], "the correlation id, then the error");
        let mut reader = Reader::new(frame.slice(4..), 0, false);
        let told = Response::read(ApiKey::ApiVersions, &mut reader).unwrap();
        let Response::ApiVersions(told) = told else { panic!("another answer") };
        assert_eq!(told.api_keys.len(), ApiKey::ALL.len());
        client.ask(3, &versions());
        is_served(server);
    });
}

#[test]
fn kafka_random_bytes() {
    let mut random = SmallRng::seed_from_u64(6);
    let good = [
        kafka_client::frame(3, &versions()),
        kafka_client::frame(9, &Request::Metadata(MetadataRequest::default())),
        kafka_client::frame(PRODUCE_VERSION, &produce_request(&[("RECHARGE", 0, vec![0; 80].into())])),
    ];
    under_attack(|server| {
        for n in 0..300 {
            let mut client = KafkaClient::connect(server);
            let mut bytes = vec![0; random.random_range(1..2000)];
            random.fill_bytes(&mut bytes);
            if n % 3 > 0 {
                bytes = good[n % good.len()].clone();
                for _ in 0..random.random_range(1..4) {
                    let place = random.random_range(4..bytes.len());
                    bytes[place] = random.random();
                }
            }
            let _ = client.socket.write_all(&bytes);
            let _ = client.socket.shutdown(Shutdown::Write);
            assert!(client.is_closed_by_server(), "it hangs up when we do");
        }
        is_served(server);
    });
}

/// With its checksum made right again: what is wrong lies behind it.
fn sealed(batch: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut batch = batch.to_vec();
    change(&mut batch);
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

/// Batches that must not be taken, each with the error it gets.
fn lies(values: &[String]) -> Vec<(&'static str, Vec<u8>, ErrorCode)> {
    let good = batch(values, Compression::None, None);
    let numbered = |base_sequence| {
        let producer = Producer { id: 5, epoch: 0, base_sequence };
        batch(values, Compression::None, Some(producer))
    };
    let mut wrong_crc = good.clone();
    *wrong_crc.last_mut().unwrap() ^= 1;
    let count = |count: i32| {
        sealed(&good, |batch| {
            batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
            batch[57..61].copy_from_slice(&count.to_be_bytes());
        })
    };
    let attribute = |bits: u8| sealed(&good, |batch| batch[22] |= bits);
    let bomb = |compression| batch(&["0".repeat(100 << 20)], compression, None);
    let invalid = ErrorCode::InvalidRecord;
    vec![
        ("a wrong checksum", wrong_crc, ErrorCode::CorruptMessage),
        ("a bomb of gzip", bomb(Compression::Gzip), ErrorCode::MessageTooLarge),
        ("a bomb of zstd", bomb(Compression::Zstd), ErrorCode::MessageTooLarge),
        ("a bomb of lz4", bomb(Compression::Lz4), ErrorCode::MessageTooLarge),
        (
            "more than a batch may be",
            batch(&["0".repeat(2 << 20)], Compression::None, None),
            ErrorCode::MessageTooLarge,
        ),
        ("more records than there are", count(i32::MAX), invalid),
        ("one record more than there are", count(values.len() as i32 + 1), invalid),
        ("one record less than there are", count(values.len() as i32 - 1), invalid),
        ("no record", count(0), invalid),
        ("less than no record", count(-1), invalid),
        ("a record of a transaction", attribute(1 << 4), invalid),
        ("a control record", attribute(1 << 5), invalid),
        ("an unknown compression", attribute(7), ErrorCode::UnsupportedCompressionType),
        ("no gzip", attribute(1), invalid),
        ("a producer that does not number", numbered(-1), invalid),
        ("a negative epoch", sealed(&numbered(0), |batch| batch[51..53].fill(0xff)), invalid),
        ("another format", sealed(&good, |batch| batch[16] = 1), ErrorCode::UnsupportedForMessageFormat),
        ("half a batch", good[..good.len() - 3].to_vec(), invalid),
        ("two batches", good.repeat(2), invalid),
        ("nothing", Vec::new(), invalid),
    ]
}

pub(super) fn balance(server: &Server, card: i32) -> Option<Value> {
    let sql = format!("SELECT balance FROM cards WHERE card_id = {card}");
    line::succeed(&mut server.connect(), "@AdHoc", &[Value::Varchar(sql)])
}

#[test]
fn kafka_batches_that_lie() {
    under_attack(|server| {
        line::new_card(&mut server.connect(), 2, 1000);
        let values = ["2,100,1".to_string(), "2,10,1".to_string(), "2,1,1".to_string()];
        let mut client = KafkaClient::connect(server);
        let before = super::resident_bytes(server);
        for (what, batch, error) in lies(&values) {
            let answer = client.produce("RECHARGE", 0, batch.into());
            assert_eq!((answer.error, answer.base_offset), (error, -1), "{what}: {answer:?}");
            assert_eq!(balance(server, 2), Some(Value::Integer(1000)), "{what}: nothing is done");
            // The connection is as good as before.
            recharge(&mut client, 1, 1);
        }
        for (topic, part) in [("RECHARGE", -1), ("RECHARGE", 1_000_000), ("nothing", 0), ("", 0)] {
            let batch = batch(&values, Compression::None, None);
            let answer = client.produce(topic, part, batch.into());
            assert_eq!(answer.error, ErrorCode::UnknownTopicOrPartition, "{topic:?} {part}");
        }
        let grown = super::resident_bytes(server).saturating_sub(before);
        assert!(grown < 300 << 20, "{} MiB for batches that were refused", grown >> 20);
        assert_eq!(balance(server, 2), Some(Value::Integer(1000)));
        let good = batch(&values, Compression::Gzip, None);
        assert_eq!(client.produce("RECHARGE", 1, good.into()).error, ErrorCode::None);
        assert_eq!(balance(server, 2), Some(Value::Integer(1111)));
    });
}

/// Nobody looks into the records of a plain log but its consumers, who could not read what is wrong.
#[test]
fn kafka_batches_that_lie_to_a_plain_log() {
    under_attack(|server| {
        let mut client = KafkaClient::connect(server);
        let topic = CreatableTopic {
            name: "plain".to_string(),
            num_partitions: 1,
            replication_factor: -1,
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
        client.ask(5, &Request::CreateTopics(request));
        let values = ["a".to_string(), "b".to_string(), "c".to_string()];
        let good = batch(&values, Compression::Zstd, None);
        for (number, (what, lie, error)) in lies(&values).into_iter().enumerate() {
            let answer = client.produce("plain", 0, lie.into());
            assert_eq!((answer.error, answer.base_offset), (error, -1), "{what}: {answer:?}");
            let answer = client.produce("plain", 0, good.clone().into());
            let end = (number * values.len()) as i64;
            assert_eq!((answer.error, answer.base_offset), (ErrorCode::None, end), "after {what}");
        }
    });
}

const LOGINS: &str = "[[users]]\nname = \"clerk\"\npassword = \"pencil and paper\"\n\
    [kafka]\nsasl = [\"PLAIN\"]\nplain_without_tls = true\n";

#[test]
fn kafka_requests_before_a_login() {
    let server = Server::with(&Settings { more: LOGINS, ..Settings::default() });
    line::load(&server);
    line::new_card(&mut server.connect(), 1, 0);
    let frames = [
        kafka_client::frame(9, &Request::Metadata(MetadataRequest::default())),
        kafka_client::frame(PRODUCE_VERSION, &produce_request(&[("RECHARGE", 0, vec![0; 80].into())])),
    ];
    for frame in frames {
        closes(&server, &frame, "a request before the login");
    }
    closes(&server, &((64 << 10) + 1i32).to_be_bytes(), "a long frame before the login");
    let handshake = Request::SaslHandshake(SaslHandshakeRequest { mechanism: "PLAIN".to_string() });
    let log_in = |client: &mut KafkaClient, token: &'static [u8]| {
        let request = SaslAuthenticateRequest { auth_bytes: Secret(token.into()) };
        let Response::SaslAuthenticate(answer) = client.ask(2, &Request::SaslAuthenticate(request)) else {
            panic!("another answer")
        };
        answer.error
    };
    for token in [&b"\0clerk\0wrong"[..], b"", b"\0\0", b"\0clerk\0pencil and paper\0", &[0xff; 5000]] {
        let mut client = KafkaClient::connect(&server);
        client.ask(1, &handshake);
        assert_eq!(log_in(&mut client, token), ErrorCode::SaslAuthenticationFailed);
        assert!(client.is_closed_by_server(), "one try");
    }
    let mut client = KafkaClient::connect(&server);
    client.ask(3, &versions());
    client.ask(1, &handshake);
    assert_eq!(log_in(&mut client, b"\0clerk\0pencil and paper"), ErrorCode::None);
    recharge(&mut client, 1, 7);
    assert_eq!(balance(&server, 1), Some(Value::Integer(7)));
}

/// How long a refusal holds up its connection, and the next login from its address.
const REFUSED_FOR: Duration = Duration::from_millis(200);

/// A client that has chosen a mechanism.
fn before_login(server: &Server) -> KafkaClient {
    let mut client = KafkaClient::connect(server);
    let handshake = SaslHandshakeRequest { mechanism: "PLAIN".to_string() };
    client.ask(1, &Request::SaslHandshake(handshake));
    client
}

fn login(token: &'static [u8]) -> Vec<u8> {
    let request = SaslAuthenticateRequest { auth_bytes: Secret(token.into()) };
    kafka_client::frame(2, &Request::SaslAuthenticate(request))
}

const WRONG: &[u8] = b"\0clerk\0wrong";
const RIGHT: &[u8] = b"\0clerk\0pencil and paper";

#[test]
fn kafka_refusals_are_told_before_the_connection_ends() {
    let server = Server::with(&Settings { more: LOGINS, ..Settings::default() });
    let told_at_once = wait::until(|| {
        let mut client = before_login(&server);
        let sent = wait::now();
        // What comes behind it is not looked at, not even if it is right.
        client.socket.write_all(&[login(WRONG), login(RIGHT)].concat()).unwrap();
        let Response::SaslAuthenticate(told) = client.answer(ApiKey::SaslAuthenticate, 2).unwrap() else {
            panic!("another answer")
        };
        let told_after = sent.elapsed();
        assert_eq!(told.error, ErrorCode::SaslAuthenticationFailed);
        assert!(told.error_message.is_some_and(|text| text.contains("password")));
        assert!(client.frame().is_err(), "nothing comes after it");
        assert!(sent.elapsed() >= REFUSED_FOR, "hung up after {:?}", sent.elapsed());
        // On a machine that is busy it may come late for once.
        (told_after < REFUSED_FOR).then_some(())
    });
    assert!(told_at_once.is_some(), "the refusal waits for something");
}

#[test]
fn kafka_guessing_on_many_connections() {
    const GUESSES: usize = 40;
    let server = Server::with(&Settings { more: LOGINS, ..Settings::default() });
    // One after another, each on a connection that is there already.
    let mut clients: Vec<KafkaClient> = (0..5).map(|_| before_login(&server)).collect();
    let begun = wait::now();
    for client in &mut clients {
        client.socket.write_all(&login(WRONG)).unwrap();
        client.answer(ApiKey::SaslAuthenticate, 2).unwrap();
    }
    assert!(begun.elapsed() >= REFUSED_FOR * 4, "five guesses took {:?}", begun.elapsed());
    // Whoever comes from the same address in between waits a little, but not for all of them.
    let mut guessing: Vec<KafkaClient> = (0..GUESSES).map(|_| before_login(&server)).collect();
    guessing.iter_mut().for_each(|client| client.socket.write_all(&login(WRONG)).unwrap());
    let mut client = before_login(&server);
    client.socket.write_all(&login(RIGHT)).unwrap();
    let begun = wait::now();
    let Response::SaslAuthenticate(told) = client.answer(ApiKey::SaslAuthenticate, 2).unwrap() else {
        panic!("another answer")
    };
    assert_eq!(told.error, ErrorCode::None);
    assert!(begun.elapsed() < REFUSED_FOR * (GUESSES as u32 / 2), "it took {:?}", begun.elapsed());
}
