//! The command line: one file a subcommand. Never knows: how a server decides.
//!
//! Exit codes: 0, done; 1, the operation failed; 2, the command line was wrong.

mod call;
mod demo;
mod export;
mod init;
mod load;
mod log;
mod options;
mod output;
mod replay;
mod report;
mod serve;
mod simulate;
mod source;
mod status;
mod stream;

#[doc(hidden)]
pub use load::rows_of_csv;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::{io, process::ExitCode};
use tollgate_procedures::Registry;

#[derive(Parser)]
#[command(name = "tollgate", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "An in-memory, transactional risk store: procedures next to the data they judge.";

const EXAMPLES: &str = "\
Examples:
  tollgate demo                                 a whole metro in one process
  tollgate init                                 write a commented tollgate.toml
  tollgate serve --config tollgate.toml         start a server
  tollgate load STATIONS stations.csv           fill a table
  tollgate call ValidateEntry 1 1700000000000 5 1 0
  tollgate status                               how the server is
  tollgate simulate riders --rate 5000          taps, five thousand a second

`tollgate COMMAND --help` has more of each.";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    Load(load::Load),
    Call(call::Call),
    Status(status::Status),
    Stream(stream::Stream),
    Export(export::Export),
    Simulate(simulate::Simulate),
    Replay(replay::Replay),
    Log(log::Log),
}

/// Runs the command line of this process with these schemas and procedures.
pub fn main(registry: Registry) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are such errors too, to stdout and with code 0.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    match run(cli.command, registry) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, registry: Registry) -> Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run(registry),
        Command::Init(init) => init.run(),
        Command::Serve(serve) => serve.run(registry),
        Command::Load(load) => load.run(),
        Command::Call(call) => call.run(),
        Command::Status(status) => status.run(),
        Command::Stream(stream) => stream.run(),
        Command::Export(export) => export.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Replay(replay) => replay.run(),
        Command::Log(log) => log.run(),
    }
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<output::OutputError>().is_some_and(|e| e.0.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn wrong_command_lines_are_usage_errors() {
        for wrong in [
            &["tollgate"][..],
            &["tollgate", "fly"],
            &["tollgate", "load", "T"],
            &["tollgate", "call"],
            &["tollgate", "status", "--server", "http://x"],
            &["tollgate", "simulate", "riders", "--rate", "fast"],
            &["tollgate", "simulate", "riders", "--rate", "-5"],
        ] {
            let error = Cli::try_parse_from(wrong).err().expect("it is refused");
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
    }
}
