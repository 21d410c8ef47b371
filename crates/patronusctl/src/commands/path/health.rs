//! `path health`: what a path was like.

use clap_complete::engine::ArgValueCompleter;
use patronus_types::Timestamp;
use patronus_types::api::page::HealthStep;
use patronus_types::path::PathHealth;

use super::listed;
use crate::app::App;
use crate::cli::duration;
use crate::complete;
use crate::error::{CliError, Result};
use crate::output::{Cell, Column, Object};

/// Arguments of `path health`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or SITE/UPLINK..SITE/UPLINK
    #[arg(value_name = "PATH", add = ArgValueCompleter::new(complete::paths))]
    path: String,
    /// From when on: a time, or how long ago [default: 1h]
    #[arg(long, value_name = "TIME|SPAN")]
    since: Option<String>,
    /// Up to when, likewise [default: now]
    #[arg(long, value_name = "TIME|SPAN")]
    until: Option<String>,
    /// Of how long a while each line is; hours where more than a day is asked for
    #[arg(long, value_parser = ["minute", "hour"])]
    step: Option<String>,
}

/// Shows it.
pub fn run(app: &App, args: &Args) -> Result {
    let moment = |typed: &Option<String>| typed.as_deref().map(|text| moment(text, app.now())).transpose();
    let (since, until) = (moment(&args.since)?, moment(&args.until)?);
    let step = args.step.as_deref().map(|step| if step == "hour" { HealthStep::Hour } else { HealthStep::Minute });
    let client = app.client()?;
    let health = app.run(async {
        let path = listed::one(&client, &args.path).await?;
        Ok(client.paths().health(&path.id(), (since, until), step).await?)
    })?;
    if app.out.view.format.is_human() && app.out.is_terminal() && !health.is_empty() {
        let latency: Vec<Option<f64>> = health.iter().map(|it| it.latency_ms.map(|it| it.get())).collect();
        app.out.write(&format!("latency  {}\n", spark(&latency)))?;
    }
    app.out.list(health, false)
}

/// A time, or a span before now.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let ago = duration(text).ok().and_then(|span| now.checked_sub(span).ok());
    ago.ok_or_else(|| {
        CliError::usage(format!("`{}` is no time", text.escape_debug())).help("write 2026-01-31T08:00:00Z, or 30m, 12h")
    })
}

/// Values as bars of growing height, from nothing to the largest; a blank where there is none.
fn spark(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const MOST: usize = 80;
    let values = &values[values.len().saturating_sub(MOST)..];
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
        let height = if largest > 0.0 { (value / largest * 7.0).round() as usize } else { 0 };
        BARS[height.min(7)]
    };
    values.iter().map(|value| value.as_ref().map_or(' ', bar)).collect()
}

impl Object for PathHealth {
    const KIND: &'static str = "path";

    fn name(&self) -> String {
        self.path_id.to_string()
    }

    fn id(&self) -> String {
        self.path_id.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("TIME", |it, out| out.time(it.timestamp).into()),
            Column::fixed("LATENCY", |it, _| Cell::of(it.latency_ms.map(|it| format!("{it} ms")))),
            Column::ranked(2, "LEAST", |it, _| Cell::of(it.latency_min_ms.map(|it| format!("{it} ms")))),
            Column::ranked(1, "MOST", |it, _| Cell::of(it.latency_max_ms.map(|it| format!("{it} ms")))),
            Column::fixed("LOSS", |it, _| Cell::of(it.packet_loss_pct.map(|it| format!("{it} %")))),
            Column::fixed("JITTER", |it, _| Cell::of(it.jitter_ms.map(|it| format!("{it} ms")))),
            Column::fixed("SCORE", |it, _| it.health_score.to_string().into()),
            Column::wide("SECONDS", |it, _| it.seconds.to_string().into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_with_the_value_and_what_is_unknown_is_blank() {
        assert_eq!(spark(&[Some(0.0), Some(5.0), None, Some(10.0)]), "▁▅ █");
        assert_eq!(spark(&[Some(0.0)]), "▁");
        assert_eq!(spark(&[Some(1.0); 100]).chars().count(), 80);
        assert_eq!(spark(&[]), "");
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(moment("30m", now).unwrap().to_string(), "2026-01-01T23:30:00Z");
        assert_eq!(moment("2026-01-01T00:00:00Z", now).unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert!(moment("yesterday", now).is_err());
    }
}
