//! Makes bundles that no server would publish: any content, signed with the server's own key, past its lint.
//!
//! The scenarios take a site's bundle apart with `forge content`, change it with jq, and have `forge pack` sign what
//! became of it. Nothing of it is shipped.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Parser};
use patronus_core::archive::{self, Contents, Limits};
use patronus_core::mesh;
use patronus_core::rope::{Draft, Rope};
use patronus_core::signature::{self, SigningKey, Statement};
use patronus_types::bundle::CONTENT_FILE;
use patronus_types::release::Terms;
use patronus_types::risk::Risk;
use patronus_types::{NetworkId, SiteId, Timestamp};

#[derive(Parser)]
enum Command {
    /// Print the content of a bundle
    Content {
        /// The tar.gz
        archive: PathBuf,
    },
    /// Write OUT.tar.gz and OUT.tar.minisig
    Pack(Pack),
}

#[derive(Args)]
#[command(args_override_self = true)]
struct Pack {
    /// A bundle of the site: its other files are taken over, and whom it is for
    like: PathBuf,
    /// The content, as bundle.json has it
    #[arg(long)]
    content: PathBuf,
    /// The secret key to sign with
    #[arg(long)]
    key: PathBuf,
    /// The version to sign it as
    #[arg(long)]
    version: u64,
    /// Sign it for another site
    #[arg(long)]
    site: Option<SiteId>,
    /// Sign it for another network
    #[arg(long)]
    network: Option<NetworkId>,
    /// Accept no risk; otherwise all of them are, so that the change is tried
    #[arg(long)]
    careful: bool,
    /// Where to
    #[arg(long)]
    out: PathBuf,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    match Command::parse() {
        Command::Content { archive } => Ok(std::io::stdout().write_all(content(&read(&archive)?)?)?),
        Command::Pack(pack) => forge(&pack),
    }
}

fn read(path: &Path) -> Result<Contents> {
    Ok(archive::read(&fs::read(path)?, &Limits::DEFAULT)?)
}

fn content(bundle: &Contents) -> Result<&[u8]> {
    let file = bundle.files.iter().find(|file| file.name == CONTENT_FILE);
    Ok(file.map(|file| file.data.as_slice()).ok_or("the archive is no bundle")?)
}

fn forge(pack: &Pack) -> Result<()> {
    let like = read(&pack.like)?;
    let addressee = mesh::content_of_files(&like.files)?;
    let tar = tar(like, &fs::read(&pack.content)?)?;
    let hashes = tar.hashes();
    let statement = Statement {
        network: pack.network.unwrap_or(addressee.network.id),
        site: pack.site.unwrap_or(addressee.site.id),
        version: pack.version,
        digest: hashes.digest,
        previous: None,
        issued_at: Timestamp::try_from(SystemTime::now())?,
        terms: Terms { accept_risks: Risk::ALL.into_iter().filter(|_| !pack.careful).collect(), ..Terms::default() },
    };
    let key = SigningKey::parse(&fs::read_to_string(&pack.key)?)?;
    fs::write(beside(&pack.out, ".tar.gz"), archive::compress(&tar)?)?;
    fs::write(beside(&pack.out, ".tar.minisig"), signature::sign(&key, &hashes.prehash, &statement))?;
    Ok(())
}

/// The same files with another content.
fn tar(like: Contents, content: &[u8]) -> Result<Rope> {
    let files = like.files.into_iter().map(|file| {
        let mut draft = Draft::default();
        draft.push_bytes(if file.name == CONTENT_FILE { content } else { &file.data });
        (file.name, draft)
    });
    Ok(archive::pack(files)?.seal())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
