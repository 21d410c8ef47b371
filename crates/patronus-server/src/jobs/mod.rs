//! What runs beside requests: one loop a file.

pub mod heartbeat;
pub mod rotation;
