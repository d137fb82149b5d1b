//! Feeds the decoder `tfl_lines` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("tfl_lines");
