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
    let ran = Home::at(&server.url)
        .run("site update ams --label tier=gold --remove-label old --remove-label tier --region ''");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "site ams unchanged\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr, "site ams has no label `old`\n");
    let body: serde_json::Value = serde_json::from_slice(&server.requests()[1].body).unwrap();
    assert_eq!(body, serde_json::json!({"labels": {"tier": "gold", "old": null}, "region": null}));

    let server = world();
    let ran = Home::at(&server.url).run("network update lab --network other --mtu 1380");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "network lab unchanged\n"), "{}", ran.stderr);
    let sent = server.requests();
    assert_eq!(
        (sent[1].line().as_str(), sent[1].body.as_slice()),
        ("PATCH /v1/networks/lab", br#"{"mtu":1380}"#.as_slice())
    );
}

/// A site with two ways out behind a server that does as a merge patch says.
fn site_with_two_uplinks() -> serde_json::Value {
    let uplink = |name: &str, endpoint: &str| {
        serde_json::json!({
            "name": name, "endpoint": endpoint, "device": "eth0", "gateway": "192.0.2.254", "gateway6": null, "cost": 100,
            "mtu": 1500, "metered": false, "drained": false, "labels": {"kind": name}
        })
    };
    let mut site = crate::api::site("ams");
    site["prefixes"] = serde_json::json!(["192.168.1.0/24", "192.168.2.0/24"]);
    site["uplinks"] = serde_json::json!([uplink("fibre", "203.0.113.7"), uplink("lte", "203.0.113.8")]);
    site
}

#[test]
fn an_update_keeps_what_is_not_named() {
    let server = Fake::new(|request, _| match request.line().as_str() {
        "GET /v1/sites/ams" => Reply::json(200, &site_with_two_uplinks().to_string()).with("etag", "\"7\""),
        "PATCH /v1/sites/ams" => {
            let mut site = site_with_two_uplinks();
            let patch: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            for (name, value) in patch.as_object().unwrap().clone() {
                site[name] = value;
            }
            Reply::json(200, &site.to_string())
        }
        _ => crate::api::answer(request),
    });
    let home = Home::at(&server.url);
    let update = |flags: &str| {
        let ran = home.run(&format!("site update ams -o json {flags}"));
        let lines: Vec<String> = ran.stderr.lines().map(str::to_owned).collect();
        (if ran.code == 0 { ran.json() } else { ran.code.into() }, lines)
    };

    let (site, said) = update("--uplink name=lte,endpoint=192.0.2.1,gateway= --uplink name=sat,cost=900");
    let uplinks = site["uplinks"].as_array().unwrap();
    assert_eq!(uplinks[0], site_with_two_uplinks()["uplinks"][0]);
    assert_eq!(uplinks[1]["endpoint"], "192.0.2.1");
    assert_eq!((&uplinks[1]["device"], &uplinks[1]["labels"]["kind"]), (&"eth0".into(), &"lte".into()));
    assert_eq!((&uplinks[1]["gateway"], &uplinks[2]["name"]), (&serde_json::Value::Null, &"sat".into()));
    let told = [
        "~ uplinks.lte.endpoint: 203.0.113.8 → 192.0.2.1",
        "- uplinks.lte.gateway: 192.0.2.254",
        "+ uplinks.sat: cost=900,drained=false,metered=false,mtu=1500",
    ];
    assert_eq!(said, told);

    let (site, said) = update("--endpoint 192.0.2.1 --endpoint gw.example.net:700");
    assert_eq!(site["uplinks"][1]["endpoint"], "gw.example.net:700");
    assert_eq!((site["uplinks"][1]["device"].as_str(), said.len()), (Some("eth0"), 2));
    let (site, said) = update("--remove-uplink fibre --endpoint 192.0.2.1");
    assert_eq!((site["uplinks"].as_array().unwrap().len(), &site["uplinks"][0]["name"]), (1, &"lte".into()));
    assert!(
        said[0].starts_with("- uplinks.fibre: cost=100,device=eth0,drained=false,endpoint=203.0.113.7"),
        "{said:?}"
    );

    let (site, said) = update("--add-prefix 192.168.3.0/24 --remove-prefix 192.168.1.0/24 --remove-prefix 10.0.0.0/8");
    assert_eq!(site["prefixes"], serde_json::json!(["192.168.2.0/24", "192.168.3.0/24"]));
    let told = ["site ams has no prefix 10.0.0.0/8", "- prefixes: 192.168.1.0/24", "+ prefixes: 192.168.3.0/24"];
    assert_eq!(said, told);
    let (_, said) = update("--prefix 192.168.4.0/24");
    assert_eq!(said.iter().filter(|line| line.starts_with("- prefixes: ")).count(), 2, "{said:?}");
}

#[test]
fn an_update_that_may_mean_several_things_is_refused() {
    let server = Fake::new(|request, _| match request.line().as_str() {
        "GET /v1/sites/ams" => Reply::json(200, &site_with_two_uplinks().to_string()).with("etag", "\"7\""),
        _ => crate::api::answer(request),
    });
    let home = Home::at(&server.url);
    for (flags, said) in [
        ("--endpoint 192.0.2.1", "--endpoint is given once, and site `ams` has the uplinks fibre,lte"),
        ("--endpoint a.example --endpoint b.example --endpoint c.example", "--endpoint is given 3 times"),
        ("--remove-uplink fibre --remove-uplink lte", "site `ams` would have no uplink left"),
        ("--prefix 10.1.0.0/16 --add-prefix 10.2.0.0/16", "cannot be used with"),
        ("--add-prefix nonsense", "write an address range"),
        ("--remove-prefix nonsense", "write an address range"),
        ("--remove-uplink NONSENSE", "is not a name"),
        ("--uplink endpoint=192.0.2.1", "`name=…` is missing"),
        ("", "nothing is to be changed"),
    ] {
        let ran = home.run(&format!("site update ams {flags}"));
        assert!(ran.code == 2 && ran.stderr.contains(said) && ran.stderr.contains("help: "), "{flags}: {}", ran.stderr);
    }
    assert!(server.requests().iter().all(|request| request.method == "GET"));
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
