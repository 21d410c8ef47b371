//! The client against a scripted server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what they expect by panicking, in their helpers too")]

mod agent;
#[allow(dead_code, reason = "the command line's tests use this file too")]
mod fake;
mod pages;
mod retries;
mod session;
mod tls;

use std::time::Duration;

use patronus_client::{Builder, Client};

/// A client of the servers that loses no time.
fn client(urls: &[&str]) -> Builder {
    Client::builder()
        .servers(urls.iter().copied())
        .connect_timeout(Duration::from_secs(2))
        .request_timeout(Duration::from_millis(400))
        .total_timeout(Duration::from_secs(5))
        .retries(2)
}

fn network(name: &str) -> String {
    format!(
        r#"{{"id": "network_01k9zq3v6p8r2m4n5t7w9x1y3z", "tenant_id": "tenant_01k9zq3v6p8r2m4n5t7w9x1y3z", "name": "{name}",
        "range": "10.210.0.0/16", "range6": null, "topology": "mesh", "driver": "wireguard", "mtu": null, "poll_interval_s": 5,
        "version": 1, "generation": 1, "released_version": null, "dirty": true, "sites": 0,
        "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z"}}"#
    )
}
