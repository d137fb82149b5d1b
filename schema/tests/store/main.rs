//! The store beside a naive model under random work: rows, indexes, views, streams, undo, effects, frozen
//! views, snapshots.

mod compare;
mod garbage;
mod generate;
mod golden;
mod guarded;
mod model;
mod random_work;
