//! Driving a contender: non-blocking connections and three loops over them (saturated, at a fixed rate, one
//! call at a time). One thread does it all, so that the generator costs the contender as little as possible.

pub(crate) mod closed_loop;
pub(crate) mod connection;
pub(crate) mod open_loop;
pub(crate) mod poll;
pub(crate) mod single;
pub(crate) mod tally;
