//! The server as its callers see it: a real one on a free port, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by panicking")]

mod agents;
mod apply;
mod auth;
mod client;
mod contract;
mod fake;
mod flow;
mod full;
mod guard;
mod harness;
mod modes;
mod paths;
mod permissions;
mod policies;
mod program;
mod rotation;
mod transport;
mod upload;
mod waiting;
mod writes;
