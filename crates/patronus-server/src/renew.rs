//! `patronus-server init --new-certificate` and `--new-ca`: certificates made anew in a folder that is complete, where
//! they are lost or must no longer be believed. The one way to another CA: nothing makes one unasked.

use std::io::Write as _;
use std::path::Path;

use crate::app::Clock;
use crate::folder::Folder;
use crate::keys::{Tls, names_of};

/// What is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The server's certificate.
    Certificate,
    /// The CA, and with it the certificate.
    Ca,
}

/// Runs the command.
pub fn command(data: &Path, names: &[String], what: Renewal) -> anyhow::Result<()> {
    let folder = Folder::open(data)?;
    let _lock = folder.lock()?;
    let (names, now) = (names_of(crate::run::host_name().as_deref(), names), Clock::system().now());
    let mut stdout = std::io::stdout();
    match what {
        Renewal::Certificate => {
            Tls::anew(&folder, &names, now)?;
            writeln!(stdout, "made a new server certificate; the CA is the same, so agents notice nothing")?;
        }
        Renewal::Ca => {
            let ca = Tls::new_ca(&folder, &names, now)?.ca_sha256();
            writeln!(stdout, "made a new CA (SHA-256 {ca}) and a server certificate")?;
            writeln!(
                stdout,
                "agents that joined over TLS pin the old CA: at each site run `patronus-agent leave`, and enrol it \
                 with a new invitation; tunnels that are up stay up until then"
            )?;
            writeln!(stdout, "people log in again with --ca-file {}", folder.path("tls/ca.pem").display())?;
        }
    }
    Ok(())
}
