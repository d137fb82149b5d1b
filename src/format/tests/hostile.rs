//! Bytes that were no message, or are no longer: never a panic, and errors that name what is wrong.

use super::*;
use crate::format::{Encoder, Format, fuzz, options::CsvOptions};
use rand::SeedableRng;

const ROUNDS: usize = 4_000;

/// Changes a few bytes: others, none, more, or a piece of the message once more.
fn mutate(random: &mut SmallRng, message: &mut Vec<u8>) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=message.len());
        match random.random_range(0..5) {
            0 if at < message.len() => message[at] = random.random(),
            1 if at < message.len() => drop(message.remove(at)),
            2 => message.insert(at, b",\"\\{}[]:\n-0e.\0\xff"[random.random_range(0..15)]),
            3 => message.truncate(at),
            _ => {
                let piece = message[at..(at + 8).min(message.len())].to_vec();
                message.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn mutated_messages() {
    let table = table(EVERY_TYPE);
    let mut random = SmallRng::seed_from_u64(21);
    for (format, target) in [(Format::Csv, fuzz::csv as fn(&[u8]) -> _), (Format::Json, fuzz::json)] {
        let options = Options { value_format: format, input_format: format, ..Options::default() };
        let encoder = Encoder::new(&table, &[], &options).unwrap();
        let decoder = Decoder::new(&parameters_of(&table), &options).unwrap();
        let mut refused = 0;
        for _ in 0..ROUNDS {
            let mut message = Vec::new();
            encoder.value(row(&table, &any_row(&mut random, &table)).as_ref(), &mut message);
            mutate(&mut random, &mut message);
            let _ = target(&message);
            if let Err(error) = decoded(&decoder, None, Some(&message)) {
                refused += 1;
                let text = error.to_string();
                let is_named = text.starts_with("value: ")
                    || parameters_of(&table).iter().any(|parameter| text.contains(&parameter.name));
                assert!(is_named, "{text}");
                assert!(text.len() < 400, "{text}");
            }
        }
        assert!(refused > ROUNDS / 10, "{format:?}: {refused}");
    }
}

#[test]
fn random_bytes() {
    let mut random = SmallRng::seed_from_u64(22);
    for _ in 0..ROUNDS {
        let message: Vec<u8> = (0..random.random_range(0..60)).map(|_| random.random()).collect();
        let _ = fuzz::csv(&message);
        let _ = fuzz::json(&message);
    }
    let _ = fuzz::json(&b"[".repeat(100_000));
    let _ = fuzz::json(&b"{\"a\":".repeat(100_000));
    let _ = fuzz::csv(&b"\"".repeat(100_001));
    let _ = fuzz::csv(&b",".repeat(100_000));
}

/// The plain way to split a record, over characters one by one.
fn naive_split(text: &str, csv: &CsvOptions) -> Option<Vec<String>> {
    let (mut fields, mut field, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if quoted {
            if c != char::from(csv.quote) || characters.next_if_eq(&c).is_some() {
                field.push(c);
            } else {
                quoted = false;
            }
        } else if c == char::from(csv.separator) {
            fields.push(std::mem::take(&mut field));
            was_quoted = false;
        } else if was_quoted || "\r\n".contains(c) {
            return None;
        } else if c == char::from(csv.quote) && field.is_empty() {
            (quoted, was_quoted) = (true, true);
        } else {
            field.push(c);
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

#[test]
fn splitting_agrees_with_the_plain_way() {
    let csv = CsvOptions { ignore_blanks: false, null: Some("nil".to_owned()), ..CsvOptions::default() };
    let options = Options { csv: csv.clone(), ..Options::default() };
    let words = Type::Varchar { max: 50, in_bytes: false };
    let mut random = SmallRng::seed_from_u64(23);
    let mut accepted = 0;
    for _ in 0..20 * ROUNDS {
        let text: String = (0..random.random_range(0..9))
            .map(|_| ['a', ',', '"', ' ', '\n'][random.random_range(0..5)])
            .collect();
        let whole = text.strip_suffix('\n').unwrap_or(&text);
        let expected = naive_split(whole, &csv);
        let count = expected.as_ref().map_or(2, Vec::len);
        let parameters: Vec<_> = (0..count).map(|n| parameter(&format!("p{n}"), words)).collect();
        let read = decoded(&Decoder::new(&parameters, &options).unwrap(), None, Some(text.as_bytes()));
        let expected: Option<Vec<_>> =
            expected.map(|fields| fields.into_iter().map(Value::Varchar).collect());
        accepted += usize::from(expected.is_some());
        assert_eq!(read.as_ref().ok(), expected.as_ref(), "{text:?}: {read:?}");
    }
    assert!(accepted > ROUNDS);
}
