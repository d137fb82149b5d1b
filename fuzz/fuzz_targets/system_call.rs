//! Feeds the decoder `system_call` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("system_call");
