//! Declared probes: which pass before a change, and which pass again after it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use patronus_types::Name;
use patronus_types::probe::Probe;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::network::{Bundle, Network};
use crate::reach::Reach;

const PAUSE: Duration = Duration::from_secs(1);

/// Asks for each probe again and again until it passes.
pub(super) struct Probes {
    pub(super) answers: mpsc::Receiver<(Name, Result<(), String>)>,
    /// Ends what it runs when it is dropped.
    _tasks: JoinSet<()>,
}

impl Probes {
    pub(super) fn ask(reach: &Arc<dyn Reach>, probes: impl Iterator<Item = Probe>) -> Self {
        let (told, answers) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        for probe in probes {
            let (reach, told) = (Arc::clone(reach), told.clone());
            tasks.spawn(async move {
                loop {
                    let answer = reach.ask(&probe).await;
                    let passed = answer.is_ok();
                    if told.send((probe.name.clone(), answer)).await.is_err() || passed {
                        return;
                    }
                    sleep(PAUSE).await;
                }
            });
        }
        Self { answers, _tasks: tasks }
    }
}

impl Network {
    /// The probes of a new bundle that pass now. The others are not asked for after the change, and that is told.
    pub(super) async fn passing(&mut self, new: &Bundle) -> BTreeSet<Name> {
        let probes = &new.content.confirm.probes;
        let reach = &self.world.reach;
        let answers = join_all(probes.iter().map(|probe| reach.ask(probe))).await;
        self.notes.probes.clear();
        let mut passing = BTreeSet::new();
        for (Probe { name, .. }, answer) in probes.iter().zip(answers) {
            match answer {
                Ok(()) => drop(passing.insert(name.clone())),
                Err(why) => self.notes.probes.push(format!(
                    "probe {name} did not pass before version {} was applied, so it was not asked for after it: {why}",
                    new.release.version
                )),
            }
        }
        passing
    }
}
