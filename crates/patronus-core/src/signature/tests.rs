use std::io::{Read as _, Write as _};

use patronus_types::release::Terms;
use patronus_types::risk::Risk;
use proptest::prelude::*;

use super::*;
use crate::digest::hashes;

const CONTENT: &[u8] = b"the tar of a bundle";

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], *b"\x81\x86\x6a\xda\x2a\xe0\x72\x6e")
}

fn statement() -> Statement {
    Statement {
        network: patronus_types::NetworkId::new(1, &[1; 10]),
        site: patronus_types::SiteId::new(2, &[2; 10]),
        version: 7,
        digest: hashes(CONTENT).digest,
        previous: None,
        issued_at: "2026-11-21T01:02:03Z".parse().unwrap(),
        terms: Terms::default(),
    }
}

fn terms(confirm_timeout_s: u16, accept_risks: impl IntoIterator<Item = Risk>) -> Terms {
    Terms { confirm_timeout_s: Some(confirm_timeout_s), accept_risks: accept_risks.into_iter().collect() }
}

fn signed() -> String {
    sign(&key(), &hashes(CONTENT).prehash, &statement())
}

fn verified(text: &str) -> Result<Statement, SignatureError> {
    verify(&key().verifying_key(), text, &hashes(CONTENT).prehash)
}

#[test]
fn a_signature_verifies_and_tells_its_statement() {
    assert_eq!(verified(&signed()), Ok(statement()));
    assert_eq!(signed(), signed(), "Ed25519 needs no randomness");
}

#[test]
fn minisign_verify_agrees() {
    let key = minisign_verify::PublicKey::decode(&key().verifying_key().to_text()).unwrap();
    let signature = minisign_verify::Signature::decode(&signed()).unwrap();
    assert_eq!(signature.trusted_comment(), statement().to_comment());
    key.verify(CONTENT, &signature, false).unwrap();
    assert!(key.verify(b"other", &signature, false).is_err());
}

#[test]
fn the_comment_is_for_people_too() {
    assert_eq!(
        statement().to_comment(),
        format!(
            "patronus=1 network={} site={} version=7 digest={} previous=none issued_at=2026-11-21T01:02:03Z",
            statement().network,
            statement().site,
            statement().digest
        )
    );
}

#[test]
fn terms_follow_what_each_statement_has() {
    let plain = statement().to_comment();
    let with = |terms: Terms| Statement { terms, ..statement() };
    let all = with(terms(60, Risk::ALL));
    assert_eq!(
        all.to_comment(),
        format!("{plain} confirm_timeout_s=60 accept_risks=loses-server,removes-peers,other-keys"),
        "in one order, whatever was said first"
    );
    assert_eq!(Statement::parse(&all.to_comment()), Ok(all));
    for odd in [
        " confirm_timeout_s=4",
        " confirm_timeout_s=060",
        " confirm_timeout_s=",
        " accept_risks=",
        " accept_risks=everything",
        " accept_risks=removes-peers,loses-server",
        " accept_risks=loses-server,loses-server",
        " accept_risks=loses-server confirm_timeout_s=60",
        " confirm_timeout_s=60 confirm_timeout_s=60",
        " confirm_timeout_s=60 extra=1",
        " ",
    ] {
        assert!(Statement::parse(&format!("{plain}{odd}")).is_err(), "{odd}");
    }
}

#[test]
fn other_content_other_keys_and_the_old_kind_are_refused() {
    let key = key();
    let other_content = verify(&key.verifying_key(), &signed(), &hashes(b"other").prehash);
    assert_eq!(other_content, Err(SignatureError::Content));

    let other_id = SigningKey::from_seed(&[7; 32], [1; 8]).verifying_key();
    let refused = verify(&other_id, &signed(), &hashes(CONTENT).prehash);
    assert_eq!(refused, Err(SignatureError::Key { expected: other_id.id(), found: key.id() }));

    let same_id = SigningKey::from_seed(&[8; 32], key.id().0).verifying_key();
    assert_eq!(verify(&same_id, &signed(), &hashes(CONTENT).prehash), Err(SignatureError::Content));

    let legacy = signed().replace("\nRUSB", "\nRWSB");
    assert_ne!(legacy, signed());
    assert_eq!(verified(&legacy), Err(SignatureError::Legacy));
}

#[test]
fn a_foreign_comment_is_refused_even_when_signed() {
    let prehash = hashes(CONTENT).prehash;
    for (comment, reason) in [
        ("file:bundle.tar".to_owned(), "it does not begin with `patronus=1`"),
        (statement().to_comment() + " extra=1", "it holds more or other text than the fields it is made of"),
        (
            statement().to_comment().replace("version=7", "version=07"),
            "it holds more or other text than the fields it is made of",
        ),
        (statement().to_comment().replace("version=7", "version=-7"), "version"),
        (statement().to_comment().replace("site=", "place="), "site"),
        (statement().to_comment().replace("previous=none ", ""), "previous"),
        (statement().to_comment().replace("patronus=1", "patronus=2"), "it does not begin with `patronus=1`"),
    ] {
        let text = Signature::make(&key(), &prehash, comment.clone()).to_string();
        assert_eq!(verified(&text), Err(SignatureError::Statement(reason)), "{comment}");
    }
}

#[test]
fn keys_round_trip_and_stay_hidden() {
    let key = key();
    let back = SigningKey::parse(&key.to_text()).unwrap();
    assert_eq!(back.to_text(), key.to_text());
    assert_eq!(back.verifying_key(), key.verifying_key());
    assert_eq!(format!("{key:?}"), "SigningKey(6E72E02ADA6A8681, secret)");

    let public = key.verifying_key();
    assert_eq!(VerifyingKey::parse(&public.to_text()), Ok(public));
    assert_eq!(public.to_string().parse(), Ok(public));
    assert_eq!(public.to_text().lines().next(), Some("untrusted comment: minisign public key 6E72E02ADA6A8681"));
}

#[test]
fn damaged_keys_are_refused() {
    let text = key().to_text();
    let protected = text.replacen("\nRWQAA", "\nRWRTY", 1);
    assert_eq!(SigningKey::parse(&protected).unwrap_err(), SignatureError::Protected);
    let mismatched: String = text.chars().rev().collect();
    for bad in ["", "untrusted comment: x", &text[..text.len() - 9], &mismatched, &(text.to_string() + "more\n")] {
        assert!(matches!(SigningKey::parse(bad), Err(SignatureError::SecretKey(_))), "{bad}");
    }
    let small_order = {
        use base64::Engine as _;
        let mut raw = b"Ed12345678\x01".to_vec();
        raw.resize(42, 0);
        base64::engine::general_purpose::STANDARD.encode(raw)
    };
    for bad in ["", "RWQ=", &small_order, &key().verifying_key().to_string()[1..]] {
        assert!(matches!(VerifyingKey::parse(bad), Err(SignatureError::PublicKey(_))), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_altered_character_is_refused(position in 0usize..1000, letter in any::<char>()) {
        let text = signed();
        let body = text.find('\n').unwrap();
        let position = body + 1 + position % (text.len() - body - 2);
        let mut altered: Vec<char> = text.chars().collect();
        prop_assume!(altered[position] != letter);
        altered[position] = letter;
        prop_assert!(verified(&altered.into_iter().collect::<String>()).is_err());
    }

    #[test]
    fn statements_round_trip(
        version: u64,
        ms in 0i64..4_000_000_000_000,
        previous: Option<[u8; 32]>,
        (timeout, risks) in (prop::option::of(5u16..=600), 0usize..=2),
    ) {
        let issued_at = patronus_types::Timestamp::from_millisecond(ms).unwrap();
        let previous = previous.map(patronus_types::Digest);
        let statement = Statement {
            version,
            issued_at,
            previous,
            terms: Terms { confirm_timeout_s: timeout, accept_risks: Risk::ALL.into_iter().take(risks).collect() },
            ..statement()
        };
        prop_assert_eq!(Statement::parse(&statement.to_comment()), Ok(statement));
    }

    #[test]
    fn no_text_panics(text in "(untrusted comment: )?\\PC{0,40}\n?\\PC{0,120}\n?(trusted comment: )?\\PC{0,60}\n?\\PC{0,90}") {
        prop_assert!(Signature::parse(&text).is_err());
        prop_assert!(SigningKey::parse(&text).is_err());
        prop_assert!(VerifyingKey::parse(&text).is_err());
        prop_assert!(Statement::parse(&text).is_err());
    }
}

/// The program itself, both ways. Only a machine without it may skip this, and never where `CI` is set.
#[test]
#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "runs the reference program")]
fn minisign_agrees() {
    use std::process::{Command, Stdio};

    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let minisign = |arguments: &[&str]| {
        Command::new("minisign").args(arguments).current_dir(dir.path()).stdin(Stdio::null()).output()
    };
    if minisign(&["-v"]).is_err() {
        assert!(std::env::var_os("CI").is_none(), "minisign is not installed: run scripts/setup");
        // Past the test runner's capture, so that it is seen.
        writeln!(std::io::stderr(), "SKIPPED: minisign is not installed (scripts/setup installs it)").unwrap();
        return;
    }
    std::fs::write(path("bundle.tar"), CONTENT).unwrap();

    // Ours, verified there.
    std::fs::write(path("our.pub"), key().verifying_key().to_text()).unwrap();
    std::fs::write(path("bundle.tar.minisig"), signed()).unwrap();
    let output = minisign(&["-V", "-H", "-Q", "-p", "our.pub", "-m", "bundle.tar"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), statement().to_comment());

    // Our key file, used there.
    std::fs::write(path("our.key"), &*key().to_text()).unwrap();
    let comment = statement().to_comment();
    let output = minisign(&["-S", "-s", "our.key", "-t", &comment, "-x", "by-minisign", "-m", "bundle.tar"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = read(&path("by-minisign"));
    assert_eq!(verified(&text), Ok(statement()));

    // Their key, used here.
    let output = minisign(&["-G", "-W", "-p", "their.pub", "-s", "their.key"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = SigningKey::parse(&read(&path("their.key"))).unwrap();
    assert_eq!(VerifyingKey::parse(&read(&path("their.pub"))), Ok(theirs.verifying_key()));
    assert_eq!(theirs.to_text().lines().nth(1), read(&path("their.key")).lines().nth(1));

    // An altered comment, refused there as here.
    std::fs::write(path("bundle.tar.minisig"), signed().replace("version=7", "version=8")).unwrap();
    assert!(!minisign(&["-V", "-p", "our.pub", "-m", "bundle.tar"]).unwrap().status.success());

    fn read(path: &std::path::Path) -> String {
        let mut text = String::new();
        std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}
