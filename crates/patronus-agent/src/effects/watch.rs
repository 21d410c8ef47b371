//! News of the host: links, addresses, routes and rules that somebody else changes.
//!
//! News are joined: however many come while nobody listens, one call tells of all of them, and memory stays flat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::StreamExt as _;
use rtnetlink::MulticastGroup;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::error::{Error, Result};
use super::model::PROTOCOL;

const LINKS: u8 = 1;
const ADDRESSES: u8 = 2;
const ROUTES: u8 = 4;
const ENDED: u8 = 8;

const GROUPS: [MulticastGroup; 7] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Rule,
];

/// What has changed since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct News {
    /// A link came, went, or changed.
    pub links: bool,
    /// An address came or went.
    pub addresses: bool,
    /// A route that is not ours came, or any route or rule went.
    pub routes: bool,
}

/// Listens to the kernel until it is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    tasks: [AbortHandle; 2],
}

#[derive(Debug, Default)]
struct Shared {
    changed: AtomicU8,
    wake: Notify,
}

impl Shared {
    fn tell(&self, what: u8) {
        if what != 0 {
            self.changed.fetch_or(what, Ordering::AcqRel);
            self.wake.notify_one();
        }
    }
}

impl Watch {
    /// Begins to listen, in the network namespace of this thread.
    pub fn new() -> Result<Self> {
        let (connection, _, mut messages) = rtnetlink::new_multicast_connection(&GROUPS)
            .map_err(|error| Error::kernel("listen to the kernel's news", error))?;
        let shared = Arc::new(Shared::default());
        let listener = Arc::clone(&shared);
        let listen = tokio::spawn(async move {
            while let Some((message, _)) = messages.next().await {
                listener.tell(sort(&message));
            }
            listener.tell(ENDED);
        });
        Ok(Self { shared, tasks: [tokio::spawn(connection).abort_handle(), listen.abort_handle()] })
    }

    /// Waits for news. None when there will be no more: begin again with [`Watch::new`], and look at everything.
    pub async fn news(&mut self) -> Option<News> {
        loop {
            let changed = self.shared.changed.swap(0, Ordering::AcqRel);
            if changed & ENDED != 0 {
                self.shared.tell(ENDED);
                return None;
            }
            if changed != 0 {
                let has = |what| changed & what != 0;
                return Some(News { links: has(LINKS), addresses: has(ADDRESSES), routes: has(ROUTES) });
            }
            self.shared.wake.notified().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn sort(message: &NetlinkMessage<RouteNetlinkMessage>) -> u8 {
    use RouteNetlinkMessage as Message;
    match &message.payload {
        NetlinkPayload::InnerMessage(Message::NewLink(_) | Message::DelLink(_)) => LINKS,
        NetlinkPayload::InnerMessage(Message::NewAddress(_) | Message::DelAddress(_)) => ADDRESSES,
        // Also one of ours: somebody else may have removed it.
        NetlinkPayload::InnerMessage(Message::DelRoute(_) | Message::DelRule(_)) => ROUTES,
        NetlinkPayload::InnerMessage(Message::NewRoute(route)) => {
            if u8::from(route.header.protocol) == PROTOCOL {
                0
            } else {
                ROUTES
            }
        }
        // Some were lost.
        NetlinkPayload::Overrun(_) => LINKS | ADDRESSES | ROUTES,
        _ => 0,
    }
}
