//! A network's nft table, replaced as a whole in one transaction by the `nft` program.
//!
//! The text that made the table is known by its digest, which the table holds in a comment. Where nft cannot be used this
//! is reported and nothing else fails: the table makes TCP work where ICMP is filtered, tunnels do without.

use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::error::{Error, Result};
use super::model::{Firewall, Owner};

const PATIENCE: Duration = Duration::from_secs(10);
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The chain that is never called and holds the digest.
const DIGEST_CHAIN: &str = "made_from";

/// The `nft` program.
#[derive(Debug, Clone)]
pub(super) struct Nft {
    program: PathBuf,
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
        Self { program }
    }

    /// What there is of the owner's table.
    pub(super) async fn read(&self, owner: &Owner) -> Result<Firewall> {
        let table = owner.nft_table();
        let output = match self.run(&["list", "table", "inet", &table], "").await? {
            Ok(output) => output,
            Err(reason) => return Ok(Firewall::Unavailable(reason)),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.success() {
            true => Ok(Firewall::Present(read_digest(&String::from_utf8_lossy(&output.stdout)))),
            false if said.contains("No such file or directory") => Ok(Firewall::Missing),
            false => Ok(Firewall::Unavailable(said.trim().to_owned())),
        }
    }

    /// Puts a table with these chains in the place of the owner's table, in one instant.
    pub(super) async fn replace(&self, owner: &Owner, chains: &str) -> Result<Firewall> {
        let table = owner.nft_table();
        let digest = digest(chains);
        // Created, deleted, created: the only form that works whether it was there or not.
        let text = format!(
            "table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n\
             \tchain {DIGEST_CHAIN} {{ return comment \"{digest}\"; }}\n{chains}}}\n"
        );
        Ok(match self.script(&text).await? {
            Ok(()) => Firewall::Present(digest),
            Err(reason) => Firewall::Unavailable(reason),
        })
    }

    /// Removes the owner's table; nothing happens if there is none.
    pub(super) async fn remove(&self, owner: &Owner) -> Result<Firewall> {
        let table = owner.nft_table();
        Ok(match self.script(&format!("table inet {table}\ndelete table inet {table}\n")).await? {
            Ok(()) => Firewall::Missing,
            Err(reason) => Firewall::Unavailable(reason),
        })
    }

    async fn script(&self, text: &str) -> Result<Result<(), String>> {
        Ok(match self.run(&["-f", "-"], text).await? {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(reason) => Err(reason),
        })
    }

    /// Runs the program; the inner error is why it is not there.
    async fn run(&self, arguments: &[&str], input: &str) -> Result<Result<Output, String>> {
        let child = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err(format!("`{}` was not found: install nftables", self.program.display())));
            }
            Err(error) => return Err(self.failed(error)),
        };
        let talk = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A program that ends without reading has its reason in its own words.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        match tokio::time::timeout(PATIENCE, talk).await {
            Ok(output) => output.map(Ok).map_err(|error| self.failed(error)),
            Err(_) => Err(Error::Timeout { doing: format!("run `{}`", self.program.display()), after: PATIENCE }),
        }
    }

    fn failed(&self, message: impl ToString) -> Error {
        Error::Program { program: self.program.display().to_string(), message: message.to_string() }
    }
}

fn read_digest(listing: &str) -> String {
    let chain = listing.split_once(&format!("chain {DIGEST_CHAIN} {{")).map_or("", |(_, rest)| rest);
    let comment = chain.split_once("comment \"").map_or("", |(_, rest)| rest);
    comment.split_once('"').map_or("", |(digest, _)| digest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_read_back() {
        let listing = "table inet patronus-0 {\n\tchain made_from {\n\t\treturn comment \"abc\"\n\t}\n}\n";
        assert_eq!(read_digest(listing), "abc");
        assert_eq!(read_digest("table inet patronus-0 {\n}\n"), "");
    }
}
