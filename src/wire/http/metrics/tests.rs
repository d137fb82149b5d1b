//! The text is read back by a strict reader of the format.

use super::{exposition::Exposition, *};
use std::collections::BTreeMap;

/// A sample's name and labels as written, and its value.
pub(crate) type Samples = BTreeMap<String, f64>;

/// Reads a text, and checks what the format asks for: each family's help and type once and in front of its
/// samples, its samples together, none twice, names and numbers well formed.
pub(crate) fn read(text: &str) -> Samples {
    assert!(text.ends_with('\n'), "the last line ends too");
    let (mut samples, mut family, mut seen) = (Samples::new(), String::new(), Vec::new());
    let mut kind = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split_once(' ').expect("a help text").0.to_string();
            assert!(!seen.contains(&family), "{family} comes once");
            seen.push(family.clone());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, found) = rest.split_once(' ').expect("a type");
            assert_eq!(name, family);
            assert!(["counter", "gauge", "histogram"].contains(&found), "{line}");
            kind = found.to_string();
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let name = series.split('{').next().expect("a name");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{line}");
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            let is_own = name == family || (kind == "histogram" && base == Some(&family));
            assert!(is_own, "{line} is no sample of {family}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            labels(series);
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(samples.insert(series.to_string(), value).is_none(), "{line} comes once");
        }
    }
    samples
}

/// Checks that labels are `name="value"`, with only the escapes there are.
fn labels(series: &str) {
    let Some((_, labels)) = series.split_once('{') else { return };
    let mut rest = labels.strip_suffix('}').expect("a closing brace");
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").expect("a label");
        assert!(name.trim_start_matches(',').chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{series}");
        let mut letters = value.char_indices();
        let end = loop {
            match letters.next().expect("a closing quote") {
                (end, '"') => break end,
                (_, '\\') => assert!(matches!(letters.next(), Some((_, '\\' | '"' | 'n'))), "{series}"),
                _ => {}
            }
        };
        rest = &value[end + 1..];
    }
}

#[test]
fn families_are_written_as_the_format_has_them() {
    let mut out = Exposition::default();
    let mut family = out.counter("a_total", "A.");
    family.sample(&[("name", "x\"y\\z\nw"), ("other", "1")], 3);
    out.gauge("b", "B.").value(1.5);
    out.histogram("c_seconds", "C.", &[(0.1, 1), (1.0, 3)], 4, 2.5);
    let text = out.into_text();
    let expected = "# HELP a_total A.\n# TYPE a_total counter\na_total{name=\"x\\\"y\\\\z\\nw\",other=\"1\"} 3\n\
        # HELP b B.\n# TYPE b gauge\nb 1.5\n# HELP c_seconds C.\n# TYPE c_seconds histogram\n\
        c_seconds_bucket{le=\"0.1\"} 1\nc_seconds_bucket{le=\"1\"} 3\nc_seconds_bucket{le=\"+Inf\"} 4\n\
        c_seconds_sum 2.5\nc_seconds_count 4\n";
    assert_eq!(text, expected);
    assert_eq!(read(&text).len(), 7);
}

#[test]
fn buckets_count_what_is_at_most_their_bound() {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
    for us in [1, 100, 101, 999, 1_000, 4_000, 59_000_000] {
        histogram.record(us).unwrap();
    }
    let buckets = buckets(&histogram);
    let below = |seconds: f64| buckets.iter().find(|(bound, _)| *bound == seconds).unwrap().1;
    assert_eq!([below(0.0001), below(0.00025), below(0.001), below(0.005), below(10.0)], [2, 3, 5, 6, 6]);
    assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
}
