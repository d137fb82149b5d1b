//! What a client of the Volt port sends: frames, login, calls, parameters of procedures; and what our own
//! tools read.

use super::{ACCEPTED, Decoder, said, store};
use std::{
    cell::Cell,
    sync::{Arc, OnceLock},
};
use tollgate::{
    client::Answer,
    gate,
    wire::volt::{
        frame::{self, Frame},
        invocation::Invocation,
        login::{LoginReply, LoginRequest},
        response::{self, Response, Tables},
        status::Status,
        system::{catalog as catalog_of, information, partition_keys, statistics, subscribe},
    },
};
use tollgate_procedures::{Abort, MultiTx, Registry, Results, Tx, procedure::Code, registry::Registered};
use tollgate_schema::{
    catalog::Catalog,
    codec::{ParamReader, ParamWriter, RawParam, TableHeader, TableReader, TableWriter},
    ring::Ring,
    store::Store,
    types::Type,
    value::{Decimal, Value},
};

pub(super) const FRAMES: Decoder = Decoder {
    name: "volt_frames",
    target: frames,
    seeds: || {
        let mut out = Vec::new();
        LoginRequest::write(&mut out, "user", "password");
        Invocation::new("@Ping", 1, &[0, 0]).write(&mut out);
        vec![out]
    },
    words: &[],
    held_fixed: 64 << 10,
    held_times: 1,
};

fn frames(bytes: &[u8]) -> String {
    let mut rest = bytes;
    loop {
        match frame::split(rest) {
            Ok(Frame::Whole { body, rest: after }) => {
                assert!(!body.is_empty() && body.len() + after.len() + 4 == rest.len(), "nothing is lost");
                rest = after;
            }
            Ok(Frame::Partial { missing }) if rest.is_empty() && missing == 4 => return ACCEPTED.to_string(),
            Ok(Frame::Partial { missing }) => {
                assert!((1..=frame::FRAME_BYTES_MAX).contains(&missing), "bounded, and no standstill");
                return "the last frame is not whole".to_string();
            }
            Err(error) => return error.to_string(),
        }
    }
}

/// The frames without their lengths.
fn bodies(written: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut rest = written;
    while let Ok(Frame::Whole { body, rest: after }) = frame::split(rest) {
        bodies.push(body.to_vec());
        rest = after;
    }
    bodies
}

pub(super) const LOGIN: Decoder = Decoder {
    name: "volt_login",
    target: |bytes| {
        // The reply is what our own client reads; a message is one or the other.
        let reply = LoginReply::read(bytes);
        if reply.is_ok() { ACCEPTED.to_string() } else { said(LoginRequest::read(bytes)) }
    },
    seeds: || {
        let mut out = Vec::new();
        LoginRequest::write(&mut out, "", "");
        LoginRequest::write(&mut out, "bob", "secret");
        LoginReply {
            host_id: 1,
            connection_id: 2,
            cluster_start_ms: 3,
            leader_address: [127, 0, 0, 1],
            build: "b",
        }
        .write(&mut out);
        bodies(&out)
    },
    words: &[b"database", b"kerberos", &[0, 0, 0, 8]],
    held_fixed: 64 << 10,
    held_times: 1,
};

pub(super) const CALL: Decoder = Decoder {
    name: "volt_call",
    target: call,
    seeds: || {
        let params = every_param();
        let plain = Invocation::new("ValidateEntry", 7, &params);
        let with_all = Invocation {
            destination: Some(3),
            all_partitions: true,
            batch: true,
            priority: 1,
            request_timeout_us: Some(1_000_000),
            query_timeout_ms: Some(1500),
            ..plain
        };
        let mut out = Vec::new();
        plain.write(&mut out);
        with_all.write(&mut out);
        Invocation::new("@Ping", i64::MAX, &[0, 0]).write(&mut out);
        bodies(&out)
    },
    words: &[&[0x9d], &[0x15], &[0xff, 0xff, 0xff, 0xff], &[0x99, 0x03], &[0x99, 0x09], &[0x99, 0x99]],
    held_fixed: 64 << 10,
    held_times: 64,
};

fn call(bytes: &[u8]) -> String {
    let call = match Invocation::read(bytes) {
        Ok(call) => call,
        Err(error) => return error.to_string(),
    };
    let mut params = match ParamReader::new(call.params) {
        Ok(params) => params,
        Err(error) => return error.to_string(),
    };
    // The quick way reads the same as the other.
    let mut quick = params;
    loop {
        let param = match params.next_param() {
            Ok(None) => return said(params.finish()),
            Ok(Some(param)) => param,
            Err(error) => return error.to_string(),
        };
        match quick.take_integer() {
            Some(integer) => assert_eq!(param.as_integer(), Some(integer)),
            None => drop(quick.next_param()),
        }
        assert_eq!(params.rest(), quick.rest(), "both ways take as much");
        let value = param.to_value();
        if let (RawParam::Table(body), None) = (param, value)
            && let Err(error) = TableReader::new(body).and_then(|table| table.to_values())
        {
            return format!("table: {error}");
        }
        if let RawParam::Array(array) = param {
            let length = array.len();
            assert_eq!(array.tinyint_bytes().map_or(length, <[u8]>::len), length);
            assert_eq!(array.count(), length, "an array has as many elements as it says");
        }
    }
}

/// A parameter set with every type of parameter there is.
fn every_param() -> Vec<u8> {
    let mut out = Vec::new();
    let mut params = ParamWriter::new(&mut out);
    params.put_null().put_i8(1).put_i16(-2).put_i32(3).put_i64(1 << 40).put_f64(0.5);
    params.put_decimal(Decimal::from_integer(7)).put_timestamp(1_700_000_000_000_000);
    params.put_str("text").put_bytes(&[1, 2, 3]).put_table(&small_table());
    params.put_i64_array(&[1, 2, 3]).put_str_array(&[Some("a"), None]).put_value(&Value::Integer(5));
    params.finish();
    out
}

fn small_table() -> Vec<u8> {
    let mut out = Vec::new();
    let columns = [
        ("ID", Type::Integer),
        ("TEXT", Type::Varchar { max: 10, in_bytes: false }),
        ("BYTES", Type::Varbinary { max: 10 }),
        ("WORTH", Type::Decimal),
        ("AT", Type::Timestamp),
        ("RATE", Type::Float),
    ];
    let header = TableHeader::new(columns);
    let mut table = TableWriter::new(&mut out, &header);
    for id in 0..2 {
        table.row(|row| {
            row.put_i32(id).put_opt_str(Some("a")).put_bytes(&[1]).put_decimal(Decimal::from_integer(1));
            row.put_timestamp(5).put_f64(1.5);
        });
    }
    table.row(|row| {
        (0..6).for_each(|_| {
            row.put_null();
        })
    });
    table.finish();
    out
}

pub(super) const RESPONSE: Decoder = Decoder {
    name: "volt_response",
    target: |bytes| match Response::read(bytes) {
        Ok(response) => said(Answer::of(&response)),
        Err(error) => error.to_string(),
    },
    seeds: || {
        let table = small_table();
        let tables = [table.as_slice(), &table].concat();
        let mut out = Vec::new();
        response::write_success(&mut out, 9, Tables { count: 2, bytes: &tables });
        response::write_failure(&mut out, 9, Status::UserAbort, "VOLTDB ERROR: no");
        bodies(&out)
    },
    words: &[&[0x7f, 0xff, 0xff, 0xff], &[0x20], &[0x80]],
    held_fixed: 64 << 10,
    held_times: 256,
};

pub(super) const SYSTEM_CALL: Decoder = Decoder {
    name: "system_call",
    target: system_call,
    seeds: || {
        let texts = |texts: &[&str]| {
            let mut out = Vec::new();
            let mut params = ParamWriter::new(&mut out);
            texts.iter().for_each(|text| {
                params.put_str(text);
            });
            params.finish();
            out
        };
        let all = [
            texts(&["OVERVIEW"]),
            texts(&["TABLES"]),
            texts(&["TOPO"]),
            texts(&["INTEGER"]),
            texts(&["TOPOLOGY"]),
        ];
        (0..).zip(all).map(|(which, params)| [&[which], params.as_slice()].concat()).collect()
    },
    words: &[b"STRING", b"VARBINARY", b"DEPLOYMENT", b"COLUMNS", b"MANAGEMENT", b"PROCEDURE"],
    held_fixed: 1 << 20,
    held_times: 256,
};

/// Of the two partitions here. Making it takes much longer than a call.
fn ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| Ring::new(2))
}

fn system_call(bytes: &[u8]) -> String {
    let Some((which, params)) = bytes.split_first() else { return "no procedure".to_string() };
    match which % 5 {
        0 => said(information::Selector::read(params)),
        1 => said(catalog_of::Selector::read(params)),
        2 => said(statistics::Request::read(params)),
        3 => said(partition_keys::answer(params, ring())),
        _ => said(subscribe::answer(params)),
    }
}

/// A call of any procedure: the first byte says which, its parameters follow. What it changes must be as its
/// effects say, and nothing if it aborts.
pub(super) const PROCEDURE_CALL: Decoder = Decoder {
    name: "procedure_call",
    target: procedure_call,
    seeds: procedure_seeds,
    words: &[
        &[0x80, 0, 0, 0],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x80, 0, 0, 0, 0, 0, 0, 0],
        b"CARDS",
        b"STATIONS",
    ],
    held_fixed: 32 << 20,
    held_times: 256,
};

pub(super) fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let procedures = tollgate_procedures::transit::procedures();
        Registry::new().schema("metro", store::METRO, procedures).expect("metro's own schema")
    })
}

/// The first byte of an input for the procedure of that name.
pub(super) fn number(name: &str) -> u8 {
    let id = registry().find(name).unwrap_or_else(|| panic!("there is a procedure {name}"));
    u8::try_from(id).expect("there are few procedures")
}

/// The procedure that an input's first byte says.
pub(super) fn procedure(number: u8) -> &'static Registered {
    let procedures = registry().procedures();
    &procedures[usize::from(number) % procedures.len()]
}

/// Puts the parameters of a call.
type Fill<'a> = &'a dyn Fn(&mut ParamWriter<'_>);

fn procedure_seeds() -> Vec<Vec<u8>> {
    let tap = |out: &mut ParamWriter<'_>| {
        out.put_i32(1).put_i64(1_700_000_000_000).put_i32(1).put_i8(1).put_i32(250);
    };
    let loaded = |out: &mut ParamWriter<'_>| {
        let columns = ["STATION_ID", "NAME", "FARE", "WEIGHT"];
        let name = Type::Varchar { max: 25, in_bytes: true };
        let types = [Type::SmallInt, name, Type::SmallInt, Type::Integer];
        let mut table = Vec::new();
        TableHeader::new(columns.into_iter().zip(types)).one_row(&mut table, |row| {
            row.put_i16(9).put_str("Nine").put_i16(250).put_i32(1);
        });
        out.put_str("STATIONS").put_i8(1).put_table(&table);
    };
    let calls: [(&str, Fill<'_>); 8] = [
        ("ValidateEntry", &tap),
        ("ProcessExit", &tap),
        ("RechargeCard", &|out| {
            out.put_i32(1).put_i32(2000).put_i32(1);
        }),
        ("CARDS.insert", &|out| {
            out.put_i32(77)
                .put_i8(1)
                .put_i8(0)
                .put_i32(5)
                .put_null()
                .put_str("Ann")
                .put_null()
                .put_null()
                .put_i8(2);
        }),
        ("CARDS.delete", &|out| {
            out.put_i32(1);
        }),
        ("CARDS.select", &|out| {
            out.put_i32(1);
        }),
        ("STATIONS.upsert", &|out| {
            out.put_i16(1).put_str("One").put_i16(300).put_i32(5);
        }),
        ("@LoadMultipartitionTable", &loaded),
    ];
    let seed = |(name, fill): (&str, Fill<'_>)| {
        let mut bytes = vec![number(name)];
        let mut params = ParamWriter::new(&mut bytes);
        fill(&mut params);
        params.finish();
        bytes
    };
    calls.into_iter().map(seed).collect()
}

/// Two partitions that a call runs on; after it they are as before.
struct Bench {
    catalog: Arc<Catalog>,
    stores: [Store; 2],
    digests: [u64; 2],
}

impl Bench {
    fn new() -> Bench {
        let catalog = Arc::new(registry().catalog().clone());
        let stores = [store::filled(&catalog), store::filled(&catalog)];
        let digests = stores.each_ref().map(Store::state_digest);
        Bench { catalog, stores, digests }
    }
}

thread_local! {
    /// Making it takes much longer than a call. A call that panics doesn't put it back.
    static BENCH: Cell<Option<Bench>> = const { Cell::new(None) };
}

fn procedure_call(bytes: &[u8]) -> String {
    let Some((which, params)) = bytes.split_first() else { return "no procedure".to_string() };
    let registered = procedure(*which);
    if let Ok(Some(raw)) = ParamReader::new(params).and_then(|mut reader| reader.next_param()) {
        for parameter in registered.procedure.parameters.iter().take(1) {
            drop(gate::partition_of(ring(), parameter.column_type, &raw));
        }
    }
    let mut bench = BENCH.take().unwrap_or_else(Bench::new);
    let marks = bench.stores.each_ref().map(Store::mark);
    let outcome = called(registered, params, &mut bench.stores);
    for ((store, before), mark) in bench.stores.iter_mut().zip(bench.digests).zip(marks) {
        if outcome.is_ok() {
            let mut follower = store::filled(&bench.catalog);
            follower.apply(&store.take_effects()).expect("a follower takes the effects");
            assert_eq!(follower.state_digest(), store.state_digest(), "a follower has the same rows");
        }
        store.rollback_to(mark);
        assert_eq!(store.state_digest(), before, "what is rolled back leaves nothing behind");
    }
    BENCH.set(Some(bench));
    said(outcome)
}

fn called(registered: &Registered, params: &[u8], stores: &mut [Store; 2]) -> Result<(), Abort> {
    let mut tables = Vec::new();
    let mut results = Results::new(&mut tables);
    let now_us = 1_700_000_000_000_000;
    match &registered.procedure.code {
        Code::Single(code) => {
            code(&mut Tx::new(&mut stores[0], registered.base, now_us, 1), params, &mut results)
        }
        Code::Multi(code) => {
            let mut tx = MultiTx::new(stores.iter_mut().collect(), ring(), registered.base, now_us, 1);
            code(&mut tx, params, &mut results)
        }
    }
}
