//! Events.

use std::collections::BTreeSet;

use patronus_client::Client;
use patronus_client::events::{Filter, Step};
use patronus_types::event::{Event, Severity};

use crate::app::App;
use crate::cli::count;
use crate::error::Result;
use crate::output::{Cell, Column, Format, Object, Tone, escape};
use patronus_types::words::nearest;

/// What can be done with events.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List events, newest first; after a number, oldest first
    List(Which),
    /// Follow events until interrupted
    Watch(Which),
}

/// Which events.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only those of a type (`site.created`), or of a group (`site.`)
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only those after this number
    #[arg(long, value_name = "NUMBER", value_parser = count::<u64>, allow_negative_numbers = true)]
    after: Option<u64>,
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List(which) => list(app, which),
        Command::Watch(which) => watch(app, which),
    }
}

fn list(app: &App, which: Which) -> Result {
    let limit = app.out.view.limit.filter(|_| app.out.view.sort_by.is_none()).unwrap_or(usize::MAX);
    let client = app.client()?;
    let filter = Filter { kind: which.kind, after: which.after };
    let (events, more) = app.run(async { Ok(client.events().list(&filter).take(limit).await?) })?;
    let unknown = filter.kind.filter(|_| events.is_empty());
    app.out.list(events, more)?;
    match unknown {
        Some(kind) => tell_types(app, &client, &kind),
        None => Ok(()),
    }
}

/// How many events are looked through for their types.
const NEWEST: usize = 1000;

/// Nothing is of a type: it may be no type at all. Which ones there are, only what has happened can tell.
fn tell_types(app: &App, client: &Client, wanted: &str) -> Result {
    let (newest, _) = app.run(async { Ok(client.events().list(&Filter::default()).take(NEWEST).await?) })?;
    let types: BTreeSet<String> = newest.into_iter().map(|event| event.kind).collect();
    let group = format!("{wanted}.");
    if types.contains(wanted) {
        return Ok(());
    }
    if types.iter().any(|kind| kind.starts_with(&group)) {
        app.out.notice(&format!("did you mean `{group}`, all events of {wanted}s?"));
    } else if let Some(near) = nearest(wanted, types.iter().map(String::as_str)) {
        app.out.notice(&format!("did you mean `{near}`?"));
    } else if !types.is_empty() {
        let types = types.into_iter().collect::<Vec<_>>().join(", ");
        app.out.notice(&format!("the types of the newest events are: {types}"));
    }
    Ok(())
}

fn watch(app: &App, which: Which) -> Result {
    let client = app.client()?;
    // Numbers have no gaps, so a filter aside, a jump means that events are gone.
    let gapless = which.kind.is_none() && client_sees_all(app)?;
    app.run(async {
        let mut left = app.out.view.limit;
        let mut last = which.after;
        let mut watch = client.events().watch(Filter { kind: which.kind, after: which.after }).await?;
        let mut away = false;
        while left != Some(0) {
            let events = match watch.next().await? {
                Step::Events(events) => events,
                Step::Away(error, _) => {
                    if !std::mem::replace(&mut away, true) {
                        app.out.notice(&format!("the server is away, waiting for it: {error}"));
                    }
                    continue;
                }
            };
            away = false;
            for event in events.into_iter().take(left.unwrap_or(usize::MAX)) {
                if gapless && last.is_some_and(|last| event.number > last + 1) {
                    app.out.notice(&format!("resync: events up to {} are not kept any more", event.number - 1));
                }
                last = Some(event.number);
                left = left.map(|left| left - 1);
                show(app, &event)?;
            }
        }
        Ok(())
    })
}

fn client_sees_all(app: &App) -> Result<bool> {
    Ok(app.target()?.scope.network.is_none())
}

fn show(app: &App, event: &Event) -> Result {
    match app.out.view.format {
        Format::Table | Format::Wide if app.out.view.fields.is_empty() => app.out.write(&line(app, event)),
        _ => app.out.objects_line(event),
    }
}

/// One event on one line, with the same columns whatever comes later.
fn line(app: &App, event: &Event) -> String {
    let severity = app.out.style.tone(tone(event.severity), &format!("{:<8}", super::status::word(&event.severity)));
    let (time, kind) = (app.out.time(event.time), &event.kind);
    format!("{:>6}  {time:<20}  {severity}{kind:<22}  {}\n", event.number, escape(&event.message))
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Dim,
        Severity::Warning => Tone::Warn,
        Severity::Error => Tone::Bad,
    }
}

impl Object for Event {
    const KIND: &'static str = "event";

    fn name(&self) -> String {
        self.number.to_string()
    }

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("NUMBER", |it, _| it.number.to_string().into()),
            Column::fixed("TIME", |it, out| out.time(it.time).into()),
            Column::ranked(3, "SEVERITY", |it, _| Cell::toned(super::status::word(&it.severity), tone(it.severity))),
            Column::ranked(2, "TYPE", |it, _| it.kind.clone().into()),
            Column::ranked(4, "ACTOR", |it, _| it.actor.name.clone().into()),
            Column::text(0, "MESSAGE", |it, _| it.message.clone().into()),
            Column::wide("REQUEST", |it, _| Cell::of(it.request_id.as_ref())),
        ]
    }
}
