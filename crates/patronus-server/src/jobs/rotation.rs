//! Takes the next step in the replacing of keys once nobody holds it open, and begins one where keys are old.
//!
//! It is woken by commits that may have been waited for. Each step is one transaction with its release, so whatever
//! interrupts it, the next pass finds the step either taken or still to take.

use std::sync::Arc;
use std::time::Duration;

use patronus_core::rotation::{Decision, decide, due, is_free};
use patronus_store::{Duty, NewRotation, RotationRecord, Write};
use patronus_types::event::Actor;
use patronus_types::rotation::Phase;

use crate::app::App;
use crate::error::Result;
use crate::publish::{self, Step};
use crate::rotation::{Released, running};

/// How often ages are looked at when nothing else happens.
const EVERY: Duration = Duration::from_secs(60);
/// Between two passes: a thousand sites that report at once are one pass, or few.
const PAUSE: Duration = Duration::from_secs(1);
/// The sites with old keys that are tried in one pass, where each is held up by somebody.
const MOST_TRIED: usize = 100;

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    loop {
        pass(&app).await;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stopping() => return,
        }
        tokio::select! {
            () = app.index.rotations_moved() => {}
            () = tokio::time::sleep(EVERY) => {}
            () = app.stopping() => return,
        }
    }
}

async fn pass(app: &Arc<App>) {
    let duties = match app.store.rotation_duties().await {
        Ok(duties) => duties,
        Err(error) => return tracing::warn!(%error, "cannot read whose keys are being replaced; tried again soon"),
    };
    for duty in duties {
        let trouble = tend(app, duty).await.err().map(|error| error.to_string());
        let told = trouble.as_ref().map(|why| format!("its next release cannot be made: {why}"));
        if app.rotation_troubles.note(duty.network, told)
            && let Some(error) = trouble
        {
            tracing::warn!(network = %duty.network, error, "the replacing of keys does not go on; tried again");
        }
    }
}

async fn tend(app: &Arc<App>, duty: Duty) -> Result<()> {
    let Some(released) = Released::read(app, duty.tenant, duty.network).await? else { return Ok(()) };
    match released.rotation() {
        Some(rotation) => go_on(app, duty, &released, rotation).await,
        None => begin(app, duty, &released).await,
    }
}

async fn go_on(app: &Arc<App>, duty: Duty, released: &Released, rotation: &RotationRecord) -> Result<()> {
    let write = write(app, duty);
    let views = released.concerned(rotation.site)?;
    let step = match decide(&running(rotation), &views, write.now) {
        Decision::Advance(Phase::Spare) => Step::Spare,
        Decision::Advance(_) => Step::Rekey,
        Decision::Finish if rotation.phase == Phase::Back => Step::Cancelled,
        Decision::Finish => Step::Done,
        Decision::Wait(_) => {
            // Others are due, and it would keep the network's only place for as long as somebody is silent.
            let in_the_way = rotation.by_age && rotation.phase == Phase::Keys;
            if in_the_way && !is_free(rotation.site, &views, write.now) {
                app.store.cancel_rotation(&write, rotation.site).await?;
            }
            return Ok(());
        }
    };
    let name = views.iter().find(|view| view.id == rotation.site).map(|view| view.name.to_string());
    let what = match step {
        Step::Spare => "traffic moves to spare tunnels",
        Step::Rekey => "the new keys, and traffic moves back",
        Step::Back => "given up, and traffic moves back",
        Step::Done | Step::Cancelled => "the spare tunnels go",
    };
    let message = format!("keys of site {}: {what}", name.unwrap_or_default());
    publish::step(app, write, duty.network, message, step).await.map(drop)
}

async fn begin(app: &Arc<App>, duty: Duty, released: &Released) -> Result<()> {
    let Some(days) = released.days else { return Ok(()) };
    let write = write(app, duty);
    for site in due(&released.all(), days, write.now).into_iter().take(MOST_TRIED) {
        if is_free(site, &released.concerned(site)?, write.now) {
            let new = NewRotation { site, without: Default::default(), by_age: true };
            app.store.start_rotation(&write, new).await?;
            return Ok(());
        }
    }
    Ok(())
}

fn write(app: &App, duty: Duty) -> Write {
    Write {
        tenant: duty.tenant,
        actor: Actor::system(),
        request_id: None,
        now: app.clock.now(),
        dry_run: false,
        idempotency: None,
        seen: Vec::new(),
    }
}
