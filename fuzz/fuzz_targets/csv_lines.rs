//! Feeds the decoder `csv_lines` of `tests/fuzz/decoders`.

#![no_main]

tollgate_fuzz::fuzz!("csv_lines");
