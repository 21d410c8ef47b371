//! The server: HTTP in front of the store, joined by what core decides.
//!
//! A request comes in by [`serve`] (connections, TLS, time limits), goes through [`router`] (the one route table, the
//! one place where permissions are enforced) to `handlers/<noun>`, from there to `patronus_core` where something is
//! decided and to `patronus_store` where something is kept. What agents ask every few seconds is answered from
//! [`index`], without the database.
//!
//! Absent on purpose: SQL, a second route table, and any clock but [`app::Clock`].

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
mod declared;
pub mod error;
mod extract;
pub mod folder;
mod handlers;
pub mod index;
pub mod init;
mod jobs;
pub mod keys;
mod log;
pub mod manual;
mod paths;
mod publish;
mod renew;
mod respond;
mod rotation;
pub mod router;
pub mod run;
pub mod serve;
