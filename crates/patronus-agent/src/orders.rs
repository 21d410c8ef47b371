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
    match local::Client::new(&state).order(entry.network, order).await {
        Ok(()) => {}
        Err(LocalError::NotRunning) => {
            let _lock = state.lock()?;
            entry.home.save_orders(entry.home.orders()?.with(order))?;
        }
        Err(error) => return Err(error.into()),
    }
    output::say(match order {
        Order::Pause => format!(
            "network {name} is paused here: what runs stays, and nothing that the server names is applied until `patronus-agent resume`"
        ),
        Order::Resume => format!("network {name} applies what the server names"),
    });
    Ok(())
}
