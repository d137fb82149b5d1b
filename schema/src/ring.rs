//! Which partition a key belongs to: VoltDB's consistent hash ring, byte for byte, so that its clients find a
//! key's partition by themselves.
//!
//! The ring has [`TOKENS`] tokens at even distances. A key's hash belongs to the greatest token that is not
//! above it.

use crate::value::Value;

const TOKENS: usize = 16_384;
/// Distance between tokens. The last one reaches a little further, to the end of the numbers.
const DISTANCE: u32 = 262_143;
const _: () = assert!((TOKENS as u64 - 1) * (DISTANCE as u64) < 1 << 32);

/// The ring of a cluster with a given number of partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    partitions: u16,
    /// Partition of each token, in the order of the tokens.
    slots: Box<[u16; TOKENS]>,
}

/// The form of the keys that [`Ring::keys`] makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Integer,
    /// A number's decimal digits.
    Varchar,
    /// A number as four bytes, big-endian.
    Varbinary,
}

impl Ring {
    /// # Panics
    /// If there are no partitions, or more than the ring has tokens.
    pub fn new(partitions: u16) -> Ring {
        assert!(partitions > 0 && usize::from(partitions) <= TOKENS, "{partitions} partitions");
        let mut slots = Box::new([0u16; TOKENS]);
        // Tokens of each partition, the lowest last.
        let mut held: Vec<Vec<usize>> = vec![(0..TOKENS).rev().collect()];
        for _ in 1..partitions {
            held.push(Vec::new());
            loop {
                // Ties go to the highest partition when giving, to the lowest when receiving: only so does
                // the ring come out as VoltDB's.
                let from = (0..held.len()).max_by_key(|p| held[*p].len()).expect("there are partitions");
                let to = (0..held.len()).min_by_key(|p| held[*p].len()).expect("there are partitions");
                if held[from].len() - held[to].len() <= 1 {
                    break;
                }
                let token = held[from].pop().expect("the most loaded partition has tokens");
                let place = held[to].partition_point(|t| *t > token);
                held[to].insert(place, token);
                slots[token] = to as u16;
            }
        }
        Ring { partitions, slots }
    }

    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// The partition of an integer (or timestamp) key of any width.
    #[inline]
    pub fn partition_of_int(&self, key: i64) -> u16 {
        self.partition_of_token(token_of_int(key))
    }

    /// The partition of a VARCHAR (its UTF-8) or VARBINARY key.
    #[inline]
    pub fn partition_of_bytes(&self, key: &[u8]) -> u16 {
        self.partition_of_token(token_of_bytes(key))
    }

    /// The partition of a key of any type a partitioning column can have; `None` for NULL and other types.
    pub fn partition_of_value(&self, key: &Value) -> Option<u16> {
        match key {
            Value::TinyInt(v) => Some(self.partition_of_int(i64::from(*v))),
            Value::SmallInt(v) => Some(self.partition_of_int(i64::from(*v))),
            Value::Integer(v) => Some(self.partition_of_int(i64::from(*v))),
            Value::BigInt(v) | Value::Timestamp(v) => Some(self.partition_of_int(*v)),
            Value::Varchar(v) => Some(self.partition_of_bytes(v.as_bytes())),
            Value::Varbinary(v) => Some(self.partition_of_bytes(v)),
            Value::Null | Value::Float(_) | Value::Decimal(_) => None,
        }
    }

    #[inline]
    fn partition_of_token(&self, token: i32) -> u16 {
        // Tokens lie at even distances, so the slot is a division; the numbers after the last token are still
        // its own.
        let slot = (token as u32 ^ 0x8000_0000) / DISTANCE;
        self.slots[(slot as usize).min(TOKENS - 1)]
    }

    /// Each token with its partition, lowest first.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = (i32, u16)> + '_ {
        self.slots.iter().enumerate().map(|(i, p)| (token_at(i), *p))
    }

    /// The ring as clients read it: the number of tokens, then each token and its partition, all int32
    /// big-endian.
    pub fn raw_config(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + TOKENS * 8);
        out.extend_from_slice(&(TOKENS as i32).to_be_bytes());
        for (token, partition) in self.tokens() {
            out.extend_from_slice(&token.to_be_bytes());
            out.extend_from_slice(&i32::from(partition).to_be_bytes());
        }
        out
    }

    /// The ring as a JSON object of token to partition, which the protocol carries compressed by gzip.
    pub fn json_config(&self) -> String {
        use std::fmt::Write;
        let mut out = String::with_capacity(TOKENS * 16);
        for (token, partition) in self.tokens() {
            let comma = if out.is_empty() { '{' } else { ',' };
            write!(out, "{comma}\"{token}\":{partition}").expect("a String takes all text");
        }
        out.push('}');
        out
    }

    /// For each partition the smallest number from 0 whose key of that kind belongs to it.
    pub fn keys(&self, kind: KeyKind) -> Vec<i32> {
        let mut found: Vec<Option<i32>> = vec![None; usize::from(self.partitions)];
        let mut missing = found.len();
        for key in 0i32.. {
            let partition = match kind {
                KeyKind::Integer => self.partition_of_int(i64::from(key)),
                KeyKind::Varchar => self.partition_of_bytes(key.to_string().as_bytes()),
                KeyKind::Varbinary => self.partition_of_bytes(&key.to_be_bytes()),
            };
            let place = &mut found[usize::from(partition)];
            if place.is_none() {
                *place = Some(key);
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
        found.into_iter().map(|key| key.expect("every partition holds tokens, so some key")).collect()
    }
}

fn token_at(slot: usize) -> i32 {
    i32::MIN.wrapping_add((slot as u32 * DISTANCE) as i32)
}

/// Hash of an integer key: of its eight bytes, little-endian.
#[inline]
pub fn token_of_int(key: i64) -> i32 {
    let h1 = mix_k1(key as u64) ^ 8;
    finish_h1(h1, 8)
}

/// Hash of a VARCHAR (its UTF-8) or VARBINARY key.
pub fn token_of_bytes(key: &[u8]) -> i32 {
    let (mut h1, mut h2) = (0u64, 0u64);
    let mut blocks = key.chunks_exact(16);
    for block in &mut blocks {
        h1 = (h1 ^ mix_k1(word(&block[..8]))).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix_k2(word(&block[8..]))).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (low, high) = blocks.remainder().split_at(blocks.remainder().len().min(8));
    h1 ^= mix_k1(word(low)) ^ key.len() as u64;
    h2 ^= mix_k2(word(high)) ^ key.len() as u64;
    finish_h1(h1, h2)
}

/// Up to eight bytes as a number, little-endian.
fn word(bytes: &[u8]) -> u64 {
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(padded)
}

// The hash is MurmurHash3 in its x64 form of 128 bits with seed 0, of which the upper half of the first word
// is used.
const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

#[inline]
fn mix_k1(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

#[inline]
fn mix_k2(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

#[inline]
fn finish_h1(h1: u64, h2: u64) -> i32 {
    let h1 = h1.wrapping_add(h2);
    let h2 = h2.wrapping_add(h1);
    (avalanche(h1).wrapping_add(avalanche(h2)) >> 32) as i32
}

#[inline]
fn avalanche(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn published_hashes() {
        assert_eq!(token_of_int(0), 685_728_695);
        assert_eq!(token_of_int(1), 4_457_399);
        assert_eq!(token_of_int(-1), -1_595_624_838);
        assert_eq!(token_of_int(5_551_234_567), -1_381_700_295);
        assert_eq!(token_of_bytes(b""), 0);
        assert_eq!(token_of_bytes(b"1"), 1_912_323_070);
        assert_eq!(token_of_bytes(b"hello"), -874_993_741);
        assert_eq!(token_of_bytes(b"card-000000000042"), -1_981_353_292);
        assert_eq!(token_of_bytes(&[0, 1, 2]), -1_200_447_185);
    }

    #[test]
    fn an_integer_hashes_as_its_bytes() {
        let mut rng = SmallRng::seed_from_u64(3);
        for _ in 0..1_000 {
            let key: i64 = rng.random();
            assert_eq!(token_of_int(key), token_of_bytes(&key.to_le_bytes()));
        }
    }

    #[test]
    fn two_partitions_as_published() {
        let ring = Ring::new(2);
        let partitions: Vec<_> = (0..10).map(|key| ring.partition_of_int(key)).collect();
        assert_eq!(partitions, [0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_slot_is_the_greatest_token_not_above() {
        let mut rng = SmallRng::seed_from_u64(4);
        for partitions in [1, 2, 3, 8, 13] {
            let ring = Ring::new(partitions);
            let tokens: Vec<_> = ring.tokens().collect();
            let edges = tokens.iter().flat_map(|(t, _)| [t.saturating_sub(1), *t, t + 1]);
            let random = (0..5_000).map(|_| rng.random());
            for hash in edges.chain(random).chain([i32::MIN, i32::MAX]) {
                let at = tokens.partition_point(|(token, _)| *token <= hash) - 1;
                assert_eq!(ring.partition_of_token(hash), tokens[at].1, "hash {hash}");
            }
        }
    }

    #[test]
    fn loads_differ_by_at_most_one() {
        for partitions in [1, 2, 3, 8, 13] {
            let ring = Ring::new(partitions);
            let mut loads = vec![0; usize::from(partitions)];
            ring.tokens().for_each(|(_, p)| loads[usize::from(p)] += 1);
            let (min, max) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
            assert!(max - min <= 1, "{loads:?}");
        }
    }

    #[test]
    fn configurations_begin_at_the_lowest_token() {
        let ring = Ring::new(3);
        let raw = ring.raw_config();
        assert_eq!(raw.len(), 4 + 16_384 * 8);
        assert_eq!(raw[..8], [0, 0, 0x40, 0, 0x80, 0, 0, 0]);
        let json = ring.json_config();
        assert!(json.starts_with(&format!("{{\"-2147483648\":{}", ring.slots[0])), "{}", &json[..40]);
        assert!(json.ends_with('}'));
        assert_eq!(json.matches(':').count(), 16_384);
    }

    #[test]
    fn keys_belong_to_their_partitions() {
        let ring = Ring::new(8);
        for (partition, key) in ring.keys(KeyKind::Integer).into_iter().enumerate() {
            assert_eq!(usize::from(ring.partition_of_int(i64::from(key))), partition);
            assert!((0..key).all(|k| usize::from(ring.partition_of_int(i64::from(k))) != partition));
        }
        for (partition, key) in ring.keys(KeyKind::Varchar).into_iter().enumerate() {
            assert_eq!(usize::from(ring.partition_of_bytes(key.to_string().as_bytes())), partition);
        }
        for (partition, key) in ring.keys(KeyKind::Varbinary).into_iter().enumerate() {
            assert_eq!(usize::from(ring.partition_of_bytes(&key.to_be_bytes())), partition);
        }
    }
}
