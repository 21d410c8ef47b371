//! The rules of how a network's paths are measured and chosen.

use patronus_types::api::error::Fault;
use patronus_types::bound::{PATH_BUDGET, PATH_HOLD, PATH_INTERVAL, PATH_MARGIN, PERCENT};
use patronus_types::path::PathSettings;

use super::Faults;

/// Everything that does not hold in a network's settings of paths, with pointers below `/paths`.
pub fn path_settings(settings: &PathSettings) -> Vec<Fault> {
    let mut faults = Faults::default();
    faults.within(&PATH_INTERVAL, settings.interval_ms, "/paths/interval_ms");
    faults.within(&PERCENT, settings.up_score, "/paths/up_score");
    faults.within(&PERCENT, settings.degraded_score, "/paths/degraded_score");
    faults.check(
        settings.degraded_score <= settings.up_score,
        "/paths/degraded_score",
        format!("use at most `up_score`, which is {}: a path that is up is not degraded", settings.up_score),
    );
    faults.within(&PATH_HOLD, settings.hold_s, "/paths/hold_s");
    faults.within(&PATH_MARGIN, settings.margin_ms, "/paths/margin_ms");
    faults.within(&PERCENT, settings.margin_pct, "/paths/margin_pct");
    faults.within(&PATH_BUDGET, settings.budget_kbps, "/paths/budget_kbps");
    faults.within(&PATH_BUDGET, settings.metered_budget_kbps, "/paths/metered_budget_kbps");
    faults.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_holds_and_every_bound_is_kept() {
        let pointers = |change: fn(&mut PathSettings)| {
            let mut settings = PathSettings::default();
            change(&mut settings);
            path_settings(&settings).into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert!(pointers(|_| {}).is_empty());
        assert_eq!(pointers(|it| it.interval_ms = 19), ["/paths/interval_ms"]);
        assert_eq!(pointers(|it| it.interval_ms = 10_001), ["/paths/interval_ms"]);
        assert_eq!(pointers(|it| it.up_score = 101), ["/paths/up_score"]);
        assert_eq!(pointers(|it| it.degraded_score = 81), ["/paths/degraded_score"]);
        assert_eq!(pointers(|it| it.hold_s = 0), ["/paths/hold_s"]);
        assert_eq!(pointers(|it| it.margin_ms = 10_001), ["/paths/margin_ms"]);
        assert_eq!(pointers(|it| it.margin_pct = 101), ["/paths/margin_pct"]);
        assert_eq!(pointers(|it| it.budget_kbps = 0), ["/paths/budget_kbps"]);
        assert_eq!(pointers(|it| it.metered_budget_kbps = 0), ["/paths/metered_budget_kbps"]);
    }
}
