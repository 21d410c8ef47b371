//! `apply --file`: runs a bundle that somebody brought, where no server can.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patronus_types::Ref;
use patronus_types::api::MAX_ARCHIVE_BYTES;

use crate::alone::Alone;
use crate::driver::File;
use crate::failure::{Exit, Failure, denied};
use crate::local::{self, LocalError};
use crate::output;
use crate::state::StateDir;
use crate::world::World;

/// A signature has about 600 bytes.
const LONGEST_SIGNATURE: usize = 16 << 10;

/// Runs the command; `signature` is the file beside the archive unless it is named.
pub async fn command(
    (folder, only): (&Path, Option<&Ref>),
    archive: &Path,
    signature: Option<&Path>,
    world: &World,
) -> Result<(), Failure> {
    let state = StateDir::at(folder);
    let entry = crate::leave::choose(state.entries()?, folder, only)?;
    let file = read(archive, signature)?;
    let said = match local::Client::new(&state).apply(entry.network, &file, output::say).await {
        Ok(said) => Ok(said),
        Err(LocalError::NotRunning) => {
            let mut alone = Alone::take_up(&state, entry, world).await?;
            let brought = alone.network.bring((&file.archive, &file.signature), Arc::new(output::say)).await;
            alone.end(brought).await
        }
        Err(LocalError::Failed(why)) => Err(why),
        Err(error) => return Err(error.into()),
    };
    output::end(said)
}

fn read(archive: &Path, signature: Option<&Path>) -> Result<File, Failure> {
    let beside = signature.map_or_else(|| beside(archive), Path::to_owned);
    let archive = load(archive, MAX_ARCHIVE_BYTES)?;
    let missing = |failure: Failure| match signature {
        None => failure.help("name the file with the archive's signature with --signature FILE"),
        Some(_) => failure,
    };
    let signature = load(&beside, LONGEST_SIGNATURE).map_err(missing)?;
    let signature = String::from_utf8(signature)
        .map_err(|_| Failure::new(Exit::Failed, format_args!("{} holds no signature", beside.display())))?;
    Ok(File { archive, signature })
}

/// Where `patronusctl bundle download` puts the signature of an archive.
fn beside(archive: &Path) -> PathBuf {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    archive.with_file_name(format!("{stem}.minisig"))
}

fn load(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() > most => {
            Err(Failure::new(Exit::Failed, format_args!("{} is larger than {most} bytes", path.display())))
        }
        Ok(_) => Ok(bytes),
        Err(error) => {
            let exit = if error.kind() == ErrorKind::NotFound { Exit::Usage } else { Exit::State };
            let failure = Failure::new(exit, format_args!("cannot read {}: {error}", path.display()));
            Err(if error.kind() == ErrorKind::PermissionDenied { failure.help(denied(path)) } else { failure })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Lab, Version};
    use crate::state::Order;

    #[test]
    fn the_signature_is_looked_for_where_a_download_puts_it() {
        assert_eq!(beside("d/ams-v7.tar.gz".as_ref()), PathBuf::from("d/ams-v7.tar.minisig"));
        assert_eq!(beside("ams".as_ref()), PathBuf::from("ams.minisig"));
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar.gz");
        assert_eq!(read(&archive, None).unwrap_err().exit, Exit::Usage);
        fs::write(&archive, b"x").unwrap();
        let missing = read(&archive, None).unwrap_err();
        assert!(missing.message.contains("a.tar.minisig") && missing.help.unwrap().contains("--signature FILE"));
        fs::write(folder.path().join("a.tar.minisig"), [0xff]).unwrap();
        assert!(read(&archive, None).unwrap_err().message.contains("holds no signature"));
        fs::write(folder.path().join("b"), vec![b'x'; LONGEST_SIGNATURE + 1]).unwrap();
        let large = read(&archive, Some(&folder.path().join("b"))).unwrap_err();
        assert!(large.message.contains("is larger than 16384 bytes"), "{large}");
    }

    /// A file with a version and its signature beside it.
    fn download(lab: &Lab, version: &Version) -> PathBuf {
        let path = lab.folder.path().join("one.tar.gz");
        fs::write(&path, &version.archive).unwrap();
        fs::write(beside(&path), &version.desired.signatures[0]).unwrap();
        path
    }

    #[tokio::test]
    async fn without_an_agent_it_is_done_here_to_its_end() {
        let lab = Lab::new();
        let run = async |version: &Version| {
            let file = download(&lab, version);
            command((lab.folder.path(), None), &file, None, &lab.world()).await
        };
        run(&lab.version(1, 2)).await.unwrap();
        assert_eq!(lab.kernel.tunnels()[0].2, 2);
        // An agent that was killed leaves its socket behind.
        drop(std::os::unix::net::UnixListener::bind(lab.state().socket()).unwrap());
        run(&lab.version(2, 3)).await.unwrap();
        run(&lab.version(2, 3)).await.unwrap();
        assert_eq!((lab.kernel.tunnels()[0].2, lab.home().journal().unwrap()), (3, None));
        let older = run(&lab.version(1, 2)).await.unwrap_err();
        assert_eq!(older.exit, Exit::Failed);
        assert!(older.message.contains("is older than 2"), "{older}");
        let held = lab.state().lock().unwrap();
        let busy = run(&lab.version(3, 2)).await.unwrap_err();
        assert!(busy.message.contains("another patronus-agent runs"), "{busy}");
        drop(held);
        crate::revert::command(lab.folder.path(), None, &lab.world()).await.unwrap();
        crate::revert::command(lab.folder.path(), None, &lab.world()).await.unwrap();
        assert_eq!(lab.kernel.tunnels()[0].2, 2);
    }

    #[tokio::test]
    async fn where_there_is_no_network_or_another_it_says_so() {
        let (lab, empty) = (Lab::new(), tempfile::tempdir().unwrap());
        let (file, world) = (download(&lab, &lab.version(1, 2)), lab.world());
        let none = command((empty.path(), None), &file, None, &world).await.unwrap_err();
        assert_eq!(none.exit, Exit::NotEnrolled);
        let other = Ref::Name("other".parse().unwrap());
        for failure in [
            command((lab.folder.path(), Some(&other)), &file, None, &world).await,
            crate::revert::command(lab.folder.path(), Some(&other), &world).await,
            crate::orders::command(lab.folder.path(), Some(&other), Order::Pause).await,
        ] {
            assert!(failure.unwrap_err().message.contains("is not in network other"));
        }
    }

    #[tokio::test]
    async fn with_several_networks_one_must_be_named() {
        let lab = Lab::new();
        let (file, world, folder) = (download(&lab, &lab.version(1, 2)), lab.world(), lab.folder.path());
        let other = lab.state().home(patronus_types::NetworkId::new(2, &[0; 10]));
        crate::effects::disk::private_folder(other.path()).unwrap();
        let mut identity = lab.identity();
        identity.network.name = "other".parse().unwrap();
        fs::write(other.path().join("identity.json"), serde_json::to_vec(&identity).unwrap()).unwrap();
        for failure in [
            command((folder, None), &file, None, &world).await,
            crate::revert::command(folder, None, &world).await,
            crate::orders::command(folder, None, Order::Pause).await,
            crate::orders::command(folder, None, Order::Resume).await,
            crate::retry::command(folder, None).await,
            crate::leave::command(folder, None, &world).await,
        ] {
            let failure = failure.unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains("net, other") && failure.help.unwrap().contains("--network"));
        }
        let only = Ref::Name("net".parse().unwrap());
        crate::orders::command(folder, Some(&only), Order::Pause).await.unwrap();
        command((folder, Some(&only)), &file, None, &world).await.unwrap();
        crate::retry::command(folder, Some(&only)).await.unwrap();
        assert!(lab.home().orders().unwrap().paused && !other.orders().unwrap().paused);
        assert_eq!((lab.kernel.tunnels().len(), other.current()), (1, None));
    }

    #[tokio::test]
    async fn a_pause_is_a_matter_of_a_file() {
        let lab = Lab::new();
        for order in [Order::Pause, Order::Pause, Order::Resume, Order::Resume] {
            crate::orders::command(lab.folder.path(), None, order).await.unwrap();
            assert_eq!(lab.home().orders().unwrap().paused, order == Order::Pause);
        }
    }
}
