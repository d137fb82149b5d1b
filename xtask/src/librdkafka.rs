//! librdkafka's own tests against a server. Their source comes with a crate from cargo's registry; it is
//! copied from there and built once. Each test then runs on its own, with a time limit, and its last lines
//! say how it went.

use crate::{
    steps::{Steps, Workspace, succeed},
    tools::once,
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The time after which a test is ended and counts as failed.
const LIMIT_S: u32 = 120;

/// Stands behind the number of a test that leaves out too much, or all, when it is told to be quick.
const FULL: &str = "-full";

/// A test that takes longer is named as slow.
const SLOW_S: f64 = 20.0;

/// How a test went, and after how many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Passed(f64),
    /// The test itself decided that it has nothing to do here.
    Skipped,
    Failed,
}

/// Builds the tests, unless they are there.
pub(crate) fn install(steps: &mut Steps<'_>) {
    steps.step("librdkafka's tests", |workspace, _| build(workspace));
}

/// Runs the tests with these numbers, or all of the list in tests/kafka/librdkafka, against the server at an
/// address.
pub(crate) fn run(steps: &mut Steps<'_>, arguments: &[String]) {
    install(steps);
    steps.step("librdkafka's tests against a server", |workspace, failures| {
        let (address, numbers) = arguments.split_first().context("the server's address is missing")?;
        let numbers = if numbers.is_empty() { listed(workspace)? } else { numbers.to_vec() };
        fs::write(tests_directory(workspace).join("test.conf"), format!("bootstrap.servers={address}\n"))?;
        let logs = workspace.tools().join("librdkafka-logs");
        fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
        let (mut passed, mut skipped, mut slow) = (0, 0, Vec::new());
        for number in &numbers {
            let log = logs.join(format!("{number}.log"));
            let mut outcome = run_one(workspace, number, &log)?;
            if outcome == Outcome::Failed {
                // Many of them measure time: one more chance on a busy machine.
                outcome = run_one(workspace, number, &log)?;
            }
            println!("    {number} {}", shown(outcome));
            match outcome {
                Outcome::Passed(_) => passed += 1,
                Outcome::Skipped => skipped += 1,
                Outcome::Failed => failures.push(format!("{number} failed: {}", log.display())),
            }
            if matches!(outcome, Outcome::Passed(seconds) if seconds > SLOW_S) {
                slow.push(number.as_str());
            }
        }
        println!(
            "    longer than {SLOW_S} s: {}",
            if slow.is_empty() { "none".into() } else { slow.join(" ") }
        );
        println!("librdkafka: {passed} passed, {} failed, {skipped} skipped", failures.len());
        Ok(())
    });
}

/// Runs those of the list against a server of the built program, started for them.
pub(crate) fn run_on_own_server(steps: &mut Steps<'_>) {
    let directory = steps.workspace.tools().join("librdkafka-server");
    let server = match start_server(steps.workspace, &directory) {
        Ok(server) => server,
        Err(error) => return steps.step("a server for librdkafka's tests", |_, _| Err(error)),
    };
    let address = server.address.clone();
    run(steps, &[address]);
}

/// A server that is ended when it is dropped.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start_server(workspace: &Workspace, directory: &Path) -> Result<Server> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("emptying {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?.port();
    let address = format!("127.0.0.1:{port}");
    let config = format!(
        "[listen]\nvolt = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nkafka = \"{address}\"\n\
         [kafka]\nauto_create_topics = true\n"
    );
    fs::write(directory.join("tollgate.toml"), config)?;
    let log = fs::File::create(directory.join("server.log"))?;
    let mut command = Command::new(workspace.target.join("debug/tollgate"));
    command.arg("serve").current_dir(directory).stdin(Stdio::null()).stderr(log);
    let mut server = Server { process: command.spawn().context("cannot start the server")?, address };
    // The shell sleeps, so that this program need not.
    for _ in 0..60 {
        if TcpStream::connect(&server.address).is_ok() {
            return Ok(server);
        }
        ensure!(server.process.try_wait()?.is_none(), "the server ended: {}", directory.display());
        succeed(Command::new("sleep").arg("1"))?;
    }
    bail!("the server does not listen: {}", directory.display())
}

fn shown(outcome: Outcome) -> String {
    match outcome {
        Outcome::Passed(seconds) => format!("passed after {seconds:.1} s"),
        Outcome::Skipped => "skipped".into(),
        Outcome::Failed => "FAILED".into(),
    }
}

fn source(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("librdkafka")
}

fn tests_directory(workspace: &Workspace) -> PathBuf {
    source(workspace).join("tests")
}

/// The numbers in the list; `#` begins a comment.
fn listed(workspace: &Workspace) -> Result<Vec<String>> {
    let path = workspace.root.join("tests/kafka/librdkafka/tests.txt");
    let list = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(numbers(&list))
}

fn numbers(list: &str) -> Vec<String> {
    let words = list.lines().filter_map(|line| line.split('#').next()).map(str::trim);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn build(workspace: &Workspace) -> Result<()> {
    let origin = registry_source(workspace)?;
    let directory = source(workspace);
    once(&directory, &origin.display().to_string(), || {
        let from = origin.join(".");
        succeed(Command::new("cp").arg("-r").arg(from).arg(&directory))?;
        succeed(Command::new("chmod").args(["-R", "u+w"]).arg(&directory))?;
        // A crate keeps no file's permission to be run.
        let modules = "chmod +x configure lds-gen.py mklove/modules/*";
        succeed(Command::new("sh").args(["-c", modules]).current_dir(&directory))?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        quietly(&directory, &["./configure", "--disable-curl"])?;
        quietly(&directory, &["make", "-j", &processors, "libs"])?;
        quietly(&directory, &["make", "-j", &processors, "-C", "tests", "build"])
    })
}

/// Where cargo keeps the source: beside the manifest of the crate that brings it.
fn registry_source(workspace: &Workspace) -> Result<PathBuf> {
    let manifest = workspace.root.join("Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--format-version", "1", "--locked", "--manifest-path"]).arg(&manifest);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    let metadata = String::from_utf8(output.stdout).context("cargo metadata is not UTF-8")?;
    let manifest = manifest_of("rdkafka-sys", &metadata).context("cargo metadata names no rdkafka-sys")?;
    Ok(manifest.with_file_name("librdkafka"))
}

/// The path of a package's manifest in what cargo tells of a workspace.
fn manifest_of(package: &str, metadata: &str) -> Option<PathBuf> {
    let mut paths = metadata
        .split("\"manifest_path\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(Path::new);
    paths.find_map(|path| {
        let directory = path.parent()?.file_name()?.to_str()?;
        let version = directory.strip_prefix(package)?.strip_prefix('-')?;
        version.starts_with(|first: char| first.is_ascii_digit()).then(|| path.to_path_buf())
    })
}

/// Runs a command that says too much; what it said is shown if it fails. Nothing of it may be kept in the
/// directory itself, where `configure` would take a file named `configure.log` for a part of it.
fn quietly(directory: &Path, words: &[&str]) -> Result<()> {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(directory).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot start {}", words[0]))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("{} ended with {}", words.join(" "), output.status);
    }
    Ok(())
}

fn run_one(workspace: &Workspace, test: &str, log: &Path) -> Result<Outcome> {
    let file = fs::File::create(log).with_context(|| format!("making {}", log.display()))?;
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg(LIMIT_S.to_string()).args(["./test-runner", "-p1", "-E"]);
    let number = test.strip_suffix(FULL).unwrap_or_else(|| {
        command.arg("-Q");
        test
    });
    command.current_dir(tests_directory(workspace)).stdin(Stdio::null());
    command.env("LD_LIBRARY_PATH", "../src:../src-cpp").env("TESTS", number);
    command.stdout(file.try_clone().context("a second handle of the log")?).stderr(file);
    let status = command.status().context("cannot start timeout")?;
    let said = fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    Ok(outcome(number, status.success(), &String::from_utf8_lossy(&said)))
}

/// Reads the table at the end: a row with the time of all, then one for each test with that number.
fn outcome(number: &str, success: bool, said: &str) -> Outcome {
    let rows = said.lines().filter_map(row);
    let (mut seconds, mut passed, mut skipped) = (0.0, false, false);
    for (name, verdict, row_seconds) in rows {
        if name.starts_with(number) {
            passed |= verdict == "PASSED";
            skipped |= verdict == "SKIPPED";
        } else if name == "<MAIN>" {
            seconds = row_seconds;
        }
    }
    match (success, passed, skipped) {
        (true, true, _) => Outcome::Passed(seconds),
        (true, false, true) => Outcome::Skipped,
        _ => Outcome::Failed,
    }
}

/// `| NAME | VERDICT | SECONDS s | REASON`, among codes for colours.
fn row(line: &str) -> Option<(&str, &str, f64)> {
    let mut cells = line.strip_prefix('|')?.split('|');
    let name = cells.next()?.split_ascii_whitespace().last()?;
    let verdict = cells.next()?.trim();
    let seconds = cells.next()?.split_ascii_whitespace().next()?.strip_suffix('s')?.parse().ok()?;
    Some((name, verdict, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = "TEST 20261128055705 (bare, scenario default) SUMMARY\n\
        |\u{1b}[32m <MAIN>                                   |     PASSED |   1.241s \u{1b}[0m|\n\
        |\u{1b}[32m 0045_subscribe_update                    |     PASSED |   0.138s \u{1b}[0m|\n\
        |\u{1b}[33m 0045_subscribe_update_topic_remove       |    SKIPPED |   0.000s \u{1b}[0m| needs more\n";

    #[test]
    fn the_table_at_the_end_says_how_a_test_went() {
        assert_eq!(outcome("0045", true, PASSED), Outcome::Passed(1.241));
        assert_eq!(outcome("0045", false, PASSED), Outcome::Failed);
        assert_eq!(outcome("0045", true, "it crashed"), Outcome::Failed);
        assert_eq!(outcome("0008", true, PASSED), Outcome::Failed);
        let skipped: String = PASSED.lines().filter(|line| !line.contains("0.138s")).collect();
        assert_eq!(outcome("0045", true, &skipped.replace("||", "|\n|")), Outcome::Skipped);
    }

    #[test]
    fn the_list_has_a_number_a_line_and_comments() {
        assert_eq!(numbers("# first\n0001\n\n0003 # why\n"), ["0001", "0003"]);
    }

    #[test]
    fn the_manifest_is_found_by_the_name_of_its_directory() {
        let metadata = r#"{"manifest_path":"/r/rdkafka-sys-macros-1.0/Cargo.toml"},
            {"manifest_path":"/r/rdkafka-sys-4.10.0+2.12.1/Cargo.toml","name":"rdkafka-sys"}"#;
        let found = manifest_of("rdkafka-sys", metadata);
        assert_eq!(found, Some(PathBuf::from("/r/rdkafka-sys-4.10.0+2.12.1/Cargo.toml")));
        assert_eq!(manifest_of("rdkafka", metadata), None);
    }
}
