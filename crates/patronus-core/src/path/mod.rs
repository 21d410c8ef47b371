//! Paths: what goes through a tunnel to see whether it carries.

pub mod packet;
