//! Tokens. A secret is shown once: on stdout, or written to a file that only its owner can read.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use patronus_types::Ref;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::tokens::{TokenCreate, TokenCreated};
use patronus_types::permission::Role;
use patronus_types::token::{Token, TokenKind};

use super::status::word;
use super::{each, references};
use crate::app::App;
use crate::cli::{duration, reference};
use crate::complete;
use crate::confirm;
use crate::error::{CliError, Exit, Result};
use crate::output::{Cell, Column, Format, Object, Tone};

/// What can be done with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a token: in an invitation for a site that joins, or alone for people and CI
    Create(Create),
    /// List tokens; never their secrets
    List,
    /// Show a token; never its secret
    Get {
        /// Its id
        token: String,
    },
    /// Revoke tokens
    Revoke {
        /// Ids; - reads them from stdin
        #[arg(required = true, value_name = "TOKEN")]
        tokens: Vec<String>,
        /// Do nothing if it is not there
        #[arg(long)]
        ignore_not_found: bool,
    },
}

/// Arguments of `token create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What it is for: `enrol` makes the invitation by which a site joins, `api` a token for people and CI
    #[arg(long, value_parser = ["enrol", "api"])]
    kind: String,
    /// The site that joins
    #[arg(long, value_name = "SITE", required_if_eq("kind", "enrol"), add = ArgValueCompleter::new(complete::sites))]
    site: Option<String>,
    /// What an API token may do [default: viewer]
    #[arg(long, value_parser = ["viewer", "operator", "admin"])]
    role: Option<String>,
    /// What it is for, in words
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// How long it can be used [default: 1h to join, 90 days for an API token]
    #[arg(long, value_name = "SPAN", value_parser = duration)]
    expires: Option<Duration>,
    /// Write it to a file that only its owner can read, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::Create(args) => create(app, &args),
        Command::List => {
            let limit = app.out.view.limit.filter(|_| app.out.view.sort_by.is_none()).unwrap_or(usize::MAX);
            // Only where it is asked for: the context's network would hide the tokens that belong to none.
            let network = match &app.globals.network {
                Some(network) => Some(network.clone()),
                None => app.env.parsed("NETWORK")?,
            };
            let client = app.client()?;
            let (tokens, more) = app.run(async { Ok(client.tokens().list(network.as_ref()).take(limit).await?) })?;
            app.out.list(tokens, more)
        }
        Command::Get { token } => {
            let id = super::parse(Token::KIND, &token)?;
            let client = app.client()?;
            let token = app.run(async { Ok(client.tokens().get(&id).await?) })?;
            app.out.object(&token)
        }
        Command::Revoke { tokens, ignore_not_found } => revoke(app, &tokens, ignore_not_found),
    }
}

fn create(app: &App, args: &Create) -> Result {
    let request = request(app, args)?;
    let bare = matches!(app.out.view.format, Format::Name | Format::Id);
    if bare && args.out.is_none() && !app.mode.dry_run {
        return Err(CliError::usage("-o name and -o id would lose the secret, which is shown only once")
            .help("add --out FILE to keep it"));
    }
    // A secret that cannot be kept should not be made: the file comes first.
    let file = args.out.as_deref().map(Pending::new).transpose()?;
    let client = app.client()?;
    let created = app.run(async {
        match client.tokens().create(&request, &app.mode.write()).await {
            Ok(created) => Ok(created),
            Err(error) => match &request.site {
                Some(site) => {
                    Err(super::names::explain(&client, super::names::Named::Site, &site.to_string(), error).await)
                }
                None => Err(error.into()),
            },
        }
    })?;
    for warning in &created.warnings {
        app.out.notice(&format!("warning: {warning}"));
    }
    if app.mode.dry_run {
        return app.out.outcome(Token::KIND, &args.kind, "would be created", true);
    }
    match file {
        Some(file) => keep(app, &created, file),
        None => show(app, &created),
    }
}

fn request(app: &App, args: &Create) -> Result<TokenCreate> {
    let site = args.site.as_deref().map(|site| reference("site", site)).transpose().map_err(CliError::usage)?;
    if args.kind == "enrol" && args.role.is_some() {
        return Err(CliError::usage("a token of kind enrol has no role: leave --role out"));
    }
    if args.kind == "api" && site.is_some() {
        return Err(CliError::usage("a token of kind api belongs to no site: leave --site out"));
    }
    let network: Option<Ref> = if args.kind == "enrol" { app.target()?.scope.network.clone() } else { None };
    Ok(TokenCreate {
        kind: if args.kind == "enrol" { TokenKind::Enrol } else { TokenKind::Api },
        description: args.description.clone(),
        role: args.role.as_deref().map(role),
        network,
        site,
        expires_in_s: args.expires.map(|span| span.as_secs()),
    })
}

fn role(word: &str) -> Role {
    match word {
        "operator" => Role::Operator,
        "admin" => Role::Admin,
        _ => Role::Viewer,
    }
}

/// What is carried to where it is used: an invitation, or the token alone.
fn portable(created: &TokenCreated) -> Result<String> {
    let Some(invitation) = &created.invitation else { return Ok(format!("{}\n", created.secret)) };
    let text = serde_json::to_string_pretty(invitation);
    text.map(|text| text + "\n")
        .map_err(|error| CliError::new(Exit::Bug, "the invitation cannot be written").cause(error))
}

fn show(app: &App, created: &TokenCreated) -> Result {
    let text = portable(created)?;
    app.out.value(created, || text)?;
    app.out.notice(&format!("{} is shown only this once", thing(created)));
    Ok(())
}

/// What was made: a site joins by an invitation, which holds a token; people and CI use a token alone.
fn thing(created: &TokenCreated) -> String {
    let id = created.token.id;
    if created.invitation.is_some() { format!("the invitation (token {id})") } else { format!("token {id}") }
}

fn keep(app: &App, created: &TokenCreated, file: Pending) -> Result {
    let path = file.path.display().to_string();
    file.finish(&portable(created)?)
        .map_err(|error| error.help(format!("it is lost; revoke it: patronusctl token revoke {}", created.token.id)))?;
    match app.out.view.format.is_human() {
        true => app.out.write(&format!("{} is in {path}\n", thing(created))),
        // The secret is in the file and nowhere else.
        false => app.out.object(&created.token),
    }
}

/// A file that is there, writable and private before it is needed.
struct Pending {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl Pending {
    fn new(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder).map_err(|error| {
            CliError::new(Exit::Output, format!("{} cannot be written", path.display())).cause(error)
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    fn finish(mut self, text: &str) -> Result {
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Output, format!("{} cannot be written", self.path.display())).cause(error)
        };
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.as_file().sync_all()).map_err(failed)?;
        let path = self.path.clone();
        self.file.persist(&path).map(drop).map_err(|error| {
            CliError::new(Exit::Output, format!("{} cannot be written", path.display())).cause(error.error)
        })
    }
}

fn revoke(app: &App, typed: &[String], ignore_not_found: bool) -> Result {
    let (wanted, _) = references(Token::KIND, typed)?;
    confirm::agree(
        app,
        &format!("revoking {}", if wanted.len() == 1 { wanted[0].clone() } else { format!("{} tokens", wanted.len()) }),
    )?;
    let client = app.client()?;
    each(app, &wanted, async |id| match client.tokens().revoke(id, &app.mode.write_of(id)).await {
        Ok(()) => app.out.outcome(Token::KIND, id, "revoked", app.mode.dry_run),
        Err(error) if ignore_not_found && error.is(ErrorCode::NotFound) => {
            app.out.outcome(Token::KIND, id, "not there", app.mode.dry_run)
        }
        Err(error) => Err(CliError::from(error).about("object", format!("token/{id}")).help("patronusctl token list")),
    })
}

impl Object for Token {
    const KIND: &'static str = "token";

    fn name(&self) -> String {
        self.id.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("ID", |it, _| it.id().into()),
            Column::fixed("KIND", |it, _| it.kind.to_string().into()),
            Column::fixed("STATE", |it, out| state(it, out.now)),
            Column::ranked(2, "ROLE", |it, _| word(&it.role).into()),
            Column::ranked(1, "SITE", |it, _| Cell::of(it.site.as_ref())),
            Column::ranked(3, "EXPIRES", |it, out| Cell::of(it.expires_at.map(|time| out.time(time)))),
            Column::ranked(4, "LAST USED", |it, out| Cell::of(it.last_used_at.map(|time| out.time(time)))),
            Column::text(5, "DESCRIPTION", |it, _| it.description.clone().into()),
            Column::wide("CREATED BY", |it, _| it.created_by.clone().into()),
            Column::wide("CREATED", |it, out| out.time(it.created_at).into()),
        ]
    }
}

fn state(token: &Token, now: patronus_types::Timestamp) -> Cell {
    if token.revoked_at.is_some() {
        return Cell::toned("revoked", Tone::Dim);
    }
    if token.used_at.is_some() {
        return Cell::toned("used", Tone::Dim);
    }
    if token.expires_at.is_some_and(|end| end <= now) {
        return Cell::toned("expired", Tone::Dim);
    }
    Cell::toned("valid", Tone::Good)
}
