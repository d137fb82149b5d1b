//! Which room may use what: the import direction between crates, and what decides without clock, disk or
//! network.

use super::{Source, nothing_found, root, sources};
use std::fs;

/// A crate's directory, its name, and the crates of this workspace it may use.
const CRATES: [(&str, &str, &[&str]); 7] = [
    ("schema", "tollgate-schema", &[]),
    ("schema/macros", "tollgate-schema-macros", &["tollgate-schema"]),
    ("procedures", "tollgate-procedures", &["tollgate-schema", "tollgate-schema-macros"]),
    ("cluster", "tollgate-cluster", &[]),
    (
        "",
        "tollgate",
        &["tollgate-cluster", "tollgate-procedures", "tollgate-schema", "tollgate-schema-macros"],
    ),
    ("bench", "bench", &["tollgate-schema"]),
    ("xtask", "xtask", &[]),
];

fn manifest(directory: &str) -> toml::Table {
    let path = root().join(directory).join("Cargo.toml");
    fs::read_to_string(&path).expect("a crate has a manifest").parse().expect("cargo reads it too")
}

fn names(manifest: &toml::Table, section: &str) -> Vec<String> {
    manifest.get(section).and_then(|s| s.as_table()).map_or(Vec::new(), |s| s.keys().cloned().collect())
}

#[test]
fn imports_point_upwards_only() {
    let mut found = Vec::new();
    for (directory, name, allowed) in CRATES {
        for used in names(&manifest(directory), "dependencies") {
            let ours = CRATES.iter().any(|(_, name, _)| *name == used);
            if ours && !allowed.contains(&used.as_str()) {
                found.push(format!("{name} uses {used}"));
            }
        }
    }
    nothing_found("a crate uses only the crates above it", &found);
}

#[test]
fn every_crate_is_known_here_and_has_the_license_of_the_whole() {
    let workspace = manifest("");
    let package = workspace["workspace"]["package"].as_table().expect("a table");
    assert_eq!(package["license"].as_str(), Some("Apache-2.0"));
    let license = fs::read_to_string(root().join("LICENSE")).expect("the license's text");
    assert!(license.contains("Apache License") && license.contains("Version 2.0"));

    let members = workspace["workspace"]["members"].as_array().expect("a list").iter();
    let members: Vec<&str> =
        members.filter_map(|m| m.as_str()).map(|m| if m == "." { "" } else { m }).collect();
    for member in &members {
        let known = CRATES.iter().find(|(directory, _, _)| directory == member);
        let (_, name, _) = known.unwrap_or_else(|| panic!("{member} is missing in this test"));
        let package = &manifest(member)["package"];
        assert_eq!(package["name"].as_str(), Some(*name));
        let inherited = package["license"].get("workspace").and_then(|w| w.as_bool());
        assert_eq!(inherited, Some(true), "{member} has the license of the workspace");
    }
    assert_eq!(members.len(), CRATES.len());
}

/// What decides: the same inputs give the same results, on any machine, in any year.
fn decides(source: &Source) -> bool {
    let directories = ["schema/src/", "procedures/src/", "cluster/src/replica/", "src/partition/"];
    let files = [
        "src/core.rs",
        "src/partition.rs",
        "src/block.rs",
        "src/session.rs",
        "src/expiry.rs",
        "src/feed.rs",
        "src/export/progress.rs",
        "src/export/verdict.rs",
    ];
    directories.iter().any(|d| source.path.starts_with(d)) || files.contains(&source.path.as_str())
}

/// The modules right under `std` that a text names: `std::fs::File`, `std::{fs, net::TcpStream}`.
fn std_modules(text: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for rest in text.split("std::").skip(1) {
        if !rest.starts_with('{') {
            modules.push(first_name(rest));
            continue;
        }
        let mut depth = 0;
        for (at, letter) in rest.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 1 && (letter == '{' || letter == ',') {
                modules.push(first_name(rest[at + 1..].trim_start()));
            }
            if depth == 0 {
                break;
            }
        }
    }
    modules
}

pub(super) fn first_name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn modules_are_found_in_every_form_of_import() {
    assert_eq!(std_modules("use std::fs::File;"), ["fs"]);
    assert_eq!(
        std_modules("use std::{\n    fmt,\n    sync::{Arc, mpsc},\n    net,\n};"),
        ["fmt", "sync", "net", ""]
    );
}

#[test]
fn what_decides_has_no_clock_disk_network_or_thread() {
    let banned = ["env", "fs", "io", "net", "os", "process", "thread", "time"];
    let crates = ["tokio::", "rand::", "libc::", "memmap2::"];
    let mut found = Vec::new();
    let sources = sources();
    for source in sources.iter().filter(|s| decides(s)) {
        let program = source.program();
        let modules = std_modules(&program).into_iter().filter(|module| banned.contains(module));
        found.extend(modules.map(|module| format!("{} uses std::{module}", source.path)));
        let crates = crates.iter().filter(|name| program.contains(**name));
        found.extend(crates.map(|name| format!("{} uses {name}", source.path)));
    }
    nothing_found("time, chance and IO come in as arguments", &found);
    assert!(
        sources.iter().filter(|s| decides(s)).count() > 10,
        "the rooms that decide are where this test looks"
    );
}

#[test]
fn every_limit_is_used() {
    let sources = sources();
    let Some(limits) = sources.iter().find(|s| s.path == "src/limits.rs") else { return };
    let names = limits.text.lines().filter_map(|l| l.strip_prefix("pub const ")?.split(':').next());
    let mut count = 0;
    let mut found = Vec::new();
    for name in names {
        count += 1;
        let mut users = sources.iter().filter(|s| s.has_extension(&["rs"]) && s.path != limits.path);
        if !users.any(|s| s.path.starts_with("src/") && s.text.contains(name)) {
            found.push(name.to_string());
        }
    }
    nothing_found("a limit that nothing keeps is no limit", &found);
    assert!(count > 0, "limits are public constants");
}
