//! How good a path is, 0 to 100, from its latency, loss and jitter.
//!
//! ```text
//! weighted = 40 / (1 + latency / 400 ms) + 40 / (1 + loss / 5 %) + 20 / (1 + jitter / 50 ms)
//! cap      = 100 · (1 − loss) / (1 + 5 · loss)
//! score    = min(weighted, cap)
//! ```
//!
//! Each term falls without a step and without end, so a worse figure is never a better score and two bad paths can still be
//! told apart. The cap is what makes loss decide: with 4 % lost no path reaches 80, with a seventh lost none reaches 50, and
//! half of it is 14, whatever else is good. (The weights are the product's; the constants are ours, chosen so that a clean
//! path of 300 ms is still `up` and a geostationary one of 600 ms is `degraded`.)

use patronus_types::path::{PathSettings, PathStatus};

/// What is known of a path. All three are finite and not negative; loss is at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Smoothed round trip in milliseconds.
    pub latency_ms: f32,
    /// Share lost on the way there, 0 to 1.
    pub loss: f32,
    /// Smoothed difference of round trips in milliseconds.
    pub jitter_ms: f32,
}

impl Figures {
    /// The score, 0 to 100.
    pub fn score(self) -> f32 {
        score(self.latency_ms, self.loss, self.jitter_ms)
    }
}

#[inline(always)]
fn score(latency_ms: f32, loss: f32, jitter_ms: f32) -> f32 {
    let latency = 40.0 / (1.0 + latency_ms / 400.0);
    let jitter = 20.0 / (1.0 + jitter_ms / 50.0);
    let weighted = latency + 40.0 / (1.0 + loss / 0.05) + jitter;
    let cap = 100.0 * (1.0 - loss) / (1.0 + 5.0 * loss);
    // Not `f32::min`: neither is NaN, and without that case it is one instruction.
    if weighted < cap { weighted } else { cap }
}

/// What a score means in a network.
pub fn status(score: f32, settings: &PathSettings) -> PathStatus {
    match score {
        score if score >= f32::from(settings.up_score) => PathStatus::Up,
        score if score >= f32::from(settings.degraded_score) => PathStatus::Degraded,
        _ => PathStatus::Down,
    }
}

/// The figures of many paths, each kind by itself, so that all of them are scored in one run through memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    latency_ms: Vec<f32>,
    loss: Vec<f32>,
    jitter_ms: Vec<f32>,
    score: Vec<f32>,
}

impl Scores {
    /// Of so many paths, none measured.
    pub fn new(paths: usize) -> Self {
        let zeros = || vec![0.0; paths];
        Self { latency_ms: zeros(), loss: zeros(), jitter_ms: zeros(), score: zeros() }
    }

    /// Takes one path's figures, and scores that one.
    pub fn set(&mut self, path: usize, figures: Figures) {
        if path < self.score.len() {
            self.latency_ms[path] = figures.latency_ms;
            self.loss[path] = figures.loss;
            self.jitter_ms[path] = figures.jitter_ms;
            self.score[path] = figures.score();
        }
    }

    /// Scores all of them.
    pub fn rescore(&mut self) {
        let figures = self.latency_ms.iter().zip(&self.loss).zip(&self.jitter_ms);
        for (it, ((&latency_ms, &loss), &jitter_ms)) in self.score.iter_mut().zip(figures) {
            *it = score(latency_ms, loss, jitter_ms);
        }
    }

    /// One path's figures.
    pub fn figures(&self, path: usize) -> Figures {
        let get = |list: &[f32]| list.get(path).copied().unwrap_or_default();
        Figures { latency_ms: get(&self.latency_ms), loss: get(&self.loss), jitter_ms: get(&self.jitter_ms) }
    }

    /// One path's score; 0 for a path that is none, or has not been measured.
    pub fn score(&self, path: usize) -> f32 {
        self.score.get(path).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figures() -> impl Strategy<Value = Figures> {
        (0f32..20_000.0, 0f32..=1.0, 0f32..5_000.0).prop_map(|(latency_ms, loss, jitter_ms)| Figures {
            latency_ms,
            loss,
            jitter_ms,
        })
    }

    #[test]
    fn paths_as_people_know_them() {
        for (name, latency_ms, loss, jitter_ms, least, most, wanted) in [
            ("fibre in town", 3.0, 0.0, 0.2, 99, 100, PathStatus::Up),
            ("fibre across a country", 20.0, 0.0, 1.0, 97, 98, PathStatus::Up),
            ("LTE", 45.0, 0.005, 12.0, 88, 90, PathStatus::Up),
            ("around the world", 300.0, 0.0, 2.0, 81, 83, PathStatus::Up),
            ("geostationary", 620.0, 0.002, 8.0, 71, 73, PathStatus::Degraded),
            ("a loaded queue", 400.0, 0.01, 150.0, 57, 59, PathStatus::Degraded),
            ("5 % lost", 20.0, 0.05, 1.0, 75, 77, PathStatus::Degraded),
            ("20 % lost", 20.0, 0.2, 1.0, 39, 41, PathStatus::Down),
            ("half of it lost", 1.0, 0.5, 0.0, 14, 15, PathStatus::Down),
            ("all of it lost", 0.0, 1.0, 0.0, 0, 0, PathStatus::Down),
        ] {
            let score = Figures { latency_ms, loss, jitter_ms }.score();
            assert!((least as f32..=most as f32).contains(&score), "{name}: {score}");
            assert_eq!(status(score, &PathSettings::default()), wanted, "{name}");
        }
    }

    #[test]
    fn the_cap_is_where_it_is_said_to_be() {
        let perfect_but = |loss: f32| Figures { loss, ..Figures::default() }.score();
        assert!(perfect_but(0.04) < 80.01 && perfect_but(1.0 / 7.0) < 50.01);
        assert_eq!(perfect_but(0.0), 100.0);
    }

    #[test]
    fn thresholds_are_the_networks() {
        let strict = PathSettings { up_score: 99, degraded_score: 98, ..PathSettings::default() };
        assert_eq!(status(98.5, &strict), PathStatus::Degraded);
        assert_eq!(status(97.9, &strict), PathStatus::Down);
    }

    proptest! {
        #[test]
        fn worse_is_never_better(figures in figures(), latency in 0f32..5_000.0, loss in 0f32..=1.0, jitter in 0f32..1_000.0) {
            let score = figures.score();
            prop_assert!((0.0..=100.0).contains(&score));
            let slower = Figures { latency_ms: figures.latency_ms + latency, ..figures };
            let lossier = Figures { loss: (figures.loss + loss).min(1.0), ..figures };
            let shakier = Figures { jitter_ms: figures.jitter_ms + jitter, ..figures };
            for worse in [slower, lossier, shakier] {
                prop_assert!(worse.score() <= score, "{worse:?} has {}, {figures:?} {score}", worse.score());
            }
        }

        #[test]
        fn a_small_change_is_a_small_difference(figures in figures(), by in -1f32..1.0) {
            // The steepest slopes: 0.1 a millisecond of latency, 0.4 of jitter, 14 a percent of loss (weighted and cap).
            let near = Figures {
                latency_ms: (figures.latency_ms + by).max(0.0),
                loss: (figures.loss + by / 1000.0).clamp(0.0, 1.0),
                jitter_ms: (figures.jitter_ms + by).max(0.0),
            };
            prop_assert!((near.score() - figures.score()).abs() <= 2.0 * by.abs() + 0.001);
        }

        #[test]
        fn loss_caps_whatever_is_good(loss in 0f32..=1.0) {
            let score = Figures { loss, ..Figures::default() }.score();
            prop_assert!(loss < 0.5 || score < 15.0);
        }

        #[test]
        fn all_at_once_is_one_by_one(list in prop::collection::vec(figures(), 0..50)) {
            let mut scores = Scores::new(list.len());
            list.iter().enumerate().for_each(|(path, figures)| scores.set(path, *figures));
            let mut again = scores.clone();
            again.rescore();
            prop_assert_eq!(&again, &scores);
            prop_assert!(list.iter().enumerate().all(|(path, figures)| scores.figures(path) == *figures));
        }
    }
}
