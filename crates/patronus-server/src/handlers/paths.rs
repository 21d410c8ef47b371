//! Paths.

use std::time::Duration;

use axum::body::Body;
use http::Response;
use patronus_core::policy::test as ask;
use patronus_store::{Page, StoreError};
use patronus_types::PathId;
use patronus_types::api::page::{DEFAULT_LIMIT, HealthStep, MAX_LIMIT};
use patronus_types::api::paths::{PathReport, PathWhy, WhyPath, WhyRequest};
use patronus_types::api::policies::{TestRequest, TestVerdict};
use patronus_types::path::Path;
use patronus_types::policy::{Action, Point};

use crate::error::{Error, Result};
use crate::extract::Call;
use crate::paths::{self, Wanted};
use crate::{declared, publish, respond};

/// The largest report: of 16,384 paths.
const MAX_BYTES: usize = 8 * 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// `GET /v1/paths`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.paths()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, query.network.as_ref()).await?;
    let site = match &query.site {
        Some(site) => Some(call.app.store.site(tenant, network, site, call.now).await?.id),
        None => None,
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("/limit", format_args!("use 1 to {MAX_LIMIT}, not {limit}")));
    }
    let page = Page { limit, cursor: query.cursor.clone(), count: query.count.unwrap_or_default() };
    let wanted = Wanted { network, site, status: query.status };
    respond::page(&call.app.paths.page(tenant, &wanted, &page, call.now)?, call.uri())
}

/// `GET /v1/paths/{pathId}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    respond::json(&found(&call).await?)
}

/// `GET /v1/paths/{pathId}/health`
pub async fn health(call: Call) -> Result<Response<Body>> {
    let query = call.paths()?;
    let path = found(&call).await?;
    let until = query.until.unwrap_or(call.now);
    let since = query.since.unwrap_or_else(|| until.checked_sub(HOUR).unwrap_or(until));
    if since >= until {
        return Err(Error::invalid("/since", "it must be before `until`"));
    }
    let long = until.duration_since(since).unsigned_abs() > DAY;
    let by_hour = query.step.map_or(long, |step| step == HealthStep::Hour);
    respond::json(&paths::health(&call.app, &path, (since, until), by_hour).await?)
}

/// `POST /v1/paths/why`
pub async fn why(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let request: WhyRequest = call.json().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, request.network.as_ref().or(scope.network.as_ref())).await?;
    let mut record = call.app.store.compile_input(tenant, network.id).await?;
    // What sites do is what is published, not what is declared.
    if let Some(version) = record.network.released_version {
        publish::as_released(&mut record, call.app.store.declared(network.id, version).await?);
    }
    let input = publish::input(&record);
    let id = |name: &patronus_types::Name| {
        let site = input.sites.iter().find(|site| site.spec.name == *name).map(|site| site.id);
        site.ok_or_else(|| StoreError::NotFound { kind: "site", reference: name.to_string() })
    };
    let (from, to) = (id(&request.from)?, id(&request.to)?);
    let packets = TestRequest {
        service: request.service,
        src_port: request.src_port,
        dscp: request.dscp,
        ..TestRequest::default()
    };
    let ends = (Point::Site(request.from.clone()), Point::Site(request.to.clone()));
    let rules = declared::rules(&input)?;
    let verdicts = ask(&packets, (&ends.0, &ends.1), &rules, &input.sites).map_err(|why| Error::invalid("", why))?;
    let verdict = verdicts.into_iter().next().ok_or_else(|| Error::invalid("", "the two ends have no addresses"))?;
    respond::json(&answer(verdict, call.app.paths.between(from, to, call.now)))
}

/// `POST /v1/agent/paths`
pub async fn report(mut call: Call) -> Result<Response<Body>> {
    let report: PathReport = serde_json::from_value(call.json_value(MAX_BYTES).await?)
        .map_err(|error| Error::invalid("", patronus_types::words::of_serde(&error.to_string())))?;
    let tenant = call.principal()?.tenant();
    paths::take(&call.app, (tenant, call.agent()?), report, call.now).await?;
    Ok(respond::no_content())
}

fn answer(verdict: TestVerdict, paths: Vec<Path>) -> PathWhy {
    // The class of the policy's packets; those that are limited take the best path, as those that no policy takes.
    let class = |path: &Path| match (&verdict.policy, &verdict.action) {
        (Some(policy), Some(Action::Route(_))) => {
            let own = path.classes.iter().find(|class| class.policies.contains(policy)).cloned();
            own.or_else(|| path.classes.first().cloned())
        }
        _ => path.classes.first().cloned(),
    };
    let drops = matches!(verdict.action, Some(Action::Drop));
    let chosen = paths.iter().find(|path| !drops && class(path).is_some_and(|class| class.used)).map(|path| path.id);
    let each = |path: Path| {
        let because = class(&path).and_then(|class| class.reason).or_else(|| path.state.reason.clone());
        WhyPath { because: because.filter(|_| !drops), path }
    };
    let mut paths: Vec<WhyPath> = paths.into_iter().map(each).collect();
    paths.sort_by_key(|it| Some(it.path.id) != chosen);
    PathWhy { verdict, chosen, paths }
}

async fn found(call: &Call) -> Result<Path> {
    let query = call.paths()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let id: PathId = call
        .param(0)
        .parse()
        .map_err(|_| StoreError::NotFound { kind: "path", reference: call.param(0).to_owned() })?;
    call.app.paths.get(tenant, id, call.now)
}
