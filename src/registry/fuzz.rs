//! For the fuzzers: requests to a registry with a subject or two.

use super::{Change, ChangeError, Registry};

/// `Ok` if it is granted, or else the answer. A request is its first line, then its body:
/// `METHOD PATH QUERY\nBODY`.
pub fn request(bytes: &[u8]) -> Result<(), String> {
    let mut registry = Registry::default();
    let schema = br#"{"schema":"{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}"}"#;
    registry.handle("POST", "/subjects/s/versions", "", schema).expect("it is the first");
    let (line, body) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let query = words.next().unwrap_or_default();
    let answer = registry.handle(method, path, query, body.get(1..).unwrap_or_default());
    let answer = answer.expect("what is decided can be done");
    assert!((200..500).contains(&answer.status));
    assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_ok());
    assert!(answer.status == 200 || answer.change.is_none());
    if answer.status == 200 { Ok(()) } else { Err(answer.body) }
}

/// A change as it was kept.
pub fn change(bytes: &[u8]) -> Result<(), ChangeError> {
    let change = Change::of_bytes(bytes)?;
    assert_eq!(Change::of_bytes(&change.to_bytes()), Ok(change.clone()));
    let mut registry = Registry::default();
    let applied = registry.apply(&change);
    assert_eq!(registry.changes(), u64::from(applied.is_ok()));
    applied
}
