//! Feeds the decoder `raft_message` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("raft_message");
