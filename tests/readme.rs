//! What README.md tells a reader to type, typed; and the code it shows, found in the example it is from.

use crate::support::{Server, programs};
use std::{fs, path::Path, process::Command};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The arguments of each `tollgate` command of the quick start that begins so.
fn commands(first: &str) -> Vec<Vec<String>> {
    let readme = read("README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("$ cargo run --release -- "));
    let typed =
        lines.map(|line| line.split('#').next().unwrap().split_whitespace().map(str::to_string).collect());
    typed.filter(|words: &Vec<String>| words[0] == first).collect()
}

#[test]
fn the_quick_start_s_calls_succeed() {
    let server = Server::start();
    let calls = commands("call");
    assert!(calls.len() >= 3, "{calls:?}");
    for call in calls {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        let printed = programs::run(command.args(&call).args(["--server", &server.volt.to_string()]));
        if call[1] == "ValidateEntry" {
            assert!(printed.contains("Remaining Balance: 7.50"), "{printed}");
        }
    }
}

#[test]
fn the_quick_start_s_configuration_is_written() {
    let directory = tempfile::tempdir().unwrap();
    for init in commands("init") {
        programs::run(Command::new(env!("CARGO_BIN_EXE_tollgate")).args(init).current_dir(directory.path()));
    }
    for serve in commands("serve") {
        assert!(directory.path().join(&serve[2]).exists(), "{serve:?}");
    }
}

#[test]
fn commands_that_are_named_are_there() {
    let help = programs::run(Command::new(env!("CARGO_BIN_EXE_tollgate")).arg("--help"));
    for command in ["init", "serve", "call", "load", "status", "stream", "simulate", "log"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in\n{help}");
    }
}

#[test]
fn the_code_is_from_the_example() {
    let readme = read("README.md");
    let code = readme.split("```rust,ignore\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = read("examples/own_procedure.rs");
    let known: Vec<&str> = example.lines().collect();
    assert!(code.lines().count() > 5);
    for line in code.lines() {
        assert!(known.contains(&line), "{line}");
    }
}
