//! `revert`: undoes a change that has yet to prove itself, or goes back to what ran before the last one.

use std::path::Path;
use std::sync::Arc;

use patronus_types::Ref;

use crate::alone::Alone;
use crate::failure::Failure;
use crate::local::{self, LocalError};
use crate::output;
use crate::state::StateDir;
use crate::world::World;

/// Runs the command.
pub async fn command(folder: &Path, only: Option<&Ref>, world: &World) -> Result<(), Failure> {
    let state = StateDir::at(folder);
    let entry = crate::leave::choose(state.entries()?, folder, only)?;
    let said = match local::Client::new(&state).revert(entry.network, output::say).await {
        Ok(said) => Ok(said),
        Err(LocalError::NotRunning) => {
            let mut alone = Alone::take_up(&state, entry, world).await?;
            match alone.undone {
                Some(change) => alone.network.leave_behind(change),
                None => {
                    let brought = alone.network.revert(Arc::new(output::say)).await;
                    alone.end(brought).await
                }
            }
        }
        Err(LocalError::Failed(why)) => Err(why),
        Err(error) => return Err(error.into()),
    };
    output::end(said)
}
