//! What Patronus decides, without doing it: deterministic functions and machines over plain values.
//!
//! Nothing here reads a clock, a file, a socket or a random number. Time, seeds and bytes come in; bytes, plans and
//! errors go out. So the same input gives the same output on every machine, and a simulation can run any of it.

#![forbid(unsafe_code)]
#![deny(clippy::iter_over_hash_type)]

pub mod address;
pub mod apply;
pub mod archive;
pub mod backoff;
pub mod diff;
pub mod digest;
pub mod lint;
pub mod mesh;
pub mod path;
pub mod policy;
pub mod risk;
pub mod rope;
pub mod rotation;
pub mod signature;
pub mod validate;
pub mod wgconf;
