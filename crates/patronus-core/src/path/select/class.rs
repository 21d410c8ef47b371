//! What a class asks of a path.

use std::collections::BTreeMap;

use patronus_types::Name;
use patronus_types::policy::{Fallback, Route, Sla};

use crate::path::score::Figures;

/// Behind every uplink that is named.
const UNNAMED: u8 = u8::MAX;

/// Limits in a form that is compared, not parsed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    latency_ms: f32,
    loss: f32,
    jitter_ms: f32,
}

/// One class, as the selector sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The place of each local uplink in the order of preference.
    preference: Vec<u8>,
    pub(super) limits: Limits,
    fallback: Fallback,
}

impl Default for Class {
    fn default() -> Self {
        Self { preference: Vec::new(), limits: Limits::of(&Sla::default()), fallback: Fallback::Any }
    }
}

impl Class {
    /// What a policy's route means on a site with these uplinks, by index.
    pub fn new<'a>(route: &Route, uplinks: impl IntoIterator<Item = (&'a Name, &'a BTreeMap<String, String>)>) -> Self {
        let place = |(name, labels)| {
            let place = route.prefer.iter().position(|wanted| wanted.matches(name, labels));
            place.and_then(|place| u8::try_from(place).ok()).unwrap_or(UNNAMED)
        };
        let preference = match route.prefer.is_empty() {
            true => Vec::new(),
            false => uplinks.into_iter().map(place).collect(),
        };
        Self { preference, limits: Limits::of(&route.sla), fallback: route.fallback }
    }

    /// The place of a local uplink; 0 for all where there is no order.
    pub(crate) fn place(&self, local: u8) -> u8 {
        match self.preference.is_empty() {
            true => 0,
            false => self.preference.get(usize::from(local)).copied().unwrap_or(UNNAMED),
        }
    }

    /// Whether packets are dropped where no path is good enough.
    pub(crate) fn drops(&self) -> bool {
        self.fallback == Fallback::Drop
    }

    /// Whether it may use a local uplink at all.
    pub(crate) fn allows(&self, local: u8) -> bool {
        !self.drops() || self.place(local) != UNNAMED
    }
}

impl Limits {
    fn of(sla: &Sla) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "at most a million")]
        let limit = |limit: Option<patronus_types::Decimal>| limit.map_or(f32::INFINITY, |limit| limit.get() as f32);
        Self {
            latency_ms: limit(sla.latency_ms),
            loss: limit(sla.packet_loss_pct) / 100.0,
            jitter_ms: limit(sla.jitter_ms),
        }
    }

    /// The first that does not hold: what it is of, how it is, and what it may be, in the units of [`Figures`].
    pub(super) fn missed(&self, figures: Figures) -> Option<(&'static str, f32, f32)> {
        let kept = [
            ("latency", figures.latency_ms, self.latency_ms),
            ("loss", figures.loss, self.loss),
            ("jitter", figures.jitter_ms, self.jitter_ms),
        ];
        kept.into_iter().find(|(_, is, may)| is > may)
    }
}
