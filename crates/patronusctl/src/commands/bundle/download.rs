//! Downloads: the tar.gz, and beside it the signature over its tar, as `minisign` reads it.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap_complete::engine::ArgValueCompleter;
use patronus_types::bundle::Bundle;

use super::archive::{fetch_all, save};
use crate::app::App;
use crate::cli::BundleRef;
use crate::complete;
use crate::error::{CliError, Exit, Result};
use crate::output::Format;

/// Arguments of `bundle download`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// VERSION/SITE, or VERSION for all sites
    #[arg(value_name = "BUNDLE", add = ArgValueCompleter::new(complete::versions))]
    bundle: BundleRef,
    /// The file for one site's archive, or - for stdout [default: SITE-vVERSION.tar.gz]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// The folder for the files, made if it is not there [default: the current one]
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath, conflicts_with = "out")]
    dir: PathBuf,
}

/// Runs it.
pub fn run(app: &App, args: &Args) -> Result {
    if args.out.is_some() && args.bundle.site.is_none() {
        return Err(CliError::usage("--out is for one site's archive: name VERSION/SITE, or use --dir"));
    }
    args.out.as_deref().map_or(Ok(()), there)?;
    let fetched = fetch_all(app, &args.bundle)?;
    if args.out.as_ref().is_some_and(|out| out.as_os_str() == "-") {
        return fetched.iter().try_for_each(|it| to_stdout(app, &it.archive));
    }
    let mut kept = Vec::new();
    for it in fetched {
        let path = args
            .out
            .clone()
            .unwrap_or_else(|| args.dir.join(format!("{}-v{}.tar.gz", it.bundle.site, it.bundle.version)));
        let signature = signature_beside(&path);
        save(&path, &it.archive)?;
        save(&signature, it.bundle.signature.as_bytes())?;
        if app.out.view.format.is_human() {
            app.out.write(&format!("{}\n{}\n", path.display(), signature.display()))?;
        }
        kept.push(it.bundle);
    }
    match (app.out.view.format, kept.as_slice()) {
        (Format::Table | Format::Wide, _) => Ok(()),
        (_, [one]) if args.bundle.site.is_some() => app.out.object(one),
        (_, all) => app.out.objects::<Bundle>(all),
    }
}

/// A folder that was mistyped should not come into being.
fn there(out: &Path) -> Result {
    match out.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(CliError::new(Exit::Output, format!("{} cannot be written", out.display()))
            .cause(format!("there is no folder {}", folder.display()))
            .help(format!("mkdir -p {}", folder.display()))),
        None => Ok(()),
    }
}

/// Where `minisign -V -m FILE.tar` looks for the signature of `FILE.tar.gz`'s tar.
pub fn signature_beside(archive: &Path) -> PathBuf {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    archive.with_file_name(format!("{stem}.minisig"))
}

fn to_stdout(app: &App, archive: &[u8]) -> Result {
    if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        return Err(CliError::new(Exit::Usage, "an archive on a terminal would be unreadable").help("add > FILE"));
    }
    app.out.write_bytes(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_where_minisign_looks() {
        assert_eq!(signature_beside("d/ams-v7.tar.gz".as_ref()), PathBuf::from("d/ams-v7.tar.minisig"));
        assert_eq!(signature_beside("ams".as_ref()), PathBuf::from("ams.minisig"));
    }
}
