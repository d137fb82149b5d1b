//! Every test of the workspace, in one `cargo test`: what it prints is passed on, and the names of failed
//! tests are kept for the summary.

use crate::steps::{Steps, cargo, shown};
use anyhow::{Context as _, Result, bail};
use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

/// Tells the tests that a missing tool is a failure, since this command was to install it.
const TOOLS_REQUIRED: (&str, &str) = ("TOLLGATE_TEST_TOOLS", "required");

pub(crate) fn run(steps: &mut Steps<'_>, arguments: &[String]) {
    steps.step("tests", |workspace, failures| {
        let mut command = cargo(workspace);
        command.args(["test", "--workspace", "--no-fail-fast"]).args(arguments);
        command.env(TOOLS_REQUIRED.0, TOOLS_REQUIRED.1).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start cargo")?;
        let output = child.stdout.take().expect("its output is piped");
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context("reading what cargo test prints")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            failures.extend(failed_test(&line).map(|name| format!("{name} failed")));
        }
        ended(&shown(&command), child.wait().context("waiting for cargo")?.success(), failures)
    });
}

/// The summary has the failed tests by name; a build that failed has none, so the command stands for it.
fn ended(command: &str, success: bool, failures: &[String]) -> Result<()> {
    if !success && failures.is_empty() {
        bail!("{command} failed");
    }
    Ok(())
}

/// The name in `test NAME ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_found_by_name() {
        assert_eq!(failed_test("test tidy::lines_are_short ... FAILED"), Some("tidy::lines_are_short"));
        assert_eq!(failed_test("test tidy::lines_are_short ... ok"), None);
        assert_eq!(failed_test("test result: FAILED. 1 passed; 1 failed"), None);
    }

    #[test]
    fn a_failure_without_a_named_test_names_the_command() {
        assert!(ended("cargo test", true, &[]).is_ok());
        assert!(ended("cargo test", false, &["a failed".to_string()]).is_ok());
        assert!(ended("cargo test", false, &[]).is_err());
    }
}
