//! The repository's own rules, checked: what its texts look like ([`text`]), which room may use what
//! ([`rooms`]), and what its documents promise ([`documents`]). A rule that a compiler or clippy can hold
//! is held there; this is for the rest.

mod documents;
mod rooms;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text of the repository.
struct Source {
    /// From the top of the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| extensions.iter().any(|e| found == *e))
    }

    /// The program without its unit tests: they may do what the program may not.
    fn program(&self) -> String {
        let mut program = String::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            if line.trim_start().starts_with("#[cfg(test)]") {
                let end = line.replace("#[cfg(test)]", "}");
                let mut item = lines.by_ref().skip_while(|l| l.trim_start().starts_with("#["));
                if item.next().is_some_and(|first| !first.ends_with(';')) {
                    item.find(|l| *l == end);
                }
            } else {
                program.push_str(line);
                program.push('\n');
            }
        }
        program
    }
}

#[test]
fn unit_tests_are_no_part_of_the_program() {
    let text =
        "use a;\n#[cfg(test)]\nmod testing;\nuse b;\n#[cfg(test)]\nmod tests {\n    use c;\n}\nuse d;\n";
    let source = Source { path: String::new(), text: text.to_string() };
    assert_eq!(source.program(), "use a;\nuse b;\nuse d;\n");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text that is kept in the repository; built things and data directories are not.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root(), &mut sources);
    assert!(sources.iter().any(|s| s.path == "tests/tidy/mod.rs"), "the walk finds this file");
    sources
}

fn collect(directory: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .expect("a directory of the repository")
        .map(|e| e.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        let hidden = name.starts_with('.') && ![".ci", ".cargo", ".gitignore"].contains(&name.as_str());
        let made = ["__pycache__", "artifacts", "corpus", "coverage"].contains(&name.as_str());
        if hidden || made || name.starts_with("target") || name.ends_with("-data") {
            continue;
        }
        if path.is_dir() {
            collect(&path, sources);
        } else if let Ok(text) = String::from_utf8(fs::read(&path).expect("a file of the repository")) {
            let path = path.strip_prefix(root()).expect("found under the root");
            sources.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

/// Fails with everything that was found, a line each.
fn nothing_found(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}
