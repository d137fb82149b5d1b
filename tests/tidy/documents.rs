//! What the documents promise: every invariant has its tests.

use super::{Source, nothing_found, sources};
use std::collections::BTreeSet;

/// The names of all tests: functions under `#[test]` or one of its kind, and those that a macro's list makes.
fn tests(sources: &[Source]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for source in sources.iter().filter(|s| s.has_extension(&["rs"])) {
        let mut is_test = false;
        for line in source.text.lines().map(str::trim) {
            let function = line.trim_start_matches("async ").strip_prefix("fn ");
            if let Some(name) = function.filter(|_| is_test) {
                names.insert(super::rooms::first_name(name));
            }
            // A test's attributes and comments stand between it and its function.
            is_test = line.starts_with("#[test") || is_test && line.starts_with(['#', '/']);
        }
        if let Some((_, list)) = source.text.split_once("\ntests![") {
            let end = list.find(']').expect("a macro's list ends");
            names.extend(list[..end].split(',').map(str::trim).filter(|name| !name.is_empty()));
        }
    }
    names
}

/// Number and text of each invariant, up to the next one or the next title.
fn invariants(document: &str) -> Vec<(&str, &str)> {
    let section = document.split_once("\n## Invariants\n").expect("the section is there").1;
    let section = section.split("\n## ").next().expect("a split has a first part");
    section.split("\n**").skip(1).filter_map(|text| text.split_once(". ")).collect()
}

#[test]
fn every_invariant_names_tests_that_there_are() {
    let sources = sources();
    let tests = tests(&sources);
    let document = sources.iter().find(|s| s.path == "ARCHITECTURE.md").expect("it is there");
    let mut found = Vec::new();
    for ((number, text), expected) in invariants(&document.text).into_iter().zip(1..) {
        if number != expected.to_string() {
            found.push(format!("{number} stands where {expected} should"));
        }
        let named: Vec<&str> = match text.split_once("Enforced by ") {
            Some((_, named)) => named.split('`').skip(1).step_by(2).collect(),
            None => Vec::new(),
        };
        if named.is_empty() {
            found.push(format!("{number} has no test"));
        }
        let missing = named.iter().filter(|name| !tests.contains(**name));
        found.extend(missing.map(|name| format!("{number} names {name}, which is no test")));
    }
    nothing_found("an invariant is a sentence and the tests that enforce it", &found);
    assert!(invariants(&document.text).len() > 10, "the invariants are where this test looks");
}

#[test]
fn invariants_that_the_code_refers_to_are_there() {
    let sources = sources();
    let document = sources.iter().find(|s| s.path == "ARCHITECTURE.md").expect("it is there");
    let count = invariants(&document.text).len();
    let mut found = Vec::new();
    for source in sources.iter().filter(|s| s.has_extension(&["rs"]) && s.path.starts_with("src/")) {
        for reference in source.text.split("(invariant ").skip(1) {
            let number = super::rooms::first_name(reference);
            if !number.parse().is_ok_and(|number: usize| (1..=count).contains(&number)) {
                found.push(format!("{}: invariant {number}", source.path));
            }
        }
    }
    nothing_found("the code refers to invariants of ARCHITECTURE.md by number", &found);
}
