//! Steps, run one after the other: each is announced, a failed one is remembered, and the last lines say what
//! failed.

use anyhow::{Context as _, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Where the sources are, and where built things go.
pub(crate) struct Workspace {
    pub root: PathBuf,
    /// Cargo's target directory, wherever it was told to put it.
    pub target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Workspace {
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let program = std::env::current_exe().expect("a running program has a path");
        let above = |path: &Path, levels| {
            path.ancestors().nth(levels).expect("the path has that many levels").to_path_buf()
        };
        // TARGET/PROFILE/xtask, and ROOT/xtask.
        Workspace { root: above(&manifest, 1), target: above(&program, 2) }
    }

    /// Tools that tests need and that aren't Debian packages; the tests look for them at the same place.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("test-tools")
    }
}

/// The steps run so far.
pub(crate) struct Steps<'a> {
    pub workspace: &'a Workspace,
    done: usize,
    failures: Vec<String>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(workspace: &'a Workspace) -> Steps<'a> {
        Steps { workspace, done: 0, failures: Vec::new() }
    }

    /// Announces a step and runs it. It may say what failed in several lines; an error is one more.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce(&Workspace, &mut Vec<String>) -> Result<()>) {
        println!("==> {name}");
        let mut failures = Vec::new();
        if let Err(error) = work(self.workspace, &mut failures) {
            failures.push(format!("{error:#}"));
        }
        self.done += 1;
        for failure in failures {
            eprintln!("==> {name}: {failure}");
            self.failures.push(format!("{name}: {failure}"));
        }
    }

    pub(crate) fn cargo(&mut self, name: &str, arguments: &[&str]) {
        self.step(name, |workspace, _| succeed(cargo(workspace).args(arguments)));
    }

    pub(crate) fn summary(self) -> ExitCode {
        if self.failures.is_empty() {
            println!("==> all {} steps passed", self.done);
            return ExitCode::SUCCESS;
        }
        println!("==> failed:");
        for failure in &self.failures {
            println!("      {failure}");
        }
        ExitCode::FAILURE
    }
}

/// Cargo, in the workspace, building where this program was built.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&workspace.root).env("CARGO_TARGET_DIR", &workspace.target);
    command
}

/// Runs a command to its end; anything but success is an error that names the command.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
