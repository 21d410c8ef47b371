//! A full disk: who logs in is told so, what needs no write goes on, and room is all it takes.

use std::io::Write as _;
use std::path::Path;

use patronus_tests::small_disk;
use serde_json::json;

use crate::harness::{PASSWORD, TestServer};

/// On a real, small file system, in a mount namespace of its own.
#[test]
fn a_login_on_a_full_disk_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    small_disk::run(folder.path(), 8, "full::on_small_disk");
}

#[tokio::test]
#[ignore = "runs inside the mount namespace of the test above"]
async fn on_small_disk() {
    let Some(folder) = small_disk::mounted() else { return };
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let padding = folder.join("padding");
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
