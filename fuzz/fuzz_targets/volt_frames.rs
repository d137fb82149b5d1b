//! Feeds the decoder `volt_frames` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("volt_frames");
