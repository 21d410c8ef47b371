//! WireGuard devices, alike whether the kernel or a process of its own carries them.
//!
//! Only small differences are ever written: a peer is changed in place and keeps its session, and no list of peers is
//! replaced as a whole. Both drivers answer to the same functions; which one a tunnel has is seen from its interface.

mod kernel;
mod process;
mod uapi;
mod userspace;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use rtnetlink::Handle;

use super::error::{Error, Result};
use super::link::{self, Link};
use super::model::{Driver, WireguardChange, WireguardState};

/// Which driver new tunnels get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DriverChoice {
    /// The kernel where it has WireGuard, else the userspace program.
    #[default]
    Auto,
    /// The kernel, and nothing else.
    Kernel,
    /// The userspace program, also where the kernel could.
    Userspace,
}

impl FromStr for DriverChoice {
    type Err = patronus_types::Invalid;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "kernel" => Ok(Self::Kernel),
            "userspace" => Ok(Self::Userspace),
            _ => Err(patronus_types::Invalid::new(format_args!(
                "`{text}` is no driver: use `auto`, `kernel` or `userspace`"
            ))),
        }
    }
}

impl fmt::Display for DriverChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Kernel => "kernel",
            Self::Userspace => "userspace",
        })
    }
}

/// How tunnels are made on this host.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which driver new tunnels get.
    pub driver: DriverChoice,
    /// The userspace program. It is called with an interface name and must put itself into the background, as
    /// `wireguard-go` does.
    pub program: PathBuf,
    /// The folder of the userspace programs' configuration sockets.
    pub sockets: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            driver: DriverChoice::Auto,
            program: PathBuf::from("wireguard-go"),
            sockets: PathBuf::from("/var/run/wireguard"),
        }
    }
}

/// Whether the kernel has WireGuard. Asking loads its module where there is one.
pub fn probe_kernel() -> bool {
    wireguard_uapi::WgSocket::connect().is_ok()
}

/// The drivers, as set up on this host.
#[derive(Debug, Clone)]
pub(super) struct Wireguard {
    driver: Driver,
    userspace: userspace::Userspace,
}

impl Wireguard {
    /// Decides once which driver new tunnels get.
    pub(super) fn new(settings: Settings) -> Self {
        let driver = match settings.driver {
            DriverChoice::Kernel => Driver::Kernel,
            DriverChoice::Userspace => Driver::Userspace,
            DriverChoice::Auto if probe_kernel() => Driver::Kernel,
            DriverChoice::Auto => Driver::Userspace,
        };
        Self { driver, userspace: userspace::Userspace::new(settings.program, settings.sockets) }
    }

    /// The driver of new tunnels.
    pub(super) fn driver(&self) -> Driver {
        self.driver
    }

    /// Makes an interface, down and without key or peers.
    pub(super) async fn create(&self, netlink: &Handle, name: &str) -> Result<()> {
        match self.driver {
            Driver::Kernel => link::add_wireguard(netlink, name).await,
            Driver::Userspace => self.userspace.start(name).await,
        }
    }

    /// Waits until a tunnel that was brought up has its socket, so that a port that is refused is refused aloud.
    pub(super) async fn ready(&self, link: &Link) -> Result<()> {
        match driver(link)? {
            Driver::Kernel => Ok(()),
            Driver::Userspace => self.userspace.ready(&link.name).await,
        }
    }

    /// Deletes the interface; with the userspace driver its process ends.
    pub(super) async fn delete(&self, netlink: &Handle, link: &Link) -> Result<()> {
        match driver(link)? {
            Driver::Kernel => link::delete(netlink, link).await,
            Driver::Userspace => {
                let gone = self.userspace.watch_end(&link.name).await;
                link::delete(netlink, link).await?;
                gone.wait().await
            }
        }
    }

    /// Reads a device.
    pub(super) async fn read(&self, link: &Link) -> Result<WireguardState> {
        match driver(link)? {
            Driver::Kernel => kernel::read(&link.name).await,
            Driver::Userspace => self.userspace.read(&link.name).await,
        }
    }

    /// Changes a device.
    pub(super) async fn change(&self, link: &Link, change: &WireguardChange) -> Result<()> {
        match driver(link)? {
            Driver::Kernel => kernel::change(&link.name, change.clone()).await,
            Driver::Userspace => self.userspace.change(&link.name, change).await,
        }
    }

    /// Whether an interface of our name without an alias can only be one that was just made: down, without key and
    /// peers. A crash between making it and naming it leaves that.
    pub(super) async fn is_blank(&self, link: &Link) -> bool {
        let blank = |state: WireguardState| state.public_key.is_none() && state.peers.is_empty();
        link.alias.is_none() && !link.up && self.read(link).await.is_ok_and(blank)
    }
}

fn driver(link: &Link) -> Result<Driver> {
    link.driver.ok_or_else(|| Error::device(&link.name, "the interface is not a tunnel"))
}
