//! How a path does, for people.

use std::time::Duration;

use patronus_core::path::prober::Prober;
use patronus_core::path::select::Candidate;
use patronus_types::path::PathState;
use patronus_types::{Decimal, Name};
use serde::{Deserialize, Serialize};

/// One path to another site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathView {
    /// The site.
    pub site: Name,
    /// The local uplink.
    pub uplink: String,
    /// Index of the far one.
    pub far_uplink: u8,
    /// Whether what goes to the site goes by it.
    pub used: bool,
    /// The policies whose packets to the site go by it.
    pub policies: Vec<Name>,
    /// How it does.
    #[serde(flatten)]
    pub state: PathState,
}

/// All paths, by site, the one that is used first.
pub(super) fn all(prober: &Prober, names: (&[String], &[Vec<Name>]), now: Duration) -> Vec<PathView> {
    let pairs = 0..prober.plan().peers.len();
    let each = pairs.flat_map(|pair| prober.selector().explain(pair, 0, now).candidates);
    each.filter_map(|candidate| view(prober, names, &candidate)).collect()
}

fn view(prober: &Prober, (uplinks, policies): (&[String], &[Vec<Name>]), candidate: &Candidate) -> Option<PathView> {
    let (peer, way) = prober.way(candidate.path)?;
    let pair = prober.selector().pair(candidate.path)?;
    let carries = |class: &usize| prober.selector().decision(pair, *class).path == Some(candidate.path);
    let classes = (1..prober.plan().classes.len()).filter(carries);
    Some(PathView {
        site: peer.name.clone(),
        uplink: uplinks.get(usize::from(way.local)).cloned().unwrap_or_default(),
        far_uplink: way.remote,
        used: carries(&0),
        policies: classes.filter_map(|class| policies.get(class)).flatten().cloned().collect(),
        state: state(prober, candidate),
    })
}

/// How a path does, with why it carries what no policy takes, or not.
pub(super) fn state(prober: &Prober, candidate: &Candidate) -> PathState {
    let figures = candidate.view.figures;
    let decimal = |value: f32| Decimal::nearest(f64::from(value));
    PathState {
        status: candidate.view.status(&prober.plan().settings),
        measured: figures.is_some(),
        latency_ms: figures.and_then(|figures| decimal(figures.latency_ms)),
        jitter_ms: figures.and_then(|figures| decimal(figures.jitter_ms)),
        packet_loss_pct: figures.and_then(|figures| decimal(figures.loss * 100.0)),
        health_score: candidate.score.map(score),
        reason: Some(candidate.reason.to_string()),
    }
}

fn score(score: f32) -> u8 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let whole = score.clamp(0.0, 100.0).round() as u8;
    whole
}
