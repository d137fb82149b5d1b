//! Feeds a decoder with mutated inputs until its time is over. Inputs that make it say something new are kept
//! and mutated further. Given the seed, the order of inputs is always the same; only where it ends depends on
//! the clock.

use super::{
    decoders::{ACCEPTED, Decoder},
    memory, mutate,
};
use rand::{SeedableRng as _, rngs::SmallRng};
use rustc_hash::{FxHashSet, FxHasher};
use std::{
    hash::{Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

const SECONDS: f64 = 1.0;
/// Inputs kept for what they made the decoder say.
const KEPT_MAX: usize = 512;
/// Longer ones would be most of the time, and are made again soon.
const KEPT_BYTES_MAX: usize = 4 << 10;
/// Attempts at making a failing input smaller.
const SHRINKS_MAX: usize = 2_000;

fn setting(variable: &str) -> Option<f64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

pub(super) fn run(decoder: &Decoder) {
    if let Some(directory) = std::env::var_os("TOLLGATE_FUZZ_CORPUS") {
        return write_seeds(decoder, Path::new(&directory));
    }
    let seed = setting("TOLLGATE_SEED").map_or(0, |seed| seed as u64);
    let time = Duration::from_secs_f64(setting("TOLLGATE_FUZZ_SECONDS").unwrap_or(SECONDS));
    let mut corpus = (decoder.seeds)();
    for input in &corpus {
        let said = attempt(decoder, input).unwrap_or_else(|wrong| fail(decoder, "a seed", input, &wrong));
        assert_eq!(said, ACCEPTED, "{} takes its own seeds", decoder.name);
    }
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut heard = FxHashSet::default();
    let (mut tried, mut accepted, seeds) = (0u64, 0u64, corpus.len());
    let start = tollgate::clock::now();
    // A decoder that is slow on a busy machine still gets enough inputs to be refused some.
    while tried < 200 || start.elapsed() < time {
        let input = mutate::mutated(&mut rng, &corpus, seeds, decoder.words);
        let said = attempt(decoder, &input)
            .unwrap_or_else(|wrong| fail(decoder, &format!("input {tried} of seed {seed}"), &input, &wrong));
        tried += 1;
        accepted += u64::from(said == ACCEPTED);
        if heard.insert(gist(&said)) && corpus.len() < seeds + KEPT_MAX && input.len() < KEPT_BYTES_MAX {
            corpus.push(input);
        }
    }
    println!("{}: {tried} inputs, {accepted} accepted, {} answers", decoder.name, heard.len());
    assert!(accepted < tried, "{} refuses something", decoder.name);
}

/// Gives the decoder one input: what it said, or what it did wrong.
pub(super) fn attempt(decoder: &Decoder, input: &[u8]) -> Result<String, String> {
    if let Some(file) = std::env::var_os("TOLLGATE_FUZZ_TRACE") {
        std::fs::write(&file, format!("{}\n{}\n", decoder.name, hex(input)))
            .expect("the trace can be written");
    }
    let mut said = Err(String::new());
    let peak = memory::peak_bytes(input, || {
        said = catch_unwind(AssertUnwindSafe(|| (decoder.target)(input))).map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("it panicked: {}", text.unwrap_or_default())
        });
    });
    let may_hold = decoder.held_bytes_max(input.len());
    if said.is_ok() && peak > may_hold {
        return Err(format!("it held {peak} bytes, of {} of input it may hold {may_hold}", input.len()));
    }
    said
}

/// What an answer says without the numbers and the quotations of its input.
fn gist(said: &str) -> u64 {
    let mut hasher = FxHasher::default();
    let outside = said.split(['\'', '"', '`']).step_by(2);
    for word in outside.flat_map(|part| part.split(' ')).take(40) {
        if !word.contains(|letter: char| letter.is_ascii_digit()) {
            word.hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn fail(decoder: &Decoder, which: &str, input: &[u8], wrong: &str) -> ! {
    let small = shrunk(decoder, input.to_vec(), gist(wrong));
    panic!("{}, {which}: {wrong}\n{} bytes:\n{}", decoder.name, small.len(), hex(&small));
}

/// A smaller input that fails in the same way: parts are left out as long as it does.
fn shrunk(decoder: &Decoder, mut input: Vec<u8>, way: u64) -> Vec<u8> {
    let mut attempts = 0;
    let mut length = input.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..(at + length).min(input.len()));
            attempts += 1;
            if attempts > SHRINKS_MAX {
                return input;
            }
            match attempt(decoder, &shorter) {
                Err(wrong) if gist(&wrong) == way => input = shorter,
                _ => at += length,
            }
        }
        length /= 2;
    }
    input
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_seeds(decoder: &Decoder, directory: &Path) {
    let directory = directory.join(decoder.name);
    std::fs::create_dir_all(&directory).expect("the corpus' directory can be made");
    for (number, seed) in (decoder.seeds)().iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{number}")), seed).expect("a seed can be written");
    }
}

/// A decoder that is wrong in every way there is.
#[cfg(test)]
mod tests {
    use super::*;

    fn target(bytes: &[u8]) -> String {
        match bytes {
            [b'p', ..] => panic!("for example"),
            [b'm', ..] => format!("{}", std::hint::black_box(vec![0u8; 10 << 20]).len()),
            _ => "no".to_string(),
        }
    }

    const WRONG: Decoder =
        Decoder { name: "wrong", target, seeds: Vec::new, words: &[], held_fixed: 1 << 20, held_times: 1 };

    #[test]
    fn panics_and_hoarding_are_found_and_made_small() {
        let attempt = |bytes: &[u8]| attempt(&WRONG, bytes).map_err(|wrong| wrong[..16].to_string());
        assert_eq!(attempt(b"x"), Ok("no".to_string()));
        assert_eq!(attempt(b"p and more"), Err("it panicked: for".to_string()));
        assert_eq!(attempt(b"m"), Err("it held 10485768".to_string()));
        let wrong = super::attempt(&WRONG, b"m and p").expect_err("it hoards");
        let failure = catch_unwind(|| fail(&WRONG, "here", b"m and p", &wrong)).expect_err("it fails");
        let failure = failure.downcast_ref::<String>().expect("a text");
        assert!(failure.ends_with("\n1 bytes:\n6d"), "{failure}");
    }

    #[test]
    fn an_answer_is_known_again_with_other_numbers() {
        assert_eq!(gist("byte 7 of 'abc' is wrong"), gist("byte 12 of 'd' is wrong"));
        assert_ne!(gist("byte 7 is wrong"), gist("bit 7 is wrong"));
    }
}
