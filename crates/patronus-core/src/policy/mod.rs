//! Policies: which packets they mean, and which of them decides.

mod apps;
mod evaluate;
mod resolve;

pub use apps::Apps;
pub use evaluate::{Flow, Miss, Verdict, evaluate, explain, misses};
pub use resolve::{in_order, resolve};
