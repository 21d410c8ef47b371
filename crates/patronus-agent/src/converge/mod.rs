//! Bringing the kernel to what a bundle says: facts are gathered, `patronus_core::apply` plans, and the plan is carried
//! out step by step. Nothing is decided here. A plan begins from what is there, so after a crash it is simply made again.

mod execute;
mod facts;
mod pulse;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use patronus_core::apply::{self, Choices, Desired, Memory, Plan, Sessions, Step, Unfit};
use patronus_types::api::agent::Steps;
use patronus_types::bundle::Content;
use patronus_types::{NetworkId, PublicKey, Timestamp};

use crate::effects;
use crate::effects::model::{Firewall, Observed, Owner, Route};
use crate::effects::ports::PortTaken;
use crate::state::{ClassIds, Earlier, Identity, NoIds};
use crate::world::World;

pub use facts::Resolved;
pub use pulse::{Pulse, pulse};

/// Whose tunnels, where.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The effects.
    pub world: &'a World,
    /// Who this host is in the network.
    pub identity: &'a Identity,
    /// Its numbers and names.
    pub owner: &'a Owner,
}

/// What shall be, and what may have been.
#[derive(Clone, Copy, Default)]
pub struct Goal<'a> {
    /// What shall run; none for nothing at all.
    pub content: Option<&'a Content>,
    /// What was set last: an endpoint that differs from it has been learnt since, and is left alone.
    pub from: Option<&'a Content>,
    /// Bundles whose rests may be there.
    pub forget: &'a [&'a Content],
    /// The `unreachable` routes of the host's other networks, where all are known: every further one is then a rest of this
    /// network's.
    pub theirs: Option<&'a BTreeSet<Route>>,
    /// Whether the far ends change at the same time: then only one of two begins a session, see [`mod@pulse`].
    pub concerted: bool,
    /// Whether what is no longer wanted stays for now: addresses, peers and tunnels. Routes and rules go all the same, for
    /// by those of the bundle before one would prove itself that has no way of its own.
    pub keep_rest: bool,
    /// Where peers were reached when `content` ran, as learnt: that is set where something else has been set since.
    pub learnt: Option<&'a BTreeMap<String, BTreeMap<PublicKey, SocketAddr>>>,
    /// While keys are replaced: when the change to `content` began. Sessions from before are over.
    pub since: Option<Timestamp>,
    /// The sessions on which nothing is heard.
    pub deaf: Option<&'a Sessions>,
    /// The paths that were chosen.
    pub chosen: Option<&'a Choices>,
    /// The numbers of the classes of `content`.
    pub classes: Option<&'a ClassIds>,
    /// Whether names are looked up anew, since nothing comes by some path.
    pub doubted: bool,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was done to tunnels and peers.
    pub steps: Steps,
    /// What will not work and why.
    pub warnings: Vec<String>,
    /// Whether anything had to be done.
    pub changed: bool,
    /// How it was before.
    pub before: Observed,
    /// The routes over tunnels that there are now.
    pub routes: BTreeSet<Route>,
    /// The uplinks whose device is not there, by index.
    pub missing: Vec<u8>,
}

/// Why the kernel is not as it shall be.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// The kernel, or something in it, refused.
    #[error(transparent)]
    Effect(#[from] effects::Error),
    /// The bundle is for another agent.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A port is taken. Found before anything was touched.
    #[error("UDP port {} for `{interface}` is in use{}: free it, or enrol the site again so that it gets other ports", .taken.port, held_by(.taken))]
    Port {
        /// The tunnel.
        interface: String,
        /// The port and who has it.
        taken: PortTaken,
    },
    /// Policies cannot be enforced. Found before anything was touched.
    #[error(
        "the network has policies and this host cannot enforce them: {0}; mend that, or take the policies away and publish again"
    )]
    NoFirewall(String),
    /// The classes of the policies have no numbers. Found before anything was touched.
    #[error(transparent)]
    Classes(#[from] NoIds),
    /// What must be put back later could not be noted.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
}

/// A plan and what it was made from.
struct Planned {
    desired: Desired,
    before: Observed,
    plan: Plan,
    sessions: Sessions,
    missing: Vec<u8>,
}

/// Brings the kernel to the goal. `earlier` is the file that notes foreign values before they are changed.
pub async fn converge(
    site: Site<'_>,
    goal: Goal<'_>,
    resolved: &mut Resolved,
    earlier: &Earlier,
) -> Result<Done, ConvergeError> {
    let planned = plan(site, goal, resolved).await?;
    let Planned { desired, before, plan, sessions, .. } = &planned;
    execute::preflight(site, plan, before)?;
    earlier.note(foreign(plan, before))?;
    for step in &plan.apply {
        execute::step(site, goal, sessions, step).await?;
    }
    let mut warnings = [desired.warnings.as_slice(), &plan.warnings].concat();
    // What is no longer wanted is gone or it is not: what shall be is there, and the next look tries again.
    for step in plan.clean.iter().filter(|step| !goal.keep_rest || is_way(step)) {
        if let Err(error) = execute::step(site, goal, sessions, step).await {
            warnings.push(error.to_string());
        }
    }
    if let (Firewall::Unavailable(reason), Some(_)) = (&before.firewall, &desired.firewall) {
        warnings.push(format!("TCP may stall where ICMP is filtered, and policies would be refused: {reason}"));
    }
    let (steps, changed) = (plan.counts, !plan.is_empty());
    let Planned { desired, before, missing, .. } = planned;
    Ok(Done { steps, warnings, changed, before, routes: desired.routes, missing })
}

/// Routes and rules can be put back at any time, and no session ends without them.
fn is_way(step: &Step) -> bool {
    matches!(step, Step::ChangeRoutes(_) | Step::ChangeRules(_))
}

/// Says what [`converge`] would do.
pub async fn foresee(site: Site<'_>, goal: Goal<'_>, resolved: &mut Resolved) -> Result<Plan, ConvergeError> {
    let planned = plan(site, goal, resolved).await?;
    execute::preflight(site, &planned.plan, &planned.before)?;
    Ok(planned.plan)
}

/// Takes out of the kernel what carries the alias of a network whose identity is unknown, and the routes that its bundles
/// made; gives what may be left. Its number on this host is known by its interfaces alone, and rules, uplink tables and
/// the nft table by that number.
pub async fn withdraw_by_alias(
    world: &World,
    network: NetworkId,
    bundles: &[Content],
) -> Result<Vec<String>, ConvergeError> {
    let any = |index| Owner::new(index, network);
    let Some(first) = any(0) else { return Ok(Vec::new()) };
    let seen = world.device.observe(&first).await?;
    let index = seen.tunnels.keys().find_map(|name| name.chars().nth(2)?.to_digit(36));
    let owner = index.and_then(|index| any(u8::try_from(index).ok()?));
    let mut before = world.device.observe(&owner.unwrap_or(first)).await?;
    let mut notes = Vec::new();
    if owner.is_none() {
        // Another network may have the number, so only what no number is needed for.
        (before.rules, before.routes, before.firewall) = (BTreeSet::new(), BTreeSet::new(), Firewall::Missing);
        notes.push(
            "it has no interface here now; `ip rule` and `nft list tables` show whether anything else of it is left"
                .to_owned(),
        );
    }
    if let Firewall::Unavailable(reason) = &before.firewall {
        notes.push(format!("its nft table, if it has one, is left: {reason}"));
    }
    let owner = owner.unwrap_or(first);
    let memory = Memory {
        twins: bundles.iter().flat_map(|content| twins(world, owner, content)).collect(),
        ..Memory::default()
    };
    let plan = apply::plan(&Desired::nothing(owner, world.device.driver()), &before, &memory);
    for step in &plan.clean {
        execute::bare_step(world, &owner, step).await?;
    }
    Ok(notes)
}

/// The `unreachable` routes that a bundle makes, whoever has its keys.
pub fn twins(world: &World, owner: Owner, content: &Content) -> BTreeSet<Route> {
    let keys = content.uplinks.iter().map(|uplink| uplink.public_key);
    let facts = apply::Facts {
        owner,
        driver: world.device.driver(),
        ipv6: world.host.has_ipv6(),
        keys: keys.chain(content.spare.iter().map(|spare| spare.public_key)).collect(),
        links: BTreeMap::new(),
        resolved: BTreeMap::new(),
        sessions: Default::default(),
        deaf: Default::default(),
        chosen: Default::default(),
        class_ids: Vec::new(),
        mark_shift: world.mark_shift,
        probe_port: 0,
    };
    apply::desired(content, &facts).map(|desired| desired.twins).unwrap_or_default()
}

async fn plan(site: Site<'_>, goal: Goal<'_>, resolved: &mut Resolved) -> Result<Planned, ConvergeError> {
    let owner = *site.owner;
    let before = site.world.device.observe(&owner).await?;
    let mut contents: Vec<&Content> = goal.forget.to_vec();
    contents.extend(goal.content);
    let old = facts::facts(site, &contents, resolved).await?;
    let mut memory = Memory::default();
    for content in goal.forget {
        // A bundle that no longer fits leaves nothing that could be known.
        memory.twins.extend(apply::desired(content, &old).map(|desired| desired.twins).unwrap_or_default());
    }
    if let Some(from) = goal.from {
        let was = apply::desired(from, &old).map(|desired| Memory::of(&desired)).unwrap_or_default();
        memory.twins.extend(was.twins);
        memory.endpoints = was.endpoints;
    }
    if let Some(theirs) = goal.theirs {
        memory.twins.extend(before.twins.difference(theirs).cloned());
    }
    resolved.refresh(site.world, &contents, goal.doubted).await;
    let sessions = apply::sessions(&before, &owner, site.world.clock.now(), goal.since);
    let deaf = goal.deaf.cloned().unwrap_or_default();
    let chosen = goal.chosen.cloned().unwrap_or_default();
    let ClassIds { ids: class_ids, own } = goal.classes.cloned().unwrap_or_default();
    memory.classes = own;
    let resolved = resolved.addresses();
    let facts = apply::Facts { resolved, sessions: sessions.clone(), deaf, chosen, class_ids, ..old };
    let missing = goal.content.map(|content| facts::missing(content, &facts)).unwrap_or_default();
    let mut desired = match goal.content {
        Some(content) => apply::desired(content, &facts)?,
        None => Desired::nothing(owner, site.world.device.driver()),
    };
    if let Some(learnt) = goal.learnt {
        desired.know_endpoints(learnt);
    }
    if let (Firewall::Unavailable(reason), true) = (&before.firewall, desired.needs_firewall) {
        return Err(ConvergeError::NoFirewall(reason.clone()));
    }
    let plan = apply::plan(&desired, &before, &memory);
    for step in plan.apply.iter().chain(&plan.clean) {
        tracing::debug!(network = %site.identity.network.name, %step, "planned");
    }
    Ok(Planned { desired, before, plan, sessions, missing })
}

/// The values of foreign settings that the plan changes.
fn foreign(plan: &Plan, before: &Observed) -> Vec<(String, String)> {
    let settings = plan.apply.iter().filter_map(|step| match step {
        Step::SetSysctl { path, .. } => Some((path.clone(), before.sysctls.get(path)?.clone())),
        _ => None,
    });
    settings.collect()
}

fn held_by(taken: &PortTaken) -> String {
    taken.holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default()
}
