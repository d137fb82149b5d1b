//! Feeds the decoder `volt_login` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("volt_login");
