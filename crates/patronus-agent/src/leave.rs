//! `leave`: takes everything of one network from this host, and nothing else.
//!
//! The server is told first, while the tunnels that may lead to it still exist; that it could not be told stops nothing.

use std::path::Path;
use std::time::Duration;

use patronus_types::Ref;

use crate::control::{ControlError, Server};
use crate::failure::{Exit, Failure};
use crate::local::{self, LocalError};
use crate::network::Network;
use crate::output;
use crate::state::{Entry, StateDir};
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the command.
pub async fn command(folder: &Path, only: Option<&Ref>, world: &World) -> Result<(), Failure> {
    let state = StateDir::at(folder);
    let entry = choose(state.entries()?, folder, only)?;
    let name = match &entry.identity {
        Ok(identity) => identity.network.name.to_string(),
        Err(_) => entry.network.to_string(),
    };
    let notes = match local::Client::new(&state).leave(entry.network).await {
        Ok(notes) => notes,
        Err(LocalError::NotRunning) => alone(&state, entry, world).await?,
        Err(error) => return Err(error.into()),
    };
    notes.iter().for_each(output::say);
    output::say(farewell(&name, &notes));
    Ok(())
}

/// Leaves while no agent runs.
async fn alone(state: &StateDir, entry: Entry, world: &World) -> Result<Vec<String>, Failure> {
    let _lock = state.lock()?;
    let _members = state.lock_members()?;
    let left = match entry.identity.and_then(|identity| Network::open(entry.home.clone(), identity, world.clone())) {
        Ok(mut network) => leave(&mut network).await,
        Err(error) => unreadable(&entry.home, entry.network, &error, world).await,
    };
    left.map_err(|reason| {
        Failure::new(Exit::Failed, reason).help("nothing was forgotten: run it again when that is mended")
    })
}

/// Leaves a network; gives what went wrong on the way and did not matter.
pub async fn leave(network: &mut Network) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    if let Err(error) = tell(network).await {
        let site = &network.identity().site.name;
        notes.push(match error.is_stranger() {
            true => format!("the server was not told: it does not know this host as site {site} any more"),
            false => format!("the server could not be told ({error}); there, run: patronusctl site delete {site}"),
        });
    }
    notes.extend(network.withdraw().await?);
    network.home().remove().map_err(|error| error.to_string())?;
    tracing::info!(network = %network.identity().network.name, "left");
    Ok(notes)
}

/// Tells the first server that listens.
async fn tell(network: &Network) -> Result<(), ControlError> {
    let identity = network.identity();
    let mut last = ControlError::Unreachable("no server is known".to_owned());
    for url in &identity.servers {
        let server = Server { url: url.clone(), ca_sha256: identity.ca_sha256 };
        let told = match network.world().dial.dial(&server, Some(&identity.token)) {
            Ok(control) => tokio::time::timeout(PATIENCE, async move { control.leave().await }).await,
            Err(error) => Ok(Err(error)),
        };
        last = match told {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => ControlError::Unreachable(format!("{url} did not answer")),
        };
    }
    Err(last)
}

/// The last line: it promises no more than what was done.
fn farewell(name: &str, notes: &[String]) -> String {
    match notes {
        [] => format!("left network {name}: its tunnels, routes and keys are gone from this host"),
        _ => format!("left network {name}: its tunnels and keys are gone from this host; see above what was not done"),
    }
}

/// A network whose files cannot be read: what it has in the kernel is known by its alias and its bundles.
async fn unreadable(
    home: &crate::state::Home,
    network: patronus_types::NetworkId,
    why: &dyn std::fmt::Display,
    world: &World,
) -> Result<Vec<String>, String> {
    let mut notes = vec![format!(
        "its files cannot be read ({why}), so the server was not told; there, run: patronusctl site delete NAME"
    )];
    let bundles = home.contents();
    if bundles.is_empty() {
        notes.push(
            "routes of prefixes behind other sites may be left: `ip route show proto 80` shows them, `ip route del` removes them"
                .to_owned(),
        );
    }
    let left = crate::converge::withdraw_by_alias(world, network, &bundles).await;
    notes.extend(left.map_err(|error| error.to_string())?);
    notes.extend(crate::network::put_back(world, home).await);
    home.remove().map_err(|error| error.to_string())?;
    Ok(notes)
}

/// The network that is meant.
pub fn choose(mut entries: Vec<Entry>, folder: &Path, only: Option<&Ref>) -> Result<Entry, Failure> {
    let is = |entry: &Entry, wanted: &Ref| match wanted {
        Ref::Id(id) => entry.network.to_string() == id.to_string(),
        Ref::Name(name) => entry.identity.as_ref().is_ok_and(|identity| identity.network.name == *name),
    };
    if let Some(wanted) = only {
        entries.retain(|entry| is(entry, wanted));
    }
    match entries.len() {
        0 => Err(not_enrolled(folder, only)),
        1 => entries.pop().ok_or_else(|| not_enrolled(folder, only)),
        _ => {
            let names: Vec<String> = entries.iter().map(label).collect();
            Err(Failure::new(Exit::Usage, format_args!("this host is in several networks: {}", names.join(", ")))
                .help("say which with --network"))
        }
    }
}

fn label(entry: &Entry) -> String {
    match &entry.identity {
        Ok(identity) => identity.network.name.to_string(),
        Err(_) => entry.network.to_string(),
    }
}

/// That there is nothing to show or to leave.
pub fn not_enrolled(folder: &Path, only: Option<&Ref>) -> Failure {
    let message = match only {
        Some(wanted) => format!("this host is not in network {wanted} (state folder {})", folder.display()),
        None => format!("this host is in no network (state folder {})", folder.display()),
    };
    Failure::new(Exit::NotEnrolled, message).help(format_args!(
        "join one: patronus-agent enrol --state {} --token-file FILE; another folder is named with --state",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Lab, network, state as wanted};
    use patronus_types::api::agent::Mode;

    /// A host whose identity was lost while it ran a version.
    async fn broken() -> Lab {
        let lab = Lab::new();
        let version = lab.version(1, 3);
        let mut running = lab.open();
        running.told(wanted(Mode::Apply, &version));
        running.take(&version.desired, &version.archive).await;
        assert!(lab.kernel.shape().contains("Unreachable"));
        std::fs::write(lab.home().path().join("identity.json"), b"").unwrap();
        lab
    }

    async fn leave_broken(lab: &Lab) -> Vec<String> {
        let entry = lab.state().entries().unwrap().pop().unwrap();
        alone(&lab.state(), entry, &lab.world()).await.unwrap()
    }

    #[tokio::test]
    async fn nothing_is_left_in_the_kernel_without_an_identity() {
        let empty = Lab::new().kernel.shape();
        let lab = broken().await;
        let notes = leave_broken(&lab).await;
        assert_eq!(lab.kernel.shape(), empty);
        assert!(notes.len() == 1 && notes[0].contains("the server was not told"), "{notes:?}");
        assert!(!farewell("net", &notes).contains("routes"));
        assert!(!lab.state().home(network()).path().exists());
    }

    #[tokio::test]
    async fn routes_go_also_where_no_interface_is_left() {
        let lab = broken().await;
        lab.kernel.delete("pt000");
        let notes = leave_broken(&lab).await;
        assert!(!lab.kernel.shape().contains("Unreachable"), "{}", lab.kernel.shape());
        assert!(notes.iter().any(|note| note.contains("ip rule")), "{notes:?}");
    }
}
