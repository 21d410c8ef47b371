use super::*;
use crate::state::Order;

/// Asks the loop to run a version from a file; the end comes when it has ended.
async fn bring(agent: &Agent, version: &crate::fakes::Version) -> oneshot::Receiver<Result<String, String>> {
    let (answer, end) = oneshot::channel();
    let file = File { archive: version.archive.clone(), signature: version.desired.signatures[0].clone() };
    agent.commands.send(Command::Apply(file, Errand { teller: Arc::new(drop), answer })).await.unwrap();
    end
}

#[tokio::test(start_paused = true)]
async fn a_file_is_awaited_to_its_end_and_the_server_does_not_fight_it() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    let end = bring(&agent, &lab.version(5, 3)).await.await.unwrap();
    assert!(end.unwrap().starts_with("version 5 runs: "));
    pass(600).await;
    assert_eq!(outcome(&lab), (5, OutcomeKind::Applied, String::new()), "the server still says version 1");
    assert_eq!(lab.server.inner().reports.last().unwrap().highest_accepted, 5);
    let end = bring(&agent, &lab.version(5, 3)).await.await.unwrap();
    assert_eq!(end.unwrap(), "version 5 runs already");
    lab.publish(&lab.version(6, 2));
    pass(1).await;
    assert_eq!(outcome(&lab), (6, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_a_file_hears_how_it_ended() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    let ends = [bring(&agent, &lab.version(2, 3)).await, bring(&agent, &lab.version(2, 3)).await];
    pass(20).await;
    // The server's older version does not overtake it.
    lab.publish(&lab.version(1, 2));
    pass(5).await;
    assert_ne!(lab.kernel.shape(), before, "it has half a minute");
    for end in ends {
        let why = end.await.unwrap().unwrap_err();
        assert!(why.contains("2 of 2 peers silent for 30 s"), "{why}");
    }
    assert_eq!(lab.kernel.shape(), before);
    let peers = lab.open().running_content().peers;
    let answer = || lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), BEFORE);
    answer();
    let end = bring(&agent, &lab.version(3, 3)).await;
    pass(5).await;
    lab.publish(&lab.version(4, 2));
    assert!(end.await.unwrap().unwrap_err().contains("was given up for another one"));
    answer();
    let end = bring(&agent, &lab.version(5, 4)).await;
    pass(5).await;
    agent.stop().await;
    assert!(end.await.unwrap().unwrap_err().contains("the agent was stopped"));
    assert_eq!(lab.kernel.tunnels()[0].2, 2);
}

async fn order(agent: &Agent, order: Order) {
    let (answer, told) = oneshot::channel();
    agent.commands.send(Command::Order(order, answer)).await.unwrap();
    told.await.unwrap().unwrap();
}

async fn revert(agent: &Agent) -> Result<String, String> {
    let (answer, end) = oneshot::channel();
    agent.commands.send(Command::Revert(Errand { teller: Arc::new(drop), answer })).await.unwrap();
    end.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_paused_site_finishes_its_change_reports_and_takes_nothing_more() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    order(&agent, Order::Pause).await;
    assert!(agent.status().await.member.unwrap().proving.is_some(), "it goes on");
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), usize::MAX);
    lab.publish(&lab.version(3, 4));
    pass(60).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    assert!(lab.server.inner().reports.last().unwrap().halted.unwrap().paused);
    order(&agent, Order::Resume).await;
    pass(2).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.server.inner().reports.last().unwrap().halted, None);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn going_back_is_not_undone_by_the_server() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    lab.publish(&lab.version(2, 3));
    pass(2).await;
    assert!(revert(&agent).await.unwrap().starts_with("version 1 runs: "));
    pass(3600).await;
    assert_eq!(outcome(&lab), (1, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.server.inner().reports.last().unwrap().halted.unwrap().left_version, Some(2));
    lab.publish(&lab.version(3, 2));
    pass(2).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_proves_itself_is_undone_when_somebody_says_so() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    let end = bring(&agent, &lab.version(2, 3)).await;
    pass(5).await;
    lab.publish(&lab.version(2, 3));
    assert!(revert(&agent).await.unwrap().starts_with("version 1 runs again"));
    assert!(end.await.unwrap().unwrap_err().contains("by `patronus-agent revert`"));
    pass(3600).await;
    assert_eq!(lab.kernel.shape(), before);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_server_holds_keeps_running_and_a_proof_is_finished() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    lab.server.want(state(Mode::Hold, &lab.version(3, 4)));
    pass(1).await;
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), usize::MAX);
    pass(60).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}
