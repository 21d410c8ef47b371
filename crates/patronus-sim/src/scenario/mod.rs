//! What is played: a world, what befalls it, and for how long.

mod drawn;
mod named;

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::defect::Defect;
use crate::fault::Fault;
use crate::invariant::{Breach, Invariant};
use crate::setup::Setup;
use crate::world::{Failure, World};

pub use drawn::drawn;
pub use named::{NAMES, named};

/// A play.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// How it is called.
    pub name: &'static str,
    /// The world.
    pub setup: Setup,
    /// What befalls it, and when.
    pub faults: Vec<(Duration, Fault)>,
    /// For how long.
    pub length: Duration,
    /// Which sites are wrong on purpose.
    pub defects: Vec<(usize, Defect)>,
}

/// How a play went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was played.
    pub name: &'static str,
    /// With which seed.
    pub seed: u64,
    /// From the first fault until the last of the flows that left their path did so for the first time.
    pub left_after: Option<Duration>,
    /// How many flows there are.
    pub flows: usize,
    /// How often all of them moved from the first fault on.
    pub moves: usize,
    /// Packets that all of them lost, at 1,000 a second each.
    pub lost: f64,
    /// A number for the whole run.
    pub hash: u64,
    /// How much happened.
    pub steps: u64,
}

impl Scenario {
    /// Plays it.
    ///
    /// # Errors
    /// When an invariant does not hold ([`Failure`]), or the world is too large.
    pub fn play(&self) -> Result<Outcome> {
        let mut world = World::new(self.setup.clone())?;
        self.play_in(&mut world)?;
        self.outcome(&world).context("nothing befalls it")
    }

    /// Plays it twice, and compares.
    ///
    /// # Errors
    /// The same; and when the second time differs.
    pub fn play_twice(&self) -> Result<Outcome> {
        let (first, second) = (self.play()?, self.play()?);
        if first == second {
            return Ok(first);
        }
        let detail = format!("the second run differs:\n{first:?}\n{second:?}");
        Err(Breach { invariant: Invariant::Repeats, at: self.length, detail }.into())
    }

    /// The same in a world that is at its beginning.
    ///
    /// # Errors
    /// When an invariant does not hold.
    pub fn play_in(&self, world: &mut World) -> Result<(), Box<Failure>> {
        for (site, defect) in &self.defects {
            world.site_mut(*site).into_iter().for_each(|site| site.defect = Some(defect.clone()));
        }
        self.faults.iter().for_each(|(at, fault)| world.plan(*at, *fault));
        world.run(self.length)
    }

    /// When the first thing happens.
    pub fn struck(&self) -> Option<Duration> {
        self.faults.iter().map(|(at, _)| *at).min()
    }

    /// How it went in a world.
    pub fn outcome(&self, world: &World) -> Option<Outcome> {
        let struck = self.struck()?;
        let moves: Vec<_> = world.moves().iter().filter(|it| it.at >= struck).collect();
        let first = |key| moves.iter().find(|it| (it.site, it.peer, it.class) == key).map(|it| it.at);
        let left = world.flows().filter_map(|flow| first((flow.site, flow.peer, flow.class))).max();
        Some(Outcome {
            name: self.name,
            seed: self.setup.seed,
            left_after: left.map(|at| at.saturating_sub(struck)),
            flows: world.flows().count(),
            moves: moves.len(),
            lost: world.flows().map(|flow| flow.lost).sum(),
            hash: world.hash(),
            steps: world.steps(),
        })
    }
}
