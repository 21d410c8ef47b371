//! A network of a few sites, of which this host is the first, with real bundles and real signatures.

use std::path::Path;
use std::sync::Arc;

use patronus_core::signature::{SigningKey, Statement, sign};
use patronus_core::{address, archive, mesh};
use patronus_types::api::agent::{Desired, Mode, State};
use patronus_types::api::tokens::Invitation;
use patronus_types::bundle::{Content, Party};
use patronus_types::network::NetworkSpec;
use patronus_types::probe::Probe;
use patronus_types::release::Terms;
use patronus_types::site::SiteInput;
use patronus_types::token::{Secret, TokenKind};
use patronus_types::{Digest, NetworkId, PublicKey, SiteId};

use super::{FakeClock, FakeEcho, FakeHost, FakeKernel, FakeNames, FakeReach, FakeServer};
use crate::config::Polling;
use crate::effects::model::PrivateKey;
use crate::network::{Network, Retry};
use crate::state::{FORMAT, Home, Identity, KeyPairs, StateDir};
use crate::world::World;

/// A network, its server, and this host.
pub struct Lab {
    /// Where the state is.
    pub folder: tempfile::TempDir,
    /// The kernel.
    pub kernel: FakeKernel,
    /// The server.
    pub server: FakeServer,
    /// The far agents.
    pub echo: FakeEcho,
    /// Whether the far ends are plain WireGuard, where no agent answers.
    pub mute: bool,
    /// The rest of the host.
    pub host: FakeHost,
    /// What probes ask for.
    pub reach: FakeReach,
    /// The probes that are declared.
    pub probes: Vec<Probe>,
    /// Who signs.
    pub signer: SigningKey,
}

/// A version for this site.
#[derive(Debug, Clone)]
pub struct Version {
    /// What the server says of it.
    pub desired: Desired,
    /// The archive.
    pub archive: Vec<u8>,
}

impl Lab {
    /// A host that has joined.
    pub fn new() -> Self {
        let lab = Self {
            folder: tempfile::tempdir().unwrap(),
            kernel: FakeKernel::default(),
            server: FakeServer::default(),
            echo: FakeEcho::default(),
            mute: false,
            host: FakeHost::default(),
            reach: FakeReach::default(),
            probes: Vec::new(),
            signer: SigningKey::from_seed(&[7; 32], *b"signer-1"),
        };
        lab.join(lab.folder.path());
        lab
    }

    fn join(&self, folder: &Path) {
        let state = StateDir::create(folder).unwrap();
        let home = state.home(network());
        crate::effects::disk::private_folder(home.path()).unwrap();
        let text = serde_json::to_vec(&self.identity()).unwrap();
        crate::effects::disk::write(&home.path().join("identity.json"), &text).unwrap();
    }

    /// The state folder.
    pub fn state(&self) -> StateDir {
        StateDir::at(self.folder.path())
    }

    /// The network's folder.
    pub fn home(&self) -> Home {
        self.state().home(network())
    }

    /// The world as an agent of this host sees it.
    pub fn world(&self) -> World {
        World {
            device: Arc::new(self.kernel.clone()),
            dial: Arc::new(self.server.clone()),
            names: Arc::new(FakeNames::default()),
            host: Arc::new(self.host.clone()),
            echo: Arc::new(self.echo.clone()),
            reach: Arc::new(self.reach.clone()),
            clock: Arc::new(FakeClock),
            polling: Polling::Long,
            mark_shift: 24,
        }
    }

    /// The membership as a start of the agent finds it.
    pub fn open(&self) -> Network {
        Network::open(self.home(), self.home().identity().unwrap(), self.world()).unwrap()
    }

    /// Who this host is.
    pub fn identity(&self) -> Identity {
        Identity {
            format: FORMAT,
            network: Party { id: network(), name: "net".parse().unwrap() },
            site: Party { id: site(0), name: "site-0".parse().unwrap() },
            index: 0,
            port_base: 51_820,
            keys: keys(),
            keyring: Default::default(),
            token: Secret::new(TokenKind::Agent, &[1; 32]),
            servers: vec!["https://a.example".to_owned(), "https://b.example".to_owned()],
            ca_sha256: Some(Digest([1; 32])),
            signing_keys: vec![self.signer.verifying_key().to_text()],
            invitation: Digest([2; 32]),
            poll_interval_s: 5,
            enrolled_at: patronus_types::Timestamp::UNIX_EPOCH,
        }
    }

    /// The content of a bundle with two peers.
    pub fn open_content(&self) -> Content {
        let compiled = mesh::compile(&input(3)).unwrap();
        let ours = compiled.sites.into_iter().find(|compiled| compiled.id == site(0)).unwrap();
        mesh::content(&ours.tar.to_vec()).unwrap()
    }

    /// An invitation to this network.
    pub fn invitation(&self) -> Invitation {
        Invitation {
            servers: vec!["https://a.example".to_owned()],
            ca_sha256: Some(Digest([1; 32])),
            signing_key_sha256: self.signer.verifying_key().fingerprint(),
            network: "net".parse().unwrap(),
            site: "site-0".parse().unwrap(),
            token: Secret::new(TokenKind::Enrol, &[3; 32]),
        }
    }

    /// A version in which this site has so many peers.
    pub fn version(&self, version: u64, peers: usize) -> Version {
        self.signed(version, peers, |_| {}, &self.signer)
    }

    /// The same with another statement or signer.
    pub fn signed(&self, version: u64, peers: usize, twist: impl FnOnce(&mut Statement), by: &SigningKey) -> Version {
        let mut input = input(peers + 1);
        input.spec.confirm.probes.clone_from(&self.probes);
        for other in input.sites.iter_mut().skip(1).filter(|_| self.mute) {
            other.port_base = None;
        }
        self.of_input(version, &input, twist, by)
    }

    /// A version with two peers, in which this site's keys are replaced: they are `keys`, and so is that of its spare tunnel.
    pub fn rotating(&self, version: u64, to_spare: bool, (keys, spare): (&[PublicKey], PublicKey)) -> Version {
        let mut input = input(3);
        for (number, site) in (200u8..).zip(&mut input.sites) {
            site.spare_key = Some(PublicKey([number; 32]));
        }
        input.sites[0].spare_key = Some(spare);
        input.sites[0].public_keys = keys.to_vec();
        input.rotation = Some(mesh::Rotating { site: site(0), to_spare });
        self.of_input(version, &input, |_| {}, &self.signer)
    }

    /// The version of a network with two other sites, in which this one has these keys.
    pub fn re_keyed(&self, version: u64, keys: &[PublicKey]) -> Version {
        let mut input = input(3);
        input.sites[0].public_keys = keys.to_vec();
        self.of_input(version, &input, |_| {}, &self.signer)
    }

    /// The same with two other sites, and policies.
    pub fn with_policies(&self, version: u64, policies: &str) -> Version {
        let input = mesh::Input { policies: serde_json::from_str(policies).unwrap(), ..input(3) };
        self.of_input(version, &input, |_| {}, &self.signer)
    }

    /// A version for the first of the other sites.
    pub fn of_another(&self, version: u64) -> Version {
        self.of_site(version, (&input(2), site(1)), |_| {}, &self.signer)
    }

    fn of_input(
        &self,
        version: u64,
        input: &mesh::Input,
        twist: impl FnOnce(&mut Statement),
        by: &SigningKey,
    ) -> Version {
        self.of_site(version, (input, site(0)), twist, by)
    }

    fn of_site(
        &self,
        version: u64,
        (input, site): (&mesh::Input, SiteId),
        twist: impl FnOnce(&mut Statement),
        by: &SigningKey,
    ) -> Version {
        let compiled = mesh::compile(input).unwrap();
        let ours = compiled.sites.into_iter().find(|compiled| compiled.id == site).unwrap();
        let mut statement = Statement {
            network: network(),
            site,
            version,
            digest: ours.hashes.digest,
            previous: None,
            issued_at: patronus_types::Timestamp::UNIX_EPOCH,
            terms: Terms::default(),
        };
        twist(&mut statement);
        let signatures = vec![sign(by, &ours.hashes.prehash, &statement)];
        let desired = Desired { version, digest: ours.hashes.digest, size: ours.hashes.len, signatures };
        Version { desired, archive: archive::compress(&ours.tar).unwrap() }
    }

    /// Makes a version the one that the server wants.
    pub fn publish(&self, version: &Version) {
        self.server.serve(version.desired.digest, version.archive.clone());
        self.server.want(state(Mode::Apply, version));
    }
}

/// What a server says that wants a version.
pub fn state(mode: Mode, version: &Version) -> State {
    State { mode, poll_interval_s: 5, desired: Some(version.desired.clone()), new_keys: None }
}

pub fn network() -> NetworkId {
    NetworkId::new(1, &[0; 10])
}

pub fn site(index: u64) -> SiteId {
    SiteId::new(index, &[0; 10])
}

fn keys() -> KeyPairs {
    KeyPairs::new((1..=4).map(|byte| PrivateKey::new([byte; 32])).collect())
}

fn input(sites: usize) -> mesh::Input {
    let mut spec = NetworkSpec::named("net".parse().unwrap());
    spec.confirm.peers_percent = 50;
    let sites = (0..sites).map(|index| member(&spec, index)).collect();
    mesh::Input { network: network(), spec, sites, rotation: None, policies: Vec::new() }
}

fn member(network: &NetworkSpec, index: usize) -> mesh::Site {
    let number = u32::try_from(index).unwrap();
    let json =
        format!(r#"{{"name": "site-{index}", "endpoints": ["192.0.2.{index}"], "prefixes": ["10.{index}.0.0/16"]}}"#);
    let (spec, _) = serde_json::from_str::<SiteInput>(&json).unwrap().into_spec().unwrap();
    let key = |uplink: u8| {
        PublicKey(std::array::from_fn(|at| if at == 0 { uplink + 1 } else { number.to_be_bytes()[3] + 9 }))
    };
    mesh::Site {
        id: site(u64::from(number)),
        spec,
        addresses: address::of_site(network, number + 1).unwrap(),
        public_keys: if index == 0 { keys().public() } else { (0..4).map(key).collect() },
        port_base: Some(51_820),
        spare_key: None,
    }
}

/// Waits until a change under way has proven itself, or is undone; gives what became of it.
pub async fn proven(network: &mut Network) -> Option<Retry> {
    let mut retry = None;
    while network.is_changing() {
        let evidence = network.evidence().await;
        retry = network.weigh(evidence).await;
    }
    retry
}
