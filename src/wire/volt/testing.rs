//! What the tests of this protocol share.

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// Bytes from hex digits and spaces.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Gives `decode` every prefix of the samples, many mutations of them, and random bytes. `decode` answers
/// whether it took them for valid; it must refuse some, and of course return.
pub(super) fn mutate(samples: &[Vec<u8>], decode: impl Fn(&[u8]) -> bool) {
    let mut rng = SmallRng::seed_from_u64(samples.len() as u64);
    let mut refused = 0;
    for sample in samples {
        for end in 0..sample.len() {
            refused += usize::from(!decode(&sample[..end]));
        }
        for _ in 0..5_000 {
            let mut bytes = sample.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] =
                    if rng.random() { rng.random() } else { *[0, 0x7f, 0x80, 0xff].get(at % 4).unwrap() };
            }
            refused += usize::from(!decode(&bytes));
        }
    }
    for _ in 0..5_000 {
        let bytes: Vec<u8> = (0..rng.random_range(0..64)).map(|_| rng.random()).collect();
        refused += usize::from(!decode(&bytes));
    }
    assert!(refused > 1_000, "only {refused} of the broken messages were refused");
}
