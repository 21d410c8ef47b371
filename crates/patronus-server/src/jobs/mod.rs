//! What runs beside requests: one loop a file.

pub mod heartbeat;
pub mod paths;
pub mod rotation;
