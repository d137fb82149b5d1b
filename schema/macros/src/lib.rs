//! Typed rows and table handles from DDL.
