//! The agent of one site: it keeps the site's tunnels as the newest signed bundle says, with or without a server.

pub mod effects;
