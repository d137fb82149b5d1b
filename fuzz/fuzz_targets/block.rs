//! Feeds the decoder `block` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("block");
