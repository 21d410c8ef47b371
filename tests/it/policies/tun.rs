//! A network device whose packets the test reads and writes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::ioctl::{Setter, ioctl};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

pub const DEVICE: &str = "/dev/net/tun";
/// Longer than any packet here.
const MOST: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(10);
const TUNSETIFF: u32 = 0x4004_54ca;
/// IP packets as they are (`IFF_TUN`, `IFF_NO_PI`).
const FLAGS: u16 = 0x1001;

pub struct Tun {
    pub name: String,
    file: AsyncFd<File>,
}

impl Tun {
    /// Makes the device in the network namespace of this thread. It lives as long as this.
    pub fn new(name: &str) -> io::Result<Self> {
        let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        let file = OpenOptions::new().read(true).write(true).custom_flags(nonblock).open(DEVICE)?;
        let mut request = [0u8; 40];
        request[..name.len()].copy_from_slice(name.as_bytes());
        request[16..18].copy_from_slice(&FLAGS.to_ne_bytes());
        // SAFETY: TUNSETIFF takes a `struct ifreq`, which is 40 bytes: a name of 16 bytes, then the flags.
        #[allow(unsafe_code, reason = "there is no other way to make such a device")]
        unsafe {
            ioctl(&file, Setter::<TUNSETIFF, [u8; 40]>::new(request))?;
        }
        // SAFETY: the file is the register's own from here on, and a file keeps its descriptor as long as it lives.
        #[allow(unsafe_code, reason = "what else registers a descriptor is deprecated as unsound")]
        let file = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE)? };
        Ok(Self { name: name.to_owned(), file })
    }

    /// A packet comes in by the device. The kernel is done with it when this returns.
    pub fn inject(&self, packet: &[u8]) {
        let mut file = self.file.get_ref();
        file.write_all(packet).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// The next packet that leaves by the device.
    pub async fn next(&self) -> Vec<u8> {
        let read = self.file.async_io(Interest::READABLE, |mut file| {
            let mut packet = vec![0; MOST];
            let length = file.read(&mut packet)?;
            packet.truncate(length);
            Ok(packet)
        });
        match timeout(PATIENCE, read).await {
            Ok(packet) => packet.unwrap_or_else(|error| panic!("{}: {error}", self.name)),
            Err(_) => panic!("{}: nothing came for {} s", self.name, PATIENCE.as_secs()),
        }
    }

    /// The next packet if it is there already.
    pub fn waiting(&self) -> Option<Vec<u8>> {
        let mut packet = vec![0; MOST];
        match self.file.get_ref().read(&mut packet) {
            Ok(length) => packet.truncate(length),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("{}: {error}", self.name),
        }
        Some(packet)
    }
}
