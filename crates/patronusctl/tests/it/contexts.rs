//! Contexts, logins and where credentials come from.

use patronus_types::token::{Secret, TokenKind};

use crate::api::answer;
use crate::complete::private;
use crate::fake::{Fake, Reply, Request, nowhere};
use crate::program::{Home, TOKEN};

fn login_answer(access: &str, byte: u8) -> Reply {
    let refresh = Secret::new(TokenKind::Refresh, &[byte; 32]);
    let body = serde_json::json!({
        "access_token": access, "refresh_token": refresh.expose(), "expires_in": 900, "token_type": "Bearer"
    });
    Reply::json(200, &body.to_string())
}

fn server() -> Fake {
    Fake::new(|request, _| login_or_answer(request))
}

fn login_or_answer(request: &Request) -> Reply {
    match request.path() {
        "/v1/auth/login" if String::from_utf8_lossy(&request.body).contains("\"correct\"") => login_answer("first", 1),
        "/v1/auth/login" => Reply::problem("unauthenticated", 401, "no"),
        "/v1/auth/refresh" => login_answer("second", 2),
        "/v1/auth/logout" => Reply::empty(204),
        _ => answer(request),
    }
}

fn logged_in(server: &Fake) -> Home {
    let home = Home::bare();
    home.write("pw", "correct\n");
    let line = format!(
        "login --server {} --user admin --password-file pw --store file --context lab --network lab",
        server.url
    );
    let ran = home.run(&line);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    home
}

#[test]
fn a_dry_run_changes_nothing_on_this_machine_either() {
    let server = server();
    let home = logged_in(&server);
    let before = home.read(".config/patronusctl/config.yaml");
    for line in ["logout", "context delete lab", "context set lab --network other", "context use lab"] {
        let ran = home.run(&format!("{line} --dry-run"));
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("this one is on this machine"), "{}", ran.stderr);
    }
    assert_eq!(home.read(".config/patronusctl/config.yaml"), before);
    assert_eq!(home.run("site list -o name").code, 0, "still logged in");
}

#[test]
fn a_login_makes_a_context_without_a_secret_in_it() {
    let server = server();
    let home = logged_in(&server);
    let config = home.read(".config/patronusctl/config.yaml");
    assert!(
        config.contains("current: lab") && config.contains("network: lab") && config.contains(&server.url),
        "{config}"
    );
    assert!(!config.contains("first") && !config.contains("ptn_"), "{config}");
    assert_eq!(home.run("site list -o name").stdout, "site/ams\nsite/fra\n");
    let last = server.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), "Bearer first");
    assert!(last.target.contains("network=lab"));
    #[cfg(unix)]
    for file in ["config.yaml", "credentials/lab.json"] {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(home.path(".config/patronusctl").join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_login_renews_itself_and_ends() {
    let server = server();
    let home = logged_in(&server);
    let kept = ".config/patronusctl/credentials/lab.json";
    let mut login: serde_json::Value = serde_json::from_str(&home.read(kept)).unwrap();
    login["expires_at"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(home.path(kept), login.to_string()).unwrap();
    assert_eq!(home.run("site list -o name").code, 0);
    assert_eq!(server.requests().pop().unwrap().header("authorization"), "Bearer second");
    assert!(home.read(kept).contains("second"));
    assert_eq!(home.run("logout").stdout, "context lab logged out\n");
    assert!(!home.path(kept).exists());
    assert_eq!(home.run("site list").code, 4);
}

#[test]
fn a_login_goes_to_no_other_server() {
    let (server, other) = (server(), server());
    let home = logged_in(&server);
    let ran = home.run(&format!("site list --server {}", other.url));
    assert_eq!((ran.code, other.requests().len()), (4, 0), "{}", ran.stderr);
    assert!(ran.stderr.contains("was not sent there") && ran.stderr.contains("--token-file"), "{}", ran.stderr);
    home.write("own", "for-the-other\n");
    assert_eq!(home.run(&format!("site list --server {} --token-file own", other.url)).code, 0);
    assert_eq!(home.run(&format!("site list --server {}/", server.url)).code, 0, "the same server, written otherwise");
}

#[test]
fn the_way_back_in_is_named() {
    let server = server();
    let home = logged_in(&server);
    assert_eq!(home.run("logout").code, 0);
    let ran = home.run("site list");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("help: patronusctl login --context lab --user admin\n"), "{}", ran.stderr);
    let ran = Home::bare().run("site list --server http://127.0.0.1:1");
    assert!(ran.stderr.contains("help: patronusctl login --server URL --user NAME\n"), "{}", ran.stderr);
}

#[test]
fn a_server_that_is_not_there_has_its_next_step() {
    let server = server();
    let home = logged_in(&server);
    let away = nowhere();
    let login = |url: &str| {
        let ran = home.run(&format!("login --server {url} --user admin --password-file pw --store file --retries 0"));
        format!("[{}] {}", ran.code, ran.stderr)
    };
    let said = login(&away);
    assert!(said.starts_with("[13]") && said.contains("listening on URL") && !said.contains("context show"), "{said}");
    let said = login(&server.url.replace("http://", "https://"));
    assert!(said.starts_with("[13]") && said.contains(&format!("help: add --server {}\n", server.url)), "{said}");
    let said = login("127.0.0.1:8443");
    assert!(said.starts_with("[17]") && said.contains("help: --server https://127.0.0.1:8443\n"), "{said}");
    // A server that is not named on the line is the context's.
    home.run(&format!("context set lab --server {away}"));
    let ran = home.run("site list --retries 0");
    assert!(ran.stderr.contains("patronusctl context show lab"), "{}", ran.stderr);
}

#[test]
fn several_networks_want_one_named() {
    let several = "there are several networks (lab, office): name one";
    let server = Fake::new(move |request, _| match request.path() {
        "/v1/releases" => Reply::problem("invalid", 422, several),
        "/v1/sites/ams" => Reply::problem("ambiguous", 409, "`ams` is in several networks"),
        _ => login_or_answer(request),
    });
    let home = logged_in(&server);
    for line in ["bundle list", "site get ams"] {
        let ran = home.run(line);
        assert!(
            ran.stderr.contains("help: add --network NAME\n")
                && ran.stderr.contains("help: or once for all: patronusctl context set lab --network NAME\n"),
            "{}",
            ran.stderr
        );
    }
    let ran = Home::at(&server.url).run("bundle list");
    assert!(ran.stderr.contains("export PATRONUS_NETWORK=NAME"), "{}", ran.stderr);
}

#[test]
fn a_wrong_password_leaves_nothing_behind() {
    let server = server();
    let home = Home::bare();
    home.write("pw", "wrong");
    let ran = home.run(&format!("login --server {} --user admin --password-file pw --store file", server.url));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(!home.path(".config/patronusctl/config.yaml").exists());
}

#[test]
fn without_a_terminal_no_password_is_asked_for() {
    let server = server();
    let ran = Home::bare().run(&format!("login --server {} --user admin --store file", server.url));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--password-file"), "{}", ran.stderr);
    assert!(server.requests().is_empty());
}

#[test]
fn without_a_keyring_the_choices_are_named_and_nothing_is_kept() {
    let server = server();
    let home = Home::bare();
    home.write("pw", "correct");
    let ran = home.run(&format!("login --server {} --user admin --password-file pw", server.url));
    assert_eq!(ran.code, 17, "{}", ran.stderr);
    assert!(ran.stderr.contains("--store file") && ran.stderr.contains("--store command"), "{}", ran.stderr);
    assert!(server.requests().is_empty() && !home.path(".config").exists());
}

#[test]
#[cfg(unix)]
fn a_program_can_keep_the_login() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = server();
    let home = Home::bare().with("PATH", "/usr/bin:/bin");
    home.write("pw", "correct");
    let script =
        "#!/bin/sh\ncase $1 in get) cat kept 2>/dev/null || true;; store) cat > kept;; erase) rm -f kept;; esac\n";
    let keeper = home.write("keeper", script);
    std::fs::set_permissions(&keeper, std::fs::Permissions::from_mode(0o700)).unwrap();
    let line = format!(
        "login --server {} --user admin --password-file pw --store command --store-command ./keeper",
        server.url
    );
    assert_eq!(home.run(&line).code, 0);
    assert!(home.read("kept").contains("first"));
    assert_eq!(home.run("site list -o name").code, 0);
    assert_eq!(home.run("logout").code, 0);
    assert!(!home.path("kept").exists());
}

#[test]
fn tokens_are_looked_for_in_order() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("patronus.token"), "from-systemd\n").unwrap();
    let home = Home::bare()
        .with("PATRONUS_SERVER", &server.url)
        .with("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
    let used = |home: &Home, line: &str| {
        assert_eq!(home.run(line).code, 0);
        server.requests().pop().unwrap().header("authorization").to_owned()
    };
    home.write("file", "from-file\n");
    home.write("flag", "from-flag\n");
    assert_eq!(used(&home, "site list"), "Bearer from-systemd");
    let home = home.with("PATRONUS_TOKEN_FILE", "file");
    assert_eq!(used(&home, "site list"), "Bearer from-file");
    let home = home.with("PATRONUS_TOKEN", TOKEN);
    assert_eq!(used(&home, "site list"), format!("Bearer {TOKEN}"));
    assert_eq!(used(&home, "site list --token-file flag"), "Bearer from-flag");
}

#[test]
fn contexts_are_made_used_and_deleted() {
    let home = Home::bare();
    assert_eq!(home.run("context set a --server https://a.example --network lab").stdout, "context a created\n");
    assert_eq!(home.run("context set b --server https://b.example").stdout, "context b created\n");
    assert_eq!(home.run("context list -o json --fields name,origin").json()[0]["origin"], "file");
    assert_eq!(home.run("context use b").code, 0);
    assert_eq!(home.run("context show -o json").json()["servers"][0], "https://b.example");
    assert_eq!(home.run("context show -o json --context a").json()["origin"], "flag");
    let ran = home.run("context use bb");
    assert!(ran.code == 17 && ran.stderr.contains("did you mean `b`?"), "{}", ran.stderr);
    assert_eq!(home.run("context set c --server http://192.0.2.1").code, 2);
    assert_eq!(home.run("context delete b").code, 0);
    assert_eq!(home.run("context list -o name").stdout, "context/a\n");
}

#[test]
fn what_cannot_be_read_can_be_logged_out_of() {
    let home = Home::bare();
    home.run("context set lab --server http://127.0.0.1:1 --credential-file token");
    home.run("context use lab");
    let token = home.path("token");
    std::fs::write(&token, b"\xff").unwrap();
    private(&token);
    let ran = home.run("whoami");
    assert_eq!(ran.code, 17);
    assert!(
        ran.stderr.contains("help: put that right, or log in anew: patronusctl login --context lab"),
        "{}",
        ran.stderr
    );
    assert_eq!(home.run("logout").code, 0);
    assert!(!token.exists());
}
