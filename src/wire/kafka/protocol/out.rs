//! What is to be sent: bytes that were written here, and long pieces of others, which stay where they are.

use bytes::{Buf, Bytes};
use std::{collections::VecDeque, io::IoSlice};

/// A piece that is shorter is copied: it costs less than to send it by itself.
const PIECE_BYTES_MIN: usize = 4 << 10;

/// See the module.
#[derive(Debug, Default)]
pub struct Out {
    pub(super) bytes: Vec<u8>,
    /// Each belongs before so many of the bytes.
    pieces: Vec<(usize, Bytes)>,
    in_pieces: usize,
}

impl Out {
    pub fn len(&self) -> usize {
        self.bytes.len() + self.in_pieces
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn put(&mut self, piece: &Bytes) {
        if piece.len() < PIECE_BYTES_MIN {
            return self.bytes.extend_from_slice(piece);
        }
        self.in_pieces += piece.len();
        self.pieces.push((self.bytes.len(), piece.clone()));
    }

    /// Appends all of another.
    pub fn append(&mut self, other: Out) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let before = self.bytes.len();
        self.pieces.extend(other.pieces.into_iter().map(|(at, piece)| (before + at, piece)));
        self.in_pieces += other.in_pieces;
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// A point to which [`Out::cut`] goes back.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.pieces.len())
    }

    /// Takes away what was put behind a mark.
    pub(super) fn cut(&mut self, (bytes, pieces): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.in_pieces -= self.pieces.drain(pieces..).map(|(_, piece)| piece.len()).sum::<usize>();
    }

    /// In the order they are sent.
    pub fn into_parts(self) -> Parts {
        let bytes = Bytes::from(self.bytes);
        let mut parts = VecDeque::with_capacity(2 * self.pieces.len() + 1);
        let mut from = 0;
        for (at, piece) in self.pieces {
            parts.push_back(bytes.slice(from..at));
            parts.push_back(piece);
            from = at;
        }
        parts.push_back(bytes.slice(from..));
        parts.retain(|part| !part.is_empty());
        Parts { parts, left: bytes.len() + self.in_pieces }
    }

    /// All of it in one, for those who look at it.
    pub fn into_vec(self) -> Vec<u8> {
        self.into_parts().parts.iter().flatten().copied().collect()
    }
}

impl From<Vec<u8>> for Out {
    fn from(bytes: Vec<u8>) -> Out {
        Out { bytes, ..Out::default() }
    }
}

/// Bytes in several parts, none of them empty.
#[derive(Debug)]
pub struct Parts {
    parts: VecDeque<Bytes>,
    left: usize,
}

impl Buf for Parts {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let count = self.parts.len().min(slices.len());
        slices.iter_mut().zip(&self.parts).for_each(|(slice, part)| *slice = IoSlice::new(part));
        count
    }

    fn advance(&mut self, mut bytes: usize) {
        assert!(bytes <= self.left, "no further than the end");
        self.left -= bytes;
        while let Some(part) = self.parts.front_mut().filter(|_| bytes > 0) {
            let step = bytes.min(part.len());
            part.advance(step);
            bytes -= step;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

    /// Beside a vector that everything is copied to.
    #[test]
    fn what_is_put_is_sent() {
        let mut random = SmallRng::seed_from_u64(4);
        for _ in 0..300 {
            let (mut out, mut model) = (Out::default(), Vec::new());
            for _ in 0..random.random_range(0..20) {
                let long = random.random_range(0..3 * PIECE_BYTES_MIN);
                let bytes: Vec<u8> = (0..long).map(|at| (at * 7 + model.len()) as u8).collect();
                let mark = out.mark();
                match random.random_range(0..5) {
                    0 => out.bytes.extend_from_slice(&bytes),
                    1 => out.put(&bytes.clone().into()),
                    2 => {
                        let mut other = Out::from(bytes.clone());
                        other.put(&bytes.clone().into());
                        model.extend_from_slice(&bytes);
                        out.append(other);
                    }
                    _ => {
                        out.put(&bytes.into());
                        out.cut(mark);
                        continue;
                    }
                }
                model.extend_from_slice(&bytes);
            }
            assert_eq!(out.len(), model.len());
            let (mut parts, mut sent) = (out.into_parts(), Vec::new());
            while parts.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 3];
                let count = parts.chunks_vectored(&mut slices);
                let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                assert!(all.starts_with(parts.chunk()) && !parts.chunk().is_empty());
                let taken = random.random_range(1..=all.len());
                sent.extend_from_slice(&all[..taken]);
                parts.advance(taken);
            }
            assert_eq!(sent, model);
        }
    }
}
