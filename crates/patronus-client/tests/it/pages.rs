//! Lists over several pages.

use patronus_client::Error;

use crate::fake::{Fake, Reply};
use crate::{client, network};

fn two_pages() -> Fake {
    Fake::new(|request, _| {
        if request.target.contains("cursor=b") {
            Reply::json(200, &format!("[{}]", network("c")))
        } else {
            let next = "<https://elsewhere.example/v1/networks?cursor=b>; rel=\"next\"";
            Reply::json(200, &format!("[{}, {}]", network("a"), network("b")))
                .with("link", next)
                .with("x-total-count", "3")
        }
    })
}

#[tokio::test]
async fn all_pages_come_from_the_server_that_was_named() {
    let server = two_pages();
    let networks = client(&[&server.url]).build().unwrap().networks().list().all().await.unwrap();
    assert_eq!(networks.iter().map(|network| network.spec.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_limit_fetches_no_more_than_it_needs_and_says_that_there_is_more() {
    let server = two_pages();
    let client = client(&[&server.url]).build().unwrap();
    let (networks, more) = client.networks().list().take(2).await.unwrap();
    assert_eq!((networks.len(), more, server.requests().len()), (2, true, 1));
    let (networks, more) = client.networks().list().take(3).await.unwrap();
    assert_eq!((networks.len(), more), (3, false));
    let mut pages = client.networks().list();
    pages.next().await.unwrap();
    assert_eq!(pages.total(), Some(3));
}

#[tokio::test]
async fn a_circle_of_pages_ends() {
    let server = Fake::new(|_, _| Reply::json(200, "[]").with("link", "</v1/networks>; rel=\"next\""));
    let error = client(&[&server.url]).build().unwrap().networks().list().all().await.unwrap_err();
    assert!(matches!(error, Error::Rubbish { .. }), "{error:?}");
}
