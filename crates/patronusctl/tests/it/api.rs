//! A small world behind the scripted server: one network, two sites, two releases.

use serde_json::{Value, json};

use crate::fake::{Fake, Reply, Request};

const NETWORK: &str = "network_01k9zq3v6p8r2m4n5t7w9x1y3z";
const TENANT: &str = "tenant_01k9zq3v6p8r2m4n5t7w9x1y3z";

pub fn network() -> Value {
    json!({
        "id": NETWORK, "tenant_id": TENANT, "name": "lab", "range": "10.210.0.0/16", "range6": null, "topology": "mesh",
        "driver": "wireguard", "mtu": null, "poll_interval_s": 5, "version": 3, "generation": 4, "released_version": 2,
        "dirty": true, "sites": 2, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-03T00:00:00Z"
    })
}

pub fn site(name: &str) -> Value {
    let ams = name == "ams";
    let steps = json!({"kept": 1, "changed": 0, "restarted": 0, "created": 0, "removed": 0});
    let outcome = json!({
        "version": 2, "digest": "a".repeat(64), "result": "failed", "reason": "UDP port 51820 is taken by openvpn",
        "steps": steps, "duration_ms": 12, "at": "2026-01-03T00:00:00Z"
    });
    json!({
        "id": if ams { "site_01k9zq3v6p8r2m4n5t7w9x1y3a" } else { "site_01k9zq3v6p8r2m4n5t7w9x1y3b" },
        "network_id": NETWORK, "name": name,
        // What came from elsewhere may try to act on the terminal.
        "location": if ams { "Amsterdam" } else { "Frankfurt\u{1b}[31m\u{202e}" },
        "region": "eu", "zone": null, "labels": if ams { json!({"tier": "gold"}) } else { json!({}) }, "hub": ams,
        "via": null, "prefixes": ["192.168.1.0/24"],
        "uplinks": [{
            "name": "fibre", "endpoint": "203.0.113.7", "device": null, "gateway": null, "gateway6": null, "cost": 100,
            "mtu": 1500, "metered": false, "drained": false, "labels": {}
        }],
        "addresses": ["10.210.0.1"], "public_key": null, "public_keys": [], "port_base": 51820,
        "keys_since": "2026-01-02T03:04:05Z", "rotation": null,
        "endpoints": ["203.0.113.7"], "status": if ams { "active" } else { "inactive" },
        "sync": if ams { "synced" } else { "failed" }, "source": "compiled", "enrolled_at": "2026-01-02T03:04:05Z",
        "last_seen_at": "2026-01-03T00:00:00Z", "desired_version": 2, "running_version": if ams { 2 } else { 1 },
        "agent": {"version": "0.1.0", "hostname": "gw", "driver": "kernel"},
        "last_outcome": if ams { Value::Null } else { outcome }, "mode": "apply", "halted": null, "shadow": null, "warnings": [], "undone": [],
        "version": 7, "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z"
    })
}

/// A site that keeps what it runs.
pub fn standing(mode: &str) -> Value {
    let mut site = site("lon");
    site["mode"] = json!(mode);
    site["warnings"] =
        json!(["probe till did not pass before version 1 was applied, so it was not asked for after it"]);
    site["halted"] = json!({"paused": false, "left_version": 1});
    site["shadow"] = json!({
        "version": 2, "plan": ["create fra on pt000: it is new\u{1b}[31m", "change 2 routes"], "refusal": null,
        "steps": {"kept": 1, "changed": 0, "restarted": 0, "created": 1, "removed": 0}
    });
    site
}

pub fn release(version: u64, failed: u64) -> Value {
    json!({
        "id": "release_01k9zq3v6p8r2m4n5t7w9x1y3z", "network_id": NETWORK, "version": version, "kind": "publish",
        "rollback_of": null, "message": "new uplink", "generation": 4, "sites": 2, "agents": 2, "pending": [], "changed": 2,
        "applied": 2 - failed, "failed": failed, "held": 0, "created_by": "admin", "created_at": "2026-01-03T00:00:00Z"
    })
}

pub fn token() -> Value {
    json!({
        "id": "token_01k9zq3v6p8r2m4n5t7w9x1y3z", "kind": "enrol", "description": "", "role": "system",
        "network_id": NETWORK, "site_id": null, "site": "ams", "created_by": "admin", "created_at": "2026-01-02T03:04:05Z",
        "expires_at": "2026-01-02T04:04:05Z", "used_at": null, "last_used_at": null, "revoked_at": null
    })
}

pub fn secret() -> String {
    patronus_types::token::Secret::new(patronus_types::token::TokenKind::Enrol, &[7; 32]).expose().to_owned()
}

fn created_token() -> Value {
    let mut created = token();
    created["secret"] = json!(secret());
    created["invitation"] = json!({
        "servers": ["https://a.example"], "ca_sha256": "b".repeat(64), "signing_key_sha256": "c".repeat(64),
        "network": "lab", "site": "ams", "token": secret()
    });
    created["warnings"] = json!(["site `ams` is enrolled already"]);
    created
}

fn event(number: u64) -> Value {
    json!({
        "number": number, "time": "2026-01-03T00:00:00Z", "type": "site.created", "severity": "info",
        "actor": {"kind": "user", "id": null, "name": "admin"}, "resource": null, "network_id": NETWORK,
        "request_id": "req-9", "message": format!("event {number}"), "details": {}
    })
}

fn bundle(site: &str, outcome: Value) -> Value {
    json!({
        "site_id": "site_01k9zq3v6p8r2m4n5t7w9x1y3b", "site": site, "version": 2, "digest": "d".repeat(64), "size": 4096, "source": "compiled",
        "signature": "signed", "outcome": outcome
    })
}

fn reverted() -> Value {
    json!({
        "version": 2, "digest": "d".repeat(64), "result": "reverted",
        "reason": "probe till: no answer from 192.168.3.2 within 2 s",
        "steps": {"kept": 3, "changed": 1, "restarted": 0, "created": 0, "removed": 0}, "step": "proving",
        "duration_ms": 31_000,
        "timings": {"fetched_ms": 12, "verified_ms": 1, "staged_ms": 2, "measured_ms": 1004, "changed_ms": 3,
            "proven_ms": 30_000, "undone_ms": 4},
        "at": "2026-01-03T00:00:00Z"
    })
}

fn ok(value: &Value) -> Reply {
    Reply::json(200, &value.to_string())
}

fn published(version: u64, created: bool) -> Value {
    json!({"release": release(version, 0), "created": created, "warnings": ["site lon has no prefixes"]})
}

/// The world's answer to a request.
pub fn answer(request: &Request) -> Reply {
    match request.line().as_str() {
        "GET /v1/networks" => ok(&json!([network()])),
        "GET /v1/networks/lab" => ok(&network()).with("etag", "\"3\""),
        "PATCH /v1/networks/lab" => ok(&network()),
        "GET /v1/sites" => ok(&json!([site("ams"), site("fra")])),
        "GET /v1/sites/ams" => ok(&site("ams")).with("etag", "\"7\""),
        "GET /v1/sites/fra" => ok(&site("fra")).with("etag", "\"7\""),
        "POST /v1/sites" => Reply::problem("exists", 409, "site `ams` exists in network `lab`"),
        "POST /v1/sites/ams/mode" => ok(&standing("hold")),
        "POST /v1/sites/fra/mode" => ok(&standing("shadow")),
        "GET /v1/sites/lon" => ok(&standing("shadow")).with("etag", "\"7\""),
        "DELETE /v1/sites/ams" | "DELETE /v1/sites/fra" => Reply::empty(204),
        "GET /v1/releases" => ok(&json!([release(2, 0), release(1, 0)])),
        "GET /v1/releases/latest" | "GET /v1/releases/2" => ok(&release(2, 0)),
        "GET /v1/releases/2/bundles" => ok(&json!([bundle("ams", Value::Null), bundle("fra", reverted())])),
        "GET /v1/releases/2/bundles/fra" => ok(&bundle("fra", reverted())),
        "POST /v1/releases/4/rollback" => Reply::problem("risk", 409, "a site might be lost by it"),
        "GET /v1/releases/2/diff" | "GET /v1/releases/latest/diff" => ok(&json!({
            "from": 1, "to": 2,
            "sites": [{"site": "ams", "change": "updated", "lines": ["+ peer fra (10.210.0.2/32)", "- peer lon"]}]
        })),
        "POST /v1/releases" => Reply::json(201, &published(2, true).to_string()),
        "POST /v1/releases/1/rollback" => Reply::json(201, &published(3, true).to_string()),
        "GET /v1/tokens" => ok(&json!([token()])),
        "POST /v1/tokens" => Reply::json(201, &created_token().to_string()),
        "GET /v1/events" => ok(&json!([event(2), event(1)])),
        "GET /v1/auth/me" => ok(&json!({
            "actor": {"kind": "token", "id": null, "name": "ci"}, "role": "operator", "tenant_id": TENANT,
            "network_id": null, "site_id": null
        })),
        "POST /v1/apply" => ok(&json!({"results": [
            {"kind": "network", "name": "lab", "change": "unchanged", "fields": []},
            {"kind": "site", "name": "ams", "change": "updated", "fields": ["uplinks.0.cost"]},
            {"kind": "site", "name": "fra", "change": "created", "fields": []}
        ]})),
        "GET /health/live" | "GET /health/ready" => ok(&json!({"status": "ok", "version": "0.1.0", "checks": []})),
        line => Reply::problem("not_found", 404, &format!("no such thing: {line}")),
    }
}

/// A server of that world.
pub fn world() -> Fake {
    Fake::new(|request, _| answer(request))
}
