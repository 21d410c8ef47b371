//! What stdout promises.

use std::process::Stdio;

use crate::api::{answer, world};
use crate::fake::{Fake, Reply};
use crate::program::{Home, Ran};

#[test]
fn json_is_one_document_also_for_nothing() {
    let empty = Fake::new(|_, _| Reply::json(200, "[]"));
    let home = Home::at(&empty.url);
    for line in [
        "site list -o json",
        "network list --output json",
        "token list -o=json",
        "bundle list -ojson",
        "event list --output=json",
    ] {
        let ran = home.run(line);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "[]\n", ""), "{line}");
    }
    let ran = home.run("site list");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "no sites\n"));
}

#[test]
fn every_key_of_the_api_is_there() {
    let server = world();
    let sites = Home::at(&server.url).run("site list -o json").json();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&sites[0]), keys(&crate::api::site("ams")));
}

#[test]
fn lists_have_all_pages_unless_they_are_limited() {
    let server = Fake::new(|request, _| match request.path() {
        "/v1/sites" if request.target.contains("cursor") => Reply::json(200, &format!("[{}]", crate::api::site("fra"))),
        "/v1/sites" => Reply::json(200, &format!("[{}]", crate::api::site("ams")))
            .with("link", "</v1/sites?cursor=x>; rel=\"next\""),
        _ => answer(request),
    });
    let home = Home::at(&server.url);
    assert_eq!(home.run("site list -o name").stdout, "site/ams\nsite/fra\n");
    let ran = home.run("site list -o name --limit 1");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("site/ams\n", "there are more: these are the first 1\n"));
    assert_eq!(home.run("site list -o name --limit 1 --sort-by name:desc").stdout, "site/fra\n");
}

#[test]
fn colour_is_a_choice_of_whoever_reads() {
    let server = world();
    let coloured = |home: Home, line: &str| home.run(line).stdout.contains("\u{1b}[");
    assert!(!coloured(Home::at(&server.url), "site list"));
    assert!(coloured(Home::at(&server.url), "site list --color always"));
    assert!(coloured(Home::at(&server.url).with("CLICOLOR_FORCE", "1"), "site list"));
    assert!(!coloured(Home::at(&server.url).with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1"), "site list"));
}

#[test]
fn a_site_cannot_act_on_the_terminal() {
    let server = world();
    let home = Home::at(&server.url);
    for line in ["site list", "site list -o wide", "site describe fra", "site list --fields location"] {
        let ran = home.run(line);
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{202e}'), "{line}");
        assert!(ran.stdout.contains("Frankfurt"), "{line}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let server = world();
    let home = Home::at(&server.url);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Ran::new(home.command(&["event", "list"]).stdout(writer).stderr(Stdio::piped()).output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let server = world();
    let home = Home::at(&server.url);
    for line in [&["site", "list"][..], &["--version"], &["help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::new(home.command(line).stdout(full).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(ran.code, 74, "{line:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("error[output]") && !ran.stderr.contains("panick"), "{}", ran.stderr);
    }
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let server = world();
    let home =
        Home::at(&server.url).with("PATRONUS_OUTPUT", "").with("PATRONUS_NETWORK", "").with("PATRONUS_RETRIES", "");
    assert_eq!(home.run("site list").code, 0);
    let home = home.with("PATRONUS_OUTPUT", "name");
    assert_eq!(home.run("site list").stdout, "site/ams\nsite/fra\n");
    assert!(home.run("site list -o json").json().is_array());
}

#[test]
fn a_watch_follows_by_number_and_stops_at_its_limit() {
    let event = |number: u64| {
        format!(
            r#"{{"number": {number}, "time": "2026-01-03T00:00:00Z", "type": "site.created", "severity": "info", "actor": {{"kind": "user", "id": null, "name": "admin"}}, "resource": null, "network_id": null, "request_id": null, "message": "event {number}", "details": {{}}}}"#
        )
    };
    let server = Fake::new(move |request, before| match (before, request.target.contains("after=")) {
        // The newest, to begin after it.
        (0, false) => Reply::json(200, &format!("[{}]", event(5))),
        (1, true) if request.target.contains("after=5") => Reply::json(200, &format!("[{}, {}]", event(6), event(7))),
        // Gone for a moment.
        (2, true) => Reply::problem("unavailable", 503, "restarting"),
        (_, true) if request.target.contains("after=7") => Reply::json(200, &format!("[{}]", event(8))),
        _ => Reply::problem("bad_request", 400, "unexpected"),
    });
    let ran = Home::at(&server.url).run("event watch -o jsonl --limit 3 --retries 0");
    let numbers: Vec<u64> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].as_u64().unwrap())
        .collect();
    assert_eq!((ran.code, numbers), (0, vec![6, 7, 8]), "{}", ran.stderr);
    assert!(ran.stderr.contains("the server is away"), "{}", ran.stderr);
}

/// Two networks, each with a site `ams`.
fn two_networks() -> Fake {
    Fake::new(|request, _| {
        let mut office = crate::api::network();
        (office["id"], office["name"]) = ("network_01k9zq3v6p8r2m4n5t7w9x1y3y".into(), "office".into());
        let mut twin = crate::api::site("ams");
        twin["id"] = "site_01k9zq3v6p8r2m4n5t7w9x1y3c".into();
        twin["network_id"] = office["id"].clone();
        let json = |value: serde_json::Value| Reply::json(200, &value.to_string());
        match request.path() {
            "/v1/networks" => json(serde_json::json!([crate::api::network(), office])),
            "/v1/sites" if request.target.split(['?', '&']).any(|it| it == "network=lab" || it == "limit=1") => {
                json(serde_json::json!([crate::api::site("ams"), crate::api::site("fra")]))
            }
            "/v1/sites" => json(serde_json::json!([crate::api::site("ams"), twin, crate::api::site("fra")])),
            "/v1/sites/site_01k9zq3v6p8r2m4n5t7w9x1y3c" => json(twin).with("etag", "\"7\""),
            _ => answer(request),
        }
    })
}

#[test]
fn a_site_of_several_networks_says_which_it_is() {
    let server = two_networks();
    let home = Home::at(&server.url);
    let table = home.run("site list").stdout;
    let columns: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(columns, [["NAME", "NETWORK"], ["ams", "lab"], ["ams", "office"], ["fra", "lab"]]);
    assert!(!home.run("site list --network lab").stdout.contains("NETWORK"));
    let twin = "site_01k9zq3v6p8r2m4n5t7w9x1y3c";
    assert!(home.run(&format!("site describe {twin}")).stdout.contains("network       office\n"));
}

#[test]
fn sites_are_listed_also_for_those_who_may_not_see_networks() {
    let server = Fake::new(|request, _| match request.path() {
        "/v1/networks" => Reply::problem("forbidden", 403, "no"),
        _ => answer(request),
    });
    let ran = Home::at(&server.url).run("site list");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with("NAME  STATUS"), "{}", ran.stdout);
}

#[test]
fn a_name_that_means_several_sites_is_printed_as_its_id() {
    let server = two_networks();
    let home = Home::at(&server.url);
    let (one, twin) = ("site/site_01k9zq3v6p8r2m4n5t7w9x1y3a", "site/site_01k9zq3v6p8r2m4n5t7w9x1y3c");
    assert_eq!(home.run("site list -o name").stdout, format!("{one}\n{twin}\nsite/fra\n"));
    // Also where the twin is not in the list.
    assert_eq!(home.run("site list -o name --limit 1").stdout, format!("{one}\n"));
    assert_eq!(home.run("site list -o name --network lab").stdout, "site/ams\nsite/fra\n");
    let back = home.run_with("site get - -o name", &format!("{twin}\n"));
    assert_eq!((back.code, back.stdout), (0, format!("{twin}\n")), "{}", back.stderr);
}

#[test]
fn fields_are_picked_from_every_answer() {
    let server = world();
    let home = Home::at(&server.url);
    assert_eq!(home.run("whoami --fields role,actor.name").stdout, "ROLE      ACTOR.NAME\noperator  ci\n");
    assert_eq!(home.run("version -o json --fields server").json(), serde_json::json!({"server": "0.1.0"}));
    assert_eq!(home.run("status -o jsonl --fields networks.0.name").stdout, "{\"networks.0.name\":\"lab\"}\n");
    let ran = home.run("whoami --fields rle");
    assert!(ran.code == 2 && ran.stderr.contains("did you mean `role`?"), "{}", ran.stderr);
}

#[test]
fn a_name_is_printed_or_refused_before_anything_is_done() {
    let server = world();
    let home = Home::at(&server.url);
    assert_eq!(home.run("whoami -o name").stdout, "token/ci\n");
    assert_eq!(home.run("bundle diff -o name").stdout, "site/ams\n");
    let asked = server.requests().len();
    for line in [
        "status -o name",
        "version -o id",
        "bundle verify 2 -o name",
        "bundle export 2 --dir x -o id",
        "bundle diff -o id",
        "apply -f no.yaml -o id",
    ] {
        let ran = home.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("means nothing here"), "{line}: {}", ran.stderr);
    }
    let ran = home.run("token create --kind enrol --site ams -o name");
    assert!(ran.code == 2 && ran.stderr.contains("would lose the secret"), "{}", ran.stderr);
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn a_type_that_no_event_has_is_told_those_that_there_are() {
    let server = Fake::new(|request, _| match request.path() {
        "/v1/events" if request.target.contains("type=") => Reply::json(200, "[]"),
        _ => answer(request),
    });
    let home = Home::at(&server.url);
    for (kind, said) in [
        ("site", "did you mean `site.`, all events of sites?"),
        ("site.craeted", "did you mean `site.created`?"),
        ("frob", "the types of the newest events are: site.created"),
    ] {
        let ran = home.run(&format!("event list --type {kind}"));
        assert_eq!((ran.code, ran.stderr), (0, format!("no events\n{said}\n")), "{kind}");
    }
    assert_eq!(home.run("event list --type site.created").stderr, "no events\n");
}
