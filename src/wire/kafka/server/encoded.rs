//! Rows of streams that were encoded as record batches: the next reader gets the same bytes. A committed row
//! never changes, so nothing here grows stale; what came first makes room.

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Kept in all.
const BYTES_MAX: usize = 64 << 20;

/// What is held beside each batch, about.
const OVERHEAD_BYTES: usize = 200;

/// A partition of a topic, by the topic's number.
pub(super) type Place = (i64, i32);

/// See the module.
#[derive(Default)]
pub(super) struct Encoded {
    kept: Mutex<Kept>,
    turns: AtomicUsize,
}

#[derive(Default)]
struct Kept {
    /// By the offset of the first row.
    places: FxHashMap<Place, BTreeMap<i64, Piece>>,
    /// In the order they came.
    order: VecDeque<(Place, i64)>,
    bytes: usize,
}

/// A batch in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) next_offset: i64,
    pub(super) batch: Bytes,
}

impl Piece {
    fn weight(&self) -> usize {
        self.batch.len() + OVERHEAD_BYTES
    }
}

impl Encoded {
    /// Where to begin this time, of so many.
    pub(super) fn turn(&self, count: usize) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed) % count.max(1)
    }

    /// The batch that has this row.
    pub(super) fn get(&self, place: Place, offset: i64) -> Option<Piece> {
        let kept = self.kept.lock();
        let (_, piece) = kept.places.get(&place)?.range(..=offset).next_back()?;
        (piece.next_offset > offset).then(|| piece.clone())
    }

    pub(super) fn put(&self, place: Place, base_offset: i64, piece: Piece) {
        let mut kept = self.kept.lock();
        kept.bytes += piece.weight();
        let before = kept.places.entry(place).or_default().insert(base_offset, piece);
        match before {
            Some(before) => kept.bytes -= before.weight(),
            None => kept.order.push_back((place, base_offset)),
        }
        while kept.bytes > BYTES_MAX {
            let (place, base_offset) = kept.order.pop_front().expect("what is kept is in order");
            let pieces = kept.places.get_mut(&place).expect("it is kept");
            let gone = pieces.remove(&base_offset).expect("it is kept");
            kept.bytes -= gone.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let encoded = Encoded::default();
        let batch = Bytes::from(vec![0; 1 << 20]);
        for n in 0..100 {
            let piece = Piece { next_offset: n * 10 + 10, batch: batch.clone() };
            encoded.put((1, 2), n * 10, piece.clone());
            encoded.put((1, 2), n * 10, piece.clone());
            assert_eq!(encoded.get((1, 2), n * 10 + 9), Some(piece));
            assert_eq!(encoded.get((1, 2), n * 10 + 10), None);
            assert_eq!(encoded.get((1, 3), n * 10), None);
        }
        assert_eq!(encoded.get((1, 2), 0), None);
        let weight = (1 << 20) + OVERHEAD_BYTES;
        assert_eq!(encoded.kept.lock().bytes, BYTES_MAX / weight * weight);
        assert_eq!(encoded.kept.lock().order.len(), BYTES_MAX / weight);
    }
}
