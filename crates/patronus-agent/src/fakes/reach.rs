//! What probes ask for: there, away, or away while the kernel holds too much.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use patronus_types::Name;
use patronus_types::probe::Probe;

use super::FakeKernel;
use crate::reach::Reach;

/// Everything answers, but for what is named.
#[derive(Debug, Clone, Default)]
pub struct FakeReach {
    /// Probes that never pass.
    pub away: Arc<Mutex<BTreeSet<Name>>>,
    /// While this kernel has more peers than so many, nothing passes.
    pub cut_off: Option<(FakeKernel, usize)>,
    /// Which were asked for.
    pub asked: Arc<Mutex<Vec<Name>>>,
}

#[async_trait]
impl Reach for FakeReach {
    async fn ask(&self, probe: &Probe) -> Result<(), String> {
        self.asked.lock().unwrap().push(probe.name.clone());
        let too_many = |(kernel, most): &(FakeKernel, usize)| kernel.tunnels().iter().any(|(_, _, peers)| peers > most);
        let is_away = self.away.lock().unwrap().contains(&probe.name);
        match is_away || self.cut_off.as_ref().is_some_and(too_many) {
            true => Err("no answer from 192.168.2.10:443 within 2 s".to_owned()),
            false => Ok(()),
        }
    }
}
