//! Desired against observed: what an agent does to a host so that it becomes what a bundle says.

pub mod model;
