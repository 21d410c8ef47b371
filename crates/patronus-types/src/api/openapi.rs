//! The OpenAPI 3.1 document, put together from the route table and the types' JSON Schemas.
//!
//! It is deterministic: served at `/v1/openapi.json` and kept in `docs/api/openapi.yaml`, where a stale copy fails CI.

use std::collections::BTreeSet;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::page::{ListQuery, PathQuery, ScopeQuery};
use super::route::{Access, Method, Op, Route};
use super::standing::ModeRequest;
use super::{
    GZIP, IDEMPOTENCY_KEY, PROBLEM_JSON, REQUEST_ID, agent, apply, auth, health, paths, policies, releases, rotation,
    tokens,
};
use crate::bundle::Bundle;
use crate::event::Event;
use crate::network::{Network, NetworkSpec};
use crate::path::{Path, PathHealth};
use crate::policy::{Policy, PolicyInput};
use crate::release::Release;
use crate::site::{Site, SiteInput};
use crate::token::Token;

const SCHEMAS: &str = "#/components/schemas/";
/// Where references of requests point until it is known which types have two faces.
const REQUESTS: &str = "#/components/requests/";
const SCOPE: &[&str] = &["tenant", "network"];
const WRITE: &[&str] = &["tenant", "network", "dry_run"];
const LIST: &[&str] = &["tenant", "network", "limit", "cursor", "count"];

/// The whole document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for op in Op::ALL {
        let route = op.route();
        let operation = operation(&route, &mut schemas);
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let (schemas, renamed) = schemas.finish();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Patronus",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Runs WireGuard networks between sites.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8080", "description": "The default address"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token of a login, an API token or an agent's token.",
            }},
        },
    });
    settle(&mut document, &renamed);
    document
}

/// What a body holds.
enum Body {
    None,
    Json(Value),
    Archive,
}

/// What an operation takes and gives.
struct Shape {
    query: &'static [&'static str],
    request: Body,
    /// The status of success and what it says.
    status: u16,
    response: Body,
}

impl Shape {
    fn read(query: &'static [&'static str], response: Value) -> Self {
        Self { query, request: Body::None, status: 200, response: Body::Json(response) }
    }

    fn write(status: u16, request: Value, response: Value) -> Self {
        Self { query: WRITE, request: Body::Json(request), status, response: Body::Json(response) }
    }

    fn delete() -> Self {
        Self { query: WRITE, request: Body::None, status: 204, response: Body::None }
    }

    fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }
}

fn shape(op: Op, s: &mut Schemas) -> Shape {
    match op {
        Op::AuthLogin => {
            Shape::write(200, s.takes::<auth::LoginRequest>(), s.gives::<auth::LoginResponse>()).query(&[])
        }
        Op::AuthRefresh => {
            Shape::write(200, s.takes::<auth::RefreshRequest>(), s.gives::<auth::LoginResponse>()).query(&[])
        }
        Op::AuthLogout => {
            Shape { request: Body::Json(s.takes::<auth::RefreshRequest>()), query: &[], ..Shape::delete() }
        }
        Op::AuthMe => Shape::read(&[], s.gives::<auth::Me>()),
        Op::NetworkList => Shape::read(LIST, list(s.gives::<Network>())),
        Op::NetworkCreate => Shape::write(201, s.takes::<NetworkSpec>(), s.gives::<Network>()),
        Op::NetworkGet => Shape::read(SCOPE, s.gives::<Network>()),
        Op::NetworkUpdate => Shape::write(200, s.patch("NetworkPatch", "NetworkSpec"), s.gives::<Network>()),
        Op::NetworkDelete | Op::SiteDelete | Op::PolicyDelete | Op::SiteKeepKey | Op::TokenRevoke => Shape::delete(),
        Op::NetworkSigningKey => Shape::read(SCOPE, s.gives::<releases::SigningKey>()),
        Op::SiteList => {
            Shape::read(&["tenant", "network", "limit", "cursor", "count", "status"], list(s.gives::<Site>()))
        }
        Op::SiteCreate => Shape::write(201, s.takes::<SiteInput>(), s.gives::<Site>()),
        Op::SiteGet => Shape::read(SCOPE, s.gives::<Site>()),
        Op::SiteUpdate => Shape::write(200, s.patch("SitePatch", "SiteInput"), s.gives::<Site>()),
        Op::SiteMode => Shape::write(200, s.takes::<ModeRequest>(), s.gives::<Site>()),
        Op::SiteRotateKey => Shape::write(201, s.takes::<rotation::RotateRequest>(), s.gives::<rotation::Rotated>()),
        Op::PathList => Shape::read(
            &["tenant", "network", "limit", "cursor", "count", "siteId", "path.status"],
            list(s.gives::<Path>()),
        ),
        Op::PathWhy => Shape::write(200, s.takes::<paths::WhyRequest>(), s.gives::<paths::PathWhy>()).query(SCOPE),
        Op::PathGet => Shape::read(SCOPE, s.gives::<Path>()),
        Op::PathHealth => Shape::read(&["tenant", "network", "since", "until", "step"], list(s.gives::<PathHealth>())),
        Op::PolicyList => Shape::read(LIST, list(s.gives::<Policy>())),
        Op::PolicyCreate => Shape::write(201, s.takes::<PolicyInput>(), s.gives::<policies::Written>()),
        Op::PolicyTest => {
            Shape::write(200, s.takes::<policies::TestRequest>(), s.gives::<policies::TestResponse>()).query(SCOPE)
        }
        Op::AppList => Shape::read(SCOPE, s.gives::<policies::AppList>()),
        Op::PolicyGet => Shape::read(SCOPE, s.gives::<Policy>()),
        Op::PolicyUpdate => Shape::write(200, s.patch("PolicyPatch", "PolicyInput"), s.gives::<policies::Written>()),
        Op::Apply => Shape::write(200, s.takes::<apply::ApplyRequest>(), s.gives::<apply::ApplyResponse>()),
        Op::TokenList => Shape::read(LIST, list(s.gives::<Token>())),
        Op::TokenCreate => Shape::write(201, s.takes::<tokens::TokenCreate>(), s.gives::<tokens::TokenCreated>()),
        Op::TokenGet => Shape::read(SCOPE, s.gives::<Token>()),
        Op::EventList => Shape::read(
            &["tenant", "network", "limit", "cursor", "count", "type", "after", "wait"],
            list(s.gives::<Event>()),
        ),
        Op::OpenApi => Shape::read(&[], json!({"type": "object"})),
        Op::HealthLive | Op::HealthReady => Shape::read(&[], s.gives::<health::Health>()),
        _ => release_shape(op, s),
    }
}

fn release_shape(op: Op, s: &mut Schemas) -> Shape {
    match op {
        Op::ReleaseList => Shape::read(LIST, list(s.gives::<Release>())),
        Op::ReleasePublish => {
            Shape::write(201, s.takes::<releases::PublishRequest>(), s.gives::<releases::Published>())
        }
        Op::ReleaseGet => Shape::read(SCOPE, s.gives::<Release>()),
        Op::ReleaseDiff => Shape::read(&["tenant", "network", "from"], s.gives::<releases::ReleaseDiff>()),
        Op::ReleaseRollback => {
            Shape::write(201, s.takes::<releases::RollbackRequest>(), s.gives::<releases::Published>())
        }
        Op::BundleList => Shape::read(LIST, list(s.gives::<Bundle>())),
        Op::BundleGet => Shape::read(SCOPE, s.gives::<Bundle>()),
        Op::BundleDownload => Shape { response: Body::Archive, ..Shape::read(SCOPE, Value::Null) },
        Op::BundleUpload => Shape {
            query: &["tenant", "network", "dry_run", "site", "message", "confirm_timeout_s", "accept_risks"],
            request: Body::Archive,
            status: 201,
            response: Body::Json(s.gives::<releases::Published>()),
        },
        _ => agent_shape(op, s),
    }
}

fn agent_shape(op: Op, s: &mut Schemas) -> Shape {
    match op {
        Op::AgentEnrol => {
            Shape::write(200, s.takes::<agent::EnrolRequest>(), s.gives::<agent::EnrolResponse>()).query(&[])
        }
        Op::AgentState => Shape::read(&[], s.gives::<agent::State>()),
        Op::AgentBundle => Shape { response: Body::Archive, ..Shape::read(&[], Value::Null) },
        Op::AgentReport => Shape { request: Body::Json(s.takes::<agent::Report>()), query: &[], ..Shape::delete() },
        Op::AgentPaths => Shape { request: Body::Json(s.takes::<paths::PathReport>()), query: &[], ..Shape::delete() },
        _ => Shape { query: &[], ..Shape::delete() },
    }
}

fn list(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let shape = shape(route.op, schemas);
    let mut operation = json!({
        "operationId": route.name,
        "tags": [tag(route.path)],
        "summary": route.summary,
        "parameters": parameters(route, shape.query, schemas),
        "responses": responses(route, &shape, schemas),
    });
    match &shape.request {
        Body::None => {}
        Body::Json(schema) => {
            let kind = if route.method == Method::Patch { "application/merge-patch+json" } else { "application/json" };
            operation["requestBody"] = json!({"required": true, "content": {kind: {"schema": schema}}});
        }
        Body::Archive => operation["requestBody"] = json!({"required": true, "content": {GZIP: {}}}),
    }
    match route.access {
        Access::Public => operation["security"] = json!([]),
        Access::Authenticated => operation["security"] = json!([{"bearer": []}]),
        Access::Needs(permission) => {
            operation["security"] = json!([{"bearer": []}]);
            operation["x-permission"] = json!(permission);
        }
    }
    operation
}

fn tag(path: &str) -> &str {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    path.split('/').nth(1).unwrap_or_default()
}

fn parameters(route: &Route, query: &[&str], schemas: &mut Schemas) -> Vec<Value> {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = names.map(path_parameter).collect();
    parameters.extend(query.iter().map(|name| schemas.query_parameter(name)));
    parameters.extend(headers(route).iter().map(|&(name, required, says)| {
        json!({"name": name, "in": "header", "required": required, "description": says, "schema": {"type": "string"}})
    }));
    parameters
}

fn path_parameter(name: &str) -> Value {
    let says = match name {
        "version" => "A release's number, or `latest`.",
        "digest" => "SHA-256 of a bundle's tar.",
        _ => "An id or a name.",
    };
    json!({"name": name, "in": "path", "required": true, "description": says, "schema": {"type": "string"}})
}

fn headers(route: &Route) -> Vec<(&'static str, bool, &'static str)> {
    let mut headers = match (route.op, route.method) {
        (Op::AgentState, _) => vec![
            ("if-none-match", false, "The ETag that is known: 304 if nothing changed."),
            ("prefer", false, "`wait=55` holds the request until something changes."),
        ],
        (Op::AgentBundle | Op::BundleDownload, _) => {
            vec![("range", false, "Bytes to send, to go on with a download that broke off.")]
        }
        (Op::NetworkUpdate | Op::NetworkDelete | Op::SiteUpdate | Op::SiteDelete, _) => {
            vec![("if-match", true, "The ETag of the object as it was read.")]
        }
        _ => Vec::new(),
    };
    if route.method != Method::Get && !matches!(route.access, Access::Public) {
        headers.push((IDEMPOTENCY_KEY, false, "Makes a repeat within 24 hours answer as the first did."));
    }
    headers.push((REQUEST_ID, false, "Names the request in the answer, in logs and in events."));
    headers
}

fn responses(route: &Route, shape: &Shape, schemas: &mut Schemas) -> Value {
    let success = match &shape.response {
        Body::None => json!({"description": "Done."}),
        Body::Json(schema) => json!({"description": "Done.", "content": {"application/json": {"schema": schema}}}),
        Body::Archive => json!({"description": "The archive.", "content": {GZIP: {}}}),
    };
    let problem = json!({
        "description": "What went wrong.",
        "content": {PROBLEM_JSON: {"schema": schemas.gives::<Problem>()}},
    });
    let mut responses = json!({shape.status.to_string(): success, "default": problem});
    match route.op {
        Op::AgentState => responses["304"] = json!({"description": "Nothing changed."}),
        Op::AgentBundle | Op::BundleDownload => {
            responses["206"] = json!({"description": "The rest of the archive.", "content": {GZIP: {}}});
        }
        Op::ReleasePublish | Op::ReleaseRollback | Op::BundleUpload => {
            let mut same = responses["201"].clone();
            same["description"] = json!("Nothing would change: the newest release.");
            responses["200"] = same;
        }
        Op::SiteRotateKey => {
            let mut running = responses["201"].clone();
            running["description"] = json!("It goes on already: how far it is.");
            responses["200"] = running;
        }
        _ => {}
    }
    responses
}

/// The two faces of every type: what may be left out of a request is always there in an answer.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
    queries: Map<String, Value>,
}

impl Schemas {
    fn new() -> Self {
        let settings = |prefix: &str| {
            let path = prefix.trim_matches(['#', '/']);
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = format!("/{path}").into())
        };
        let mut requests = settings(REQUESTS).for_deserialize().into_generator();
        let mut queries = properties(requests.root_schema_for::<ListQuery>());
        queries.extend(properties(requests.root_schema_for::<ScopeQuery>()));
        for (name, says) in properties(requests.root_schema_for::<PathQuery>()) {
            let taken = queries.contains_key(&name);
            queries.insert(if taken { format!("path.{name}") } else { name }, says);
        }
        // What parameters refer to.
        requests.subschema_for::<crate::Ref>();
        requests.subschema_for::<super::page::StatusFilter>();
        requests.subschema_for::<crate::path::PathStatus>();
        requests.subschema_for::<super::page::HealthStep>();
        Self { requests, answers: settings(SCHEMAS).for_serialize().into_generator(), queries }
    }

    fn takes<T: schemars::JsonSchema>(&mut self) -> Value {
        self.requests.subschema_for::<T>().to_value()
    }

    fn gives<T: schemars::JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().to_value()
    }

    /// The merge patch of a request type: its fields, none of them required.
    fn patch(&mut self, name: &str, of: &str) -> Value {
        let definitions = self.requests.definitions_mut();
        if let Some(mut patch) = definitions.get(of).cloned() {
            let says = format!("Merge patch (RFC 7396) of `{of}`: null puts a field back to its default.");
            patch["description"] = says.into();
            if let Some(fields) = patch.as_object_mut() {
                fields.remove("required");
            }
            definitions.insert(name.to_owned(), patch);
        }
        json!({"$ref": format!("{REQUESTS}{name}")})
    }

    fn query_parameter(&self, name: &str) -> Value {
        let mut schema = self.queries.get(name).cloned().unwrap_or_else(|| json!({"type": "string"}));
        let says = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        // Parameters of one name and of different kinds have that of their noun before it.
        let name = name.rsplit('.').next().unwrap_or(name);
        json!({"name": name, "in": "query", "required": false, "description": says, "schema": schema})
    }

    /// All definitions under one roof, and the names of those whose two faces differ: the request's is `<type>Request`.
    fn finish(mut self) -> (Map<String, Value>, BTreeSet<String>) {
        let requests = self.requests.take_definitions(true);
        let mut schemas = self.answers.take_definitions(true);
        let mut renamed = BTreeSet::new();
        while let Some(name) = differing(&requests, &schemas, &renamed) {
            renamed.insert(name);
        }
        for (name, schema) in requests {
            let name = if renamed.contains(&name) { format!("{name}Request") } else { name };
            schemas.entry(name).or_insert(schema);
        }
        (schemas, renamed)
    }
}

fn properties(schema: schemars::Schema) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn differing(requests: &Map<String, Value>, answers: &Map<String, Value>, known: &BTreeSet<String>) -> Option<String> {
    let differs = |name: &str, request: &Value| {
        let mut request = request.clone();
        settle(&mut request, known);
        answers.get(name).is_some_and(|answer| *answer != request)
    };
    let mut names = requests.iter().filter(|(name, request)| !known.contains(*name) && differs(name, request));
    names.next().map(|(name, _)| name.clone())
}

/// Points every reference of a request to where its schema ended up.
fn settle(value: &mut Value, renamed: &BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(REQUESTS) {
                let suffix = if renamed.contains(name) { "Request" } else { "" };
                *text = format!("{SCHEMAS}{name}{suffix}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, renamed)),
        Value::Object(fields) => fields.values_mut().for_each(|field| settle(field, renamed)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|field| references(field, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_route_is_there_and_every_reference_leads_somewhere() {
        let document = document();
        for op in Op::ALL {
            let route = op.route();
            let operation = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
            assert_eq!(operation["operationId"], route.name);
        }
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn an_answer_has_every_field_and_a_request_need_not() {
        let document = document();
        let required = |name: &str| {
            let schema = &document["components"]["schemas"][name];
            schema["required"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(required("UplinkRequest"), 1);
        assert!(required("Uplink") > 5);
        assert_eq!(required("SitePatch"), 0);
    }
}
