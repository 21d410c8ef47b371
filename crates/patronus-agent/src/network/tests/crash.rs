//! An agent that ends at any point, and the next one that goes on from there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::failpoint;

/// Runs `work` with a crash at each place in turn, and each time lets another agent go on from there.
pub(super) fn crash_everywhere(prepare: impl Fn(&Lab), work: impl Fn(&Lab), check: impl Fn(&Lab, u32)) {
    for place in 0..10_000 {
        let lab = Lab::new();
        prepare(&lab);
        failpoint::arm(place);
        let crashed = catch_unwind(AssertUnwindSafe(|| work(&lab)));
        if failpoint::disarm() {
            assert!(place > 10, "only {place} places");
            return;
        }
        assert!(crashed.unwrap_err().is::<failpoint::Crash>(), "a panic that is no crash, at place {place}");
        check(&lab, place);
    }
    panic!("it never came to an end");
}

#[test]
fn a_crash_anywhere_in_an_apply_ends_in_the_old_or_the_new_state() {
    let shape = |peers: usize| {
        let lab = Lab::new();
        runtime().block_on(async { told(&mut lab.open(), &lab.version(1, peers)).await });
        lab.kernel.shape()
    };
    let (old, new) = (shape(2), shape(3));
    crash_everywhere(
        |lab| {
            runtime().block_on(async {
                told(&mut lab.open(), &lab.version(1, 2)).await;
            })
        },
        |lab| {
            runtime().block_on(async {
                told(&mut lab.open(), &lab.version(2, 3)).await;
            })
        },
        |lab, place| {
            runtime().block_on(async {
                let mut network = lab.open();
                assert!(network.recover().await, "place {place}");
                let is = lab.kernel.shape();
                let version = network.running.as_ref().unwrap().release.version;
                let wanted = if version == 1 { &old } else { &new };
                assert_eq!(&is, wanted, "place {place}, version {version}");
                assert_eq!(lab.home().journal().unwrap(), None);
                // And the new one can be reached from there.
                told(&mut network, &lab.version(2, 3)).await;
                assert_eq!(lab.kernel.shape(), new, "place {place}");
                assert_eq!(lab.open().running.unwrap().release.version, 2);
            });
        },
    );
}

/// A change that loses the server, from its beginning to its end.
async fn cut_off(lab: &Lab) {
    let mut network = lab.open();
    network.heard("https://a.example");
    lab.server.says(std::iter::repeat_n(Say::Away, 1000));
    told(&mut network, &lab.version(2, 3)).await;
}

#[test]
fn a_crash_anywhere_in_a_change_that_is_undone_ends_in_the_old_state() {
    let shape = || {
        let lab = Lab::new();
        runtime().block_on(async { told(&mut lab.open(), &lab.version(1, 2)).await });
        lab.kernel.shape()
    };
    let old = shape();
    let whole = Lab::new();
    runtime().block_on(async {
        told(&mut whole.open(), &whole.version(1, 2)).await;
        cut_off(&whole).await;
    });
    assert_eq!(outcome(&whole.open()).1, OutcomeKind::Reverted);
    assert_eq!(whole.kernel.shape(), old);
    crash_everywhere(
        |lab| {
            runtime().block_on(async {
                told(&mut lab.open(), &lab.version(1, 2)).await;
            })
        },
        |lab| runtime().block_on(cut_off(lab)),
        |lab, place| {
            runtime().block_on(async {
                let mut network = lab.open();
                assert!(network.recover().await, "place {place}");
                assert_eq!(lab.kernel.shape(), old, "place {place}");
                proven(&mut network).await;
                assert_eq!(network.running.as_ref().unwrap().release.version, 1, "place {place}");
                assert_eq!(lab.home().journal().unwrap(), None);
                assert_eq!(lab.home().current(), Some(lab.version(1, 2).desired.digest), "place {place}");
            });
        },
    );
}

/// A host whose agent ended when the kernel held the second version and nothing had been proven.
fn cut_short() -> Lab {
    let lab = Lab::new();
    runtime().block_on(async { told(&mut lab.open(), &lab.version(1, 2)).await });
    let routes = |lab: &Lab| lab.kernel.shape().matches("10.3.0.0/16").count();
    for place in 0.. {
        failpoint::arm(place);
        let work = || runtime().block_on(async { told(&mut lab.open(), &lab.version(2, 3)).await });
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        if routes(&lab) > 1 {
            break;
        }
    }
    lab
}

#[test]
fn a_journal_that_cannot_be_read_leaves_nothing_of_the_change_behind() {
    let journals = ["", "rubbish", r#"{"version":2,"digest":"00","attempts":1}"#];
    for journal in journals {
        let lab = cut_short();
        std::fs::write(lab.home().path().join("apply.json"), journal).unwrap();
        runtime().block_on(async {
            let mut network = lab.open();
            assert!(network.recover().await);
            assert_eq!(network.running.as_ref().unwrap().release.version, 1);
            assert!(!lab.kernel.shape().contains("10.3.0.0/16"), "{}", lab.kernel.shape());
        });
    }
}

#[test]
fn where_what_ran_before_cannot_be_read_the_new_one_stays() {
    let lab = cut_short();
    std::fs::write(lab.home().path().join("current/bundle.json"), "{}").unwrap();
    runtime().block_on(async {
        let mut network = lab.open();
        assert!(network.recover().await);
        assert_eq!(network.running.as_ref().unwrap().release.version, 2);
        assert_eq!(lab.kernel.tunnels(), [("pt000".to_owned(), 1, 3)]);
        assert_eq!(lab.open().running.unwrap().release.version, 2, "on the disk as well");
    });
}

#[test]
fn a_crash_anywhere_in_the_first_apply_leaves_nothing_or_all() {
    crash_everywhere(
        |_| {},
        |lab| {
            runtime().block_on(async {
                told(&mut lab.open(), &lab.version(1, 2)).await;
            })
        },
        |lab, place| {
            runtime().block_on(async {
                let mut network = lab.open();
                assert!(network.recover().await);
                let expected = usize::from(network.running.is_some());
                assert_eq!(lab.kernel.tunnels().len(), expected, "place {place}");
                told(&mut network, &lab.version(1, 2)).await;
                assert_eq!(lab.kernel.tunnels()[0].2, 2, "place {place}");
            });
        },
    );
}

#[test]
fn a_change_that_ends_the_agent_each_time_is_given_up() {
    let lab = Lab::new();
    runtime().block_on(async { told(&mut lab.open(), &lab.version(1, 2)).await });
    let before = lab.kernel.shape();
    for times in 1..=3 {
        let crash = |place: &u32| {
            failpoint::arm(*place);
            let work = || runtime().block_on(async { told(&mut lab.open(), &lab.version(2, 3)).await });
            assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
            lab.home().journal().unwrap().is_some()
        };
        (0..).find(crash).unwrap();
        runtime().block_on(async {
            let mut network = lab.open();
            assert!(network.recover().await);
            assert_eq!(lab.kernel.shape(), before);
            let (_, kind, reason) = outcome(&network);
            assert_eq!(kind, OutcomeKind::Reverted);
            assert!(reason.contains("before the change had proven itself"), "{reason}");
            network.told(state(Mode::Apply, &lab.version(3, 3)));
            let given_up = matches!(network.wants(), Todo::Refuse(_, why) if why.contains("3 times"));
            assert_eq!(given_up, times == 3);
        });
    }
}
