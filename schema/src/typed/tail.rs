//! The strings of a row under way, on the stack as long as they are short.

use crate::row::{RowRef, TAIL_NULL};

/// Bytes of strings that need no heap.
const INLINE_BYTES: usize = 256;

/// A row's tail, written value by value.
pub struct Tail {
    inline: [u8; INLINE_BYTES],
    inline_length: usize,
    /// All of the tail, once it is too long to be kept inline.
    spilled: Vec<u8>,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail::new()
    }
}

impl Tail {
    #[inline]
    pub fn new() -> Tail {
        Tail { inline: [0; INLINE_BYTES], inline_length: 0, spilled: Vec::new() }
    }

    /// Appends a value, `None` for NULL. Its length has been checked.
    pub fn push(&mut self, value: Option<&[u8]>) {
        let length = value.map_or(TAIL_NULL, |value| value.len() as u32);
        self.extend(&length.to_le_bytes());
        self.extend(value.unwrap_or_default());
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.spilled.is_empty() {
            let end = self.inline_length + bytes.len();
            if let Some(place) = self.inline.get_mut(self.inline_length..end) {
                place.copy_from_slice(bytes);
                self.inline_length = end;
                return;
            }
            self.spilled.extend_from_slice(&self.inline[..self.inline_length]);
        }
        self.spilled.extend_from_slice(bytes);
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        if self.spilled.is_empty() { &self.inline[..self.inline_length] } else { &self.spilled }
    }

    /// Appends what becomes of each string of `old`.
    pub fn push_changed(&mut self, old: RowRef<'_>, changes: &[Change<'_>]) {
        for (ordinal, change) in changes.iter().enumerate() {
            match change {
                Change::Keep => self.push(old.tail_value(ordinal)),
                Change::Set(value) => self.push(*value),
            }
        }
    }
}

/// What becomes of one string in an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<'s> {
    #[default]
    Keep,
    /// The new value, `None` for NULL.
    Set(Option<&'s [u8]>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::RowBuf;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..150))
    }

    proptest! {
        #[test]
        fn as_a_row_buffer_writes_it(values in proptest::collection::vec(any_value(), 0..5)) {
            let (mut tail, mut expected) = (Tail::new(), RowBuf::default());
            for value in &values {
                tail.push(value.as_deref());
                expected.push_tail(value.as_deref());
            }
            prop_assert_eq!(tail.bytes(), &expected.tail);

            let changes: Vec<Change<'_>> = values.iter().enumerate()
                .map(|(ordinal, _)| if ordinal % 2 == 0 { Change::Keep } else { Change::Set(Some(b"new")) })
                .collect();
            let mut changed = Tail::new();
            changed.push_changed(expected.as_ref(), &changes);
            let changed = RowRef { fixed: &[], tail: changed.bytes() };
            for (ordinal, value) in values.iter().enumerate() {
                let expected = if ordinal % 2 == 0 { value.as_deref() } else { Some(&b"new"[..]) };
                prop_assert_eq!(changed.tail_value(ordinal), expected);
            }
        }
    }
}
