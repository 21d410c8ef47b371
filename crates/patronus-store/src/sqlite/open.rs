//! Opening the data file: the one place that makes connections and sets what holds per connection.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Statements kept prepared per connection: more than there are different ones.
const CACHED_STATEMENTS: usize = 256;

/// How long to wait for another program's lock on the file (a backup, a shell) before a write fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a data file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another patronus-server uses {}: stop that one first, or give this one a folder of its own", .0.display())]
    InUse(PathBuf),
    /// The file or its lock file cannot be opened.
    #[error("cannot open {}: {error}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A newer version made it.
    #[error(
        "{} has schema {found}, this version knows up to {known}: use the newer patronus-server that made it, or the \
         backup it left beside the file", .path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The newest migration in it.
        found: u32,
        /// The newest migration known here.
        known: u32,
    },
    /// A migration in the file is not the one known here.
    #[error(
        "{}: migration {number} is not the one this version knows: the file is damaged or comes from another program: \
         restore it from a backup", .path.display()
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// The migration's number.
        number: u32,
    },
    /// SQLite refuses it.
    #[error("cannot open {}: {error}{}", .path.display(), next_step(.error))]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: rusqlite::Error,
    },
}

fn next_step(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => ": restore it from a backup",
        _ => "",
    }
}

/// Held while a store is open; the lock goes with the process, however it ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock beside `database`.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".lock");
        let file = open_private(&path).map_err(|error| OpenError::Io { path: path.clone(), error })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_owned())),
            Err(TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
        }
    }
}

/// The path with something after its name.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens or makes a file that only its owner may read. SQLite gives its WAL the mode of the database.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// The connection that writes.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| match row.get::<_, String>(0)?.as_str() {
        "wal" => Ok(()),
        _ => Err(rusqlite::Error::QueryReturnedNoRows),
    })?;
    // Without it a power loss may take commits that were already answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The WAL is cut back to this after a burst, instead of keeping its largest size for ever.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    Ok(connection)
}

/// A connection that reads; it refuses to write.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // A file that somebody tampered with cannot call functions from its schema or rewrite it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A misspelt column is an error, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // A plan does not depend on bound values: else statements beside a partial index are prepared anew at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -8 * 1024)?;
    // Savepoints and sorting need no other folder that could be full or missing.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}
