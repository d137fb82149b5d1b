//! The built server as a process of its own, in a directory of its own, on ports of its own: started and
//! waited for, killed, started again on the same data, stopped. What it printed is shown when a test fails.

use super::{http, wait};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};
use tempfile::TempDir;
use tollgate::client::Connection;

/// How a server is started.
pub(crate) struct Settings {
    pub(crate) partitions: u16,
    /// More of the configuration: keys before its tables.
    pub(crate) keys: &'static str,
    /// More of the configuration: its other tables.
    pub(crate) more: &'static str,
    /// The same, as far as it is known only when the test runs.
    pub(crate) made: String,
    /// The program; the product's own unless a test brings another.
    pub(crate) program: PathBuf,
    /// What a shell does before it becomes the server.
    pub(crate) shell: &'static str,
}

impl Default for Settings {
    fn default() -> Settings {
        let program = env!("CARGO_BIN_EXE_tollgate").into();
        Settings { partitions: 4, keys: "", more: "", made: String::new(), program, shell: ":" }
    }
}

impl Settings {
    /// A server from `examples/`, which cargo builds beside the product's own.
    pub(crate) fn example(name: &str) -> Settings {
        let own = Path::new(env!("CARGO_BIN_EXE_tollgate"));
        let program = own.with_file_name("examples").join(name);
        assert!(program.exists(), "{} is missing: `cargo build --examples` makes it", program.display());
        Settings { program, ..Settings::default() }
    }
}

pub(crate) struct Server {
    program: PathBuf,
    shell: &'static str,
    directory: TempDir,
    pub(crate) volt: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) kafka: SocketAddr,
    pub(crate) partitions: u16,
    process: Option<Child>,
}

impl Server {
    /// A server with the product's schema and procedures.
    pub(crate) fn start() -> Server {
        Server::with(&Settings::default())
    }

    pub(crate) fn with(settings: &Settings) -> Server {
        let directory = tempfile::tempdir().expect("a directory for the server");
        let [volt, http, kafka] = [(); 3].map(|()| free_address());
        let data = directory.path().join("data");
        let config = format!(
            "data_dir = {data:?}
partitions = {}
{}
[listen]
volt = \"{volt}\"
http = \"{http}\"
\
             kafka = \"{kafka}\"
{}{}",
            settings.partitions, settings.keys, settings.more, settings.made
        );
        fs::write(directory.path().join("tollgate.toml"), config).expect("the server's configuration");
        let (program, partitions) = (settings.program.clone(), settings.partitions);
        let shell = settings.shell;
        let mut server = Server { program, shell, directory, volt, http, kafka, partitions, process: None };
        server.restart();
        server
    }

    /// Writes one text for another into its configuration, for its next start.
    pub(crate) fn change_config(&self, from: &str, to: &str) {
        let path = self.directory.path().join("tollgate.toml");
        let config = fs::read_to_string(&path).expect("the server's configuration");
        assert!(config.contains(from), "{from} is not in {config}");
        fs::write(&path, config.replace(from, to)).expect("the server's configuration");
    }

    /// Starts the server on the data that is there, and waits until it says that it is well.
    pub(crate) fn restart(&mut self) {
        self.start_unwatched();
        let well = wait::until(|| {
            let ended = self.process.as_mut().expect("just started").try_wait().expect("a child of ours");
            if let Some(status) = ended {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            http::get(self.http, "/api/v1/health").ok().filter(|reply| reply.status == 200)
        });
        assert!(well.is_some(), "the server did not become well:\n{}", self.log());
    }

    /// Starts the server and leaves it alone.
    pub(crate) fn start_unwatched(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the server's log");
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{}; exec \"$0\" \"$@\"", self.shell)).arg(&self.program);
        command.arg("serve").arg("--config").arg(self.directory.path().join("tollgate.toml"));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle of the log")).stderr(log);
        self.process = Some(command.spawn().expect("the server starts"));
    }

    /// A caller that is logged in.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.volt.into()).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Ends the process as a power switch would, as far as a process can see.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().expect("a child of ours");
        process.wait().expect("a child of ours");
    }

    /// Asks it to stop, as systemd would, and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        let id = process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(asked.success());
        let status = wait::until(|| process.try_wait().expect("a child of ours"));
        status.unwrap_or_else(|| {
            process.kill().expect("a child of ours");
            panic!("the server did not stop:\n{}", self.log())
        })
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// Where its log and snapshots are.
    pub(crate) fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }

    /// Everything it printed, over all its starts.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; then there is nothing left to end.
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the server's last lines\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// An address that nobody listens on, below the ports that the system gives to outgoing connections, so that
/// it is still free after a restart. Each process of tests starts its search elsewhere.
pub(super) fn free_address() -> SocketAddr {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start.wrapping_mul(37).wrapping_add(step)) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port");
}
