//! `status`: from the running agent, or else from the disk and the kernel.

use std::path::Path;

use patronus_types::Ref;

use super::{NetworkStatus, Status, table};
use crate::cli::Output;
use crate::failure::{Exit, Failure};
use crate::local;
use crate::network::Network;
use crate::output;
use crate::state::StateDir;
use crate::world::World;

/// Runs the command.
pub async fn command(folder: &Path, only: Option<&Ref>, form: Output, world: &World) -> Result<(), Failure> {
    let state = StateDir::at(folder);
    let (agent_running, mut networks) = match local::Client::new(&state).status().await {
        Ok(networks) => (true, networks),
        Err(local::LocalError::NotRunning) => (false, from_disk(&state, world).await?),
        Err(error) => return Err(error.into()),
    };
    networks.retain(|network| only.is_none_or(|only| is(network, only)));
    if networks.is_empty() {
        return Err(crate::leave::not_enrolled(folder, only));
    }
    let status = Status { agent_version: crate::VERSION.to_owned(), agent_running, networks };
    let text = match form {
        Output::Table => table::render(&status),
        Output::Json => serde_json::to_string_pretty(&status).map(|text| text + "\n").unwrap_or_default(),
    };
    output::answer(&text)
        .map_err(|error| Failure::new(Exit::Failed, format_args!("cannot print the status: {error}")))?;
    all_known(&status)
}

/// A network of which nothing could be said is a failure, after all that could be said was.
fn all_known(status: &Status) -> Result<(), Failure> {
    match status.networks.iter().find(|network| network.member.is_none()) {
        None => Ok(()),
        Some(network) => {
            let message = format_args!("network {} cannot be shown", network.network_id);
            Err(Failure::new(Exit::State, message).help("its warning above says why and what to do"))
        }
    }
}

async fn from_disk(state: &StateDir, world: &World) -> Result<Vec<NetworkStatus>, Failure> {
    let mut networks = Vec::new();
    for entry in state.entries()? {
        let network = entry.identity.and_then(|identity| Network::open(entry.home, identity, world.clone()));
        networks.push(match network {
            Ok(network) => network.status(false).await,
            Err(error) => NetworkStatus::unreadable(entry.network, &error.with_advice(entry.network)),
        });
    }
    Ok(networks)
}

fn is(status: &NetworkStatus, wanted: &Ref) -> bool {
    match wanted {
        Ref::Id(id) => status.network_id.to_string() == id.to_string(),
        Ref::Name(name) => status.member.as_ref().is_some_and(|member| member.network.name == *name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Lab;

    #[tokio::test]
    async fn a_network_that_cannot_be_read_is_a_failure() {
        let lab = Lab::new();
        let world = lab.world();
        let show = || command(lab.folder.path(), None, Output::Json, &world);
        assert_eq!(show().await, Ok(()));
        std::fs::write(lab.home().path().join("identity.json"), b"").unwrap();
        assert_eq!(show().await.unwrap_err().exit, Exit::State);
    }
}
