//! Which tenant and network a request means.

use patronus_store::Page;
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::network::Network;
use patronus_types::{NetworkId, Ref, TenantId};

use super::Call;
use super::body::MISSING;
use crate::error::{Error, Result};

/// The most networks that a message names.
const NAMED: u8 = 5;

impl Call {
    /// The tenant: the caller's own, which `?tenant=` may name.
    pub async fn tenant(&self, reference: Option<&Ref>) -> Result<TenantId> {
        let own = self.principal()?.tenant();
        let Some(reference) = reference else { return Ok(own) };
        let named = self.app.store.tenant(reference).await;
        match named {
            Ok(tenant) if tenant.id == own => Ok(own),
            // What the caller may not see does not exist for it.
            Ok(_) | Err(patronus_store::StoreError::NotFound { .. }) => {
                Err(Error::new(ErrorCode::NotFound, format_args!("no tenant `{reference}`")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The network: the one that is named, else the tenant's only one.
    pub async fn network(&self, tenant: TenantId, reference: Option<&Ref>) -> Result<Network> {
        if let Some(reference) = reference {
            return Ok(self.app.store.network(tenant, reference).await?);
        }
        let page = Page { limit: u32::from(NAMED) + 1, count: true, ..Page::default() };
        let networks = self.app.store.networks(tenant, page).await?;
        let count = networks.total.unwrap_or_default();
        match <[Network; 1]>::try_from(networks.items) {
            Ok([only]) => Ok(only),
            Err(networks) => {
                let fault = Fault { pointer: "/network".to_owned(), detail: MISSING.to_owned() };
                Err(Error::new(ErrorCode::Invalid, several(&networks, count)).with(vec![fault]))
            }
        }
    }

    /// The network that a list or a lookup is limited to, if one is named.
    pub async fn network_filter(&self, tenant: TenantId, reference: Option<&Ref>) -> Result<Option<NetworkId>> {
        match reference {
            Some(reference) => Ok(Some(self.app.store.network(tenant, reference).await?.id)),
            None => Ok(None),
        }
    }
}

/// That a network must be named, and which there are.
fn several(networks: &[Network], count: u64) -> String {
    let names = networks.iter().take(NAMED.into()).map(|network| network.spec.name.as_str());
    let names: Vec<&str> = names.collect();
    match count.saturating_sub(NAMED.into()) {
        _ if names.is_empty() => "there is no network yet: create one first".to_owned(),
        0 => format!("there are several networks ({}): name one", names.join(", ")),
        more => format!("there are several networks ({} and {more} more): name one", names.join(", ")),
    }
}
