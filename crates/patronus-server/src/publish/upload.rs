//! Operators' own WireGuard configurations, as bundles.

use std::collections::BTreeMap;

use patronus_core::archive::{self, File, Limits};
use patronus_core::mesh::Input;
use patronus_core::rope::Rope;
use patronus_types::SiteId;
use patronus_types::api::error::ErrorCode;

use crate::error::{Error, Result};

/// An archive that was read and found in order, not yet brought together with its sites.
pub struct Upload {
    _site: Option<SiteId>,
    _files: Vec<File>,
}

impl Upload {
    /// Reads an archive: of one site, or with a folder per site.
    pub fn read(archive: &[u8], site: Option<SiteId>) -> Result<Self> {
        let contents = archive::read(archive, &Limits::DEFAULT).map_err(|error| Error::invalid("", error))?;
        Ok(Self { _site: site, _files: contents.files })
    }

    /// The sites' tars.
    pub fn bundles(&self, _input: &Input) -> Result<BTreeMap<SiteId, Rope>> {
        Err(Error::new(ErrorCode::Unavailable, "not yet"))
    }
}
