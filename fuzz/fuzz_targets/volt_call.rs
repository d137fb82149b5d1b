//! Feeds the decoder `volt_call` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("volt_call");
