//! The shipped binary.

use std::process::ExitCode;
use tollgate::memory::Allocator;

/// Quicker than the system's for many small allocations on several threads; and memory is asked for ahead.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator::new();

fn main() -> ExitCode {
    tollgate::main(tollgate::product_registry())
}
