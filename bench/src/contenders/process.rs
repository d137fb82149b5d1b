//! A foreign server process: its directory, its log, its end.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::clock;

/// How long a server may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The first of `candidates` that exists: plain names are looked up in PATH, paths are taken as they are.
pub(crate) fn find_binary(candidates: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    candidates.iter().find_map(|candidate| {
        if candidate.components().count() > 1 {
            return candidate.is_file().then(|| candidate.clone());
        }
        directories.iter().map(|directory| directory.join(candidate)).find(|full| full.is_file())
    })
}

/// A loopback port nobody listens on right now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    log_path: PathBuf,
}

impl Server {
    /// Starts `command` with its output in `log_path`.
    pub(crate) fn start(command: &mut Command, log_path: &Path) -> anyhow::Result<Self> {
        let log = File::create(log_path).with_context(|| format!("creating {}", log_path.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, log_path: log_path.to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `address` takes connections. When the server ends first or `limit` passes, the error ends
    /// with the server's own last words.
    pub(crate) fn wait_for_port(&mut self, address: SocketAddr, limit: Duration) -> anyhow::Result<()> {
        let mut ended = None;
        let ready = clock::wait_until(limit, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || TcpStream::connect(address).is_ok()
        });
        match ended {
            Some(status) => bail!("the server ended during its start ({status}):\n{}", self.last_words()),
            None if !ready => bail!("nothing listens on {address} after {limit:?}:\n{}", self.last_words()),
            None => Ok(()),
        }
    }

    /// The last lines of the server's output.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log_path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Ends the process at once, as a crash would (SIGKILL), and waits for its end.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("killing the server")?;
        self.child.wait().context("waiting for the killed server")?;
        Ok(())
    }

    /// Asks for an orderly end with `signal` and waits; kills when it takes too long.
    #[allow(unsafe_code, reason = "std offers only SIGKILL")]
    pub(crate) fn stop(&mut self, signal: i32) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        // SAFETY: kill(2) touches no memory of ours, and the id is our own child's, not yet reaped.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        let child = &mut self.child;
        if !clock::wait_until(STOP_LIMIT, || matches!(child.try_wait(), Ok(Some(_)))) {
            // Nothing more can be done about a process that survives SIGKILL.
            let _ = self.kill();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(libc::SIGTERM);
    }
}
