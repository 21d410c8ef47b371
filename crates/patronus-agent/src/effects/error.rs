//! What can go wrong when the kernel is changed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An effect that was refused or did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An interface has a name of ours and is not ours.
    #[error(
        "interface `{name}` exists and is not of this network (its alias is {alias:?}): rename or delete it, then the change is tried again"
    )]
    ForeignInterface {
        /// Its name.
        name: String,
        /// Its alias, if it has one.
        alias: Option<String>,
    },
    /// A route is in the way.
    #[error(
        "another program has a route to {destination} with metric {metric} in table {table}: remove it or withdraw the prefix"
    )]
    ForeignRoute {
        /// Its destination.
        destination: ipnet::IpNet,
        /// Its metric.
        metric: u32,
        /// Its table.
        table: u32,
    },
    /// A route of another network of ours is in the way.
    #[error(
        "`{device}`, of another network in which this host is, has the route to {destination}: networks of one host need addresses of their own"
    )]
    OtherNetwork {
        /// Its destination.
        destination: ipnet::IpNet,
        /// By which device it leads.
        device: String,
    },
    /// A kernel setting that is none of ours.
    #[error("`{0}` is not a kernel setting that Patronus changes")]
    ForeignSetting(String),
    /// There is no such interface.
    #[error("there is no interface `{0}`")]
    NoInterface(String),
    /// A name the kernel does not take, or that would lead out of a folder.
    #[error("`{0}` is not an interface name: 1 to 15 letters, digits, `.`, `_`, `-`")]
    InvalidName(String),
    /// A UDP port is taken.
    #[error("UDP port {port} for `{interface}` is in use{}: free it, or set another port_base for this site", held_by(.holder))]
    PortInUse {
        /// The tunnel.
        interface: String,
        /// The port.
        port: u16,
        /// Who holds it, where that could be found out.
        holder: Option<String>,
    },
    /// The kernel said no.
    #[error("cannot {doing}: {source}{}", hint(.source))]
    Kernel {
        /// What was tried.
        doing: String,
        /// What it said.
        source: io::Error,
    },
    /// Policies cannot be enforced.
    #[error("policies cannot be enforced here: {0}")]
    NoFirewall(String),
    /// The userspace program is not there.
    #[error(
        "the kernel has no WireGuard and `{0}` was not found: install wireguard-go, or name another program in the agent's configuration"
    )]
    NoProgram(PathBuf),
    /// A program that we started failed.
    #[error("`{program}` failed: {message}")]
    Program {
        /// The program.
        program: String,
        /// Its own words.
        message: String,
    },
    /// A WireGuard device refused a change or gave an answer that cannot be read.
    #[error("WireGuard device `{interface}`: {message}")]
    Device {
        /// The interface.
        interface: String,
        /// What it said.
        message: String,
    },
    /// Something did not answer.
    #[error("cannot {doing}: no answer within {after:?}")]
    Timeout {
        /// What was tried.
        doing: String,
        /// How long was waited.
        after: Duration,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", .path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A result of the effects layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(super) fn kernel(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Kernel { doing: doing.into(), source: source.into() }
    }

    pub(super) fn device(interface: &str, message: impl ToString) -> Self {
        Self::Device { interface: interface.to_owned(), message: message.to_string() }
    }

    /// The kernel's error number, if it was the kernel that refused.
    pub fn errno(&self) -> Option<rustix::io::Errno> {
        match self {
            Self::Kernel { source, .. } | Self::File { source, .. } => rustix::io::Errno::from_io_error(source),
            _ => None,
        }
    }
}

fn held_by(holder: &Option<String>) -> String {
    holder.as_ref().map(|name| format!(" by {name}")).unwrap_or_default()
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => " (the agent needs root, or CAP_NET_ADMIN)",
        _ => "",
    }
}
