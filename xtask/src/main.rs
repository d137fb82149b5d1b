//! Developer commands. `cargo xtask test` runs every test there is; `cargo xtask ci` is what a change has to
//! pass. Never part of the product: it only starts other programs and says how they went.

mod cargo_test;
mod librdkafka;
mod steps;
mod tools;
mod tools_kafka;

use std::process::ExitCode;
use steps::{Steps, Workspace};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [ARGUMENTS…]  install what the tests need, then run them all; arguments go to `cargo test --workspace`
  tools              only install what the tests need
  librdkafka ADDRESS [NUMBER…]
                     librdkafka's own tests against a server: those of tests/kafka/librdkafka/tests.txt, or others
  ci                 formatting, clippy without warnings, then every test
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let workspace = Workspace::find();
    let mut steps = Steps::new(&workspace);
    match command.as_str() {
        "test" => test(&mut steps, &arguments),
        "tools" => tools::install(&mut steps),
        "librdkafka" => librdkafka::run(&mut steps, &arguments),
        "ci" => {
            steps.cargo("formatting", &["fmt", "--all", "--check"]);
            // Libraries that the product is built with are among them.
            tools::install(&mut steps);
            steps.cargo("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
            run_tests(&mut steps, &arguments);
        }
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    steps.summary()
}

fn test(steps: &mut Steps<'_>, arguments: &[String]) {
    tools::install(steps);
    run_tests(steps, arguments);
}

fn run_tests(steps: &mut Steps<'_>, arguments: &[String]) {
    cargo_test::run(steps, arguments);
    if arguments.is_empty() {
        librdkafka::run_on_own_server(steps);
    }
}
