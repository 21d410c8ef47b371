use super::*;
use crate::fakes::{Lab, network};

#[test]
fn one_network_that_cannot_be_read_stops_no_other() {
    let lab = Lab::new();
    let other = lab.state().home(NetworkId::new(2, &[0; 10]));
    disk::private_folder(other.path()).unwrap();
    std::fs::write(other.path().join("identity.json"), b"{\"format\": 1").unwrap();
    let entries = lab.state().entries().unwrap();
    assert_eq!(entries.len(), 2);
    assert!(entries[0].identity.is_ok());
    let why = entries[1].identity.as_ref().unwrap_err().to_string();
    assert!(why.contains("identity.json cannot be read"), "{why}");
}

#[test]
fn an_identity_says_what_is_wrong_with_it() {
    let lab = Lab::new();
    for (twist, reason) in [
        (Identity { format: 9, ..lab.identity() }, "another version"),
        (Identity { index: 36, ..lab.identity() }, "not 0 to 35"),
        (Identity { signing_keys: Vec::new(), ..lab.identity() }, "pins no signing key"),
    ] {
        write_json(&lab.home().path().join("identity.json"), &twist).unwrap();
        assert!(lab.home().identity().unwrap_err().to_string().contains(reason));
    }
}

#[test]
fn two_daemons_on_one_folder_are_refused() {
    let lab = Lab::new();
    let held = lab.state().lock().unwrap();
    assert!(matches!(lab.state().lock(), Err(StateError::Locked(_))));
    drop(held);
    lab.state().lock().unwrap();
}

#[test]
fn links_move_in_order_and_rests_are_cleaned() {
    let home = Lab::new();
    let home = home.home();
    let release = |byte: u8| Release {
        version: byte.into(),
        digest: patronus_types::Digest([byte; 32]),
        signature: String::new(),
        prehash: String::new(),
        content_sha256: patronus_types::Digest([0; 32]),
    };
    for byte in 1..=3 {
        home.stage(&release(byte), [("wg/a.conf", &b"x"[..])].into_iter()).unwrap();
        home.flip(release(byte).digest).unwrap();
    }
    assert_eq!((home.current(), home.previous()), (Some(release(3).digest), Some(release(2).digest)));
    std::fs::write(home.partial(release(9).digest).unwrap(), b"half").unwrap();
    std::fs::write(home.path().join(".new-file"), b"half").unwrap();
    std::fs::create_dir(home.path().join(".new-folder")).unwrap();
    home.clean().unwrap();
    assert_eq!(std::fs::read_dir(home.path().join("bundles")).unwrap().count(), 2);
    let names = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
    home.flip(release(3).digest).unwrap();
    assert_eq!(home.previous(), Some(release(2).digest), "the same again changes nothing");
}

#[test]
fn removing_a_network_leaves_the_others() {
    let lab = Lab::new();
    lab.home().remove().unwrap();
    assert_eq!(std::fs::read_dir(lab.folder.path().join("networks")).unwrap().count(), 0);
    lab.home().remove().unwrap();
    assert_eq!(lab.state().home(network()).path(), lab.home().path());
}

#[test]
fn the_oldest_value_of_a_setting_is_kept() {
    let lab = Lab::new();
    let earlier = lab.home().earlier();
    let note = |value: &str| earlier.note(vec![("net/ipv4/conf/a/arp_ignore".to_owned(), value.to_owned())]);
    note("0").unwrap();
    note("1").unwrap();
    earlier.note_ports("51820-51837".to_owned()).unwrap();
    assert_eq!(earlier.values().settings.values().collect::<Vec<_>>(), ["0"]);
}
