//! Development only: sites that are not there. Benchmarks and load tests use [`Fleet`], many agents in one process that
//! speak the real contract over real HTTP and configure nothing.

mod fleet;

pub use fleet::{Fleet, Member};
