//! Paths: what goes through a tunnel to see whether it carries.

pub mod packet;

/// The port for these packets: so far above the first of a network's ports, on every tunnel.
pub const PORT_OFFSET: u16 = 17;

/// What stands in a packet for both uplinks where it goes through the spare tunnel.
pub const SPARE: u8 = 4;
