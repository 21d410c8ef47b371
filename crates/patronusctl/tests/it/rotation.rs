//! Replacing a site's keys, as people see it.

use serde_json::{Value, json};
use snapbox::file;

use crate::api;
use crate::fake::{Fake, Reply, Request};
use crate::program::Home;
use crate::transcripts::compare;

fn waiting() -> Value {
    json!([{"site": "fra", "reason": "has not reported version 3 yet; last heard 3 h ago"}])
}

fn rotation() -> Value {
    json!({
        "site_id": "site_01k9zq3v6p8r2m4n5t7w9x1y3a", "site": "ams", "phase": "spare", "number": 2, "version": 3,
        "waiting": waiting(), "started_at": "2026-01-03T00:00:00Z"
    })
}

/// The site `ams`: since when it has its keys, and whether they are being replaced.
fn ams(keys_since: &str, rotation: Value) -> Value {
    let mut site = api::site("ams");
    (site["keys_since"], site["rotation"]) = (json!(keys_since), rotation);
    site
}

fn rotated(started: bool, stranded: Value) -> Reply {
    let status = if started { 201 } else { 200 };
    let rotated = json!({"rotation": rotation(), "started": started, "stranded": stranded});
    Reply::json(status, &rotated.to_string())
}

/// A world in which the keys of `ams` are being replaced, and `fra` holds that open.
fn answer(request: &Request) -> Reply {
    let site = ams("2026-01-02T03:04:05Z", rotation());
    let forced = request.body.windows(4).any(|window| window == b"true");
    match request.line().as_str() {
        "GET /v1/sites/ams" | "GET /v1/sites/site_01k9zq3v6p8r2m4n5t7w9x1y3a" => {
            Reply::json(200, &site.to_string()).with("etag", "\"7\"")
        }
        "GET /v1/sites" => Reply::json(200, &json!([site, api::site("fra")]).to_string()),
        "POST /v1/sites/ams/rotate-key" | "POST /v1/sites/site_01k9zq3v6p8r2m4n5t7w9x1y3a/rotate-key" => {
            rotated(false, if forced { waiting() } else { json!([]) })
        }
        "DELETE /v1/sites/ams/rotate-key" => Reply::empty(204),
        "POST /v1/sites/fra/rotate-key" => Reply::problem(
            "conflict",
            409,
            "the keys of site `ams` are being replaced, and of a network one site's are at a time",
        ),
        _ => api::answer(request),
    }
}

#[test]
fn people_are_told_how_far_it_is_and_who_holds_it_open() {
    let server = Fake::new(|request, _| answer(request));
    let home = Home::at(&server.url);
    let lines = [
        "site rotate-key ams",
        "site rotate-key ams -o json",
        "site rotate-key ams -o name",
        "site rotate-key fra",
        "site rotate-key ams --dry-run --force",
        "site rotate-key ams --force",
        "site rotate-key ams --force --yes",
        "site rotate-key ams --wait --wait-timeout 0",
        "site rotate-key ams --cancel",
        "site rotate-key ams --cancel --force",
        "site describe ams",
        "site list -o wide",
        "status",
        "status -o json",
    ];
    compare(home.transcript(&server.url, &lines), file!["transcripts/rotation.txt"]);
}

#[test]
fn without_a_terminal_nobody_is_left_behind_unconfirmed() {
    let server = Fake::new(|request, _| answer(request));
    let ran = Home::at(&server.url).run("site rotate-key ams --force");
    assert_eq!(ran.code, 12, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("without fra has to be confirmed") && ran.stderr.contains("add --yes"),
        "{}",
        ran.stderr
    );
    let writes: Vec<_> = server.requests().into_iter().filter(|request| request.method != "GET").collect();
    assert!(writes.iter().all(|request| request.target.contains("dry_run=true")), "only asked");
}

/// A site that is `before` when it is first read, and `after` from then on.
fn turning(before: Value, after: Value) -> Fake {
    let reads = std::sync::atomic::AtomicUsize::new(0);
    Fake::new(move |request, _| match request.method.as_str() {
        "GET" if reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            Reply::json(200, &before.to_string()).with("etag", "\"7\"")
        }
        "GET" => Reply::json(200, &after.to_string()).with("etag", "\"8\""),
        _ => rotated(true, json!([])),
    })
}

#[test]
fn who_waits_is_told_how_it_ended() {
    let before = || ams("2026-01-02T03:04:05Z", Value::Null);
    let server = turning(before(), ams("2026-01-03T00:00:00Z", Value::Null));
    let ran = Home::at(&server.url).run("site rotate-key ams --wait");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "site ams has new keys\n"), "{}", ran.stderr);
    let server = turning(before(), before());
    let ran = Home::at(&server.url).run("site rotate-key ams --wait");
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert!(ran.stderr.contains("event list --type site.rotation-cancelled"), "{}", ran.stderr);
}
