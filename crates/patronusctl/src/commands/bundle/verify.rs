//! Verifying signatures: of a release's bundles with the network's key, or of files with a key file.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap_complete::engine::ArgValueCompleter;
use patronus_core::signature::{Statement, VerifyingKey, verify};
use patronus_types::bundle::Bundle;
use patronus_types::{NetworkId, Timestamp};
use serde::Serialize;

use super::about;
use super::archive::{Fetched, bundles, fetch, load, open};
use super::download::signature_beside;
use crate::app::App;
use crate::cli::BundleRef;
use crate::complete;
use crate::error::{CliError, Exit, Fault, Result};
use crate::output::{Cell, Head, Tone};

/// Arguments of `bundle verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// VERSION/SITE, VERSION for all sites, or a tar.gz file
    #[arg(value_name = "BUNDLE|FILE", add = ArgValueCompleter::new(complete::versions))]
    bundle: String,
    /// The public key, as a minisign file; the network's own by default
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// A file's signature [default: beside it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    signature: Option<PathBuf>,
}

#[derive(Serialize)]
struct Verified {
    name: String,
    ok: bool,
    version: Option<u64>,
    digest: String,
    key_id: String,
    issued_at: Option<Timestamp>,
    reason: Option<String>,
}

/// Runs it.
pub fn run(app: &App, args: &Args) -> Result {
    let path = Path::new(&args.bundle);
    let verified = match args.bundle.parse::<BundleRef>() {
        Ok(wanted) if !path.exists() || args.signature.is_none() => of_release(app, args, &wanted)?,
        Err(why) if !path.exists() => {
            return Err(CliError::usage(format!("there is no file `{}`, and as a bundle: {why}", args.bundle)));
        }
        _ => vec![of_file(app, args, path)?],
    };
    app.out.value(&verified, || page(app, &verified))?;
    let failed: Vec<&Verified> = verified.iter().filter(|it| !it.ok).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let fault =
        |it: &&Verified| Fault { place: it.name.clone(), what: it.reason.clone().unwrap_or_default(), excerpt: None };
    let error = CliError::new(Exit::Failed, format!("{} of {} do not verify", failed.len(), verified.len()));
    Err(error.faults(failed.iter().map(fault).collect()))
}

fn read_key(path: &Path) -> Result<VerifyingKey> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::new(Exit::Local, format!("{} cannot be read", path.display())).cause(error))?;
    parse_key(&text, &path.display().to_string())
}

fn parse_key(text: &str, from: &str) -> Result<VerifyingKey> {
    VerifyingKey::parse(text)
        .map_err(|error| CliError::new(Exit::Invalid, format!("{from} is not a minisign public key")).cause(error))
}

fn of_release(app: &App, args: &Args, wanted: &BundleRef) -> Result<Vec<Verified>> {
    if args.signature.is_some() {
        return Err(CliError::usage("--signature is for a file; a release has its own"));
    }
    let client = app.client()?;
    let mut progress = app.out.transfer("downloading");
    let outcome = app.run(async {
        let release = client.releases().get(&wanted.version).await.map_err(|error| about(error, wanted))?;
        let network = release.network_id;
        let key = match &args.key {
            Some(path) => read_key(path)?,
            None => {
                parse_key(&client.networks().signing_key(&network.to_string()).await?.public_key, "the network's key")?
            }
        };
        let mut verified = Vec::new();
        for bundle in bundles(&client, wanted).await? {
            let fetched = fetch(&client, bundle, &mut progress).await?;
            verified.push(check(&fetched, &key, network));
        }
        Ok(verified)
    });
    progress.clear();
    outcome
}

fn check(fetched: &Fetched, key: &VerifyingKey, network: NetworkId) -> Verified {
    let bundle = &fetched.bundle;
    let outcome = verify(key, &bundle.signature, &fetched.contents.hashes.prehash).map_err(|error| error.to_string());
    let outcome = outcome.and_then(|statement| match contradiction(&statement, bundle, network) {
        Some(why) => Err(why),
        None => Ok(statement),
    });
    verified(format!("{}/{}", bundle.version, bundle.site), bundle.digest.to_string(), key, outcome)
}

/// What a statement says other than the release.
fn contradiction(statement: &Statement, bundle: &Bundle, network: NetworkId) -> Option<String> {
    if statement.network != network {
        return Some(format!("it is signed for another network ({})", statement.network));
    }
    if statement.site != bundle.site_id {
        return Some(format!("it is signed for another site than {} ({})", bundle.site, statement.site));
    }
    if statement.version != bundle.version {
        return Some(format!("it is signed as version {}", statement.version));
    }
    (statement.digest != bundle.digest).then(|| format!("it is signed with digest {}", statement.digest))
}

fn verified(
    name: String,
    digest: String,
    key: &VerifyingKey,
    outcome: std::result::Result<Statement, String>,
) -> Verified {
    let key_id = key.id().to_string();
    match outcome {
        Ok(it) => Verified {
            name,
            ok: true,
            version: Some(it.version),
            digest,
            key_id,
            issued_at: Some(it.issued_at),
            reason: None,
        },
        Err(why) => Verified { name, ok: false, version: None, digest, key_id, issued_at: None, reason: Some(why) },
    }
}

fn of_file(app: &App, args: &Args, path: &Path) -> Result<Verified> {
    let name = path.display().to_string();
    let archive = load(path)?;
    let hashes = open(&archive, &name)?.hashes;
    let beside = args.signature.clone().unwrap_or_else(|| signature_beside(path));
    let signature = std::fs::read_to_string(&beside).map_err(|error| {
        let failed =
            CliError::new(Exit::Local, format!("the signature {} cannot be read", beside.display())).cause(error);
        failed.help("name it with --signature FILE")
    })?;
    let key = match &args.key {
        Some(path) => read_key(path)?,
        None => network_key(app)?,
    };
    let outcome = verify(&key, &signature, &hashes.prehash).map_err(|error| error.to_string());
    let outcome = outcome.and_then(|statement| match statement.digest == hashes.digest {
        true => Ok(statement),
        false => Err(format!("it is signed with digest {}", statement.digest)),
    });
    Ok(verified(name, hashes.digest.to_string(), &key, outcome))
}

fn network_key(app: &App) -> Result<VerifyingKey> {
    let scope = app.target()?.scope.network.clone();
    let network = scope
        .ok_or_else(|| CliError::usage("which key is it to verify with?").help("add --key FILE, or --network NAME"))?;
    let client = app.client()?;
    let key = app.run(async { Ok(client.networks().signing_key(&network.to_string()).await?) })?;
    parse_key(&key.public_key, "the network's key")
}

fn page(app: &App, verified: &[Verified]) -> String {
    let heads = ["BUNDLE", "SIGNATURE", "VERSION", "KEY", "DIGEST"].map(Head::fixed);
    let row = |it: &Verified| {
        let outcome = if it.ok { Cell::toned("good", Tone::Good) } else { Cell::toned("BAD", Tone::Bad) };
        vec![it.name.clone().into(), outcome, Cell::of(it.version), it.key_id.clone().into(), it.digest.clone().into()]
    };
    app.out.rows_text(&heads, verified.iter().map(row).collect())
}
