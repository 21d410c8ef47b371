//! Writes down in batches when sites were heard and tokens were used; a write per poll would be one per site and
//! five seconds.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// Far below the 120 s after which a site counts as not heard.
const EVERY: Duration = Duration::from_secs(5);

/// Runs until the server stops, and then once more.
pub async fn run(app: Arc<App>) {
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(EVERY) => false,
            () = app.stopping() => true,
        };
        flush(&app).await;
        if stopping {
            return;
        }
    }
}

/// Writes down what is not yet.
pub async fn flush(app: &App) {
    let heard = app.index.heard();
    if !heard.is_empty() {
        match app.store.heard(heard.clone()).await {
            Ok(()) => app.index.written_heard(&heard),
            Err(error) => tracing::warn!(%error, "cannot write down when sites were heard; tried again soon"),
        }
    }
    let used = app.index.used();
    if !used.is_empty()
        && let Err(error) = app.store.used(used).await
    {
        tracing::warn!(%error, "cannot write down when tokens were used");
    }
}
