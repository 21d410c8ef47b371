//! What operators ask for: to begin, to go on without somebody, to give up.

use std::collections::BTreeSet;
use std::sync::Arc;

use patronus_core::rotation::{Refusal, force, may_begin};
use patronus_store::{NewRotation, Write};
use patronus_types::SiteId;
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::api::rotation::Rotated;
use patronus_types::rotation::{Phase, Waiting};
use patronus_types::site::Site;

use super::{Released, running};
use crate::app::App;
use crate::error::{Error, Result};
use crate::publish;

/// A request to replace a site's keys.
pub struct Request {
    /// The write it is.
    pub write: Write,
    /// The site.
    pub site: Site,
    /// Whether to go on without those who hold it open.
    pub force: bool,
}

/// Begins a rotation, or answers how far it is; by force goes on without those who hold it open.
pub async fn request(app: &Arc<App>, request: Request) -> Result<Rotated> {
    let Request { write, site, force } = request;
    let released = Released::read(app, write.tenant, site.network_id).await?.ok_or_else(unpublished)?;
    let own = released.rotation().filter(|rotation| rotation.site == site.id);
    let (rotation, started, stranded) = match own {
        Some(rotation) if force => {
            let stranded = forced(&released, &site, write.now)?;
            let rotation = match stranded.is_empty() {
                true => rotation.clone(),
                false => app.store.go_on_without(&write, site.network_id, ids(&stranded)).await?,
            };
            (rotation, false, stranded)
        }
        _ => {
            let stranded = match own {
                Some(_) => Vec::new(),
                None => beginning(&released, &site, force)?,
            };
            let new = NewRotation { site: site.id, without: ids(&stranded), by_age: false };
            let begun = app.store.start_rotation(&write, new).await?;
            (begun.rotation, begun.started, stranded)
        }
    };
    let stranded = stranded.into_iter().map(|(_, waiting)| waiting).collect();
    Ok(Rotated { rotation: released.shown(app, &rotation, &site, write.now)?, started, stranded })
}

/// Gives a rotation up, as long as the site has its old keys.
pub async fn cancel(app: &Arc<App>, write: Write, site: &Site) -> Result<()> {
    let name = &site.spec.name;
    let rotation = app.store.rotation(site.network_id).await?.filter(|rotation| rotation.site == site.id);
    match rotation.map(|rotation| rotation.phase) {
        None | Some(Phase::Keys) => Ok(app.store.cancel_rotation(&write, site.id).await?),
        Some(Phase::Spare) => {
            let message = format!("keys of site {name}: given up, and traffic moves back");
            publish::step(app, write, site.network_id, message, publish::Step::Back).await.map(drop)
        }
        Some(Phase::Back) => Ok(()),
        Some(Phase::Rekey) => Err(Error::new(
            ErrorCode::Conflict,
            format_args!(
                "site `{name}` has its new keys already, so there is no way back: see who holds it open with \
                 `patronusctl site describe {name}`, and go on without them with `patronusctl site rotate-key {name} --force`"
            ),
        )),
    }
}

type Stranded = Vec<(SiteId, Waiting)>;

/// Whom it strands to begin; refused without force if anybody.
fn beginning(released: &Released, site: &Site, force: bool) -> Result<Stranded> {
    match may_begin(site.id, &released.concerned(site.id)?) {
        Ok(()) => Ok(Vec::new()),
        Err(Refusal::Strands(stranded)) if force => Ok(stranded),
        Err(refusal) => Err(refused(refusal)),
    }
}

/// Whom it strands to go on now.
fn forced(released: &Released, site: &Site, now: patronus_types::Timestamp) -> Result<Stranded> {
    let Some(rotation) = released.rotation() else { return Ok(Vec::new()) };
    force(&running(rotation), &released.concerned(site.id)?, now).map_err(refused)
}

fn ids(stranded: &Stranded) -> BTreeSet<SiteId> {
    stranded.iter().map(|(id, _)| *id).collect()
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Impossible(why) => Error::new(ErrorCode::Conflict, why),
        Refusal::Strands(stranded) => {
            let fault = |(_, Waiting { site, reason }): (SiteId, Waiting)| Fault {
                pointer: String::new(),
                detail: format!("site `{site}` {reason}"),
            };
            let detail = "it would cut sites off that cannot follow: see to them first, or ask for it by force";
            Error::new(ErrorCode::Conflict, detail).with(stranded.into_iter().map(fault).collect())
        }
    }
}

fn unpublished() -> Error {
    Error::new(
        ErrorCode::Conflict,
        "nothing is published yet, so nobody has the old keys: run `patronusctl bundle publish`",
    )
}
