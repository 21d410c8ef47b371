use patronus_types::Name;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_change_that_holds_is_kept_as_soon_as_it_is_proven() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    lab.publish(&lab.version(2, 3));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.kernel.tunnels()[0].2, 3);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_many_peers_each_is_asked() {
    let lab = Lab::new();
    let agent = proven(&lab, 150, usize::MAX).await;
    lab.publish(&lab.version(2, 151));
    pass(3).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    // Half may fall silent, and which half must not matter.
    let peers = lab.open().running_content().peers;
    lab.kernel.handshake(Some("2026-11-20T23:59:00Z".parse().unwrap()));
    lab.echo.answers(peers.iter().take(70).flat_map(|peer| peer.addresses.clone()), BEFORE);
    lab.publish(&lab.version(3, 150));
    pass(40).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_does_not_prove_itself_by_the_routes_of_the_one_before() {
    let lab = Lab::new();
    let agent = proven(&lab, 3, BEFORE).await;
    let (before, gone) = (lab.kernel.shape(), "10.3.0.0/16".parse().unwrap());
    let leads = || lab.kernel.routes().iter().any(|route| route.destination == gone);
    assert!(leads());
    lab.publish(&lab.version(2, 2));
    pass(20).await;
    assert!(agent.status().await.member.unwrap().proving.is_some() && !leads());
    assert_eq!(lab.kernel.tunnels()[0].2, 3, "its session may be needed again");
    pass(12).await;
    assert_eq!(lab.kernel.shape(), before);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_silences_a_peer_is_undone_and_not_tried_again() {
    let mut lab = Lab::new();
    lab.echo = lab.echo.cut_off_by(&lab.kernel, 2);
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(29).await;
    assert_ne!(lab.kernel.shape(), before, "it has half a minute");
    let proving = agent.status().await.member.unwrap().proving.unwrap();
    let names: Vec<&str> = proving.peers.iter().map(Name::as_str).collect();
    assert_eq!((proving.version, proving.server, names), (2, false, vec!["site-1", "site-2"]));
    assert!((1..=2).contains(&proving.left_s), "{}", proving.left_s);
    pass(4).await;
    assert_eq!(lab.kernel.shape(), before);
    let (version, kind, reason) = outcome(&lab);
    assert_eq!((version, kind), (2, OutcomeKind::Reverted));
    assert_eq!(reason, "2 of 2 peers silent for 30 s after the change: site-1, site-2");
    assert_eq!(lab.server.inner().reports.last().unwrap().running.unwrap().version, 1);
    let fetched = asked(&lab, "bundle");
    lab.publish(&lab.version(3, 3));
    pass(600).await;
    let (version, kind, reason) = outcome(&lab);
    assert_eq!((version, kind), (3, OutcomeKind::Refused));
    assert!(reason.contains("the same was tried here as version 2"), "{reason}");
    assert_eq!((lab.kernel.shape(), asked(&lab, "bundle")), (before, fetched));
    lab.echo.heal();
    let (answer, told) = oneshot::channel();
    agent.commands.send(Command::Retry(answer)).await.unwrap();
    told.await.unwrap().unwrap();
    pass(40).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()), "tried again when somebody says so");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_no_agent_answers_authenticated_bytes_are_the_proof() {
    for bytes in [32, 0] {
        let lab = Lab { mute: true, ..Lab::new() };
        let agent = proven(&lab, 2, 0).await;
        lab.kernel.receive(1000);
        lab.publish(&lab.version(2, 3));
        pass(11).await;
        let proving = agent.status().await.member.unwrap().proving.unwrap();
        assert_eq!(proving.peers.len(), 2, "what came before proves nothing");
        lab.kernel.receive(bytes);
        pass(40).await;
        let expected = if bytes > 0 { OutcomeKind::Applied } else { OutcomeKind::Reverted };
        assert_eq!(outcome(&lab).1, expected, "{bytes}");
        agent.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cuts_off_the_server_is_undone_and_not_tried_again() {
    let mut lab = Lab::new();
    lab.server = lab.server.cut_off_by(&lab.kernel, 2);
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(40).await;
    assert_eq!(lab.kernel.shape(), before);
    let reason = "server unreachable for 30 s after the change (connection refused)".to_owned();
    assert_eq!(outcome(&lab), (2, OutcomeKind::Reverted, reason));
    pass(3600).await;
    assert_eq!(lab.kernel.shape(), before);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_by_itself_condemns_no_change() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    // The version and its bundle, and then nothing.
    lab.server.says([Say::Yes, Say::Yes].into_iter().chain(std::iter::repeat_n(Say::Away, 10_000)));
    lab.publish(&lab.version(2, 3));
    pass(31).await;
    assert_eq!(lab.kernel.shape(), before);
    pass(14).await;
    assert_eq!(agent.status().await.member.unwrap().outcome.unwrap().result, OutcomeKind::Reverted);
    pass(3600).await;
    lab.server.inner().script.clear();
    pass(1200).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()), "once the server is there");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn peers_that_stay_silent_when_it_is_undone_condemn_no_change() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(40).await;
    assert_eq!(lab.kernel.shape(), before);
    pass(1200).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()), "it was never the change");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_away_must_be_there_for_the_next_try() {
    let mut lab = Lab::new();
    lab.server = lab.server.cut_off_by(&lab.kernel, 2);
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    // Away by itself for a while beside being cut off, so that nobody can tell whose fault it is at first.
    lab.publish(&lab.version(2, 3));
    pass(20).await;
    lab.server.says(std::iter::repeat_n(Say::Away, 40));
    pass(3600).await;
    assert_eq!(lab.kernel.shape(), before);
    assert_eq!(outcome(&lab).1, OutcomeKind::Reverted);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_stopped_undoes_what_has_not_proven_itself() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(10).await;
    assert_ne!(lab.kernel.shape(), before);
    agent.stop().await;
    assert_eq!(lab.kernel.shape(), before);
    assert!(lab.home().journal().unwrap().is_none());
    assert_eq!(lab.home().progress().interrupted, None, "that is no fault of the bundle");
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_does_not_wait_for_the_proof_of_an_older_one() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), usize::MAX);
    lab.publish(&lab.version(3, 4));
    pass(2).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_while_a_change_proves_itself_comes_back() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    let changed = lab.kernel.shape();
    lab.kernel.delete("pt000");
    agent.news.send_modify(|count| *count += 1);
    pass(3).await;
    assert_eq!(lab.kernel.tunnels().len(), 1);
    assert!(lab.kernel.shape().len() >= changed.len() - 200);
    agent.stop().await;
}
