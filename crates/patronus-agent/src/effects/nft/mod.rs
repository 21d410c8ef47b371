//! A network's nft table, whose chains are replaced as a whole in one instant by the `nft` program.
//!
//! The text that made the table is known by its digest, which the table holds in a comment. Where nft cannot be used, for
//! whatever reason, this is reported and nothing else fails: the table makes TCP work where ICMP is filtered, tunnels do
//! without. A program that did not answer is left alone for a while, so that looks and changes do not wait for it again.

mod swap;

use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::Instant;

use super::model::{Firewall, Owner};
use swap::{Swap, swap};

const PATIENCE: Duration = Duration::from_secs(3);
/// How long a program that did not answer is not run again.
const REST: Duration = Duration::from_secs(5 * 60);
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The chain that is never called and holds the digest.
const DIGEST_CHAIN: &str = "made_from";

/// The `nft` program.
#[derive(Debug, Clone)]
pub(super) struct Nft {
    program: PathBuf,
    /// When it last did not answer.
    hung: Arc<Mutex<Option<Instant>>>,
}

/// The digest by which [`Firewall::Present`] knows the text of a table's chains.
pub fn digest(chains: &str) -> String {
    Sha256::digest(chains).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The chains that keep TCP within the tunnels' MTU: each side clamps what it sends, so both directions are covered.
pub fn mss_clamp(owner: &Owner) -> String {
    let prefix = owner.interface_prefix();
    let clamp = format!("oifname \"{prefix}*\" tcp flags syn tcp option maxseg size set rt mtu;");
    format!(
        "\tchain clamp_forward {{ type filter hook forward priority mangle; policy accept; {clamp} }}\n\
         \tchain clamp_output {{ type filter hook output priority mangle; policy accept; {clamp} }}\n"
    )
}

impl Nft {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, hung: Arc::default() }
    }

    /// What there is of the owner's table.
    pub(super) async fn read(&self, owner: &Owner) -> Firewall {
        let table = owner.nft_table();
        let output = match self.run(&["list", "chain", "inet", &table, DIGEST_CHAIN], "").await {
            Ok(output) => output,
            Err(reason) => return Firewall::Unavailable(reason),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.success() {
            true => Firewall::Present(read_digest(&String::from_utf8_lossy(&output.stdout))),
            false if said.contains("No such file or directory") => Firewall::Missing,
            false => Firewall::Unavailable(said.trim().to_owned()),
        }
    }

    /// Puts these chains in the place of those of the owner's table, in one instant for each packet.
    pub(super) async fn replace(&self, owner: &Owner, chains: &str) -> Firewall {
        let (table, digest) = (owner.nft_table(), digest(chains));
        let replaced = match self.swap(&table, (chains, &digest)).await {
            // Another one's table, or one of another version: there is nothing to keep.
            Ok(false) => self.script(&anew(&table, (chains, &digest))).await,
            swapped => swapped.map(|_| ()),
        };
        match replaced {
            Ok(()) => Firewall::Present(digest),
            Err(reason) => Firewall::Unavailable(reason),
        }
    }

    /// Whether that could be done with the table as it is; the error is why the program cannot be used.
    async fn swap(&self, table: &str, (chains, digest): (&str, &str)) -> Result<bool, String> {
        let output = self.run(&["-t", "list", "table", "inet", table], "").await?;
        let missing = String::from_utf8_lossy(&output.stderr).contains("No such file or directory");
        if !output.status.success() && !missing {
            return Ok(false);
        }
        let Swap { stage, turn, clear } = swap(table, (chains, digest), &String::from_utf8_lossy(&output.stdout));
        for text in [stage, turn] {
            if !self.run(&["-f", "-"], &text).await?.status.success() {
                return Ok(false);
            }
        }
        if !clear.is_empty() {
            // What cannot go now is in nobody's way, and goes with the next.
            let _ = self.run(&["-f", "-"], &clear).await;
        }
        Ok(true)
    }

    /// Removes the owner's table; nothing happens if there is none.
    pub(super) async fn remove(&self, owner: &Owner) -> Firewall {
        let table = owner.nft_table();
        match self.script(&format!("table inet {table}\ndelete table inet {table}\n")).await {
            Ok(()) => Firewall::Missing,
            Err(reason) => Firewall::Unavailable(reason),
        }
    }

    async fn script(&self, text: &str) -> Result<(), String> {
        let output = self.run(&["-f", "-"], text).await?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    /// Runs the program; the error is why it cannot be used.
    async fn run(&self, arguments: &[&str], input: &str) -> Result<Output, String> {
        let name = self.program.display();
        let no_answer = || format!("`{name}` did not answer within {} s", PATIENCE.as_secs());
        if self.rests() {
            return Err(no_answer());
        }
        match tokio::time::timeout(PATIENCE, self.talk(arguments, input)).await {
            Ok(Ok(output)) => {
                self.note(None);
                Ok(output)
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("`{name}` was not found: install nftables"))
            }
            Ok(Err(error)) => Err(format!("`{name}` cannot be run: {error}")),
            Err(_) => {
                self.note(Some(Instant::now()));
                Err(no_answer())
            }
        }
    }

    async fn talk(&self, arguments: &[&str], input: &str) -> io::Result<Output> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends without reading has its reason in its own words.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    }

    fn rests(&self) -> bool {
        let hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        hung.is_some_and(|at| at.elapsed() < REST)
    }

    fn note(&self, hung: Option<Instant>) {
        *self.hung.lock().unwrap_or_else(PoisonError::into_inner) = hung;
    }
}

/// A table that is there goes. Created, deleted, created: the only form that works whether it was there or not.
fn anew(table: &str, (chains, digest): (&str, &str)) -> String {
    format!(
        "table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n\
         \tchain {DIGEST_CHAIN} {{ return comment \"{digest}\"; }}\n{chains}}}\n"
    )
}

fn read_digest(listing: &str) -> String {
    let chain = listing.split_once(&format!("chain {DIGEST_CHAIN} {{")).map_or("", |(_, rest)| rest);
    let comment = chain.split_once("comment \"").map_or("", |(_, rest)| rest);
    comment.split_once('"').map_or("", |(digest, _)| digest).to_owned()
}

#[cfg(test)]
mod tests {
    use patronus_types::NetworkId;

    use super::*;

    fn owner() -> Owner {
        Owner::new(0, NetworkId::new(1, &[0; 10])).unwrap()
    }

    /// Written by another process: one that we hold open for writing could not be run.
    fn program(folder: &tempfile::TempDir, text: &str, mode: &str) -> PathBuf {
        let path = folder.path().join("nft");
        let write = "printf \"$1\" > \"$0\" && chmod \"$2\" \"$0\"";
        let written = std::process::Command::new("sh").args(["-c", write]).arg(&path).args([text, mode]).status();
        assert!(written.unwrap().success());
        path
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_waited_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let nft = Nft::new(program(&folder, "#!/bin/sh\nexec sleep 100\n", "755"));
        let started = std::time::Instant::now();
        for _ in 0..3 {
            let Firewall::Unavailable(reason) = nft.read(&owner()).await else { panic!() };
            assert!(reason.contains("did not answer within 3 s"), "{reason}");
            assert!(matches!(nft.clone().replace(&owner(), "").await, Firewall::Unavailable(_)));
        }
        assert!(started.elapsed() < 2 * PATIENCE, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn whatever_keeps_it_from_running_is_only_reported() {
        let folder = tempfile::tempdir().unwrap();
        for (text, mode) in [("#!/bin/sh\n", "644"), ("no program", "755"), ("#!/no/such/shell\n", "755")] {
            let nft = Nft::new(program(&folder, text, mode));
            assert!(matches!(nft.read(&owner()).await, Firewall::Unavailable(_)), "{text:?}");
            assert!(matches!(nft.remove(&owner()).await, Firewall::Unavailable(_)), "{text:?}");
        }
    }

    #[test]
    fn the_digest_is_read_back() {
        let listing = "table inet patronus-0 {\n\tchain made_from {\n\t\treturn comment \"abc\"\n\t}\n}\n";
        assert_eq!(read_digest(listing), "abc");
        assert_eq!(read_digest("table inet patronus-0 {\n}\n"), "");
    }
}
