//! Feeds the decoder `log_segments` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("log_segments");
