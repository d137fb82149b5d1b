//! The metro's simulators: trains on the line, recharges, riders.
//!
//! In reading order:
//! - [`line`]: the stations and trains; [`choice`]: a station at random by how busy it is.
//! - [`trains`], [`cards`], [`riders`]: what happens when. Pure: time and randomness are arguments.
//! - [`tally`]: what the decisions came to, counted.
//! - [`drive`]: the same against a server. It never knows: the terminal.

pub mod cards;
pub mod choice;
pub mod drive;
pub mod line;
pub mod riders;
pub mod tally;
pub mod trains;
