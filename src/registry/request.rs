//! A request's path, query and body, taken apart.

use super::answer::Refusal;
use serde::de::DeserializeOwned;

/// A path has at most this many parts that matter.
const SEGMENTS_MAX: usize = 6;
/// Longer subjects are not taken.
const SUBJECT_BYTES_MAX: usize = 249;

/// The parts of a path, decoded. `None`: no path of ours is like that.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Some(Vec::new());
    }
    if path.split('/').count() > SEGMENTS_MAX {
        return None;
    }
    path.split('/').map(|segment| decoded(segment, false)).collect()
}

/// With `%XX` as bytes, which must be UTF-8, and `+` as a blank if it is a query's.
fn decoded(text: &str, plus_is_blank: bool) -> Option<String> {
    let nibble = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        plain.push(match byte {
            b'%' => {
                let (high, low) = (nibble(bytes.get(at)?)?, nibble(bytes.get(at + 1)?)?);
                at += 2;
                high << 4 | low
            }
            b'+' if plus_is_blank => b' ',
            byte => byte,
        });
    }
    String::from_utf8(plain).ok()
}

/// What stands behind the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(pub(super) &'a str);

impl Query<'_> {
    pub(super) fn text(self, name: &str) -> Option<String> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find(|(known, _)| *known == name).and_then(|(_, value)| decoded(value, true))
    }

    pub(super) fn flag(self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// A body of JSON.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| Refusal::Body(error.to_string()))
}

/// Whether a new subject may be called so.
pub(super) fn check_subject(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > SUBJECT_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Refusal::InvalidSubject(name.chars().take(SUBJECT_BYTES_MAX).collect()));
    }
    Ok(())
}
