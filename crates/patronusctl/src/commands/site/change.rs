//! `site update`: only what is named changes. Labels and uplinks are changed, added and removed by their names; prefixes have
//! none, and are replaced all together or added and removed one by one. The whole of a site is declared by `apply`.

use ipnet::IpNet;
use patronus_types::site::SiteSpec;
use patronus_types::{Endpoint, Name};
use serde_json::{Map, Value, json};

use super::spec::uplink;
use crate::cli::range;
use crate::commands::fields::Fields;
use crate::error::{CliError, Result};

/// What becomes of the things that a site has several of.
#[derive(Debug, Default, clap::Args)]
pub struct Changes {
    /// Remove a label; may be given several times
    #[arg(long, value_name = "KEY", alias = "unlabel")]
    remove_label: Vec<String>,
    /// The address ranges behind it, in place of all that it has; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = range, conflicts_with_all = ["add_prefix", "remove_prefix"])]
    prefix: Vec<IpNet>,
    /// Add an address range behind it; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = range)]
    add_prefix: Vec<IpNet>,
    /// Remove an address range behind it; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = range)]
    remove_prefix: Vec<IpNet>,
    /// Where its uplink is reached: HOST or HOST:PORT. Of several uplinks each needs one, in their order; for one of them
    /// there is --uplink
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "uplink")]
    endpoint: Vec<Endpoint>,
    /// Change the uplink of this name, or add it: name, and any of endpoint, device, gateway, gateway6, cost, mtu, metered, drained;
    /// what is not given stays. May be given several times
    #[arg(long, value_name = "name=…,endpoint=…", value_parser = uplink)]
    uplink: Vec<Value>,
    /// Remove an uplink; may be given several times
    #[arg(long, value_name = "UPLINK")]
    remove_uplink: Vec<Name>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let Self { remove_label, prefix, add_prefix, remove_prefix, endpoint, uplink, remove_uplink } = self;
        let prefixes = prefix.is_empty() && add_prefix.is_empty() && remove_prefix.is_empty();
        remove_label.is_empty() && prefixes && endpoint.is_empty() && uplink.is_empty() && remove_uplink.is_empty()
    }
}

/// A merge patch, and what is to be said of it.
#[derive(Debug)]
pub struct Patch {
    /// What is sent.
    pub body: Value,
    /// What was to go and is not there.
    pub notes: Vec<String>,
}

/// Makes of a site what was asked for. A merge patch replaces lists, so it gets them whole.
pub fn patch(site: &SiteSpec, mut fields: Fields, changes: &Changes) -> Result<Patch> {
    let notes = absent(site, changes).map(|what| format!("site {} has no {what}", site.name)).collect();
    unlabel(&mut fields, &changes.remove_label);
    prefixes(site, &mut fields, changes)?;
    uplinks(site, &mut fields, changes)?;
    Ok(Patch { body: fields.into_patch()?, notes })
}

/// What is to go and is not there.
fn absent(site: &SiteSpec, changes: &Changes) -> impl Iterator<Item = String> {
    let labels = changes.remove_label.iter().filter(|key| !site.labels.contains_key(*key));
    let prefixes = changes.remove_prefix.iter().filter(|prefix| !site.prefixes.contains(&prefix.trunc()));
    let has = |name: &Name| site.uplinks.iter().any(|uplink| uplink.name == *name);
    let uplinks = changes.remove_uplink.iter().filter(move |name| !has(name));
    let labels = labels.map(|key| format!("label `{key}`"));
    labels
        .chain(prefixes.map(|prefix| format!("prefix {prefix}")))
        .chain(uplinks.map(|name| format!("uplink `{name}`")))
}

fn unlabel(fields: &mut Fields, keys: &[String]) {
    if keys.is_empty() {
        return;
    }
    let labels = fields.0.entry("labels").or_insert_with(|| json!({}));
    if let Some(labels) = labels.as_object_mut() {
        // As with the others, what goes goes first: a label that is given too is there afterwards.
        for key in keys {
            labels.entry(key.as_str()).or_insert(Value::Null);
        }
    }
}

fn prefixes(site: &SiteSpec, fields: &mut Fields, changes: &Changes) -> Result {
    let Changes { prefix, add_prefix, remove_prefix, .. } = changes;
    if add_prefix.is_empty() && remove_prefix.is_empty() {
        return fields.list("prefixes", prefix);
    }
    let mut whole = site.prefixes.clone();
    whole.retain(|prefix| remove_prefix.iter().all(|gone| gone.trunc() != *prefix));
    for prefix in add_prefix {
        if !whole.contains(prefix) {
            whole.push(*prefix);
        }
    }
    fields.set("prefixes", Some(whole))
}

fn uplinks(site: &SiteSpec, fields: &mut Fields, changes: &Changes) -> Result {
    let Changes { endpoint, uplink: changed, remove_uplink, .. } = changes;
    if changed.is_empty() && endpoint.is_empty() && remove_uplink.is_empty() {
        return Ok(());
    }
    let kept = site.uplinks.iter().filter(|uplink| !remove_uplink.contains(&uplink.name));
    let mut whole: Vec<Map<String, Value>> = kept.filter_map(|uplink| json!(uplink).as_object().cloned()).collect();
    if !endpoint.is_empty() {
        one_each(&site.name, &mut whole, endpoint)?;
    }
    for change in changed.iter().filter_map(Value::as_object) {
        match whole.iter_mut().find(|uplink| uplink.get("name") == change.get("name")) {
            Some(uplink) => uplink.extend(change.clone()),
            None => whole.push(change.clone()),
        }
    }
    if whole.is_empty() {
        let error = CliError::usage(format!("site `{}` would have no uplink left", site.name));
        return Err(error.help("say in the same command what it gets instead: --uplink name=…"));
    }
    fields.set("uplinks", Some(whole))
}

/// Gives each uplink its endpoint; which is meant where there are more of the one than of the other, nobody can tell.
fn one_each(site: &Name, uplinks: &mut [Map<String, Value>], endpoints: &[Endpoint]) -> Result {
    if uplinks.len() != endpoints.len() {
        let names = super::join(uplinks.iter().filter_map(|uplink| uplink.get("name")?.as_str()));
        let times = if endpoints.len() == 1 { "once".to_owned() } else { format!("{} times", endpoints.len()) };
        let error = CliError::usage(format!("--endpoint is given {times}, and site `{site}` has the uplinks {names}"));
        return Err(error.help("say which is meant: --uplink name=UPLINK,endpoint=HOST changes that one, or adds it"));
    }
    for (uplink, endpoint) in uplinks.iter_mut().zip(endpoints) {
        uplink.insert("endpoint".to_owned(), json!(endpoint));
    }
    Ok(())
}
