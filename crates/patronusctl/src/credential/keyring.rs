//! A credential in the system's keyring. It is only opened for commands that need it, never for completions.

/// What to do where there is none.
const CHOICES: &str = "choose another place with --store file, or --store command --store-command CMD";

#[cfg(feature = "keyring")]
mod system {
    use super::CHOICES;
    use keyring::{Entry, Error};

    fn entry(context: &str) -> Result<Entry, String> {
        Entry::new("patronusctl", context).map_err(|error| say(&error))
    }

    fn say(error: &Error) -> String {
        let why = match error {
            Error::NoDefaultStore => "this session has no keyring".to_owned(),
            Error::NoStorageAccess(_) => "the keyring is locked".to_owned(),
            other => format!("the keyring failed: {other}"),
        };
        format!("{why}; {CHOICES}")
    }

    pub(in crate::credential) fn probe(context: &str) -> Result<(), String> {
        read(context).map(drop)
    }

    pub(in crate::credential) fn read(context: &str) -> Result<Option<String>, String> {
        match entry(context)?.get_password() {
            Ok(text) => Ok(Some(text)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(say(&error)),
        }
    }

    pub(in crate::credential) fn write(context: &str, text: &str) -> Result<(), String> {
        entry(context)?.set_password(text).map_err(|error| say(&error))
    }

    pub(in crate::credential) fn erase(context: &str) -> Result<(), String> {
        match entry(context)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(say(&error)),
        }
    }
}

#[cfg(not(feature = "keyring"))]
mod system {
    use super::CHOICES;

    fn absent<T>() -> Result<T, String> {
        Err(format!("this build has no keyring; {CHOICES}"))
    }

    pub(in crate::credential) fn probe(_: &str) -> Result<(), String> {
        absent()
    }

    pub(in crate::credential) fn read(_: &str) -> Result<Option<String>, String> {
        absent()
    }

    pub(in crate::credential) fn write(_: &str, _: &str) -> Result<(), String> {
        absent()
    }

    pub(in crate::credential) fn erase(_: &str) -> Result<(), String> {
        absent()
    }
}

pub(super) use system::{erase, probe, read, write};
