use std::panic::{AssertUnwindSafe, catch_unwind};

use patronus_types::api::error::ErrorCode;
use patronus_types::token::{Secret, TokenKind};

use super::*;
use crate::fakes::{FakeClock, FakeHost, Lab, Say, network, site};

pub(super) fn invitation() -> Invitation {
    Lab::new().invitation()
}

/// A lab whose host is in no network yet.
fn outside() -> Lab {
    let lab = Lab::new();
    lab.home().remove().unwrap();
    lab.server.enrols(response(&lab));
    lab
}

fn response(lab: &Lab) -> EnrolResponse {
    let identity = lab.identity();
    EnrolResponse {
        site: identity.site,
        network: identity.network,
        agent_token: identity.token,
        signing_keys: identity.signing_keys,
        poll_interval_s: 5,
    }
}

fn run(lab: &Lab, invitation: &Invitation) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let clock = FakeClock;
    let means =
        Means { dial: &lab.server, clock: &clock, host: &FakeHost::default(), patience: Duration::from_secs(30) };
    runtime.block_on(enrol(lab.folder.path(), invitation, Vec::new(), &means))
}

fn joined(outcome: Outcome) -> Identity {
    match outcome {
        Outcome::Joined(identity) => *identity,
        Outcome::Already(_) => panic!("it was a member already"),
    }
}

#[test]
fn a_site_joins_once() {
    let lab = outside();
    let identity = joined(run(&lab, &lab.invitation()).unwrap());
    assert_eq!((identity.index, identity.port_base), (0, 51_820));
    assert_eq!(lab.home().identity().unwrap(), identity);
    let sent = lab.server.inner().enrolments[0].clone();
    assert_eq!(sent.public_keys, identity.keys.public());
    assert_eq!(sent.public_keys.len(), 4);
    assert_eq!(sent.signing_key_sha256, lab.invitation().signing_key_sha256, "so that the server can refuse in time");
    assert!(matches!(run(&lab, &lab.invitation()).unwrap(), Outcome::Already(_)));
    assert_eq!(lab.server.inner().enrolments.len(), 1, "the server is not asked again");
    assert_eq!(std::fs::read_dir(lab.folder.path().join("networks")).unwrap().count(), 1);
}

#[test]
fn a_second_network_gets_other_numbers() {
    let lab = outside();
    run(&lab, &lab.invitation()).unwrap();
    let mut other = response(&lab);
    other.network.id = patronus_types::NetworkId::new(2, &[0; 10]);
    other.network.name = "other".parse().unwrap();
    lab.server.enrols(other);
    let second = Invitation {
        network: "other".parse().unwrap(),
        token: patronus_types::token::Secret::new(patronus_types::token::TokenKind::Enrol, &[9; 32]),
        ..lab.invitation()
    };
    let identity = joined(run(&lab, &second).unwrap());
    assert_eq!((identity.index, identity.port_base), (1, 51_852));
    assert_ne!(identity.keys, lab.home().identity().unwrap().keys);
}

#[test]
fn a_crash_anywhere_and_once_more_is_the_same_as_once() {
    let plain = outside();
    let once = joined(run(&plain, &plain.invitation()).unwrap());
    for place in 0..100 {
        let lab = outside();
        failpoint::arm(place);
        let crashed = catch_unwind(AssertUnwindSafe(|| run(&lab, &lab.invitation())));
        if failpoint::disarm() {
            assert!(place > 4, "only {place} places");
            return;
        }
        assert!(crashed.is_err());
        run(&lab, &lab.invitation()).unwrap();
        let identity = lab.home().identity().unwrap();
        assert_eq!(identity.network, once.network);
        let inner = lab.server.inner();
        assert!(inner.enrolments.iter().all(|request| request.public_keys == identity.keys.public()), "place {place}");
        assert!(inner.enrolments.windows(2).all(|pair| pair[0] == pair[1]), "a repeat is the same request");
        assert_eq!(std::fs::read_dir(lab.folder.path().join("networks")).unwrap().count(), 1, "place {place}");
    }
    panic!("it never came to an end");
}

#[test]
fn a_used_or_expired_invitation_says_what_to_do() {
    let lab = outside();
    lab.server.says([Say::No(ErrorCode::Unauthenticated)]);
    let failure = run(&lab, &lab.invitation()).unwrap_err();
    assert!(failure.message.contains("used already, has expired or was revoked"));
    assert!(failure.help.unwrap().contains("token create --kind enrol --site site-0"));
    assert_eq!(std::fs::read_dir(lab.folder.path().join("networks")).unwrap().count(), 0, "its keys are forgotten");
}

#[test]
fn a_server_that_is_away_is_tried_for_a_while() {
    let lab = outside();
    lab.server.says(std::iter::repeat_n(Say::Away, 3));
    joined(run(&lab, &lab.invitation()).unwrap());
    let lab = outside();
    lab.server.says(std::iter::repeat_n(Say::Away, 1000));
    let failure = run(&lab, &lab.invitation()).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.help.unwrap().contains("stays good"));
    assert!(lab.server.inner().enrolments.len() < 60);
    lab.server.inner().script.clear();
    let first = lab.server.inner().enrolments[0].clone();
    let identity = joined(run(&lab, &lab.invitation()).unwrap());
    assert_eq!(first.public_keys, identity.keys.public(), "with the keys of the first try");
}

#[test]
fn another_signing_key_is_refused() {
    let lab = outside();
    let impostor = patronus_core::signature::SigningKey::from_seed(&[8; 32], *b"signer-1");
    lab.server.enrols(EnrolResponse { signing_keys: vec![impostor.verifying_key().to_text()], ..response(&lab) });
    let failure = run(&lab, &lab.invitation()).unwrap_err();
    assert!(failure.message.contains("not the one the invitation names"), "{failure}");
    assert!(failure.help.unwrap().contains("may count site site-0 as joined"));
    assert!(lab.state().entries().unwrap().is_empty());
}

#[test]
fn only_the_key_that_the_invitation_names_is_pinned() {
    let lab = outside();
    let other = patronus_core::signature::SigningKey::from_seed(&[8; 32], *b"signer-2");
    let both = vec![other.verifying_key().to_text(), lab.signer.verifying_key().to_text()];
    lab.server.enrols(EnrolResponse { signing_keys: both, ..response(&lab) });
    let identity = joined(run(&lab, &lab.invitation()).unwrap());
    assert_eq!(identity.signing_keys, [lab.signer.verifying_key().to_text()]);
}

#[test]
fn a_member_is_not_enrolled_twice() {
    let lab = Lab::new();
    let failure = run(&lab, &lab.invitation()).unwrap_err();
    assert!(failure.message.contains("already in network net as site site-0"), "{failure}");
    assert!(failure.help.unwrap().contains("leave --network net"));
    assert_eq!(lab.home().identity().unwrap().site.id, site(0));
    assert_eq!(lab.home().identity().unwrap().network.id, network());
}

#[test]
fn an_invitation_that_came_to_nothing_keeps_no_numbers() {
    let lab = outside();
    lab.server.says(std::iter::repeat_n(Say::Away, 1000));
    run(&lab, &lab.invitation()).err().unwrap();
    assert_eq!(lab.state().joining().unwrap().len(), 1, "a repeat sends the same");
    lab.server.inner().script.clear();
    let second = Invitation { token: Secret::new(TokenKind::Enrol, &[4; 32]), ..lab.invitation() };
    let identity = joined(run(&lab, &second).unwrap());
    assert_eq!((identity.index, identity.port_base), (0, 51_820));
    assert_eq!(lab.state().joining().unwrap(), []);
}
