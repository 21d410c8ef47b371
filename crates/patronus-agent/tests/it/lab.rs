//! Network namespaces, each with a thread that lives in it, and what a test does there.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use patronus_agent::effects::model::{
    Driver, Owner, Peer, PeerChange, PrivateKey, Route, RouteChange, Via, WireguardChange, WireguardState,
};
use patronus_agent::effects::{Device as _, DriverChoice, Linux, Settings};
use patronus_types::{NetworkId, PublicKey};
use rustix::thread::UnshareFlags;
use tokio::runtime::{Builder, Runtime};

type Job = Box<dyn FnOnce(&Runtime) + Send>;

/// Whether the tests can run here. Says aloud that one is skipped, or fails where that must not be.
pub fn is_root() -> bool {
    let reason = match std::env::var("PATRONUS_NO_NAMESPACES") {
        Ok(reason) => reason,
        Err(_) if rustix::process::geteuid().is_root() => return true,
        Err(_) => "needs root".to_owned(),
    };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "cannot run here: {reason}");
    eprintln!("SKIPPED: {reason}");
    false
}

/// The driver under test.
pub fn driver() -> Driver {
    match std::env::var("PATRONUS_TEST_DRIVER").as_deref() {
        Ok("kernel") => Driver::Kernel,
        _ => Driver::Userspace,
    }
}

/// The effects under test.
pub fn device() -> Linux {
    let choice = match driver() {
        Driver::Kernel => DriverChoice::Kernel,
        Driver::Userspace => DriverChoice::Userspace,
    };
    Linux::new(Settings { driver: choice, ..Settings::default() }, "nft".into())
}

/// The network that most tests are about.
pub fn owner() -> Owner {
    network(0)
}

/// A network by its index on the host.
pub fn network(index: u8) -> Owner {
    Owner::new(index, NetworkId::new(1_700_000_000_000, &[index; 10])).unwrap()
}

/// A namespace for network and mounts. Its tunnels end with it.
pub struct Namespace {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    id: u32,
}

impl Namespace {
    pub fn new() -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || live(&queue, &ready));
        let id = started.recv().expect("the namespace could not be made");
        Self { jobs: Some(jobs), thread: Some(thread), id }
    }

    /// Runs asynchronous work on the namespace's thread.
    pub fn run<T, F, W>(&self, work: W) -> T
    where
        T: Send + 'static,
        F: Future<Output = T>,
        W: FnOnce() -> F + Send + 'static,
    {
        let (answer, done) = mpsc::channel();
        let job: Job = Box::new(move |runtime| {
            // The thread goes on after a failed assertion: it still has to clean up.
            if let Ok(value) = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work()))) {
                answer.send(value).unwrap();
            }
        });
        self.jobs.as_ref().unwrap().send(job).expect("the namespace's thread has ended");
        done.recv().expect("the work panicked")
    }

    /// Runs a shell command and answers its output. Not by `sh`: busybox's has an `ip` of its own.
    pub fn sh(&self, command: &str) -> String {
        let command = command.to_owned();
        self.run(move || async move {
            let output = Command::new("bash").args(["-c", &command]).output().unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "`{command}` failed: {complaint}");
            String::from_utf8(output.stdout).unwrap()
        })
    }

    /// Sends `count` pings, 100 a second, beside the test.
    pub fn ping(&self, target: &str, count: u32) -> Ping {
        let target = target.to_owned();
        self.run(move || async move {
            let child = Command::new("ping")
                .args(["-n", "-q", "-i", "0.01", "-W", "2", "-c", &count.to_string(), &target])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            Ping(child)
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let end: Job = Box::new(|_| {
            // `wireguard-go` ends when its socket is removed.
            let _ = Command::new("bash").args(["-c", "rm -f /run/wireguard/*.sock"]).status();
        });
        if let Some(jobs) = self.jobs.take() {
            let _ = jobs.send(end);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn live(queue: &mpsc::Receiver<Job>, ready: &mpsc::Sender<u32>) {
    // SAFETY: the file descriptor table stays shared; only namespaces and the working directory become this thread's own.
    #[allow(unsafe_code)]
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWNS) }.expect("unshare");
    let setup = "mount --make-rprivate / && \
                 (mkdir -p /run/wireguard || { mount -t tmpfs tmpfs /run && mkdir /run/wireguard; }) && mount -t tmpfs tmpfs /run/wireguard && ip link set lo up && \
                 echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad && echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad";
    assert!(Command::new("bash").args(["-c", setup]).status().unwrap().success());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let id = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
    ready.send(id).unwrap();
    for job in queue {
        job(&runtime);
    }
}

/// A running `ping`.
pub struct Ping(Child);

impl Ping {
    /// Waits for its end and answers how many packets were sent and how many came back.
    pub fn result(self) -> (u32, u32) {
        let output = self.0.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.contains("packets transmitted")).unwrap_or_else(|| panic!("{text}"));
        let numbers: Vec<u32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        (numbers[0], numbers[1])
    }

    pub fn assert_nothing_lost(self) {
        self.assert_lost_at_most(0);
    }

    pub fn assert_lost_at_most(self, most: u32) {
        let (sent, received) = self.result();
        assert!(sent - received <= most, "{} of {sent} packets were lost", sent - received);
    }
}

/// One end of the tunnel that most tests use.
pub struct End {
    pub namespace: Namespace,
    pub number: u8,
}

/// Two sites joined by one cable: 192.0.2.1 and .2, 2001:db8::1 and ::2; and a second address on each, 198.51.100.1 and .2.
pub fn pair() -> (End, End) {
    let (one, two) = (Namespace::new(), Namespace::new());
    one.sh(&format!("ip link add wan type veth peer name wan netns {}", two.id));
    for (namespace, number) in [(&one, 1), (&two, 2)] {
        namespace.sh(&format!(
            "ip addr add 192.0.2.{number}/24 dev wan && ip addr add 198.51.100.{number}/24 dev wan && \
             ip -6 addr add 2001:db8::{number}/64 dev wan nodad && ip link set wan up"
        ));
    }
    (End { namespace: one, number: 1 }, End { namespace: two, number: 2 })
}

/// Both ends with a tunnel to each other.
pub fn tunnelled_pair() -> (End, End) {
    let (one, two) = pair();
    one.connect(&two, "192.0.2.2");
    two.connect(&one, "192.0.2.1");
    (one, two)
}

impl End {
    pub fn private_key(&self) -> PrivateKey {
        PrivateKey::new([self.number; 32])
    }

    pub fn public_key(&self) -> PublicKey {
        self.private_key().public_key()
    }

    pub fn port(&self) -> u16 {
        51820 + u16::from(self.number)
    }

    pub fn overlay(&self) -> [IpAddr; 2] {
        [format!("10.9.0.{}", self.number).parse().unwrap(), format!("fd09::{}", self.number).parse().unwrap()]
    }

    /// This end as the other's peer.
    pub fn as_peer(&self, address: &str) -> Peer {
        Peer {
            public_key: self.public_key(),
            preshared_key: None,
            endpoint: Some(SocketAddr::new(address.parse().unwrap(), self.port())),
            allowed_ips: self.overlay().map(Into::into).to_vec(),
            keepalive_s: 0,
        }
    }

    /// Makes `pt000` with an address, a peer and routes to it.
    pub fn connect(&self, far: &Self, far_address: &str) {
        let change = WireguardChange {
            private_key: Some(self.private_key()),
            port: Some(self.port()),
            peers: vec![PeerChange::Add(far.as_peer(far_address))],
        };
        let (own, routes) = (self.overlay(), far.routes(self));
        self.namespace.run(move || async move {
            let device = device();
            device.create_tunnel(&owner(), "pt000", 1420).await.unwrap();
            for address in own {
                device.add_address(&owner(), "pt000", address).await.unwrap();
            }
            device.change_wireguard(&owner(), "pt000", &change).await.unwrap();
            device.change_routes(&routes.map(RouteChange::Add)).await.unwrap();
        });
    }

    /// The routes to this end that `from` has.
    pub fn routes(&self, from: &Self) -> [Route; 2] {
        [0, 1].map(|family| {
            let via = Via { device: "pt000".to_owned(), gateway: None, source: Some(from.overlay()[family]) };
            Route::via(Route::MAIN, self.overlay()[family].into(), 0, via)
        })
    }

    pub fn change(&self, change: WireguardChange) {
        self.namespace.run(move || async move { device().change_wireguard(&owner(), "pt000", &change).await.unwrap() });
    }

    pub fn change_peer(&self, change: PeerChange) {
        self.change(WireguardChange { peers: vec![change], ..WireguardChange::default() });
    }

    pub fn wireguard(&self) -> WireguardState {
        self.namespace.run(|| async { device().wireguard(&owner(), "pt000").await.unwrap() })
    }

    pub fn index(&self) -> String {
        self.namespace
            .sh("cat /proc/net/dev_snmp6/pt000 2>/dev/null | head -1 || true; ip -o link show pt000 | cut -d: -f1")
    }
}
