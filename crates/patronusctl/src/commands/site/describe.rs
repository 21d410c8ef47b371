//! Everything about a site, for people.

use patronus_types::api::agent::Shadow;
use patronus_types::site::{Site, Uplink};

use super::listed::Listed;
use super::rotate::{open, words};
use super::rows::{join, labels, status, sync, versions};
use crate::commands::outcome;
use crate::commands::status::word;
use crate::output::{Cell, Head, Output, escape};

/// The page.
pub fn text(listed: &Listed, out: &Output) -> String {
    let site = &listed.site;
    let mut page = String::new();
    let mut line = |name: &str, value: String| {
        let value = if value.is_empty() { "-".to_owned() } else { escape(&value).into_owned() };
        page.push_str(&format!("{name:<14}{value}\n"));
    };
    let time = |time: Option<patronus_types::Timestamp>| time.map(|time| out.time(time)).unwrap_or_default();
    line("name", site.spec.name.to_string());
    line("id", site.id.to_string());
    if let Some(network) = &listed.network {
        line("network", network.to_string());
    }
    line("location", site.spec.location.clone());
    line("region/zone", join([&site.spec.region, &site.spec.zone].into_iter().flatten()).replace(',', "/"));
    line("labels", labels(site));
    line("role", role(site));
    line("status", status(site.status).text);
    line("sync", sync(site.sync).text);
    line("version", versions(site));
    line("mode", site.stands_still().map_or_else(|| word(&site.mode), str::to_owned));
    if let Some(left) = site.halted.and_then(|halted| halted.left_version) {
        line(
            "reverted",
            format!("version {left} was left by somebody there, and is not applied again until a newer one comes"),
        );
    }
    for text in site.shadow.iter().flat_map(foreseen) {
        line("shadow", text);
    }
    line("bundles", word(&site.source));
    line("addresses", join(&site.addresses));
    line("prefixes", join(&site.spec.prefixes));
    line("enrolled", time(site.enrolled_at));
    line("last seen", time(site.last_seen_at));
    line("keys since", time(site.keys_since));
    if let Some(rotation) = &site.rotation {
        let version = rotation.version.map(|version| format!(" (version {version})")).unwrap_or_default();
        line("rotation", format!("{}{version}, since {}", words(rotation.phase), out.time(rotation.started_at)));
        rotation.waiting.iter().for_each(|waiting| line("held open by", open(waiting)));
    }
    if let Some(agent) = &site.agent {
        line(
            "agent",
            format!("{} on {}, driver {}", agent.version, agent.hostname, agent.driver.as_deref().unwrap_or("-")),
        );
    }
    site.warnings.iter().for_each(|warning| line("warning", warning.clone()));
    if let Some(outcome) = &site.last_outcome {
        let ended = outcome.step.map(|step| format!(" at `{}`", word(&step))).unwrap_or_default();
        let (result, took, done) = (word(&outcome.result), outcome::took(outcome), outcome::done(outcome));
        line("last outcome", format!("version {} {result}{ended} in {took}; {done}", outcome.version));
        line("timings", outcome::timings(outcome));
        line("reason", outcome.reason.clone().unwrap_or_default());
        outcome::next(site).into_iter().for_each(|text| line("next", text));
    }
    line("created", out.time(site.created_at));
    line("updated", out.time(site.updated_at));
    page.push('\n');
    page.push_str(&uplinks(site, out));
    page
}

/// What a version would do.
fn foreseen(shadow: &Shadow) -> Vec<String> {
    let Shadow { version, steps, plan, refusal } = shadow;
    let counts = match refusal {
        Some(refusal) => format!("version {version} could not be applied: {refusal}"),
        None => format!("version {version}: {}", outcome::counted(steps)),
    };
    std::iter::once(counts).chain(plan.iter().map(|line| format!("would {line}"))).collect()
}

fn role(site: &Site) -> String {
    match (&site.spec.via, site.spec.hub) {
        (_, true) => "hub".to_owned(),
        (Some(hub), false) => format!("spoke of {hub}"),
        (None, false) => "site".to_owned(),
    }
}

fn uplinks(site: &Site, out: &Output) -> String {
    let names = ["UPLINK", "ENDPOINT", "DEVICE", "GATEWAY", "COST", "MTU", "PUBLIC KEY"];
    let heads = names.map(Head::fixed);
    let row = |(index, uplink): (usize, &Uplink)| {
        vec![
            uplink.name.to_string().into(),
            Cell::of(uplink.endpoint.as_ref()),
            Cell::of(uplink.device.as_ref()),
            Cell::of(uplink.gateway),
            uplink.cost.to_string().into(),
            uplink.mtu.to_string().into(),
            Cell::of(site.public_keys.get(index)),
        ]
    };
    out.rows_text(&heads, site.spec.uplinks.iter().enumerate().map(row).collect())
}
