//! Feeds the decoder `store_effects` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("store_effects");
