//! The metro's side of the comparison: its stations and cards, the tap streams, and a naive judge.
//! Nothing in here knows a wire protocol or a contender.

pub(crate) mod judge;
pub(crate) mod population;
pub(crate) mod random;
pub(crate) mod stream;
