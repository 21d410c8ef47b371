//! `pause` and `resume`: whether a site applies what the server names.

use std::path::Path;

use patronus_types::Ref;

use crate::failure::Failure;
use crate::local::{self, LocalError};
use crate::output;
use crate::state::{Order, StateDir};

/// Runs the command. Without an agent it is a matter of a file.
pub async fn command(folder: &Path, only: Option<&Ref>, order: Order) -> Result<(), Failure> {
    let state = StateDir::at(folder);
    let entry = crate::leave::choose(state.entries()?, folder, only)?;
    let name = entry.identity.map(|identity| identity.network.name)?;
    output::say(match local::Client::new(&state).order(entry.network, order).await {
        Ok(effect) => effect,
        Err(LocalError::NotRunning) => {
            let _lock = state.lock()?;
            let orders = entry.home.orders()?;
            let running = entry.home.current().and_then(|digest| entry.home.load(digest).ok().flatten());
            entry.home.save_orders(orders.with(order))?;
            orders.effect(order, &name, running.map(|(release, _)| release.version))
        }
        Err(error) => return Err(error.into()),
    });
    Ok(())
}
