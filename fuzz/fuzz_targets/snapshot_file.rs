//! Feeds the decoder `snapshot_file` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("snapshot_file");
