//! The shipped binary.

use std::process::ExitCode;

/// Quicker than the system's for many small allocations on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tollgate::main(tollgate::product_registry())
}
