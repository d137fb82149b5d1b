//! Sessions: a call with an identity runs once; a repetition gets the stored reply. The reply is a row like
//! any other, written by the call's own transaction in the partition it ran in (a call over all partitions:
//! in the first), so it is there exactly if what the call did is there.
//!
//! Kept are replies of calls that committed. An aborted call changed nothing and may be tried again. Rows go
//! when they are old, or when there are too many, the oldest first.
//!
//! Runs on: whatever thread is at an executor's desk. It never knows: clocks, IO, who calls.

use crate::wire::volt::frame;
use sha2::{Digest, Sha256};
use std::ops::Bound;
use tollgate_procedures::builtin::SESSIONS;
use tollgate_schema::{
    dynamic::{self, DynamicError},
    record::column_value,
    row::RowRef,
    store::{Store, key},
    types::Type,
    value::Value,
};

/// What a repetition with other parameters is told.
pub const REUSED: &str = "the idempotency key was used before, with other parameters";

/// The columns of `TOLLGATE_SESSIONS`.
const IDENTITY: usize = 0;
const PARAMETERS: usize = 2;
const REPLY: usize = 3;
/// Position of its index on the time.
const BY_TIME: usize = 0;

/// What is known of a call's identity.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// It is new.
    Nothing,
    /// The reply to the call that had it first.
    Reply(StoredReply),
    /// Another call had it.
    OtherCall,
}

/// A response frame without its length, version and handle.
#[derive(Debug, PartialEq, Eq)]
pub struct StoredReply(Vec<u8>);

impl StoredReply {
    /// Bytes of a frame before what is stored: length, version, handle.
    const BEFORE: usize = 4 + 1 + 8;

    /// Appends it as a frame, with that handle.
    pub fn write(&self, out: &mut Vec<u8>, handle: i64) {
        let start = frame::begin(out);
        out.push(0);
        out.extend_from_slice(&handle.to_be_bytes());
        out.extend_from_slice(&self.0);
        frame::end(out, start);
    }
}

/// A procedure's name and the caller's key, as one.
fn identity(procedure: &str, key: &[u8]) -> Vec<u8> {
    [procedure.as_bytes(), &[0], key].concat()
}

/// Tells parameter sets apart; not negative, so that it is no NULL.
fn digest(parameters: &[u8]) -> i64 {
    let digest = Sha256::digest(parameters);
    let first = digest.first_chunk().expect("a digest has 32 bytes");
    i64::from_be_bytes(*first) & i64::MAX
}

/// Looks a call up.
pub fn find(store: &Store, procedure: &str, key: &[u8], parameters: &[u8]) -> Known {
    let Some(id) = store.find(SESSIONS, &encoded(&identity(procedure, key))) else { return Known::Nothing };
    let def = store.catalog().table(SESSIONS);
    let row = store.row(SESSIONS, id);
    if column_value(def, row, PARAMETERS) != Value::BigInt(digest(parameters)) {
        return Known::OtherCall;
    }
    let Value::Varbinary(reply) = column_value(def, row, REPLY) else { unreachable!("REPLY is NOT NULL") };
    Known::Reply(StoredReply(reply))
}

/// A call that has committed: who it was, and when.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    pub procedure: &'a str,
    pub key: &'a [u8],
    pub parameters: &'a [u8],
    pub timestamp_us: i64,
}

/// Keeps the reply, a whole frame, of a call that was not known. At most `rows_max` are kept: the oldest
/// makes room.
pub fn keep(store: &mut Store, done: Done<'_>, reply: &[u8], rows_max: u64) -> Result<(), DynamicError> {
    if store.count(SESSIONS) >= rows_max.max(1) {
        delete_before(store, None, 1)?;
    }
    let row = [
        Value::Varbinary(identity(done.procedure, done.key)),
        Value::Timestamp(done.timestamp_us),
        Value::BigInt(digest(done.parameters)),
        Value::Varbinary(reply[StoredReply::BEFORE..].to_vec()),
    ];
    dynamic::insert(store, SESSIONS, &row, done.timestamp_us)
}

/// Deletes at most `rows_max` replies that were stored before that time, the oldest first. How many it
/// deleted.
pub fn expire(store: &mut Store, before_us: i64, rows_max: usize) -> usize {
    delete_before(store, Some(before_us), rows_max).expect("no view is over the sessions, so nothing refuses")
}

fn delete_before(store: &mut Store, before_us: Option<i64>, rows_max: usize) -> Result<usize, DynamicError> {
    let mut bound = Vec::new();
    let to = match before_us {
        None => Bound::Unbounded,
        Some(time_us) => {
            key::push_integer(time_us, Type::Timestamp, &mut bound);
            Bound::Excluded(bound.as_slice())
        }
    };
    let oldest = store.index_range(SESSIONS, BY_TIME, Bound::Unbounded, to).take(rows_max);
    let identities: Vec<Vec<u8>> = oldest.map(|row| encoded(identity_of(row))).collect();
    for identity in &identities {
        let id = store.find(SESSIONS, identity).expect("the index leads to rows that are there");
        store.delete(SESSIONS, id)?;
    }
    Ok(identities.len())
}

fn identity_of(row: RowRef<'_>) -> &[u8] {
    // It is the first value of the tail, and NOT NULL.
    row.tail_value(IDENTITY).expect("an identity is not NULL")
}

fn encoded(identity: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(identity.len() + 4);
    key::push_text(Some(identity), &mut encoded);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::volt::response::{self, Tables};
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::{collections::BTreeMap, sync::Arc};

    fn frame_of(handle: i64, answer: u8) -> Vec<u8> {
        let mut out = Vec::new();
        response::write_failure(&mut out, handle, crate::wire::volt::status::Status::UserAbort, "x");
        let mut frame = Vec::new();
        response::write_success(&mut frame, handle, Tables { count: 0, bytes: &[] });
        if answer == 0 { out } else { frame }
    }

    type Identity = (String, Vec<u8>);

    /// Kept replies by procedure and key: when, parameters, and which reply.
    #[derive(Default)]
    struct Model(BTreeMap<Identity, (i64, Vec<u8>, u8)>);

    impl Model {
        fn oldest(&self) -> Option<Identity> {
            self.0.iter().min_by_key(|(_, (at, _, _))| *at).map(|(identity, _)| identity.clone())
        }
    }

    /// Random calls against a plain map, with undo: what is rolled back was never kept.
    #[test]
    fn sessions_are_a_bounded_map() {
        for seed in 0..20 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut store = Store::new(Arc::new(tollgate_procedures::builtin::catalog()));
            let (mut model, mut now_us, mut repeated) = (Model::default(), 1_000_000, 0);
            for _ in 0..2000 {
                now_us += rng.random_range(1..1000);
                if rng.random_ratio(1, 10) {
                    let before_us = now_us - rng.random_range(0..40_000);
                    let rows_max = rng.random_range(0..20);
                    let deleted = expire(&mut store, before_us, rows_max);
                    let mut expected = 0;
                    while expected < rows_max
                        && let Some(oldest) = model.oldest().filter(|oldest| model.0[oldest].0 < before_us)
                    {
                        model.0.remove(&oldest);
                        expected += 1;
                    }
                    assert_eq!(deleted, expected);
                }
                let procedure = ["Pay", "Refund", ""][rng.random_range(0..3)];
                let key: Vec<u8> = vec![rng.random_range(0..3); rng.random_range(0..8)];
                let parameters = vec![rng.random_range(0..2); 3];
                let identity = (procedure.to_string(), key.clone());
                let known = find(&store, procedure, &key, &parameters);
                match model.0.get(&identity) {
                    None => assert_eq!(known, Known::Nothing),
                    Some((_, given, _)) if *given != parameters => assert_eq!(known, Known::OtherCall),
                    Some((_, _, answer)) => {
                        let Known::Reply(reply) = known else { panic!("{known:?}") };
                        let mut frame = Vec::new();
                        reply.write(&mut frame, -7);
                        assert_eq!(frame, frame_of(-7, *answer));
                        repeated += 1;
                    }
                }
                if model.0.contains_key(&identity) {
                    continue;
                }
                let answer = rng.random_range(0..2);
                let done = Done { procedure, key: &key, parameters: &parameters, timestamp_us: now_us };
                let mark = store.mark();
                keep(&mut store, done, &frame_of(3, answer), 30).unwrap();
                if rng.random_ratio(1, 4) {
                    store.rollback_to(mark);
                    continue;
                }
                if model.0.len() == 30 {
                    let oldest = model.oldest().unwrap();
                    model.0.remove(&oldest);
                }
                model.0.insert(identity, (now_us, parameters, answer));
                assert_eq!(store.count(SESSIONS), model.0.len() as u64);
            }
            assert!(repeated > 100, "{repeated} repetitions");
        }
    }

    #[test]
    fn a_reply_that_is_too_long_is_refused() {
        let mut store = Store::new(Arc::new(tollgate_procedures::builtin::catalog()));
        let done = Done { procedure: "P", key: b"k", parameters: b"", timestamp_us: 1 };
        assert!(keep(&mut store, done, &vec![0; (1 << 20) + 100], 10).is_err());
        assert_eq!(find(&store, "P", b"k", b""), Known::Nothing);
    }
}
