//! Real taps from files: London's Oyster sample of November 2009. Pure; the command line reads the file and
//! makes the calls.
//!
//! In reading order: [`tap`], a line of the file; [`places`], station names and bus routes as station ids;
//! [`survey`], what a first look at the whole file finds.

pub mod places;
pub mod survey;
pub mod tap;
