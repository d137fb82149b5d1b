//! Feeds the decoder `store_sections` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("store_sections");
