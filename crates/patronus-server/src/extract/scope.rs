//! Which tenant and network a request means.

use patronus_store::Page;
use patronus_types::api::error::ErrorCode;
use patronus_types::network::Network;
use patronus_types::{NetworkId, Ref, TenantId};

use super::Call;
use crate::error::{Error, Result};

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
        let page = Page { limit: 2, ..Page::default() };
        let mut networks = self.app.store.networks(tenant, page).await?.items;
        match (networks.pop(), networks.pop()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Error::invalid("", "there is no network yet: create one first")),
            (Some(_), Some(_)) => {
                Err(Error::invalid("", "there are several networks: say which with ?network=NAME (--network NAME)"))
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
