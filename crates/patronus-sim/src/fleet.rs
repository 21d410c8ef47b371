//! Many agents in one process.

use anyhow::{Context as _, Result};
use patronus_client::{Client, Credential, Scope, Tagged, Write};
use patronus_types::api::agent::{EnrolRequest, State};
use patronus_types::api::tokens::TokenCreate;
use patronus_types::network::NetworkSpec;
use patronus_types::site::SiteInput;
use patronus_types::token::TokenKind;
use patronus_types::{Name, PublicKey, Ref};

/// One agent that only listens.
#[derive(Debug)]
pub struct Member {
    /// Its site.
    pub site: Name,
    client: Client,
    etag: Option<String>,
}

/// The agents of one network.
#[derive(Debug)]
pub struct Fleet {
    /// The network.
    pub network: Name,
    /// Its sites' agents.
    pub members: Vec<Member>,
}

impl Fleet {
    /// Makes a network of `size` sites, at most 65,000, and enrols an agent in each.
    ///
    /// # Errors
    /// When the server refuses any of it.
    pub async fn enrol(admin: &Client, network: &str, size: u16) -> Result<Self> {
        let network: Name = network.parse()?;
        admin.networks().create(&NetworkSpec::named(network.clone()), &Write::default()).await?;
        let admin = admin.scoped(Scope { network: Some(Ref::Name(network.clone())), ..Scope::default() });
        let mut members = Vec::with_capacity(size.into());
        for index in 0..size {
            members.push(Member::enrol(&admin, &network, index).await.with_context(|| format!("site {index}"))?);
        }
        Ok(Self { network, members })
    }
}

impl Member {
    async fn enrol(admin: &Client, network: &Name, index: u16) -> Result<Self> {
        let site: Name = format!("site-{index:05}").parse()?;
        let [high, low] = index.to_be_bytes();
        let input =
            SiteInput { endpoints: vec![format!("198.18.{high}.{low}").parse()?], ..SiteInput::named(site.clone()) };
        admin.sites().create(&input, &Write::default()).await?;
        let token = TokenCreate {
            kind: TokenKind::Enrol,
            description: String::new(),
            role: None,
            network: Some(Ref::Name(network.clone())),
            site: Some(Ref::Name(site.clone())),
            expires_in_s: None,
        };
        let token = admin.tokens().create(&token, &Write::default()).await?;
        let invitation = token.invitation.context("the server made no invitation")?;
        let request = EnrolRequest {
            token: token.secret,
            signing_key_sha256: invitation.signing_key_sha256,
            public_keys: (1..=4).map(|uplink| key(network, index, uplink)).collect(),
            port_base: 51820,
            // As much of a secret as these agents need: 32 bytes in base64, like a key's.
            nonce: key(network, index, 9).to_string(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: site.to_string(),
        };
        let enrolled = admin.authenticated(Credential::None).agent().enrol(&request).await?;
        let client =
            admin.authenticated(Credential::Token(enrolled.agent_token.expose().to_owned())).scoped(Scope::default());
        Ok(Self { site, client, etag: None })
    }

    /// Asks for the version to run, waiting up to `wait_s` seconds for another than the last one heard of.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn poll(&mut self, wait_s: u32) -> Result<Option<State>> {
        let answer = self.client.agent().state(self.etag.as_deref(), wait_s).await?;
        let Some(Tagged { value, etag }) = answer else { return Ok(None) };
        self.etag = Some(etag);
        Ok(Some(value))
    }

    /// Waits until it is told of `version` or a later one.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn hears_of(&mut self, version: u64) -> Result<()> {
        loop {
            let state = self.poll(55).await?;
            if state.and_then(|state| state.desired).is_some_and(|desired| desired.version >= version) {
                return Ok(());
            }
        }
    }
}

/// A key that nobody has the private half of; no two are the same.
fn key(network: &Name, site: u16, uplink: u8) -> PublicKey {
    let mut bytes = [uplink; 32];
    for (byte, letter) in bytes.iter_mut().zip(network.as_str().bytes()) {
        *byte = letter;
    }
    [bytes[30], bytes[31]] = site.to_be_bytes();
    PublicKey(bytes)
}
