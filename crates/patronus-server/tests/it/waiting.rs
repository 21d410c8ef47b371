//! How much a hundred agents ask that wait for news: by real HTTP, on a clock that jumps from one timer to the next.
//!
//! The agents are the SDK's client, asked as an agent's loop asks it: again as soon as a held request is answered. That
//! the loop does so, and what it sends besides, its own tests show.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patronus_client::{Client, Credential};
use patronus_sim::{Fleet, Member};
use patronus_types::api::MAX_WAIT_S;
use tokio::task::JoinSet;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::harness::TestServer;

const AGENTS: u16 = 100;
const MOST_A_MINUTE: usize = 3;
const MINUTES: usize = 10;

/// Counts the requests that the server has answered, by its own log.
#[derive(Clone, Default)]
struct Answered(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Answered {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "patronus_server::router" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn fleet(server: &TestServer) -> Vec<Member> {
    let token = server.admin().await.token.unwrap();
    let admin = Client::builder().server(&server.url).credential(Credential::Token(token)).build().unwrap();
    Fleet::enrol(&admin, "lab", AGENTS).await.unwrap().members
}

/// An agent for some minutes: how often it asked in each.
async fn wait_for_news(mut member: Member, wait_s: u32) -> (Member, Vec<usize>) {
    let began = tokio::time::Instant::now();
    let mut asked = vec![0; MINUTES];
    loop {
        let minute = usize::try_from(began.elapsed().as_secs() / 60).unwrap();
        let Some(count) = asked.get_mut(minute) else { return (member, asked) };
        *count += 1;
        member.poll(wait_s).await.unwrap();
    }
}

/// Lets all of them wait; the most that one asked in a minute, and what all asked in all minutes.
async fn busiest(members: Vec<Member>, wait_s: u32) -> (Vec<Member>, usize, usize) {
    let mut waiting = JoinSet::new();
    members.into_iter().for_each(|member| drop(waiting.spawn(wait_for_news(member, wait_s))));
    let (members, asked): (Vec<_>, Vec<_>) = waiting.join_all().await.into_iter().unzip();
    let asked: Vec<usize> = asked.into_iter().flatten().collect();
    (members, *asked.iter().max().unwrap(), asked.iter().sum())
}

#[tokio::test]
async fn a_hundred_agents_ask_at_most_thrice_a_minute() {
    let server = TestServer::start().await;
    let members = fleet(&server).await;
    let answered = Answered::default();
    let _counting = tracing::subscriber::set_default(tracing_subscriber::registry().with(answered.clone()));
    tokio::time::pause();

    let (members, most, all) = busiest(members, MAX_WAIT_S).await;
    assert!(most <= MOST_A_MINUTE, "{most} requests of one agent in a minute");
    assert!(all <= usize::from(AGENTS) * (MINUTES + 2), "{all} requests in {MINUTES} minutes");
    assert_eq!(answered.0.swap(0, Ordering::Relaxed), all, "the server counts the same: nothing was repeated unseen");

    let (_, most, _) = busiest(members, 5).await;
    assert!(most > MOST_A_MINUTE, "who waits for 5 s only is found out: {most}");
}
