//! Every test that needs the built server, or the whole repository, in one program so that it is linked once:
//! a module for each behaviour. `cargo test --test all MODULE` runs one.

#![allow(clippy::unwrap_used, reason = "what a test unwraps says where it failed")]

mod avro;
mod command_line;
mod defects;
mod exactly_once;
mod examples;
mod export;
mod fuzz;
mod golden;
mod hostile;
mod invariants;
mod java_client;
mod kafka_clients;
mod kafka_keeping;
mod kafka_lag;
mod kill9;
mod python_client;
mod readme;
mod schema_change;
mod scripts;
mod server_process;
mod simulator;
mod snapshots;
mod support;
mod system;
mod tidy;
