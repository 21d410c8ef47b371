//! Bundles as plain WireGuard configurations: what is in a bundle's `wg/`. Each comes up by hand with `wg-quick`, once
//! the private key that only the site has is put in.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use super::archive::{Fetched, fetch_all, save};
use crate::app::App;
use crate::cli::BundleRef;
use crate::complete;
use crate::error::{CliError, Exit, Result};

/// Arguments of `bundle export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// VERSION/SITE, or VERSION for a folder per site
    #[arg(value_name = "BUNDLE", add = ArgValueCompleter::new(complete::versions))]
    bundle: BundleRef,
    /// The form
    #[arg(long, value_parser = ["wg-quick"], default_value = "wg-quick")]
    format: String,
    /// The folder, made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Exported {
    site: String,
    files: Vec<PathBuf>,
}

/// Runs it.
pub fn run(app: &App, args: &Args) -> Result {
    let mut exported = Vec::new();
    for it in fetch_all(app, &args.bundle)? {
        let folder = if args.bundle.site.is_some() { args.dir.clone() } else { args.dir.join(it.bundle.site.as_str()) };
        exported.push(write(&it, &folder)?);
    }
    let files: Vec<String> =
        exported.iter().flat_map(|it| &it.files).map(|path| format!("{}\n", path.display())).collect();
    app.out.value(&exported, || files.concat())?;
    app.out.notice("put the site's private key where each file says, then: wg-quick up FILE");
    Ok(())
}

fn write(it: &Fetched, folder: &Path) -> Result<Exported> {
    let configs = it.contents.files.iter().filter_map(|file| Some((file.name.strip_prefix("wg/")?, &file.data)));
    let mut files = Vec::new();
    for (name, data) in configs.filter(|(name, _)| name.ends_with(".conf") && !name.contains(['/', '\\'])) {
        let path = folder.join(name);
        save(&path, data)?;
        files.push(path);
    }
    if files.is_empty() {
        return Err(CliError::new(Exit::Failed, "the bundle holds no WireGuard configuration")
            .about("object", format!("site/{}", it.bundle.site)));
    }
    Ok(Exported { site: it.bundle.site.to_string(), files })
}
