//! Keeps what paths were like from growing: minutes become hours, and hours are forgotten.

use std::sync::Arc;
use std::time::Duration;

use patronus_types::Timestamp;

use crate::app::App;
use crate::error::Result;
use crate::paths::{folded, restore};

const EVERY: Duration = Duration::from_secs(10 * 60);
/// So much at once, so that other writes come between.
const FOLDS: u32 = 100;
const FORGETS: u32 = 1000;

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    if let Err(error) = restore(&app, app.clock.now()).await {
        tracing::warn!(%error, "how paths did before is not known until sites report");
    }
    loop {
        if let Err(error) = pass(&app, app.clock.now()).await {
            tracing::warn!(%error, "what paths were like cannot be joined or forgotten; tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = app.stopping() => return,
        }
    }
}

/// Joins and forgets what is due.
pub async fn pass(app: &App, now: Timestamp) -> Result<()> {
    let before = |kept: Duration| now.checked_sub(kept).unwrap_or(now);
    loop {
        let due = app.store.unfolded_paths(crate::paths::hour_of(before(app.history.minutes)), FOLDS).await?;
        for (site, hour) in &due {
            let end = hour.checked_add(Duration::from_secs(3600)).unwrap_or(*hour);
            let blocks = app.store.path_blocks(*site, *hour, end).await?;
            if let Some(block) = folded(*site, *hour, &blocks) {
                app.store.fold_path_blocks(block).await?;
            }
        }
        if due.is_empty() {
            break;
        }
    }
    while app.store.forget_path_blocks(before(app.history.hours), FORGETS).await? > 0 {}
    Ok(())
}
