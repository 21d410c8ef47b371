//! The program against a scripted server, in a cleared environment. What it prints stands in `transcripts/`; after a
//! change that is meant, `SNAPSHOTS=overwrite cargo test -p patronusctl` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what they expect by panicking, in their helpers too"
)]

mod api;
mod complete;
mod contexts;
mod exits;
#[path = "../../../patronus-client/tests/it/fake.rs"]
#[allow(dead_code, reason = "the client's tests use more of it")]
mod fake;
mod output;
mod program;
mod rotation;
#[cfg(unix)]
mod shells;
mod transcripts;
mod writes;
