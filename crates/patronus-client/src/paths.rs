//! Paths.

use patronus_types::api::page::HealthStep;
use patronus_types::api::paths::{PathWhy, WhyRequest};
use patronus_types::api::route::Op;
use patronus_types::path::{Path, PathHealth, PathStatus};
use patronus_types::{Ref, Timestamp};

use crate::call::Call;
use crate::{Client, Error, Pages};

/// See [`Client::paths`].
#[derive(Debug, Clone, Copy)]
pub struct Paths<'a>(pub(crate) &'a Client);

impl Paths<'_> {
    /// The paths of the scope's network, or of all networks of the tenant; perhaps only those from or to a site, or that do so.
    pub fn list(&self, site: Option<&Ref>, status: Option<PathStatus>) -> Pages<Path> {
        let status = status.map(|status| match status {
            PathStatus::Up => "up",
            PathStatus::Degraded => "degraded",
            PathStatus::Down => "down",
        });
        let call = Call::new(Op::PathList, &[]).scope(self.0).query("limit", Some(1000));
        Pages::of(self.0, call.query("siteId", site).query("status", status))
    }

    /// One path, by its id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, path: &str) -> Result<Path, Error> {
        self.0.send(Call::new(Op::PathGet, &[path]).scope(self.0)).await?.json()
    }

    /// What a path was like, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn health(
        &self,
        path: &str,
        (since, until): (Option<Timestamp>, Option<Timestamp>),
        step: Option<HealthStep>,
    ) -> Result<Vec<PathHealth>, Error> {
        let step = step.map(|step| if step == HealthStep::Hour { "hour" } else { "minute" });
        let call = Call::new(Op::PathHealth, &[path]).scope(self.0);
        let call = call.query("since", since).query("until", until).query("step", step);
        self.0.send(call).await?.json()
    }

    /// Which path packets take, and why.
    ///
    /// # Errors
    /// When a site is not there.
    pub async fn why(&self, request: &WhyRequest) -> Result<PathWhy, Error> {
        self.0.send(Call::new(Op::PathWhy, &[]).scope(self.0).json(request)?).await?.json()
    }
}
