//! When the replacing of a site's keys goes on, who holds it open, and whom it would leave behind.
//!
//! What its steps are stands in [`patronus_types::rotation`]. Each waits until every agent concerned has reported to be
//! where the step wants it. Nobody is given up after some time: only an operator says without whom it goes on.

mod age;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use patronus_types::rotation::{Phase, Waiting};
use patronus_types::{Name, SiteId, Timestamp};

pub use age::{due, is_free};
pub use view::{Agent, Failure, Stopped, View};

/// A rotation as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Whose keys are replaced.
    pub site: SiteId,
    /// How far it is.
    pub phase: Phase,
    /// Which set of keys it is for.
    pub number: u32,
    /// The release that began the phase.
    pub version: Option<u64>,
    /// The sites without which an operator goes on.
    pub without: BTreeSet<SiteId>,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: these hold it open.
    Wait(Vec<Waiting>),
    /// The release of this phase.
    Advance(Phase),
    /// The last release, without the spare.
    Finish,
}

/// Why nobody's keys can be replaced so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The site itself cannot, by force neither.
    Impossible(String),
    /// These would be left behind, unless an operator says so.
    Strands(Vec<(SiteId, Waiting)>),
}

/// What there is to do, given the site and its partners.
pub fn decide(running: &Running, views: &[View], now: Timestamp) -> Decision {
    let open = open(running, views, now);
    let known = views.iter().any(|view| view.id == running.site);
    match (running.phase, open.is_empty() && known) {
        (_, false) => Decision::Wait(open.into_iter().map(|(_, waiting)| waiting).collect()),
        (Phase::Keys, true) => Decision::Advance(Phase::Spare),
        (Phase::Spare, true) => Decision::Advance(Phase::Rekey),
        (Phase::Rekey | Phase::Back, true) => Decision::Finish,
    }
}

/// Whom it would leave behind to go on now: those that have not done their part, and partners without a session.
///
/// # Errors
/// [`Refusal::Impossible`] while the site has not made its new keys.
pub fn force(running: &Running, views: &[View], now: Timestamp) -> Result<Vec<(SiteId, Waiting)>, Refusal> {
    let mut left: Vec<_> = late(running, views, now).collect();
    let keyless = views.iter().any(|view| view.keyless(running, now).is_some());
    let own = left.iter().find(|(id, _)| *id == running.site && (keyless || running.phase == Phase::Keys));
    if let Some((_, Waiting { site, reason })) = own {
        let why = format!("site `{site}` {reason}: without its new keys nothing can go on");
        return Err(Refusal::Impossible(why));
    }
    let without = running.without.iter().copied().chain(left.iter().map(|(id, _)| *id)).collect();
    let partners = apart(&Running { without, ..running.clone() }, views);
    left.extend(partners.into_iter().map(|view| (view.id, view.waiting(words::APART.to_owned()))));
    Ok(left)
}

/// The partners that have no session with the site, as either of the two says. It is they who would be left behind.
fn apart<'a>(running: &Running, views: &'a [View]) -> Vec<&'a View> {
    let waiting: BTreeSet<SiteId> = sessionless(running, views).into_iter().map(|(id, _)| id).collect();
    let own = views.iter().find(|view| view.id == running.site && waiting.contains(&view.id));
    let named = |view: &View| own.is_some_and(|own| own.waits_for.contains(&view.name));
    let apart = |view: &&View| view.id != running.site && (waiting.contains(&view.id) || named(view));
    views.iter().filter(|view| is_concerned(running, view)).filter(apart).collect()
}

/// Whether the keys of the site can be replaced at all, before anything is done.
///
/// # Errors
/// When the site cannot, or when others could not follow whatever they report.
pub fn may_begin(site: SiteId, views: &[View]) -> Result<(), Refusal> {
    let own = views.iter().find(|view| view.id == site);
    let Some(own) = own else {
        return Err(Refusal::Impossible("the site is in no release yet: publish first".to_owned()));
    };
    if let Some(reason) = own.agent.is_absent().then(|| words::ABSENT.to_owned()).or_else(|| own.obstacle()) {
        return Err(Refusal::Impossible(format!("site `{}` {reason}", own.name)));
    }
    let left: Vec<_> = views.iter().filter_map(|view| Some((view.id, view.waiting(view.obstacle()?)))).collect();
    if left.is_empty() { Ok(()) } else { Err(Refusal::Strands(left)) }
}

/// Who holds it open, by site.
fn open(running: &Running, views: &[View], now: Timestamp) -> Vec<(SiteId, Waiting)> {
    late(running, views, now).chain(sessionless(running, views)).collect()
}

/// Those it is up to: neither left nor left behind.
fn concerned<'a>(running: &'a Running, views: &'a [View]) -> impl Iterator<Item = &'a View> {
    views.iter().filter(|view| is_concerned(running, view))
}

fn is_concerned(running: &Running, view: &View) -> bool {
    view.agent != Agent::Left && !running.without.contains(&view.id)
}

/// Who has not done what the phase asks of it.
fn late<'a>(running: &'a Running, views: &'a [View], now: Timestamp) -> impl Iterator<Item = (SiteId, Waiting)> + 'a {
    concerned(running, views).filter_map(move |view| Some((view.id, view.waiting(view.missing(running, now)?))))
}

/// Who has, and yet has no session with somebody. Who is left behind has no tunnel that anybody could wait for.
fn sessionless(running: &Running, views: &[View]) -> Vec<(SiteId, Waiting)> {
    let names: BTreeSet<&Name> = concerned(running, views).map(|view| &view.name).collect();
    let waits = |view: &View| Some((view.id, view.waiting(view.sessionless(running, &names)?)));
    concerned(running, views).filter_map(waits).collect()
}
