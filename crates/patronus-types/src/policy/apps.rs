//! Named applications: sets of protocols and ports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Service;
use crate::Name;

/// A table of applications by name, as it is written: `erp: [tcp/3200-3299, udp/3299]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Apps(pub BTreeMap<Name, Vec<Service>>);

impl Apps {
    /// What an application is made of.
    pub fn get(&self, name: &Name) -> Option<&[Service]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
