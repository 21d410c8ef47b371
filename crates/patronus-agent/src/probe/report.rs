//! What the server is told of paths.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::path::prober::Prober;
use patronus_core::path::summary::{Key, Summary, encode};
use patronus_types::Name;
use patronus_types::api::paths::{PathNow, PathReport};
use patronus_types::path::ClassUse;

use super::view;

/// What the paths were like since this was last asked, `past` ago, and how they do now; none where nothing is measured.
pub(super) fn report(prober: &mut Prober, policies: &[Vec<Name>], past: Duration, now: Duration) -> Option<PathReport> {
    let minute = prober.take_minute();
    let count = prober.plan().peers.len();
    if count == 0 {
        return None;
    }
    let mut rows: Vec<(u32, Summary)> = Vec::with_capacity(minute.len());
    for (path, summary) in minute.into_iter().enumerate() {
        rows.extend(key(prober, path).map(|key| (key, summary)));
    }
    rows.sort_unstable_by_key(|(key, _)| *key);
    let paths = (0..count).flat_map(|pair| of_pair(prober, policies, pair, now)).collect();
    Some(PathReport {
        age_s: 0,
        seconds: u32::try_from(past.as_secs()).unwrap_or(u32::MAX).clamp(1, 3600),
        peers: prober.plan().peers.iter().map(|peer| peer.name.clone()).collect(),
        block: STANDARD.encode(encode(&rows)),
        paths,
    })
}

fn key(prober: &Prober, path: usize) -> Option<u32> {
    let (_, way) = prober.way(path)?;
    let place = u32::try_from(prober.selector().pair(path)?).ok()?;
    Some(Key { place, local: way.local, remote: way.remote }.number())
}

fn of_pair(prober: &Prober, policies: &[Vec<Name>], pair: usize, now: Duration) -> Vec<PathNow> {
    let classes = 0..prober.plan().classes.len();
    let explained: Vec<_> = classes.map(|class| prober.selector().explain(pair, class, now)).collect();
    let Some(default) = explained.first() else { return Vec::new() };
    let has_choice = default.candidates.len() > 1;
    let used = |class: usize, path: usize| prober.selector().decision(pair, class).path == Some(path);
    let of_path = |path: usize| {
        let of_class = |(class, told): (usize, &patronus_core::path::select::Explanation)| {
            let reason = told.candidates.iter().find(|it| it.path == path).map(|it| it.reason.to_string());
            ClassUse {
                policies: policies.get(class).cloned().unwrap_or_default(),
                used: used(class, path),
                reason: reason.filter(|_| has_choice),
            }
        };
        explained.iter().enumerate().map(of_class).collect()
    };
    let path = |candidate: &patronus_core::path::select::Candidate| {
        let ago = candidate.view.last.map(|last| now.saturating_sub(last).as_millis());
        Some(PathNow {
            key: key(prober, candidate.path)?,
            state: view::state(prober, candidate),
            heard_ms_ago: ago.map(|ago| u64::try_from(ago).unwrap_or(u64::MAX)),
            classes: of_path(candidate.path),
        })
    };
    default.candidates.iter().filter_map(path).collect()
}
