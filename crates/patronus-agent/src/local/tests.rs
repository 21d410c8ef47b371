use tokio::sync::mpsc;

use super::*;
use crate::driver::File;
use crate::state::StateDir;

#[tokio::test]
async fn questions_are_answered_also_below_a_long_path() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("x".repeat(120));
    let state = StateDir::create(&folder).unwrap();
    let client = Client::new(&state);
    assert!(matches!(client.rescan().await, Err(client::LocalError::NotRunning)));

    let (calls, mut inbox) = mpsc::channel(1);
    let listener = Listener::bind(state.socket(), calls).unwrap();
    tokio::spawn(async move {
        while let Some(call) = inbox.recv().await {
            let response = match call.request {
                Request::Rescan => Response::Done,
                Request::Retry { .. } => Response::Ended("tried again".to_owned()),
                Request::Order { .. } => Response::Ended("paused".to_owned()),
                Request::Revert { .. } => Response::Ended("back".to_owned()),
                Request::Leave { .. } => Response::Failed("no such network".to_owned()),
                Request::Apply { signature, .. } => {
                    call.steps.send(format!("{signature} over {} bytes", call.archive.len())).unwrap();
                    Response::Ended("done".to_owned())
                }
                Request::Status => Response::Status(Vec::new()),
            };
            let _ = call.answer.send(response);
        }
    });
    client.rescan().await.unwrap();
    assert_eq!(client.status().await.unwrap().len(), 0);
    let network = patronus_types::NetworkId::new(1, &[0; 10]);
    assert_eq!(client.retry(network).await.unwrap(), "tried again");
    assert_eq!(client.leave(network).await.unwrap_err().to_string(), "no such network");
    assert_eq!(client.order(network, Order::Pause).await.unwrap(), "paused");
    assert_eq!(client.revert(network, drop).await.unwrap(), "back");
    let file = File { archive: vec![b'\n'; 100_000], signature: "four\nlines".to_owned() };
    let mut steps = Vec::new();
    assert_eq!(client.apply(network, &file, |line| steps.push(line)).await.unwrap(), "done");
    assert_eq!(steps, ["four\nlines over 100000 bytes"]);
    let large = File { archive: vec![0; patronus_types::api::MAX_ARCHIVE_BYTES + 1], ..file };
    assert!(client.apply(network, &large, drop).await.is_err());
    drop(listener);
    assert!(matches!(client.rescan().await, Err(client::LocalError::NotRunning)));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_keeps_nobody_waiting_for_long() {
    let root = tempfile::tempdir().unwrap();
    let state = StateDir::create(root.path()).unwrap();
    let (calls, mut inbox) = mpsc::channel(1);
    let _listener = Listener::bind(state.socket(), calls).unwrap();
    tokio::spawn(async move {
        while let Some(call) = inbox.recv().await {
            let _ = call.answer.send(Response::Status(Vec::new()));
        }
    });
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(tokio::net::UnixStream::connect(state.socket()).await.unwrap());
    }
    let began = tokio::time::Instant::now();
    Client::new(&state).status().await.unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
