//! Development only: sites that are not there, in two kinds.
//!
//! Benchmarks and load tests use [`Fleet`], many agents in one process that speak the real contract over real HTTP and configure
//! nothing.
//!
//! [`World`] is a simulation. Sites run the machine that measures and chooses paths (`patronus_core::path`) as agents do, real
//! packets and all, in virtual time and over a network that delays, loses and cuts ([`wan`]). A [`model`] that shares no code
//! with the machine knows what is really so, and [`invariant`]s compare the two at each step. Everything comes from a seed:
//!
//! ```text
//! scenario ─▶ setup, faults ─▶ world ─▶ sites ─▶ packets ─▶ wan ─▶ sites …
//!                                │                           │
//!                                └▶ invariant ◀── model ◀────┘
//! ```

pub mod clock;
pub mod defect;
pub mod fault;
mod fleet;
pub mod flow;
pub mod invariant;
pub mod model;
pub mod random;
pub mod scenario;
pub mod setup;
pub mod site;
pub mod trail;
pub mod wan;
pub mod world;

pub use fleet::{Fleet, Member};
pub use world::World;
