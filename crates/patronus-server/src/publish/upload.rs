//! Operators' own WireGuard configurations, as bundles.
//!
//! An archive for one site holds one `.conf`; one for a network holds a folder per site, named like the site, with one
//! `.conf` in each. All faults of all files are told at once, with file, line and column.

use std::collections::BTreeMap;

use patronus_core::archive::{self, File, Limits};
use patronus_core::mesh::{Input, Site, Upload as Source, uploaded};
use patronus_core::rope::Rope;
use patronus_core::wgconf::{self, Config};
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::bundle::Party;
use patronus_types::network::NetworkSpec;
use patronus_types::{Name, NetworkId, PublicKey, SiteId};

use crate::error::{Error, Result};

/// The end of a configuration's name.
const CONF: &str = ".conf";

/// Configurations that were read and found in order, not yet brought together with their sites.
pub struct Upload {
    configs: BTreeMap<Key, Config>,
}

/// Which site a configuration is for: the one of the request, or the one its folder names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Site(SiteId),
    Folder(Name),
}

impl Upload {
    /// Reads an archive: of one site, or with a folder per site.
    pub fn read(archive: &[u8], site: Option<SiteId>) -> Result<Self> {
        let files = archive::read(archive, &Limits::DEFAULT).map_err(|error| Error::invalid("", error))?.files;
        let mut configs = BTreeMap::new();
        let mut faults = Vec::new();
        for file in files {
            match one(&file, site) {
                Err(found) => faults.extend(found),
                Ok((key, config)) => {
                    if configs.insert(key, config).is_some() {
                        faults.push(fault(format!("{}: a second configuration for the same site", file.name)));
                    }
                }
            }
        }
        if faults.is_empty() && configs.is_empty() {
            faults.push(fault("the archive holds no WireGuard configuration (`*.conf`)".to_owned()));
        }
        if faults.is_empty() { Ok(Self { configs }) } else { Err(Error::faults(ErrorCode::Invalid, faults)) }
    }

    /// The sites' tars.
    pub fn bundles(&self, network: &Party<NetworkId>, input: &Input) -> Result<BTreeMap<SiteId, Rope>> {
        let names = names_by_key(input);
        let mut tars = BTreeMap::new();
        let mut faults = Vec::new();
        for (key, config) in &self.configs {
            match find(input, key).and_then(|site| tar((network, &input.spec), site, &names, config)) {
                Ok((site, tar)) => {
                    tars.insert(site, tar);
                }
                Err(detail) => faults.push(fault(detail)),
            }
        }
        if faults.is_empty() { Ok(tars) } else { Err(Error::faults(ErrorCode::Invalid, faults)) }
    }
}

fn one(file: &File, site: Option<SiteId>) -> Result<(Key, Config), Vec<Fault>> {
    let name = &file.name;
    let say = |detail: &str| vec![fault(format!("{name}: {detail}"))];
    if !name.ends_with(CONF) {
        return Err(say(
            "only WireGuard configurations (`*.conf`) are taken; a bundle's other files are made from them",
        ));
    }
    let key = match (site, name.split_once('/')) {
        (Some(site), _) => Key::Site(site),
        (None, Some((folder, _))) => Key::Folder(folder.parse().map_err(|_| say("the folder is no site's name"))?),
        (None, None) => {
            return Err(say("put it into a folder named like its site, or upload for one site (--site NAME)"));
        }
    };
    let text = std::str::from_utf8(&file.data).map_err(|_| say("it is not text"))?;
    let place = |found: &wgconf::Fault| fault(format!("{name}:{found}"));
    wgconf::parse(text).map(|config| (key, config)).map_err(|faults| faults.as_slice().iter().map(place).collect())
}

fn find<'a>(input: &'a Input, key: &Key) -> Result<&'a Site, String> {
    let matches = |site: &&Site| match key {
        Key::Site(id) => site.id == *id,
        Key::Folder(name) => site.spec.name == *name,
    };
    input.sites.iter().find(matches).ok_or_else(|| match key {
        Key::Folder(name) => format!("{name}/: the network has no site of this name"),
        Key::Site(id) => format!("the site {id} is not in this network"),
    })
}

fn tar(
    (network, spec): (&Party<NetworkId>, &NetworkSpec),
    site: &Site,
    names: &BTreeMap<PublicKey, Name>,
    config: &Config,
) -> Result<(SiteId, Rope), String> {
    let name = &site.spec.name;
    let (Some(uplink), Some(public_key), true) = (site.spec.uplinks.first(), site.public_keys.first(), site.is_ready())
    else {
        return Err(format!("{name}: the site has no key yet: enrol its agent first"));
    };
    let source = Source {
        network,
        site: &Party { id: site.id, name: name.clone() },
        uplink,
        public_key: *public_key,
        port_base: site.port_base,
        confirm: &spec.confirm.for_site(|probe| probe.is_run_by(&site.spec)),
        paths: &spec.paths,
        names,
        config,
    };
    uploaded(&source).map(|made| (site.id, made.tar)).map_err(|error| error.to_string())
}

fn names_by_key(input: &Input) -> BTreeMap<PublicKey, Name> {
    let keys = |site: &Site| site.public_keys.iter().map(|key| (*key, site.spec.name.clone())).collect::<Vec<_>>();
    input.sites.iter().flat_map(keys).collect()
}

fn fault(detail: String) -> Fault {
    Fault { pointer: String::new(), detail }
}

#[cfg(test)]
mod tests {
    use patronus_core::archive::{compress, pack};
    use patronus_core::rope::Draft;

    use super::*;

    const GOOD: &str = "[Interface]\nAddress = 10.9.0.1/24\n";

    fn faults(files: &[(&str, &str)], site: Option<SiteId>) -> Vec<String> {
        let draft = |text: &str| {
            let mut draft = Draft::default();
            draft.push_bytes(text.as_bytes());
            draft
        };
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), draft(text)));
        let archive = compress(&pack(files).unwrap().seal()).unwrap();
        let read = Upload::read(&archive, site);
        read.err().map(Error::into_faults).unwrap_or_default().into_iter().map(|fault| fault.detail).collect()
    }

    #[test]
    fn every_fault_has_its_file_and_place() {
        let bad = "[Interface]\nAddress = 10.9.0.1/24\nPostUp = rm -rf /\nPrivateKey = x\n";
        let told = faults(&[("ams/wg0.conf", bad), ("bru/wg0.conf", GOOD), ("x/run.sh", "boom")], None);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("ams/wg0.conf:3:"), "{told:?}");
        assert!(told[1].starts_with("ams/wg0.conf:4:"), "{told:?}");
        assert!(told[2].starts_with("x/run.sh: "), "{told:?}");
    }

    #[test]
    fn each_site_has_one_configuration() {
        let site = Some(SiteId::new(1, &[1; 10]));
        assert!(faults(&[("wg0.conf", GOOD)], site).is_empty());
        assert!(faults(&[("ams/a.conf", GOOD), ("bru/a.conf", GOOD)], None).is_empty());
        assert!(faults(&[("a.conf", GOOD), ("b.conf", GOOD)], site)[0].contains("second"));
        assert!(faults(&[("wg0.conf", GOOD)], None)[0].contains("folder"));
        assert!(faults(&[], site)[0].contains("no WireGuard configuration"));
    }
}
