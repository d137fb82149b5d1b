//! What the repository's texts look like.

use super::{Source, nothing_found, sources};

const COLUMNS_MAX: usize = 110;
const LINES_MAX: usize = 800;
const PROGRAMS: [&str; 6] = ["rs", "sql", "py", "java", "sh", "toml"];

/// Each line of the texts that `which` picks for which `wrong` says so, as `path:line: text`.
fn lines_where(which: impl Fn(&Source) -> bool, wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| which(s)) {
        let lines = source.text.lines().enumerate().filter(|(_, line)| wrong(line));
        found.extend(lines.map(|(n, line)| format!("{}:{}: {}", source.path, n + 1, line.trim())));
    }
    found
}

fn is_long(line: &str) -> bool {
    line.chars().count() > COLUMNS_MAX
}

#[test]
fn lines_are_short() {
    let checked = |s: &Source| s.has_extension(&PROGRAMS);
    let mut found = lines_where(
        |s| checked(s) && s.has_extension(&["rs"]),
        |line| {
            // Code is rustfmt's to break, and a text inside of it stands as it has to.
            line.trim_start().starts_with("//") && is_long(line)
        },
    );
    // A text that has to stand in one piece may be longer.
    found.extend(lines_where(
        |s| checked(s) && !s.has_extension(&["rs"]),
        |line| is_long(line) && !line.contains('"'),
    ));
    nothing_found("a line has at most 110 columns", &found);
}

#[test]
fn lines_end_where_their_text_ends() {
    // In Rust rustfmt sees to it, but for texts that are meant to have them.
    let checked = |s: &Source| s.path != "LICENSE" && !s.has_extension(&["rs"]);
    let found = lines_where(checked, |line| line.ends_with([' ', '\t']));
    nothing_found("no blanks at the end of a line", &found);
}

#[test]
fn files_are_small() {
    let long = |s: &Source| s.has_extension(&PROGRAMS) && s.text.lines().count() > LINES_MAX;
    let found: Vec<String> = sources().into_iter().filter(long).map(|s| s.path).collect();
    nothing_found("a file has at most 800 lines", &found);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = |s: &Source| s.has_extension(&["rs"]) && !s.text.starts_with("//! ");
    let found: Vec<String> = sources().into_iter().filter(silent).map(|s| s.path).collect();
    nothing_found("a Rust file begins with a `//!` line", &found);
}

#[test]
fn no_reminders_and_no_debug_prints_are_left() {
    // Put together here, so that this file doesn't find itself.
    let words = [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO"), concat!("db", "g!(")];
    let found = lines_where(|s| s.has_extension(&PROGRAMS), |line| words.iter().any(|w| line.contains(w)));
    nothing_found("what is left to do is an issue, not a comment", &found);
}

#[test]
fn a_document_has_one_title() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.has_extension(&["md"])) {
        let mut fenced = false;
        let mut titles = 0;
        for line in source.text.lines() {
            fenced ^= line.starts_with("```");
            titles += usize::from(!fenced && line.starts_with("# "));
        }
        if titles != 1 || !source.text.starts_with("# ") {
            found.push(format!("{}: {titles} titles", source.path));
        }
    }
    nothing_found("a document has one title, its first line", &found);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.has_extension(&["md"])) {
        let directory = source.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for link in source.text.split("](").skip(1) {
            let target = link.split([')', '#', ' ']).next().expect("a split has a first part");
            let outside = target.is_empty() || target.contains("://");
            if !outside && !super::root().join(directory).join(target).exists() {
                found.push(format!("{}: {target}", source.path));
            }
        }
    }
    nothing_found("a link leads to a file of the repository", &found);
}

#[test]
fn no_machine_is_named() {
    let directories = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let found = lines_where(|_| true, |line| directories.iter().any(|d| line.contains(d)));
    nothing_found("no path of a machine it was written on", &found);
}

/// Hosts that are named on purpose; a package registry or a mirror of one is not among them.
const HOSTS: [&str; 9] = [
    "127.0.0.1",
    "localhost",
    "apache.org",
    "github.com",
    "docs.rs",
    "rustup.rs",
    "docs.voltactivedata.com",
    "prometheus.io",
    "openapis.org",
];

#[test]
fn no_host_is_named_that_is_not_meant_to_be() {
    let known = |host: &str| HOSTS.iter().any(|name| host == *name || host.ends_with(&format!(".{name}")));
    let stray = |line: &str| {
        let hosts = line.split("://").skip(1).map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
            &rest[..end.unwrap_or(rest.len())]
        });
        hosts.into_iter().any(|host| host.contains('.') && !known(host))
    };
    let found = lines_where(|s| s.path != "Cargo.lock", stray);
    nothing_found("an address leads to a host from the list in this test", &found);
}
