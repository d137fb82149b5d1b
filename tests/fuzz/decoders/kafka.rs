//! What Kafka's clients send.

use super::{ACCEPTED, Decoder, kafka_seeds, said, sealed};
use bytes::Bytes;
use std::sync::OnceLock;
use tollgate::{
    format::fuzz,
    wire::kafka::{
        groups::{Config, Effect, Groups, Identity, JoinGroup, SyncGroup},
        protocol::{Out, Request, read_any, read_head},
        records::{BatchWriter, Batches, Compression, NewRecord, RecordsError},
        sasl::{Exchange, Mechanism, NONCE_BYTES, Step, Users},
    },
};

/// Of one batch, decompressed.
const PLAIN_BYTES_MAX: usize = 1 << 20;

/// Whether to seal (1), then batches.
pub(super) const RECORDS: Decoder = Decoder {
    name: "kafka_records",
    target: |input| {
        let bytes = sealed::choose(input, sealed::record_batches);
        said(read(bytes.into()))
    },
    seeds: || {
        Compression::ALL
            .into_iter()
            .flat_map(|compression| [seed(compression, 1), seed(compression, 3)])
            .collect()
    },
    words: &[
        &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0],
        &[0xff, 0xff, 0xff, 0x7f],
        &[0x28, 0xb5, 0x2f, 0xfd],
    ],
    // What may come out, twice for a vector that grows; a window; a block of LZ4.
    held_fixed: 2 * PLAIN_BYTES_MAX + (16 << 20),
    held_times: 64,
};

fn read(bytes: Bytes) -> Result<(), RecordsError> {
    for batch in Batches::new(bytes) {
        let batch = batch?;
        let (mut count, mut held) = (0, 0);
        for record in batch.records(PLAIN_BYTES_MAX)? {
            let record = record?;
            count += 1;
            held += record.key.map_or(0, |key| key.len()) + record.value.map_or(0, |value| value.len());
        }
        assert_eq!(count, batch.head.record_count, "as many as it says");
        assert!(held <= PLAIN_BYTES_MAX, "{held} bytes of keys and values");
    }
    Ok(())
}

fn seed(compression: Compression, batches: usize) -> Vec<u8> {
    let mut seed = vec![1];
    for _ in 0..batches {
        let mut writer = BatchWriter::new();
        for (timestamp_ms, key) in [(1000, None), (999, Some(&b"key"[..]))] {
            let headers: &[(&str, Option<&[u8]>)] = &[("h", Some(b"1")), ("h", None)];
            writer.push(&NewRecord { timestamp_ms, key, value: Some(b"value value value"), headers });
        }
        seed.extend_from_slice(&writer.finish(compression, None).expect("our own bytes compress"));
    }
    seed
}

/// A frame without its length.
pub(super) const REQUEST: Decoder = Decoder {
    name: "kafka_request",
    target: request,
    seeds: || kafka_seeds::seeds().into_iter().map(|(_, frame)| frame).collect(),
    words: &[&[0xff; 4], &[0xff, 0xff], &[0x7f, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0, 1]],
    held_fixed: 64 << 10,
    held_times: 128,
};

fn request(frame: &[u8]) -> String {
    let frame = Bytes::copy_from_slice(frame);
    let request = match read_any(frame.clone()) {
        Ok(request) => request,
        Err(error) => return error.to_string(),
    };
    let (head, _) = read_head(frame).expect("it was read a moment ago");
    assert_eq!(head.api, request.api());
    // What a request says is said again by what is written of it, if that version has a form for it.
    let mut out = Out::default();
    if head.is_served() && request.write(head.version, &mut out).is_ok() {
        let again = read_body(&head, out.into_vec());
        assert_eq!(again, request);
    }
    ACCEPTED.to_string()
}

fn read_body(head: &tollgate::wire::kafka::protocol::RequestHead, body: Vec<u8>) -> Request {
    let flexible = head.api.is_flexible(head.version);
    let mut reader = tollgate::wire::kafka::protocol::Reader::new(body.into(), head.version, flexible);
    Request::read(head.api, &mut reader).expect("our own bytes are a request")
}

/// A group as it is kept.
pub(super) const GROUP_STATE: Decoder = Decoder {
    name: "kafka_group_state",
    target: group_state,
    seeds: || vec![group_seed(None), group_seed(Some("instance"))],
    words: &[&[0xff; 4], &[0, 0, 0, 1], &[0, 0, 0, 2], &[0x7f, 0xff, 0xff, 0xff], b"\x01\x00\x05range"],
    held_fixed: 64 << 10,
    held_times: 64,
};

fn groups() -> Groups {
    Groups::new(Config { initial_rebalance_delay_ms: 0, ..Config::default() })
}

fn group_state(state: &[u8]) -> String {
    let mut groups = groups();
    if let Err(error) = groups.restore("g", state, 1000) {
        assert!(groups.list().is_empty(), "nothing is left of it");
        return error.to_string();
    }
    let description = groups.describe("g").expect("it is there");
    // Its members, and one more, may go on; then all of them are forgotten.
    for member in &description.members {
        let identity = Identity {
            group: "g".to_string(),
            generation: 1,
            member_id: member.member_id.clone(),
            instance_id: None,
        };
        groups.heartbeat(&identity, 1, 1001);
    }
    groups.join(join(None), 7, 2, 1002);
    let mut now_ms = 1002;
    for _ in 0..20 {
        let Some(deadline_ms) = groups.next_deadline_ms() else { break };
        now_ms = deadline_ms.max(now_ms);
        groups.tick(now_ms);
        for effect in groups.drain() {
            if let Effect::Persist { group, change, .. } = effect {
                groups.persisted(&group, change, true, now_ms);
            }
        }
    }
    ACCEPTED.to_string()
}

fn join(instance_id: Option<&str>) -> JoinGroup {
    JoinGroup {
        group: "g".to_string(),
        member_id: String::new(),
        instance_id: instance_id.map(str::to_string),
        protocol_type: "consumer".to_string(),
        protocols: vec![("range".to_string(), Bytes::from_static(b"topics"))],
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 20_000,
        client_id: "c".to_string(),
        client_host: "h".to_string(),
        requires_known_member_id: false,
        supports_skip_assignment: false,
    }
}

fn group_seed(instance_id: Option<&str>) -> Vec<u8> {
    let mut groups = groups();
    groups.join(join(instance_id), 0xabc, 1, 0);
    let joined = groups.drain().into_iter().find_map(|effect| match effect {
        Effect::Joined { result, .. } => result.ok(),
        _ => None,
    });
    let joined = joined.expect("a group of one is complete");
    let sync = SyncGroup {
        group: "g".to_string(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        instance_id: None,
        protocol_type: None,
        protocol_name: None,
        assignments: vec![(joined.member_id, Bytes::from_static(b"p0"))],
    };
    groups.sync(sync, 2, 0);
    let state = groups.drain().into_iter().find_map(|effect| match effect {
        Effect::Persist { state, .. } => state,
        _ => None,
    });
    state.expect("what is assigned is kept")
}

/// The mechanism's number, then messages, each with its length (2 bytes) in front.
pub(super) const SASL: Decoder = Decoder {
    name: "kafka_sasl",
    target: sasl,
    seeds: || {
        let text: Vec<u8> = vec![b'x'; 2];
        let messages = |mechanism: u8, messages: &[&[u8]]| {
            let mut seed = vec![mechanism];
            for message in messages {
                seed.extend((message.len() as u16).to_be_bytes());
                seed.extend(*message);
            }
            seed
        };
        vec![
            messages(0, &[b"\0user\0pencil"]),
            messages(0, &[b"user\0user\0pencil", &text]),
            messages(1, &[SCRAM_FIRST, SCRAM_FINAL_256]),
            messages(2, &[SCRAM_FIRST, SCRAM_FINAL_512]),
        ]
    },
    words: &[b"n,,", b"y,,", b"p=", b",r=", b"=2C", b"=3D", b"c=biws", b"m=", b"a=user", b"\0"],
    held_fixed: 64 << 10,
    held_times: 16,
};

const SCRAM_FIRST: &[u8] = b"n,,n=user,r=client";
/// The proofs were made by another implementation, for the password and the salt below.
const SCRAM_FINAL_256: &[u8] = b"c=biws,r=clientBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH,\
    p=sxqFQkVGW0Wfe4A/zwpleffHiTzChii5Hing5mKPG8Y=";
const SCRAM_FINAL_512: &[u8] = b"c=biws,r=clientBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH,\
    p=YoETPtPLOt5+pKnpEN8JOHnc7KdWYsEylA2iVIS6X1Hj5NdqDLMuC0N6m8IjtrWtum5z1jtkpsQxXJusHD5Urw==";

fn sasl(input: &[u8]) -> String {
    static USERS: OnceLock<Users> = OnceLock::new();
    let users = USERS.get_or_init(|| {
        let mut users = Users::new(b"secret of the node", []).expect("nobody is fine");
        let added = users.add_with_salt("user", "pencil", b"salt of the fuzzer", 4096);
        added.expect("a user that may be");
        users
    });
    let Some((mechanism, mut rest)) = input.split_first() else { return "nothing".to_string() };
    let mechanism = Mechanism::ALL[usize::from(*mechanism) % Mechanism::ALL.len()];
    let mut exchange = Exchange::new(mechanism, [7; NONCE_BYTES]);
    let mut said = "no message".to_string();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (message, next) = after.split_at(length);
        rest = next;
        match exchange.step(users, message) {
            Step::Done { user, .. } => {
                assert_eq!(user, "user", "there is no other");
                // Whatever comes next is refused.
                assert!(matches!(exchange.step(users, message), Step::Refused { .. }));
                return ACCEPTED.to_string();
            }
            Step::Continue(answer) => said = format!("more: {} bytes", answer.len()),
            Step::Refused { reason, .. } => {
                let again = exchange.step(users, b"\0user\0pencil");
                assert!(matches!(again, Step::Refused { .. }), "no second try");
                return reason.to_string();
            }
        }
    }
    said
}

/// Of one record, as the parameters of a procedure.
pub(super) const CSV_RECORD: Decoder = Decoder {
    name: "kafka_csv_record",
    target: |message| said(fuzz::csv(message)),
    seeds: || {
        vec![
            b"1,2,3".to_vec(),
            b"-7,\\N,3".to_vec(),
            b"1,,2,,3,,4,,5.5,,6.25,,\"a \"\"b\"\"\",,00FF,,2026-01-02 03:04:05.678,".to_vec(),
        ]
    },
    words: &[b"\\N", b"\"\"", b"nil", b"1e308", b"NaN", b"2026-01-02", b"9223372036854775808", b"\t", b"\n"],
    held_fixed: 64 << 10,
    held_times: 64,
};

pub(super) const JSON_RECORD: Decoder = Decoder {
    name: "kafka_json_record",
    target: |message| said(fuzz::json(message)),
    seeds: || vec![b"{\"tiny\":1,\"maybe_tiny\":null,\"small\":3}".to_vec(), b"[1, null, 3]".to_vec()],
    words: &[
        b"null",
        b"\\u0000",
        b"\\ud83d\\ude00",
        b"\"small\"",
        b"1e400",
        b"-0",
        b"true",
        b"[[",
        b"{\"\":",
    ],
    held_fixed: 64 << 10,
    held_times: 64,
};

/// Behind the number of a schema that has a field of each type there is.
pub(super) const AVRO_RECORD: Decoder = Decoder {
    name: "kafka_avro_record",
    target: |message| said(fuzz::avro(message)),
    seeds: || vec![fuzz::avro_example()],
    words: &[&[0; 5], &[0xff; 9], &[0x80; 9], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[1], &[2]],
    held_fixed: 64 << 10,
    held_times: 64,
};

pub(super) const AVRO_SCHEMA: Decoder = Decoder {
    name: "kafka_avro_schema",
    target: |text| said(fuzz::avro_schema(text)),
    seeds: || vec![fuzz::AVRO_SCHEMA.as_bytes().to_vec(), b"\"string\"".to_vec()],
    words: &[
        b"\"type\":",
        b"\"record\"",
        b"\"fields\":[",
        b"{\"name\":\"a\",",
        b"\"r\"",
        b"\"default\":",
        b"[[",
    ],
    held_fixed: 256 << 10,
    held_times: 256,
};
