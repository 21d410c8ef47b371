//! What people see.

use snapbox::{Assert, Data, file};

use crate::api::world;
use crate::program::Home;

fn check(expected: Data, lines: &[&str]) {
    let server = world();
    let home = Home::at(&server.url);
    compare(home.transcript(&server.url, lines), expected);
}

pub fn compare(actual: String, expected: Data) {
    Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(actual, expected);
}

#[test]
fn sites() {
    let lines = [
        "site list",
        "site list -o wide",
        "site list -o name",
        "sites list -o id",
        "site list -o json --fields name,agent.version",
        "site list -o jsonl --fields name,sync",
        "site list --fields name,labels.tier --no-headers",
        "site list --sort-by running_version:desc -o name",
        "site list -l tier=gold -o name",
        "site list -l tier=tin",
        "site list -l tier=tin -o json",
        "site list --limit 1 -o name",
        "site get site/fra",
        "site get ams -o yaml --fields name,uplinks",
        "site describe fra",
        "site describe lon",
        "site hold ams",
        "site shadow fra ams",
        "site unhold ams --dry-run",
        "site hold",
        "site hold nowhere",
    ];
    check(file!["transcripts/sites.txt"], &lines);
}

#[test]
fn networks_and_status() {
    let lines = [
        "network list",
        "network list -o wide",
        "network get lab -o json",
        "status",
        "status -o json",
        "version",
        "version -o json",
        "whoami",
    ];
    check(file!["transcripts/networks.txt"], &lines);
}

#[test]
fn bundles() {
    let lines = [
        "bundle list",
        "bundle get latest",
        "bundle get bundle/2 -o name",
        "bundle get 2/fra",
        "bundle get 2/fra -o wide",
        "bundle diff",
        "bundle diff 1 2 --exit-code",
        "bundle publish --message 'new uplink'",
        "bundle publish --wait -o json",
        "bundle rollback --to 1",
        "bundle rollback --to 1 --yes",
        "bundle rollback --to 1 --yes -q",
        "bundle rollback --to 4 --yes --confirm-timeout 60",
        "bundle rollback --to 4 --yes --accept-risk everything",
        "bundle publish --confirm-timeout 4",
        "bundle get seven",
        "bundle download 2 --out x",
        "bundle download 2/ams --out no/such/folder/x",
    ];
    check(file!["transcripts/bundles.txt"], &lines);
}

#[test]
fn tokens_and_events() {
    let lines = [
        "token list",
        "token create --kind enrol --site ams",
        "token create --kind enrol --site ams -o json --quiet",
        "token create --kind enrol",
        "token create --kind api --site ams",
        "event list",
        "event list --limit 1 -o json",
    ];
    check(file!["transcripts/tokens.txt"], &lines);
}

#[test]
fn errors() {
    let lines = [
        "",
        "site lst",
        "site show ams",
        "token rm x",
        "publish",
        "apply office.yaml",
        "site list --outptu json",
        "site list -o jsn",
        "site list --fields nmae",
        "site get frra",
        "site get frra -o json",
        "site get network/lab",
        "site delete ams",
        "site delete ams --confirm fra",
        "site delete ams fra",
        "site delete -l tier=gold",
        "site create ams",
        "site create ams --location Amsterdam --if-not-exists",
        "site create ams --location Rotterdam --if-not-exists",
        "site create lon --uplink name=fibre,cots=3",
        "site create lon --region EU --prefix 10.0.0.0",
        "site create lon --uplink name=fibre,mtu=9",
        "site update ams",
        "network create x --mtu 70000",
        "network create x --range 10.0.0.0",
        "site list --retries -1",
        "event list --after x",
        "site list --server localhost:8443",
        "network list -l tier=gold",
        "apply -f nowhere.yaml",
        "help exit-cods",
        "--context nope site list",
    ];
    check(file!["transcripts/errors.txt"], &lines);
}

#[test]
fn topics() {
    check(
        file!["transcripts/topics.txt"],
        &["help exit-codes", "help output", "help references", "site get -h", "site get --help"],
    );
}

#[test]
fn faults_that_the_server_finds() {
    let fault = |pointer: &str, detail: &str| serde_json::json!({"pointer": pointer, "detail": detail});
    let problem = serde_json::json!({
        "type": "urn:patronus:error:invalid", "title": "Invalid", "status": 422, "code": "invalid", "request_id": "req-1",
        "detail": "3 values do not hold",
        "errors": [
            fault("/documents/0/range", "use a range of /8 to /30"),
            fault("/documents/1/uplinks/1/endpoint", "another uplink has this endpoint"),
            fault("/documents/1/via", "a hub has no home hub"),
        ],
    });
    let server = crate::fake::Fake::new(move |request, _| match request.line().as_str() {
        "POST /v1/apply" => crate::fake::Reply::typed(422, "application/problem+json", &problem.to_string()),
        _ => crate::api::answer(request),
    });
    let home = Home::at(&server.url);
    home.write("lab.yaml", "# the lab\nkind: network\nname: lab\nrange: 10.0.0.0/31\n---\nkind: site\nname: ams\nendpoints: [a.example, a.example]\n");
    compare(
        home.transcript(&server.url, &["apply -f lab.yaml", "apply -f lab.yaml -o json"]),
        file!["transcripts/server-faults.txt"],
    );
}

#[test]
fn manifests() {
    let server = world();
    let home = Home::at(&server.url);
    home.write("net/10-network.yaml", "# the lab\nkind: network\nname: lab\n---\nkind: site\nname: ams\n");
    home.write("net/20-fra.json", "{\"kind\": \"site\", \"name\": \"fra\"}");
    home.write("net/notes.txt", "not a manifest");
    home.write("bad/a.yaml", "kind: network\nname: lab\nrnage: 10.0.0.0/8\n---\nkind: site\nname: ams\nname: fra\n---\nkind: siet\nname: x\n");
    home.write("bad/b.yaml", "kind: site\nname: ok\nuplinks:\n  - name: fibre\n    endpoint: '203.0.113.7:99999'\n---\nname: kindless\n---\nkind: site\nname: no_underscores\nhub: yes\n");
    home.write("empty.yaml", "# nothing\n");
    let lines = [
        "apply -f net",
        "apply -f net -o json --dry-run",
        "apply -f net -o name",
        "apply -f bad",
        "apply -f bad -o json",
        "apply -f empty.yaml",
    ];
    compare(home.transcript(&server.url, &lines), file!["transcripts/manifests.txt"]);
    assert_eq!(server.requests().len(), 3, "what does not hold is not sent");
}
