//! Every test that needs the built server, or the whole repository, in one program so that it is linked once:
//! a module for each behaviour. `cargo test --test all MODULE` runs one.

mod fuzz;
mod simulator;
mod tidy;
