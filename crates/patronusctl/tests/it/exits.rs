//! One case at least for every exit code that a command of today can end with.

use crate::api::{answer, release, world};
use crate::fake::{Fake, Reply, nowhere};
use crate::program::{Home, Ran};

fn against(reply: fn() -> Reply, line: &str) -> Ran {
    let server = Fake::new(move |_, _| reply());
    Home::at(&server.url).run(line)
}

fn refusal(code: &'static str, status: u16) -> Ran {
    let server = Fake::new(move |_, _| Reply::problem(code, status, "no"));
    Home::at(&server.url).run("network list --retries 0")
}

#[test]
fn what_the_server_says_decides() {
    for (code, status, exit) in [
        ("bad_request", 400, 7),
        ("unauthenticated", 401, 4),
        ("forbidden", 403, 5),
        ("not_found", 404, 3),
        ("no_route", 404, 16),
        ("ambiguous", 409, 6),
        ("exists", 409, 6),
        ("conflict", 409, 6),
        ("precondition_failed", 412, 6),
        ("too_large", 413, 7),
        ("invalid", 422, 7),
        ("lint", 422, 7),
        ("idempotency_mismatch", 422, 6),
        ("rate_limited", 429, 15),
        ("internal", 500, 1),
        ("unavailable", 503, 13),
        ("teapot", 418, 1),
    ] {
        let ran = refusal(code, status);
        assert_eq!(ran.code, exit, "{code}: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("error[").count(), 1, "{}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
}

#[test]
fn faults_are_told_by_their_fields_once() {
    let server = Fake::new(|_, _| {
        let fault = serde_json::json!([{"pointer": "/mtu", "detail": "1280 to 8920 bytes"}]);
        let mut problem = serde_json::json!({
            "type": "urn:patronus:error:invalid", "title": "A value does not hold", "status": 422, "code": "invalid",
            "detail": "/mtu: 1280 to 8920 bytes", "errors": fault
        });
        problem["request_id"] = "req-1".into();
        Reply::typed(422, "application/problem+json", &problem.to_string())
    });
    let ran = Home::at(&server.url).run("network create lab");
    assert_eq!(ran.code, 7);
    assert!(ran.stderr.starts_with("error[invalid]: a value does not hold\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  mtu: 1280 to 8920 bytes\n"), "{}", ran.stderr);
}

#[test]
fn what_the_network_does_decides() {
    let unreachable = Home::at(&nowhere()).run("site list --retries 0");
    assert_eq!(unreachable.code, 13, "{}", unreachable.stderr);
    let silent = against(|| Reply::Hang, "site list --retries 0 --timeout 200ms");
    assert_eq!(silent.code, 13, "{}", silent.stderr);
    let rubbish = against(|| Reply::typed(200, "text/html", "<html>"), "site list");
    assert_eq!(rubbish.code, 16, "{}", rubbish.stderr);
    let proxy = against(|| Reply::typed(502, "text/html", "<html>"), "site list --retries 0");
    assert_eq!(proxy.code, 13, "{}", proxy.stderr);
}

#[test]
fn a_write_without_an_answer_says_how_to_repeat_it() {
    let ran = against(|| Reply::Close, "bundle publish --retries 0 --idempotency-key once");
    assert_eq!(ran.code, 14, "{}", ran.stderr);
    assert!(ran.stderr.contains("--idempotency-key once"), "{}", ran.stderr);
}

#[test]
fn what_is_local_decides() {
    let home = Home::bare();
    assert_eq!(home.run("site list").code, 17, "no server");
    assert_eq!(home.run("site list --server http://127.0.0.1:1").code, 4, "no login");
    assert_eq!(home.run("site list --server http://192.0.2.1").code, 17, "plain http over a network");
    assert_eq!(home.run("site list --token-file nowhere --server http://127.0.0.1:1").code, 17);
    assert_eq!(home.run("site list --context nope").code, 17);
    home.write(".config/patronusctl/config.yaml", "current: lab\ncontexts:\n  lab:\n    serves: []\n");
    let ran = home.run("site list");
    assert_eq!(ran.code, 17);
    assert!(ran.stderr.contains("config.yaml:4:5: unknown field `serves`: did you mean `servers`?"), "{}", ran.stderr);
    assert_eq!(Home::bare().with("PATRONUS_RETRIES", "many").run("site list --server http://127.0.0.1:1").code, 2);
}

#[test]
fn a_home_is_not_needed() {
    let server = world();
    let home = Home::at(&server.url);
    let ran = Ran::new(home.command(&["site", "list", "-o", "name"]).env_remove("HOME").output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "site/ams\nsite/fra\n"), "{}", ran.stderr);
}

#[test]
fn a_wait_ends_with_what_became_of_it() {
    let failing = Fake::new(|request, _| match request.line().as_str() {
        "POST /v1/releases" => Reply::json(
            201,
            &serde_json::json!({"release": release(2, 1), "created": true, "warnings": []}).to_string(),
        ),
        _ => answer(request),
    });
    let ran = Home::at(&failing.url).run("bundle publish --wait");
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert!(ran.stderr.contains("site fra: UDP port 51820 is taken by openvpn"), "{}", ran.stderr);

    let slow = Fake::new(|request, _| {
        let mut release = release(2, 0);
        release["applied"] = 1.into();
        match request.line().as_str() {
            "POST /v1/releases" => {
                Reply::json(201, &serde_json::json!({"release": release, "created": true, "warnings": []}).to_string())
            }
            "GET /v1/releases/2" => Reply::json(200, &release.to_string()),
            _ => answer(request),
        }
    });
    let ran = Home::at(&slow.url).run("bundle publish --wait --wait-timeout 300ms");
    assert_eq!(ran.code, 8, "{}", ran.stderr);
}

#[test]
fn a_wait_names_all_that_failed_and_what_to_do() {
    let server = Fake::new(|request, calls| {
        let mut release = release(2, 0);
        release["agents"] = 13.into();
        // The first look finds one that failed, and the others under way.
        (release["applied"], release["failed"]) = (0.into(), if calls < 2 { 1 } else { 12 }.into());
        let sites: Vec<_> = (10..22)
            .map(|number| {
                let mut site = crate::api::site("fra");
                site["name"] = format!("fra-{number}").into();
                site["status"] = "active".into();
                site["undone"] = serde_json::json!([{"version": 2, "digest": "a".repeat(64)}]);
                site
            })
            .collect();
        match request.line().as_str() {
            "POST /v1/releases" => {
                Reply::json(201, &serde_json::json!({"release": release, "created": true, "warnings": []}).to_string())
            }
            "GET /v1/releases/2" => Reply::json(200, &release.to_string()),
            "GET /v1/sites" => Reply::json(200, &serde_json::json!(sites).to_string()),
            "GET /v1/sites/fra-10" => Reply::json(200, &sites[0].to_string()).with("etag", "\"7\""),
            _ => answer(request),
        }
    });
    let home = Home::at(&server.url);
    let ran = home.run("bundle publish --wait");
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    for said in [
        "error[impossible]: version 2 could not be applied by 12 of 13 sites\n",
        "site fra-10: UDP port 51820 is taken by openvpn\n",
        "site fra-19: UDP port 51820 is taken by openvpn\n  2 more: see them: patronusctl status\n",
        "help: see it all: patronusctl site describe fra-10\n",
        "help: the same is not tried again on fra-10, fra-11, ",
        "fra-19 and 2 more, unless somebody there runs: patronus-agent retry\n",
        "help: bring every site back: patronusctl bundle rollback --to 1\n",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let described = home.run("site describe fra-10").stdout;
    assert!(
        described.contains("next          fra-10 has marked this content bad (aaaaaaaaaaaa) and refuses it"),
        "{described}"
    );
    assert!(
        described.contains("next          or have fra-10 try the same once more, there: patronus-agent retry"),
        "{described}"
    );
}

/// A release that nobody applies, in a network whose two sites are not heard.
fn unheard() -> Fake {
    Fake::new(|request, _| {
        let mut release = release(2, 0);
        release["applied"] = 0.into();
        release["pending"] = serde_json::json!(["osl", "rom"]);
        let mut sites = ["ams", "fra", "fra", "fra"].map(|name| {
            let mut site = crate::api::site(name);
            (site["sync"], site["status"]) = ("behind".into(), "inactive".into());
            site
        });
        sites[0]["last_seen_at"] = serde_json::Value::Null;
        sites[1]["enrolled_at"] = "2026-01-01T00:00:00Z".into();
        (sites[2]["name"], sites[2]["status"]) = ("lon".into(), "active".into());
        sites[2]["last_seen_at"] = sites[2]["enrolled_at"].clone();
        (sites[3]["name"], sites[3]["status"]) = ("par".into(), "active".into());
        match request.line().as_str() {
            "POST /v1/releases" => {
                Reply::json(201, &serde_json::json!({"release": release, "created": true, "warnings": []}).to_string())
            }
            "GET /v1/releases/2" => Reply::json(200, &release.to_string()),
            "GET /v1/sites" => Reply::json(200, &serde_json::json!(sites).to_string()),
            _ => answer(request),
        }
    })
}

#[test]
fn a_wait_says_at_once_whose_agents_are_not_heard() {
    let server = unheard();
    let ran = Home::at(&server.url).run("bundle publish --wait --wait-timeout 300ms --network lab");
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    let (before, error) = ran.stderr.split_once("error[").unwrap();
    assert!(
        before.contains("not joined yet: osl, rom\n") && before.contains("--kind enrol --site osl --network lab\n"),
        "{before}"
    );
    for said in [before, error] {
        for words in [
            "site ams: its agent was never heard of",
            "site fra: its agent is silent, last heard of: 2026-01-03T00:00:00Z",
            "site lon: its agent joined and was not heard of since: 2026-01-02T03:04:05Z",
            "on ams: systemctl status patronus-agent",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    assert!(!before.contains("site par") && error.contains("site par: still runs version 1\n"), "{}", ran.stderr);
}

#[test]
fn some_of_several_is_partial() {
    let server = Fake::new(|request, _| match request.line().as_str() {
        "DELETE /v1/sites/fra" => Reply::problem("forbidden", 403, "not yours"),
        _ => answer(request),
    });
    let ran = Home::at(&server.url).run("site delete ams fra --confirm 2");
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(ran.stdout, "site ams deleted\n");
    assert!(ran.stderr.contains("site/fra: not yours"), "{}", ran.stderr);
}
