//! `retry`: has a site try again what it undid.

use std::path::Path;

use patronus_types::Ref;

use crate::failure::Failure;
use crate::local::{self, LocalError};
use crate::output;
use crate::state::{CondemnedList, StateDir};

/// Runs the command.
pub async fn command(folder: &Path, only: Option<&Ref>) -> Result<(), Failure> {
    let state = StateDir::at(folder);
    let entry = crate::leave::choose(state.entries()?, folder, only)?;
    output::say(match local::Client::new(&state).retry(entry.network).await {
        Ok(said) => said,
        Err(LocalError::NotRunning) => {
            let _lock = state.lock()?;
            let condemned = entry.home.condemned();
            if !condemned.is_empty() {
                entry.home.save_condemned(&CondemnedList::default())?;
            }
            format!("{}; no agent runs here now", condemned.forgiven())
        }
        Err(error) => return Err(error.into()),
    });
    Ok(())
}
