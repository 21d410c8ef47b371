use patronus_types::bundle::Content;

use super::*;
use crate::mesh::tests::sample::sites;

fn good() -> Content {
    let input = sites(3);
    content(&crate::mesh::compile(&input).unwrap().sites[0].tar.to_vec()).unwrap()
}

fn refused(change: impl FnOnce(&mut Content)) -> String {
    let mut content = good();
    change(&mut content);
    content_of_json(&serde_json::to_vec(&content).unwrap()).unwrap_err().to_string()
}

#[test]
fn another_format_is_named_before_its_fields_are_read() {
    let error = content_of_json(br#"{"format": 2, "colour": "blue"}"#).unwrap_err();
    assert!(matches!(error, ContentError::Format { found: 2 }));
    assert!(matches!(content_of_json(br#"{"format": 1, "colour": "blue"}"#), Err(ContentError::Json(_))));
    assert!(matches!(content_of_json(b""), Err(ContentError::Json(_))));
}

#[test]
fn every_bound_is_kept() {
    assert!(refused(|content| content.mtu = 1279).contains("mtu 1279"));
    assert!(refused(|content| content.uplinks.clear()).contains("0 uplinks"));
    assert!(refused(|content| content.addresses.clear()).contains("0 overlay addresses"));
    assert!(refused(|content| content.uplinks.push(content.uplinks[0].clone())).contains("no device"));
    assert!(refused(|content| content.uplinks[0].device = Some("pt000".into())).contains("tunnels' own"));
    assert!(refused(|content| content.uplinks[0].device = Some("../x".into())).contains("letters"));
    assert!(refused(|content| content.confirm.timeout_s = 0).contains("timeout_s 0"));
    assert!(refused(|content| content.confirm.peers_percent = 255).contains("255 %"));
    assert!(refused(|content| content.confirm.max_removed_percent = 101).contains("101 %"));
    assert!(refused(|content| content.confirm.probes_required = Some(1)).contains("there are no `probes`"));
    assert!(refused(|content| content.tunnels[0].local = 1).contains("does not exist"));
    assert!(refused(|content| content.tunnels[0].remote = 4).contains("does not exist"));
    assert!(refused(|content| content.tunnels.push(content.tunnels[0])).contains("twice"));
    assert!(refused(|content| content.tunnels[0].port = 0).contains("port 0"));
    assert!(refused(|content| content.peers.push(content.peers[0].clone())).contains("twice"));
    assert!(
        refused(|content| content.peers[0].allowed_ips.push("0.0.0.0/0".parse().unwrap())).contains("default route")
    );
    assert!(
        refused(|content| content.peers[0].allowed_ips.push("10.9.0.1/16".parse().unwrap())).contains("10.9.0.0/16")
    );
    assert!(refused(|content| content.peers[0].addresses.clone_from(&content.addresses)).contains("site's own"));
    assert!(refused(|content| content.peers[0].uplinks.clear()).contains("0 uplinks"));
    assert!(
        refused(|content| content.peers[0].uplinks[0].public_key = content.uplinks[0].public_key)
            .contains("used twice")
    );
    assert!(refused(|content| content.peers[0].uplinks[0].endpoint = "192.0.2.1".parse().ok()).contains("no port"));
    assert!(
        refused(|content| content.peers[0].uplinks[0].endpoint = "192.0.2.1:65533".parse().ok()).contains("no port")
    );
}

#[test]
fn an_archive_without_content_is_no_bundle() {
    let files = [File { name: "other".into(), data: Vec::new() }];
    assert!(matches!(content_of_files(&files), Err(ContentError::Missing)));
    assert!(matches!(content(b"rubbish"), Err(ContentError::Archive(_))));
}
