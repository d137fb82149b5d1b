//! Feeds the decoder `volt_response` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("volt_response");
