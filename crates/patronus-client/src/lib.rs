//! The typed client of Patronus' HTTP contract: the one SDK for the command line, the agent and anybody else.
//!
//! ```no_run
//! # async fn example() -> Result<(), patronus_client::Error> {
//! use patronus_client::{Client, Credential, Trust};
//!
//! let client = Client::builder()
//!     .server("https://patronus.example.net")
//!     .trust(Trust::CaPem(std::fs::read("ca.pem").unwrap_or_default()))
//!     .credential(Credential::Token("ptn_api_…".to_owned()))
//!     .build()?;
//! let sites = client.sites().list(Default::default()).all().await?;
//! # Ok(()) }
//! ```
//!
//! A call knows several servers: it begins with the one that answered last and goes on to the next when one cannot be
//! reached or cannot answer now. It repeats what may be repeated (reads, and writes, which always carry an idempotency
//! key) with growing, jittered pauses, honours `Retry-After`, and ends within the total timeout.
//!
//! What holds always:
//! - no plain HTTP except to loopback addresses, no redirects, no certificate that is not verified;
//! - the size of an answer is bounded;
//! - a write whose fate is not known ends in [`Error::OutcomeUnknown`] with the key that makes a repeat safe;
//! - one `Client` holds one connection pool and one TLS configuration, however often it is cloned or scoped.

mod answer;
mod builder;
mod call;
mod client;
mod credential;
mod error;
mod failure;
mod page;
mod resolve;
mod retry;
mod server;
mod session;
mod tls;

pub mod agent;
pub mod apply;
pub mod auth;
pub mod bundles;
pub mod download;
pub mod events;
pub mod health;
pub mod networks;
pub mod paths;
pub mod policies;
pub mod probe;
pub mod releases;
pub mod sites;
pub mod tokens;

pub use answer::Tagged;
pub use builder::Builder;
pub use client::{Client, Scope, Write};
pub use credential::{Credential, TokenSource};
pub use download::{Progress, Sink};
pub use error::{Error, Mistrust, Obstacle, Problem};
pub use page::Pages;
pub use server::ServerUrl;
pub use session::{Login, LoginStore, Session};
pub use tls::{Authority, Trust};
