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
    match local::Client::new(&state).retry(entry.network).await {
        Ok(()) => output::say("what was undone here is tried again"),
        Err(LocalError::NotRunning) => {
            let _lock = state.lock()?;
            entry.home.save_condemned(&CondemnedList::default())?;
            output::say("what was undone here is tried again once the agent runs");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
