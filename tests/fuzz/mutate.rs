//! What is made of valid inputs: bits turned, lengths that lie, parts cut, doubled, moved, and taken from
//! others.

use rand::{Rng, rngs::SmallRng, seq::IndexedRandom as _};

/// Inputs are cut to this many bytes.
pub(super) const INPUT_BYTES_MAX: usize = 64 << 10;

/// Numbers that lengths and counts go wrong at.
const NUMBERS: [i64; 22] = [
    0,
    1,
    -1,
    2,
    -2,
    4,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    50 << 20,
    (50 << 20) + 1,
    i64::MAX,
    i64::MIN,
    1 << 32,
];

/// A new input from those there are; the first `seeds` of them are valid, and so every other one comes from
/// there.
/// `words` are pieces that mean something to the decoder.
pub(super) fn mutated(rng: &mut SmallRng, corpus: &[Vec<u8>], seeds: usize, words: &[&[u8]]) -> Vec<u8> {
    if rng.random_ratio(1, 64) {
        return (0..rng.random_range(0..256)).map(|_| rng.random()).collect();
    }
    let origins = if rng.random() { &corpus[..seeds] } else { corpus };
    let mut bytes = origins.choose(rng).expect("every decoder has seeds").clone();
    // Mostly one change or two: more of them hide each other.
    let changes = 1 << rng.random_range(0..4u32).min(rng.random_range(0..4));
    for _ in 0..changes {
        change(rng, &mut bytes, corpus, words);
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

fn change(rng: &mut SmallRng, bytes: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&[u8]]) {
    match rng.random_range(0..16) {
        0 | 1 => flip_bit(rng, bytes),
        2 => set_byte(rng, bytes),
        3 | 4 => set_number(rng, bytes),
        5 => bytes.truncate(rng.random_range(0..=bytes.len())),
        6 => remove(rng, bytes),
        7 => double(rng, bytes),
        8 => splice(rng, bytes, corpus),
        9 | 10 => put_word(rng, bytes, words),
        11 => shift(rng, bytes),
        _ => replace_token(rng, bytes, corpus, words),
    }
}

fn place(rng: &mut SmallRng, bytes: &[u8]) -> usize {
    rng.random_range(0..=bytes.len())
}

/// A part of `bytes`, short more often than long.
fn part(rng: &mut SmallRng, bytes: &[u8]) -> std::ops::Range<usize> {
    let start = place(rng, bytes);
    let longest = (bytes.len() - start).min(1 << rng.random_range(0..12u32));
    start..start + rng.random_range(0..=longest)
}

fn flip_bit(rng: &mut SmallRng, bytes: &mut [u8]) {
    if let Some(byte) = (!bytes.is_empty()).then(|| rng.random_range(0..bytes.len())) {
        bytes[byte] ^= 1 << rng.random_range(0..8);
    }
}

fn set_byte(rng: &mut SmallRng, bytes: &mut [u8]) {
    if !bytes.is_empty() {
        let at = rng.random_range(0..bytes.len());
        bytes[at] = rng.random();
    }
}

/// Writes a number of some width in some order: it may land on a length.
fn set_number(rng: &mut SmallRng, bytes: &mut [u8]) {
    let number = match rng.random_range(0..4) {
        0 => bytes.len() as i64 + rng.random_range(-2..=2),
        1 => rng.random_range(0..300),
        _ => *NUMBERS.choose(rng).expect("there are some"),
    };
    let width = *[1, 2, 4, 8].choose(rng).expect("there are some");
    let encoded = if rng.random() {
        number.to_le_bytes()[..width].to_vec()
    } else {
        number.to_be_bytes()[8 - width..].to_vec()
    };
    if bytes.len() >= width {
        let at = rng.random_range(0..=bytes.len() - width);
        bytes[at..at + width].copy_from_slice(&encoded);
    }
}

fn remove(rng: &mut SmallRng, bytes: &mut Vec<u8>) {
    let gone = part(rng, bytes);
    bytes.drain(gone);
}

/// Repeats a part, sometimes very often: what nests, nests deeply then.
fn double(rng: &mut SmallRng, bytes: &mut Vec<u8>) {
    let chosen = part(rng, bytes);
    if chosen.is_empty() {
        return;
    }
    let times = if rng.random_ratio(1, 24) { rng.random_range(1..20_000) } else { rng.random_range(1..4) };
    let times = times.min(INPUT_BYTES_MAX / chosen.len());
    let repeated = bytes[chosen.clone()].repeat(times);
    bytes.splice(chosen.end..chosen.end, repeated);
}

fn splice(rng: &mut SmallRng, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let other = corpus.choose(rng).expect("every decoder has seeds");
    let taken = other[part(rng, other)].to_vec();
    let replaced = part(rng, bytes);
    bytes.splice(replaced, taken);
}

fn put_word(rng: &mut SmallRng, bytes: &mut Vec<u8>, words: &[&[u8]]) {
    let Some(word) = words.choose(rng) else { return };
    let at = place(rng, bytes);
    let replaced = if rng.random() { 0 } else { word.len().min(bytes.len() - at) };
    bytes.splice(at..at + replaced, word.iter().copied());
}

/// Puts a word, or a token of some other input, in the place of a token: texts keep their form more often
/// than by anything else here.
fn replace_token(rng: &mut SmallRng, bytes: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&[u8]]) {
    let other = corpus.choose(rng).expect("every decoder has seeds");
    let taken = match words.choose(rng) {
        Some(word) if rng.random() => word.to_vec(),
        _ => other[token(rng, other)].to_vec(),
    };
    let replaced = token(rng, bytes);
    bytes.splice(replaced, taken);
}

/// The letters and digits around a place, or the one byte that is neither.
fn token(rng: &mut SmallRng, bytes: &[u8]) -> std::ops::Range<usize> {
    let at = place(rng, bytes);
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let start = at - bytes[..at].iter().rev().take_while(|byte| of_name(byte)).count();
    let end = at + bytes[at..].iter().take_while(|byte| of_name(byte)).count();
    if start == end { at..(at + 1).min(bytes.len()) } else { start..end }
}

/// Moves everything behind a place by a few bytes.
fn shift(rng: &mut SmallRng, bytes: &mut Vec<u8>) {
    let at = place(rng, bytes);
    let filling: u8 = rng.random();
    bytes.splice(at..at, std::iter::repeat_n(filling, rng.random_range(1..9)));
}
