//! A site with two uplinks, a kernel and far ends in memory, and time that only passes here.

use std::collections::BTreeSet;
use std::time::Duration;

use patronus_types::bundle::{Content, Tunnel};
use patronus_types::path::PathStatus;
use patronus_types::policy::Rule;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::converge::{self, Goal, Resolved, Site};
use crate::fakes::{FakeKernel, Lab};

/// Peers with an uplink each, and two ways to them.
fn content(lab: &Lab) -> Content {
    let mut content = lab.open_content();
    let mut second = content.uplinks[0].clone();
    (second.name, second.cost) = ("second".parse().unwrap(), second.cost + 100);
    second.public_key = lab.identity().keys.public()[1];
    content.uplinks.push(second);
    content.tunnels = vec![Tunnel { local: 0, remote: 0, port: 51_820 }, Tunnel { local: 1, remote: 0, port: 51_824 }];
    content
}

/// A policy whose packets take these uplinks first.
fn prefers(name: &str, uplinks: &str, fallback: &str) -> Rule {
    let route = format!(r#"{{"prefer": [{uplinks}], "fallback": "{fallback}"}}"#);
    serde_json::from_str(&format!(r#"{{"name": "{name}", "action": {{"route": {route}}}}}"#)).unwrap()
}

/// A site whose tunnels are up and measured.
struct Measured {
    lab: Lab,
    content: Content,
    lines: Lines,
    probes: Probes,
}

impl Measured {
    async fn new() -> Self {
        Self::with(Vec::new()).await
    }

    async fn with(policies: Vec<Rule>) -> Self {
        let lab = Lab::new();
        let content = Content { policies, ..content(&lab) };
        let lines = Lines::new(lab.world().echo, 51_837);
        let probes = Probes::new(lab.identity().owner().unwrap());
        let mut this = Self { lab, content, lines, probes };
        this.begin(false).await;
        this
    }

    /// As at a start of the agent.
    async fn begin(&mut self, is_running: bool) {
        let (world, identity) = (self.lab.world(), self.lab.identity());
        let owner = identity.owner().unwrap();
        let observed = world.device.observe(&owner).await.unwrap();
        let running = is_running.then_some((&self.content, &observed));
        self.probes.begin(&world, &mut self.lines, running).await;
        let steering = self.probes.steering();
        let mut steering = steering.lock().await;
        let classes = self.lab.home().classes().assign(owner.index(), Some(&self.content), None).unwrap();
        let chosen = steering.prune(Some(&self.content), &classes.ids);
        let site = Site { world: &world, identity: &identity, owner: &owner };
        let (content, chosen) = (Some(&self.content), Some(&chosen));
        let goal = Goal { content, chosen, classes: Some(&classes), ..Goal::default() };
        let done = converge::converge(site, goal, &mut Resolved::default(), &self.lab.home().earlier()).await.unwrap();
        steering.settle(goal.content, done.routes);
        drop(steering);
        self.lines.follow(&world.device.observe(&owner).await.unwrap());
        self.probes.follow(goal.content, &classes.ids, &[], false);
    }

    /// How long it takes until all traffic goes by these devices.
    async fn until(&self, devices: &[&str]) -> Duration {
        self.becomes(devices, FakeKernel::carriers).await
    }

    /// The same of a class; the empty name is nowhere.
    async fn until_class(&self, class: u8, devices: &[&str]) -> Duration {
        self.becomes(devices, |kernel| kernel.carriers_of(class)).await
    }

    async fn becomes(&self, devices: &[&str], is: impl Fn(&FakeKernel) -> BTreeSet<String>) -> Duration {
        let (began, wanted) = (Instant::now(), devices.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>());
        let arrives = async {
            while is(&self.lab.kernel) != wanted {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(100), arrives).await.unwrap_or_else(|_| panic!("{:?}", is(&self.lab.kernel)));
        began.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_path_is_left_and_returned_to_when_it_has_been_good_for_the_hold_time() {
    let site = Measured::new().await;
    for device in ["pt000", "pt010"] {
        site.lab.echo.measures(device, true);
    }
    sleep(Duration::from_secs(15)).await;
    let paths = site.probes.show().await;
    assert!(paths.len() == 4 && paths.iter().all(|path| path.state.status == PathStatus::Up), "{paths:?}");
    assert_eq!(site.lab.kernel.carriers(), BTreeSet::from(["pt000".to_owned()]), "the cheaper one");
    site.lab.echo.measures("pt000", false);
    // Nothing flows, so it is measured each second: three of these, and two more until the other is known to have outlived it.
    let took = site.until(&["pt010"]).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(site.probes.chosen().default.len(), 2);
    let dead = &site.probes.show().await[1];
    assert_eq!(
        (dead.used, dead.state.status, dead.state.reason.as_deref()),
        (false, PathStatus::Down, Some("nothing is heard on it"))
    );
    site.lab.echo.measures("pt000", true);
    let took = site.until(&["pt000"]).await;
    assert!(took >= Duration::from_secs(30), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_move_waits_until_nobody_else_changes_routes() {
    let site = Measured::new().await;
    for device in ["pt000", "pt010"] {
        site.lab.echo.measures(device, true);
    }
    sleep(Duration::from_secs(15)).await;
    let (steering, began) = (site.probes.steering(), Instant::now());
    let held = steering.lock().await;
    site.lab.echo.measures("pt000", false);
    sleep(Duration::from_secs(9)).await;
    assert_eq!(site.lab.kernel.carriers(), BTreeSet::from(["pt000".to_owned()]));
    assert!(site.probes.show().await.iter().any(|path| path.used && path.uplink == "second"), "it is decided already");
    drop(held);
    site.until(&["pt010"]).await;
    assert!(began.elapsed() < Duration::from_millis(9100));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_starts_anew_leaves_traffic_where_it_is() {
    let mut site = Measured::new().await;
    site.lab.echo.measures("pt010", true);
    site.until(&["pt010"]).await;
    site.probes.end().await;
    let before = site.lab.kernel.routes();
    site.lines = Lines::new(site.lab.world().echo, 51_837);
    site.probes = Probes::new(site.lab.identity().owner().unwrap());
    site.begin(true).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(site.lab.kernel.routes(), before);
    assert_eq!(site.probes.chosen().default.len(), 2, "taken from the routes");
}

#[tokio::test(start_paused = true)]
async fn a_choice_stands_though_the_kernel_refuses_and_goes_with_its_tunnel() {
    let site = Measured::new().await;
    site.lab.kernel.state().fail = Some(("routes".to_owned(), 1000));
    site.lab.echo.measures("pt010", true);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(site.lab.kernel.carriers(), BTreeSet::from(["pt000".to_owned()]));
    assert!(
        site.probes.chosen().default.values().all(|uplinks| *uplinks == (1, 0)),
        "the next look brings the routes there"
    );
    let mut smaller = site.content.clone();
    smaller.tunnels.pop();
    assert!(site.probes.steering().lock().await.prune(Some(&smaller), &[]).default.is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_class_goes_by_its_own_path_and_one_that_may_use_no_other_goes_nowhere() {
    let policies = vec![prefers("bulk", r#""second""#, "any"), prefers("secret", r#""second""#, "drop")];
    let mut site = Measured::with(policies).await;
    let of = |site: &Measured| [1, 2].map(|class| site.lab.kernel.carriers_of(class));
    let second = BTreeSet::from(["pt010".to_owned()]);
    assert_eq!(of(&site), [second.clone(), second.clone()], "before anything is measured");
    for device in ["pt000", "pt010"] {
        site.lab.echo.measures(device, true);
    }
    sleep(Duration::from_secs(15)).await;
    assert_eq!(
        (of(&site), site.lab.kernel.carriers()),
        ([second.clone(), second.clone()], ["pt000".to_owned()].into())
    );
    let shown = site.probes.show().await;
    let carries = |uplink: &str| shown.iter().find(|path| path.uplink == uplink).map(|path| path.policies.clone());
    assert_eq!(carries("second"), Some(vec!["bulk".parse().unwrap(), "secret".parse().unwrap()]));
    site.lab.echo.measures("pt010", false);
    let took = site.until_class(1, &["pt000"]).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    site.until_class(2, &[""]).await;
    assert_eq!(site.lab.kernel.carriers(), ["pt000".to_owned()].into());

    site.probes.end().await;
    site.lines = Lines::new(site.lab.world().echo, 51_837);
    site.probes = Probes::new(site.lab.identity().owner().unwrap());
    site.begin(true).await;
    assert_eq!(site.probes.chosen().classes[&1].len(), 2, "taken from the routes");
    site.lab.echo.measures("pt010", true);
    site.until_class(1, &["pt010"]).await;
    site.until_class(2, &["pt010"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_class_keeps_its_path_when_others_come_before_it() {
    let mut site = Measured::with(vec![prefers("bulk", r#""second""#, "any")]).await;
    for device in ["pt000", "pt010"] {
        site.lab.echo.measures(device, true);
    }
    sleep(Duration::from_secs(15)).await;
    site.lab.echo.measures("pt010", false);
    site.until_class(1, &["pt000"]).await;
    site.content.policies.insert(0, prefers("first", r#""net""#, "any"));
    let before = site.lab.kernel.state().log.len();
    site.begin(false).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(site.lab.kernel.carriers_of(1), ["pt000".to_owned()].into(), "it has not been good again");
    let turned = site.lab.kernel.state().log[before..].iter().filter(|line| line.starts_with("routes")).count();
    assert!(turned <= 2, "{:?}", site.lab.kernel.state().log);
}
