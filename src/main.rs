//! The shipped binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    tollgate::main(tollgate::product_registry())
}
