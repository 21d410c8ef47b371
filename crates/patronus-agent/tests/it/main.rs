//! The agent's effects on a real kernel, in network namespaces of their own.
//!
//! They need root; without it they say so and pass, except where `CI=true`. `PATRONUS_TEST_DRIVER=kernel` runs them with
//! the kernel's WireGuard (in the virtual machine of `make test-kernel`), otherwise they use `wireguard-go`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what they expect by panicking"
)]

mod changes;
mod firewall;
mod foreign;
mod host;
mod lab;
mod life;
mod ports;
mod routes;
mod scale;
