//! What must hold of the whole.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what they expect by panicking")]

mod policies;
mod scenarios;
mod scripts;
