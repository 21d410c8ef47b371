//! Desired against observed: what an agent does to a host so that it becomes what a bundle says.
//!
//! [`desired()`] turns a bundle's content and a few facts of the host into the exact interfaces, routes and rules that
//! shall exist. [`plan()`] compares that with what the kernel holds and answers with steps in an order that loses nothing:
//! first everything is added, then moved, and only when that has proven itself is anything taken away that holds a session.
//!
//! Invariants, each tested from arbitrary states: carrying out a plan leads to the desired state and a second plan is
//! empty; no peer is removed and added again; an endpoint that was learnt is never overwritten with nothing; a route is
//! replaced before what it used goes; nothing that is not the network's own is named in a step.

pub mod change;
mod desired;
mod devices;
mod facts;
mod forwarding;
pub mod model;
mod overlap;
mod plan;
pub mod prove;
mod sessions;

pub use desired::{
    Choices, Chosen, Departure, Desired, DesiredPeer, DesiredTunnel, MARK_SHIFT, Unfit, carrier, departs, desired,
    waits_for,
};
pub use devices::missing_device;
pub use facts::Facts;
pub use forwarding::not_forwarded;
pub use overlap::overlap;
pub use plan::{Action, Memory, Plan, Step, Verdict, plan};
pub use sessions::{Sessions, sessions};

#[cfg(test)]
mod tests;
