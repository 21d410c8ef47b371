//! What can go wrong inside a transaction, before it is told to a caller.
//!
//! The difference matters to the writer: a refusal takes one savepoint back, a failing database ends the whole batch.

use rusqlite::ErrorCode;

use crate::StoreError;

/// What database work answers.
pub(super) type Outcome<T> = Result<T, Failure>;

/// A refusal, or the database's own error.
#[derive(Debug)]
pub(super) enum Failure {
    /// The store refuses, for the caller to handle.
    Refused(StoreError),
    /// SQLite failed.
    Sql(rusqlite::Error),
}

impl Failure {
    /// Whether everything that waits for the same commit has failed with it. On the first three SQLite takes back the
    /// whole transaction, released savepoints too; after the others nothing more can be expected of the connection.
    pub(super) fn ends_batch(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::OutOfMemory
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::OperationInterrupted
            )
        )
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Sql(error) => match (&error, error.sqlite_error_code()) {
                (_, Some(ErrorCode::DiskFull)) => Self::Full,
                (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
                | (rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..), _) => {
                    Self::Damaged(error.to_string())
                }
                _ => Self::Database(error.to_string()),
            },
        }
    }
}
