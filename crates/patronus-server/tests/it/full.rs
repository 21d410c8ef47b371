//! A full disk: who logs in is told so, what needs no write goes on, and room is all it takes.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{PASSWORD, TestServer};

const MOUNTED: &str = "PATRONUS_TEST_FULL_FOLDER";

/// On a real, small file system, in a mount namespace of its own.
#[test]
fn a_login_on_a_full_disk_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=8m,mode=700 none "$1" && shift && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(folder.path());
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "full::on_small_disk", "--ignored", "--nocapture"]);
    let output = command.env(MOUNTED, folder.path()).env("TMPDIR", folder.path()).output();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output {
        Ok(output) if output.status.success() => {
            assert!(said(&output.stdout).contains("1 passed"), "{}", said(&output.stdout));
        }
        Ok(output) if said(&output.stdout).contains("running 1 test") => {
            panic!("{}{}", said(&output.stdout), said(&output.stderr))
        }
        unable => {
            let why = unable.map_or_else(|error| error.to_string(), |output| said(&output.stderr));
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "no mount namespace: {why}");
            eprintln!("SKIPPED: the test of a full disk needs a mount namespace: {why}");
        }
    }
}

#[tokio::test]
#[ignore = "runs inside the mount namespace of the test above"]
async fn on_small_disk() {
    let Some(folder) = std::env::var_os(MOUNTED) else { return };
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let padding = Path::new(&folder).join("padding");
    fill(&padding);

    let login = json!({"username": "admin", "password": PASSWORD});
    let refused = server.nobody().post("/v1/auth/login", login.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (507, "storage_full"), "{refused:?}");
    assert!(refused.text("detail").contains("make room"), "{refused:?}");
    assert_eq!(admin.get("/v1/sites").await.status, 200, "reads go on");
    assert_eq!(server.nobody().get("/health/ready").await.status, 503);

    std::fs::remove_file(padding).unwrap();
    assert_eq!(server.nobody().post("/v1/auth/login", login).await.status, 200);
}

/// Takes all the room there is, to the last page.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}
