//! What the server is told of paths, and when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::path::summary::decode;
use patronus_types::api::paths::PathReport;
use patronus_types::path::PathStatus;

use super::*;
use crate::control::ControlError;

fn ages(lab: &Lab) -> Vec<u32> {
    lab.server.inner().paths.iter().map(|report| report.age_s).collect()
}

#[tokio::test(start_paused = true)]
async fn paths_are_told_each_minute_and_soon_when_something_becomes_of_one() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    lab.echo.measures("pt000", true);
    let agent = Agent::start(&lab);
    pass(15).await;
    let told = lab.server.inner().paths.clone();
    assert!(told.last().is_some_and(|report| report.paths.iter().all(|path| path.state.measured)), "{told:?}");
    pass(585).await;
    let told = lab.server.inner().paths.clone();
    assert!((9..=13).contains(&told.len()), "{}", told.len());
    let last = told.last().unwrap();
    assert_eq!((last.peers.len(), last.paths.len(), last.age_s), (2, 2, 0));
    assert!((40..=75).contains(&last.seconds), "{}", last.seconds);
    assert!(last.paths.iter().all(|path| path.state.status == PathStatus::Up && path.classes[0].used));
    assert!(last.paths[0].classes[0].reason.is_none(), "there is no choice");
    let rows = decode(&STANDARD.decode(&last.block).unwrap()).unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|(_, row)| row.trips > 3), "{rows:?}");
    lab.echo.measures("pt000", false);
    pass(50).await;
    let since = lab.server.inner().paths.split_off(told.len());
    let is_down = |report: &&PathReport| report.paths.iter().all(|it| it.state.status == PathStatus::Down);
    assert!(since.iter().find(is_down).is_some_and(|report| report.seconds < 60), "{:?}", since.last());
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_server_was_there_to_hear_is_told_later() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    lab.echo.measures("pt000", true);
    let agent = Agent::start(&lab);
    pass(90).await;
    let before = ages(&lab).len();
    lab.server.inner().refuses_paths = Some(ControlError::Unreachable("connection refused".to_owned()));
    pass(600).await;
    assert_eq!(ages(&lab).len(), before);
    lab.server.inner().refuses_paths = None;
    pass(120).await;
    let told = ages(&lab).split_off(before);
    assert!((9..=14).contains(&told.len()), "{told:?}");
    assert!(told[0] > 500 && told.windows(2).all(|pair| pair[0] >= pair[1]), "the oldest first: {told:?}");
    assert!(lab.server.inner().paths[before].paths.is_empty(), "it says nothing of now");
    lab.server.inner().refuses_paths = Some(ControlError::Unreachable("connection refused".to_owned()));
    pass(3 * 3600).await;
    lab.server.inner().refuses_paths = None;
    let before = ages(&lab).len();
    pass(120).await;
    assert!(ages(&lab).len() - before <= 63, "so much is kept and no more");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_older_server_is_asked_seldom() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    lab.echo.measures("pt000", true);
    let refused = ControlError::Refused { code: ErrorCode::NoRoute, detail: "no".to_owned(), retry_after: None };
    lab.server.inner().refuses_paths = Some(refused);
    let agent = Agent::start(&lab);
    pass(1200).await;
    lab.server.inner().refuses_paths = None;
    pass(1200).await;
    assert!(ages(&lab).is_empty());
    pass(1800).await;
    let told = ages(&lab);
    assert!(!told.is_empty() && told.iter().all(|age| *age == 0), "{told:?}");
    agent.stop().await;
}
