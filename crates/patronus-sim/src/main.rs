//! `patronus-sim` plays what befalls networks, and says how it went.

use std::io::Write as _;
use std::ops::Range;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use patronus_sim::scenario::{NAMES, Outcome, Scenario, drawn, named};

/// Plays scenarios in virtual time, and checks what must hold at each step.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// With which seeds: FROM..TO.
    #[arg(long, default_value = "0..10", value_parser = seeds)]
    seeds: Range<u64>,
    /// How many sites a drawn network has at most.
    #[arg(long, default_value_t = 5)]
    sites: usize,
    /// Which: `all`, `drawn`, or one by its name.
    #[arg(long, default_value = "all")]
    scenario: String,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:16} {:>5} {:>5} {:>6} {:>10} {:>10}  failed",
        "scenario", "runs", "flows", "moves", "left in ms", "lost"
    )?;
    let mut failures = Vec::new();
    for name in names(&options.scenario)? {
        let runs: Vec<_> = options.seeds.clone().map(|seed| run(name, seed, options.sites)).collect();
        let failed = runs.iter().filter(|run| run.is_err()).count();
        let outcomes: Vec<&Outcome> = runs.iter().flatten().collect();
        writeln!(out, "{name:16} {:>5} {}  {failed}", runs.len(), row(&outcomes))?;
        failures.extend(runs.into_iter().filter_map(Result::err));
    }
    failures.iter().try_for_each(|failure| writeln!(out, "\n{failure:#}"))?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn names(asked: &str) -> Result<Vec<&'static str>> {
    let all = NAMES.into_iter().chain(["drawn"]);
    let names: Vec<_> = all.filter(|name| asked == "all" || *name == asked).collect();
    (!names.is_empty())
        .then_some(names)
        .with_context(|| format!("{asked} is none of: all, drawn, {}", NAMES.join(", ")))
}

fn run(name: &str, seed: u64, sites: usize) -> Result<Outcome> {
    let scenario: Scenario = named(name, seed).unwrap_or_else(|| drawn(seed, sites));
    let again = || {
        format!("again: cargo run -p patronus-sim -- --scenario {name} --seeds {seed}..{} --sites {sites}", seed + 1)
    };
    scenario.play().with_context(again)
}

/// The most flows and moves of one run, the longest time to leave, and the packets lost by each flow on average.
fn row(outcomes: &[&Outcome]) -> String {
    let most = |of: fn(&Outcome) -> usize| outcomes.iter().map(|it| of(it)).max().unwrap_or_default();
    let left = outcomes.iter().filter_map(|it| it.left_after).max();
    let left = left.map_or_else(|| "-".to_owned(), |left| left.as_millis().to_string());
    let flows: usize = outcomes.iter().map(|it| it.flows).sum();
    #[allow(clippy::cast_precision_loss, reason = "a number of flows")]
    let lost = outcomes.iter().map(|it| it.lost).sum::<f64>() / flows.max(1) as f64;
    format!("{:>5} {:>6} {left:>10} {lost:>10.1}", most(|it| it.flows), most(|it| it.moves))
}

fn seeds(text: &str) -> Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("give it as FROM..TO")?;
    Ok(from.parse()?..to.parse()?)
}
