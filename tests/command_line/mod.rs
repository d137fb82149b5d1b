//! The command line as a user runs it: what it prints, where, and with which exit code.

mod demo;
mod tools;

use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// What a command came to.
#[derive(Debug)]
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

impl Outcome {
    /// Standard output as the one line of JSON it must be.
    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one line is promised: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
fn run(directory: &Path, arguments: &[&str]) -> Outcome {
    let output = command(directory, arguments).output().expect("the product's own program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}
