//! Policies: which packets they mean, which of them decides, and what the kernel is told.
//!
//! ```text
//! declared ─▶ resolve ─▶ rules, in order ─┬─▶ evaluate   (what people ask)
//!                                         ├─▶ lint, expect (before a write)
//!                                         └─▶ compile    (what the kernel does)
//! ```
//!
//! Names are resolved once, where all sites are known; a site gets rules that are all numbers. The same rules answer every
//! question, and the compiled form is checked against them.

mod apps;
pub mod compile;
mod evaluate;
pub mod expect;
mod ids;
mod lint;
mod overlap;
mod resolve;
mod test;

/// The most policies of a network.
pub const MAX_POLICIES: usize = 1000;

pub use apps::{app, apps};
pub use evaluate::{Flow, Miss, Verdict, evaluate, explain, misses};
pub use ids::{Full, Holder, Ids, keys};
pub use lint::{Finding, lint};
pub use resolve::{in_order, resolve};
pub use test::test;
