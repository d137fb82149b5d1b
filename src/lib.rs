//! Tollgate: an in-memory, transactional risk store whose procedures are compiled in.
//!
//! In reading order:
//! - [`call`]: a call on its way in, its reply on its way out; [`gate`]: the door every call comes through;
//! - [`partition`]: where a call runs, and when its reply may leave; [`feed`]: many calls as one; [`block`]:
//!   what is logged of it; [`replies`]: the replies that wait; [`session`]: what was answered before;
//!   [`expiry`]: what goes by itself; [`ends`]: how far streams reach; `slices`: their rows, for readers;
//!   `ahead`: calls to come; [`core`]: the partitions of one executor, without IO;
//! - [`node`]: the threads around them: recovery, executors, log, snapshots; [`config`], [`limits`],
//!   [`clock`], [`counters`], [`memory`]; `calls` and `one_call`: the server's own calls;
//! - [`format`]: rows as messages, messages as parameters; [`registry`] and [`schemas`]: the schemas of
//!   messages; [`sql`]: ad hoc queries; [`tls`]: certificates; [`wire`]: the front ends; [`client`]: the
//!   other end of the Volt port, for our own tools;
//! - [`export`]: streams that leave for a Kafka cluster;
//! - [`simulate`]: the metro's trains, cards and riders; [`replay`]: real taps from files;
//! - [`cli`]: the command line; [`stop`]: how threads are asked to end.

mod ahead;
pub mod block;
pub mod call;
mod calls;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod core;
pub mod counters;
pub mod ends;
pub mod expiry;
pub mod export;
pub mod feed;
pub mod format;
pub mod gate;
pub mod limits;
pub mod memory;
pub mod node;
mod one_call;
pub mod partition;
pub mod registry;
pub mod replay;
pub mod replies;
pub mod schemas;
pub mod session;
pub mod simulate;
mod slices;
pub mod sql;
pub mod stop;
pub mod tls;
pub mod wire;

use std::process::ExitCode;
use tollgate_procedures::{Registry, transit};

/// Runs the command line with these schemas and procedures: what a crate with its own calls from its `main`.
pub fn main(registry: Registry) -> ExitCode {
    cli::main(registry)
}

/// What the shipped binary serves: the metro.
///
/// # Panics
/// If a schema of the product is wrong; a test builds them all.
pub fn product_registry() -> Registry {
    Registry::new()
        .schema("metro", transit::metro::DDL, transit::procedures())
        .expect("the product's own schemas are sound")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_product_s_schemas_are_sound() {
        let registry = super::product_registry();
        assert!(registry.find("CARDS.insert").is_some() && registry.find("ValidateEntry").is_some());
    }
}
