//! Text scripts, run end to end against one server: a new case is a text file and a line in the list below.
//!
//! A script is comments (`# …`), and steps with an empty line between them:
//! - `given PROCEDURE ARGUMENTS…`: has to succeed; what it answers is of no interest here.
//! - `call PROCEDURE ARGUMENTS…` or `sql STATEMENT`, then the lines that it has to answer: the names of the
//!   columns, and the rows, with ` | ` between cells. `…` stands for any text.
//! - `stream NAME CARD COLUMNS…`, then that card's rows of the stream, oldest first, with those columns.
//!
//! Arguments are integers, `'text'`, `NULL`, or times: `t` is one morning in milliseconds, `t+1h-1ms` a
//! moment before an hour later, `t+1h:us` the same in microseconds. `$1`, `$2`, … are cards that no other
//! script has.

use crate::support::{Server, line, stream};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};
use tollgate::client::Answer;
use tollgate_schema::value::Value;

macro_rules! scripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

scripts! {
    abort
    defect_01_a_double_tap_over_a_second_boundary
    defect_02_ten_entries_anywhere
    defect_03_every_attempt_counts
    defect_04_a_recharge_is_credited_once
    defect_05_exact_fare_is_enough
    defect_06_a_trip_starts_at_the_latest_entry
    defect_07_times_are_milliseconds
    defect_09_a_disabled_card_leaves_a_trace
    defect_10_a_retried_tap_is_not_charged_twice
    defect_11_a_future_tap_poisons_nothing
    entry
    fraud
    late_taps
    recharge
    trips
    unlimited
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

#[test]
fn every_script_is_listed() {
    let entries = fs::read_dir(directory()).unwrap();
    let mut files: Vec<String> =
        entries.map(|e| e.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    files.sort();
    assert_eq!(files, NAMES, "tests/scripts and the list in tests/scripts.rs, in the order of the alphabet");
}

/// One server for all scripts that run at the same time; the last one ends it.
fn shared_server() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start());
    line::load(&server);
    *shared = Arc::downgrade(&server);
    server
}

fn run(name: &str) {
    static NEXT_CARD: AtomicI64 = AtomicI64::new(1000);
    let first_card = NEXT_CARD.fetch_add(1000, Ordering::Relaxed);
    let text = fs::read_to_string(directory().join(name).with_extension("txt")).unwrap();
    let server = shared_server();
    let mut connection = server.connect();
    for step in steps(&with_cards(&text, first_card)) {
        let actual = match &step.action {
            Action::Given { procedure, arguments } => {
                let answer = connection.call(procedure, arguments).unwrap();
                assert!(answer.is_success(), "{name}.txt:{}: {}", step.line, answer.status_text);
                continue;
            }
            Action::Call { procedure, arguments } => shown(&connection.call(procedure, arguments).unwrap()),
            Action::Stream { stream, card, columns } => stream_rows(&server, stream, *card, columns),
        };
        let expected = &step.expected;
        let lines = (expected.len() == actual.len()).then(|| expected.iter().zip(&actual));
        let same = lines.is_some_and(|mut lines| lines.all(|(expected, actual)| matches(expected, actual)));
        let (expected, actual) = (expected.join("\n"), actual.join("\n"));
        assert!(
            same,
            "{name}.txt:{}: {}\n--- expected\n{expected}\n--- answered\n{actual}",
            step.line, step.text
        );
    }
}

struct Step {
    line: usize,
    text: String,
    action: Action,
    expected: Vec<String>,
}

enum Action {
    Given { procedure: String, arguments: Vec<Value> },
    Call { procedure: String, arguments: Vec<Value> },
    Stream { stream: String, card: i64, columns: Vec<String> },
}

/// Puts the script's own cards in the place of `$1` to `$9`.
fn with_cards(text: &str, first: i64) -> String {
    (1..=9).fold(text.to_string(), |text, n| text.replace(&format!("${n}"), &(first + n).to_string()))
}

fn steps(script: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = script.lines().enumerate().map(|(n, text)| (n + 1, text)).peekable();
    while let Some((line, text)) = lines.next() {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (kind, rest) = text.split_once(' ').unwrap_or_else(|| panic!("line {line}: a step has a verb"));
        let mut words = words(rest).into_iter();
        let mut word = || words.next().unwrap_or_else(|| panic!("line {line}: a word is missing"));
        let action = match kind {
            "sql" => Action::Call {
                procedure: "@AdHoc".to_string(),
                arguments: vec![Value::Varchar(rest.to_string())],
            },
            "stream" => {
                let (stream, card) = (word(), word().parse().expect("a card's number"));
                Action::Stream { stream, card, columns: words.collect() }
            }
            "given" => Action::Given { procedure: word(), arguments: words.map(|w| value(&w)).collect() },
            "call" => Action::Call { procedure: word(), arguments: words.map(|w| value(&w)).collect() },
            other => panic!("line {line}: {other} is none of given, call, sql, stream"),
        };
        let mut expected = Vec::new();
        if !matches!(action, Action::Given { .. }) {
            while let Some((_, text)) = lines.next_if(|(_, text)| !text.is_empty()) {
                expected.push(text.to_string());
            }
        }
        steps.push(Step { line, text: text.to_string(), action, expected });
    }
    steps
}

/// Splits at blanks that are not inside of quotes; a quoted word keeps its opening quote, so that it is seen
/// as text.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    let mut between = true;
    for letter in text.chars() {
        match letter {
            '\'' => {
                quoted = !quoted;
                if quoted {
                    words.push("'".to_string());
                }
                between = !quoted;
            }
            ' ' if !quoted => between = true,
            _ => {
                if between {
                    words.push(String::new());
                    between = false;
                }
                words.last_mut().expect("one was just made").push(letter);
            }
        }
    }
    words
}

fn value(word: &str) -> Value {
    if let Some(text) = word.strip_prefix('\'') {
        return Value::Varchar(text.to_string());
    }
    if word == "NULL" {
        return Value::Null;
    }
    if word.starts_with('t') {
        return match word.strip_suffix(":us") {
            Some(time) => Value::BigInt(time_ms(time) * 1000),
            None => Value::BigInt(time_ms(word)),
        };
    }
    Value::BigInt(word.parse().unwrap_or_else(|e| panic!("{word}: {e}")))
}

/// `t`, and what is added to it or taken from it: `+1h`, `-59m`, `+30s`, `-1ms`.
fn time_ms(word: &str) -> i64 {
    let mut time = line::MORNING_MS;
    let mut rest = word.strip_prefix('t').expect("a time begins with t");
    while !rest.is_empty() {
        let sign = if rest.starts_with('-') { -1 } else { 1 };
        let amount_end = rest[1..].find(|c: char| !c.is_ascii_digit()).expect("an amount has a unit") + 1;
        let unit_end = rest[amount_end..].find(['+', '-']).map_or(rest.len(), |at| at + amount_end);
        let amount: i64 = rest[1..amount_end].parse().expect("digits");
        let unit_ms = match &rest[amount_end..unit_end] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            other => panic!("{word}: {other} is no unit"),
        };
        time += sign * amount * unit_ms;
        rest = &rest[unit_end..];
    }
    time
}

/// An answer as the scripts have it, line by line.
fn shown(answer: &Answer) -> Vec<String> {
    if !answer.is_success() {
        let text = answer.status_text.split_whitespace().collect::<Vec<_>>().join(" ");
        return vec![format!("{:?}: {text}", answer.status)];
    }
    let mut shown = Vec::new();
    for table in &answer.tables {
        let names = table.columns.iter().map(|(name, _)| if name.is_empty() { "(no name)" } else { name });
        shown.push(names.collect::<Vec<_>>().join(" | "));
        for row in &table.rows {
            let mut line = String::new();
            for (n, cell) in row.iter().enumerate() {
                write!(line, "{}{cell}", if n == 0 { "" } else { " | " }).expect("a String takes it");
            }
            shown.push(line.trim_end().to_string());
        }
    }
    shown
}

/// The rows of a card, as an answer would have them.
fn stream_rows(server: &Server, stream: &str, card: i64, columns: &[String]) -> Vec<String> {
    let mut shown = vec![columns.join(" | ")];
    let rows = stream::rows(server, stream);
    for row in rows.iter().filter(|row| row["CARD_ID"] == card) {
        let cells = columns.iter().map(|column| match &row[column] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        shown.push(cells.collect::<Vec<_>>().join(" | "));
    }
    shown
}

/// Whether `text` is as expected, where `…` stands for anything.
fn matches(expected: &str, text: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else { return expected == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    if rest.is_empty() {
        return true;
    }
    text.char_indices().any(|(at, _)| matches(rest, &text[at..])) || matches(rest, "")
}

#[test]
fn the_notation() {
    assert_eq!(words("P 1 'two words' NULL t+1h '' x"), ["P", "1", "'two words", "NULL", "t+1h", "'", "x"]);
    assert_eq!(time_ms("t+1h-1ms"), line::MORNING_MS + 3_599_999);
    assert_eq!(value("t:us"), Value::BigInt(line::MORNING_MS * 1000));
    assert!(matches("a…c", "abc") && matches("a…", "a") && matches("…c…", "abcd") && !matches("a…c", "abd"));
    assert_eq!(with_cards("$1_1 $2", 1000), "1001_1 1002");
    let steps = steps("# why\ngiven P 1\n\nsql SELECT 1\nC1\n1\n\ncall Q\n");
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[1].expected, ["C1", "1"]);
    assert!(steps[2].expected.is_empty());
}
