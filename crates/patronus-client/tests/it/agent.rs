//! What an agent calls.

use patronus_client::Error;
use patronus_types::Digest;

use crate::client;
use crate::fake::{Fake, Reply, Request};

const STATE: &str = r#"{"mode": "apply", "poll_interval_s": 5, "desired": null}"#;

#[tokio::test]
async fn an_unchanged_state_is_none() {
    let server = Fake::new(|request, _| match request.header("if-none-match") {
        "\"1\"" => Reply::empty(304).with("etag", "\"1\""),
        _ => Reply::json(200, STATE).with("etag", "\"1\""),
    });
    let client = client(&[&server.url]).build().unwrap();
    let state = client.agent().state(None, 0).await.unwrap().unwrap();
    assert!(client.agent().state(Some(&state.etag), 30).await.unwrap().is_none());
    let requests = server.requests();
    assert_eq!((requests[0].header("prefer"), requests[1].header("prefer")), ("", "wait=30"));
}

const ARCHIVE: &[u8] = b"0123456789abcdefghij";

/// Breaks off after `piece` bytes each time, and takes ranges.
fn flaky(request: &Request, piece: usize) -> Reply {
    let start: usize = request
        .header("range")
        .strip_prefix("bytes=")
        .and_then(|range| range.strip_suffix('-'))
        .map_or(0, |start| start.parse().unwrap());
    let rest = &ARCHIVE[start..];
    if start == 0 {
        return Reply::Broken {
            headers: vec![("etag".into(), "\"d\"".into())],
            length: ARCHIVE.len(),
            part: rest[..piece].to_vec(),
        };
    }
    assert!(["", "\"d\""].contains(&request.header("if-range")));
    let range = format!("bytes {start}-{}/{}", ARCHIVE.len() - 1, ARCHIVE.len());
    Reply::bytes(206, rest).with("content-range", &range).with("etag", "\"d\"")
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let server = Fake::new(|request, _| flaky(request, 7));
    let client = client(&[&server.url]).build().unwrap();
    let mut archive = Vec::new();
    let mut seen = Vec::new();
    client
        .agent()
        .bundle(&Digest([1; 32]), &mut archive, 100, &mut |held, total| seen.push((held, total)))
        .await
        .unwrap();
    assert_eq!(archive, ARCHIVE);
    assert_eq!(server.requests().last().unwrap().header("range"), "bytes=7-");
    assert_eq!(seen.last(), Some(&(20, Some(20))));
}

#[tokio::test]
async fn what_is_held_from_before_is_not_fetched_again() {
    let server = Fake::new(|request, _| flaky(request, 20));
    let mut archive = ARCHIVE[..12].to_vec();
    client(&[&server.url])
        .build()
        .unwrap()
        .agent()
        .bundle(&Digest([1; 32]), &mut archive, 100, &mut |_, _| ())
        .await
        .unwrap();
    assert_eq!(archive, ARCHIVE);
    assert_eq!(server.requests()[0].header("range"), "bytes=12-");
}

#[tokio::test]
async fn a_server_without_ranges_starts_again() {
    let server = Fake::new(|_, _| Reply::bytes(200, ARCHIVE));
    let mut archive = b"something else".to_vec();
    client(&[&server.url])
        .build()
        .unwrap()
        .agent()
        .bundle(&Digest([1; 32]), &mut archive, 100, &mut |_, _| ())
        .await
        .unwrap();
    assert_eq!(archive, ARCHIVE);
}

#[tokio::test]
async fn more_than_the_limit_is_refused() {
    let server = Fake::new(|_, _| Reply::bytes(200, ARCHIVE));
    let mut archive = Vec::new();
    let error = client(&[&server.url])
        .build()
        .unwrap()
        .agent()
        .bundle(&Digest([1; 32]), &mut archive, 19, &mut |_, _| ())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Sink(_)), "{error:?}");
    assert!(archive.is_empty());
}
