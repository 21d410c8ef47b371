//! Policies: which packets they mean, and which of them decides.

mod apps;
mod evaluate;
pub mod expect;
mod lint;
mod overlap;
mod resolve;

pub use apps::Apps;
pub use evaluate::{Flow, Miss, Verdict, evaluate, explain, misses};
pub use lint::{Finding, lint};
pub use resolve::{in_order, resolve};
