//! Writes: nothing before it is confirmed, a key with each, secrets in their place.

use crate::api::{secret, world};
use crate::fake::{Fake, Reply};
use crate::program::{Home, TOKEN};

#[test]
fn without_a_terminal_nothing_is_sent_before_it_is_confirmed() {
    let server = world();
    let home = Home::at(&server.url);
    for line in [
        "site delete ams",
        "site delete -l tier=gold",
        "network delete lab --yes",
        "bundle rollback --to 1",
        "token revoke token_01k9zq3v6p8r2m4n5t7w9x1y3z",
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code, 12, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("help: add --") || ran.stderr.contains("then add --"), "{line}: {}", ran.stderr);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_network_with_sites_says_how_to_get_rid_of_them() {
    let server = Fake::new(|request, _| match request.method.as_str() {
        "DELETE" => Reply::problem("conflict", 409, "network `lab` has 2 sites: delete them first"),
        _ => crate::api::answer(request),
    });
    let ran = Home::at(&server.url).run("network delete lab --confirm lab");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    for said in ["site list --network lab\n", "| patronusctl site delete - --network lab --confirm NUMBER\n"] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn an_empty_selection_is_never_everything() {
    let server = world();
    let home = Home::at(&server.url);
    assert_eq!(home.run("site delete").code, 2);
    assert_eq!(home.run("site delete -l '' --confirm 2").code, 2);
    assert_eq!(home.run_with("site delete - --confirm 0", "").code, 2);
    assert_eq!(home.run("site delete -l tier=tin --confirm 0").code, 3);
    assert!(server.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn names_come_back_on_stdin() {
    let server = world();
    let home = Home::at(&server.url);
    let names = home.run("site list -o name").stdout;
    assert_eq!(home.run_with("site get - -o name", &names).stdout, names);
    assert!(home.run_with("site get - -o json", "ams\n").json().is_array(), "a list stays a list, however short");
    let ran = home.run_with("site delete - --confirm 2", &names);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "site ams deleted\nsite fra deleted\n"));
}

#[test]
fn what_labels_select_is_deleted_by_its_id() {
    let server = Fake::new(|request, _| match request.line().as_str() {
        "GET /v1/sites/site_01k9zq3v6p8r2m4n5t7w9x1y3a" => {
            Reply::json(200, &crate::api::site("ams").to_string()).with("etag", "\"7\"")
        }
        "DELETE /v1/sites/site_01k9zq3v6p8r2m4n5t7w9x1y3a" => Reply::empty(204),
        _ => crate::api::answer(request),
    });
    let ran = Home::at(&server.url).run("site delete -l tier=gold --confirm 1");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "site ams deleted\n"), "{}", ran.stderr);
    let ran = Home::at(&server.url).run("site delete ams --confirm ams -o id");
    assert_eq!(ran.stdout, "site_01k9zq3v6p8r2m4n5t7w9x1y3a\n", "{}", ran.stderr);
}

#[test]
fn each_write_has_its_own_key_and_the_etag_that_was_read() {
    let server = world();
    Home::at(&server.url).run("site delete ams fra --confirm 2 --idempotency-key k --dry-run");
    let requests = server.requests();
    let deletes: Vec<_> = requests.iter().filter(|request| request.method == "DELETE").collect();
    assert_eq!(deletes.iter().map(|it| it.header("idempotency-key")).collect::<Vec<_>>(), ["k-ams", "k-fra"]);
    assert!(deletes.iter().all(|it| it.header("if-match") == "\"7\"" && it.target.ends_with("?dry_run=true")));
}

#[test]
fn an_update_sends_only_what_was_named() {
    let server = Fake::new(|request, _| match request.method.as_str() {
        "PATCH" => Reply::json(200, &crate::api::site("ams").to_string()),
        _ => crate::api::answer(request),
    });
    let ran =
        Home::at(&server.url).run("site update ams --label tier=gold --unlabel old --region '' --endpoint 192.0.2.1");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "site ams unchanged\n"), "{}", ran.stderr);
    let body: serde_json::Value = serde_json::from_slice(&server.requests()[1].body).unwrap();
    let expected = serde_json::json!({
        "labels": {"tier": "gold", "old": null}, "region": null, "endpoints": ["192.0.2.1"], "uplinks": null
    });
    assert_eq!(body, expected);

    let server = world();
    let ran = Home::at(&server.url).run("network update lab --network other --mtu 1380");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "network lab unchanged\n"), "{}", ran.stderr);
    let sent = server.requests();
    assert_eq!(
        (sent[1].line().as_str(), sent[1].body.as_slice()),
        ("PATCH /v1/networks/lab", br#"{"mtu":1380}"#.as_slice())
    );
}

#[test]
fn an_invitation_goes_to_stdout_or_into_a_private_file() {
    let server = world();
    let home = Home::at(&server.url);
    let ran = home.run("token create --kind enrol --site ams");
    assert_eq!(ran.json()["token"], secret());
    assert!(!ran.stderr.contains("ptn_"));
    assert!(ran.stderr.contains("warning: site `ams` is enrolled already"), "{}", ran.stderr);
    let ran = home.run("token create --kind enrol --site ams --out invitation");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains("ptn_") && !ran.stderr.contains("ptn_"));
    assert!(home.read("invitation").contains(&secret()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(home.path("invitation")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_secret_that_cannot_be_kept_is_not_made() {
    let server = world();
    let ran = Home::at(&server.url).run("token create --kind enrol --site ams --out no/such/folder/file");
    assert_eq!(ran.code, 74, "{}", ran.stderr);
    assert!(server.requests().is_empty());
}

#[test]
fn no_token_is_ever_printed() {
    let server = world();
    let home = Home::at(&server.url);
    for line in ["site list -vv", "whoami", "whoami -o json", "site get nope -v", "context list", "status -o json"] {
        let ran = home.run(line);
        assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "{line}");
    }
    assert!(
        server
            .requests()
            .iter()
            .filter(|it| it.path().starts_with("/v1"))
            .all(|it| it.header("authorization") == format!("Bearer {TOKEN}"))
    );
}
