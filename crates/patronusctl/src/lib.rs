//! The command line of Patronus.
//!
//! A run is: what was typed (`cli`) → what it means (`settings`) → one function (`commands/<noun>`) → the answer
//! (`output`) or the failure (`error`), whose kind is the exit code. No runtime, configuration or credential is touched
//! before a command needs it, so that `--version` costs nothing.
//!
//! What holds always:
//! - stdout is the answer and nothing else, in a shape that depends on `-o` alone;
//! - nothing asks without a terminal, and what needs confirmation ends before any request;
//! - secrets come from files, stdin, variables and stores, never from arguments, and are never printed twice;
//! - decisions that a second client would need are in `patronus-client` and `patronus-core`, not here.

mod app;
mod cli;
mod commands;
mod complete;
mod config;
mod confirm;
mod credential;
pub mod docs;
mod error;
mod manifest;
mod output;
mod run;
mod select;
mod settings;
mod token_source;

pub use run::main;
