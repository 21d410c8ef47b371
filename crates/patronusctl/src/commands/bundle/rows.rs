//! Releases and bundles in tables.

use patronus_types::api::agent::Outcome;
use patronus_types::bundle::Bundle;
use patronus_types::release::{Release, ReleaseKind};

use crate::commands::outcome;
use crate::commands::status::word;
use crate::output::{Cell, Column, Object, Tone};

impl Object for Release {
    const KIND: &'static str = "bundle";

    fn name(&self) -> String {
        self.version.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("VERSION", |it, _| it.version.to_string().into()),
            Column::ranked(3, "KIND", |it, _| kind(it).into()),
            Column::fixed("SITES", |it, _| it.sites.to_string().into()),
            Column::ranked(4, "CHANGED", |it, _| it.changed.to_string().into()),
            Column::fixed("APPLIED", |it, _| applied(it)),
            Column::fixed("FAILED", |it, _| {
                if it.failed == 0 { "0".into() } else { Cell::toned(it.failed.to_string(), Tone::Bad) }
            }),
            Column::ranked(5, "BY", |it, _| it.created_by.clone().into()),
            Column::ranked(1, "CREATED", |it, out| out.time(it.created_at).into()),
            Column::text(2, "MESSAGE", |it, _| it.message.clone().into()),
            Column::wide("ACCEPTED", |it, _| crate::commands::site::join(&it.terms.accept_risks).into()),
            Column::wide("CONFIRM", |it, _| Cell::of(it.terms.confirm_timeout_s.map(|seconds| format!("{seconds} s")))),
            Column::wide("PENDING", |it, _| crate::commands::site::join(&it.pending).into()),
            Column::wide("ID", |it, _| it.id().into()),
        ]
    }
}

fn kind(release: &Release) -> String {
    match (release.kind, release.rollback_of) {
        (ReleaseKind::Rollback, Some(version)) => format!("rollback of {version}"),
        (kind, _) => word(&kind),
    }
}

fn applied(release: &Release) -> Cell {
    let tone = if release.applied >= release.agents { Tone::Good } else { Tone::Warn };
    Cell::toned(release.applied.to_string(), tone)
}

fn of(bundle: &Bundle, what: impl Fn(&Outcome) -> String) -> Option<String> {
    bundle.outcome.as_ref().map(what).filter(|words| !words.is_empty())
}

impl Object for Bundle {
    const KIND: &'static str = "bundle";

    fn name(&self) -> String {
        format!("{}/{}", self.version, self.site)
    }

    fn id(&self) -> String {
        self.digest.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("SITE", |it, _| it.site.to_string().into()),
            Column::fixed("VERSION", |it, _| it.version.to_string().into()),
            Column::ranked(1, "SOURCE", |it, _| word(&it.source).into()),
            Column::ranked(2, "SIZE", |it, _| it.size.to_string().into()),
            Column::fixed("DIGEST", |it, _| it.digest.short().into()),
            Column::fixed("RESULT", |it, _| it.outcome.as_ref().map_or_else(|| "-".into(), outcome::result)),
            Column::wide("STEP", |it, _| Cell::of(of(it, outcome::step))),
            Column::wide("TOOK", |it, _| Cell::of(of(it, outcome::took))),
            Column::wide("DONE", |it, _| Cell::of(of(it, outcome::done))),
            Column::text(3, "REASON", |it, _| Cell::of(of(it, |it| it.reason.clone().unwrap_or_default()))),
            Column::wide("SHA-256", |it, _| it.digest.to_string().into()),
        ]
    }
}
