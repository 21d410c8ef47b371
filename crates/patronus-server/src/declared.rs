//! Whether what is declared in a network still holds together when something of it changes: policies name sites, and say what
//! must be true.
//!
//! It is looked at before a write, which the store refuses where the network has moved on since; then it is looked at again.

use std::net::IpAddr;
use std::sync::Arc;

use patronus_core::mesh::{Input, Site};
use patronus_core::policy::{MAX_POLICIES, expect, lint, resolve};
use patronus_store::{NewSite, Page, Store, StoreError, Write};
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::network::NetworkSpec;
use patronus_types::policy::{PolicySpec, Rule};
use patronus_types::{Name, NetworkId};

use crate::app::App;
use crate::error::{Error, Result};
use crate::publish::input;

/// How often a write is tried again because the network has moved on meanwhile.
pub const TRIES: usize = 8;

/// Carries out a write that changes what is declared in a network, as long as policies hold after it. Gives what it gave, and what
/// is to be said of the policies.
pub async fn guarded<T, F: Future<Output = Result<T, StoreError>>>(
    app: &App,
    (write, network): (&Write, NetworkId),
    change: impl Fn(&mut Input),
    carry_out: impl Fn(Arc<dyn Store>, Write) -> F,
) -> Result<(T, Vec<String>)> {
    for _ in 0..TRIES {
        let record = app.store.compile_input(write.tenant, network).await?;
        let mut after = input(&record);
        change(&mut after);
        let warnings = check(&after)?;
        let seen = if after.policies.is_empty() { Vec::new() } else { vec![(network, record.network.generation)] };
        match carry_out(app.store.clone(), Write { seen, ..write.clone() }).await {
            Err(StoreError::Moved) => {}
            done => return Ok((done?, warnings)),
        }
    }
    Err(StoreError::Moved.into())
}

/// Carries out a write that changes a site.
pub async fn of_site<T, F: Future<Output = Result<T, StoreError>>>(
    app: &App,
    about: (&Write, NetworkId),
    change: impl Fn(&mut Vec<Site>),
    carry_out: impl Fn(Arc<dyn Store>, Write) -> F,
) -> Result<T> {
    of_network(app, about, |input| change(&mut input.sites), carry_out).await
}

/// Carries out a write that changes a network's sites or itself; nothing has to be looked at where there are no policies.
pub async fn of_network<T, F: Future<Output = Result<T, StoreError>>>(
    app: &App,
    (write, network): (&Write, NetworkId),
    change: impl Fn(&mut Input),
    carry_out: impl Fn(Arc<dyn Store>, Write) -> F,
) -> Result<T> {
    let page = Page { limit: 1, ..Page::default() };
    if app.store.policies(write.tenant, Some(network), page).await?.items.is_empty() {
        return Ok(carry_out(app.store.clone(), write.clone()).await?);
    }
    guarded(app, (write, network), change, carry_out).await.map(|(done, _)| done)
}

/// What is to be said of the policies.
///
/// # Errors
/// When they name what is not there, or expect what is not true, or are too many.
pub fn check(input: &Input) -> Result<Vec<String>> {
    let rules = rules(input)?;
    let untrue = expect::expectations(&input.policies, &rules, &input.sites);
    if !untrue.is_empty() {
        return Err(invalid(untrue));
    }
    Ok(lint(&input.policies, &rules, &input.sites).into_iter().map(|finding| finding.message).collect())
}

/// The policies, resolved.
///
/// # Errors
/// When they name what is not there, or are too many.
pub fn rules(input: &Input) -> Result<Vec<Rule>> {
    let count = input.policies.len();
    if count > MAX_POLICIES {
        let detail = format_args!("the network would have {count} policies, and {MAX_POLICIES} are possible");
        return Err(Error::invalid("", detail));
    }
    resolve(&input.policies, &input.sites, &input.spec.apps).map_err(invalid)
}

/// The faults are those of any policy, so their places in one are of no use.
fn invalid(faults: Vec<Fault>) -> Error {
    let bare = |fault: Fault| Fault { pointer: String::new(), ..fault };
    Error::faults(ErrorCode::Invalid, faults.into_iter().map(bare).collect())
}

/// A site that is yet to be made. Its addresses are given out with that: until then it has one that no site gets soon.
pub fn new_site(network: &NetworkSpec, new: &NewSite) -> Site {
    Site {
        id: new.id,
        spec: new.spec.clone(),
        addresses: network.range.hosts().last().map(IpAddr::V4).into_iter().collect(),
        public_keys: Vec::new(),
        port_base: None,
        spare_key: None,
    }
}

/// Puts a policy among others, in the place of the one of this name.
pub fn put(policies: &mut Vec<PolicySpec>, before: Option<&Name>, spec: PolicySpec) {
    policies.retain(|policy| Some(&policy.name) != before);
    policies.push(spec);
}
