//! What a store holds, and a store as a session sees it.

use std::any::Any;
use std::path::PathBuf;

use patronus_client::{Login, LoginStore};

use super::{Store, lock_beside};

/// What a store holds.
#[derive(Debug, Clone)]
pub enum Kept {
    /// A login that renews itself.
    Login(Box<Login>),
    /// A token alone: an API token.
    Token(String),
}

impl Kept {
    /// Reads the text of a store.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('{') {
            return serde_json::from_str(text)
                .map(Self::Login)
                .map_err(|_| "the stored login cannot be read; log in again".to_owned());
        }
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err("what is stored is neither a login nor a token".to_owned());
        }
        Ok(Self::Token(text.to_owned()))
    }
}

/// A context's store, under a lock that all programs of this user share.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// The store.
    pub store: Store,
    /// The context's name.
    pub context: String,
    /// The file whose lock is held while a login is renewed.
    pub lock: PathBuf,
}

impl LoginStore for Keeper {
    fn lock(&self) -> Result<Box<dyn Any + Send>, String> {
        lock_beside(&self.lock)
    }

    fn load(&self) -> Result<Login, String> {
        let text = self.store.read(&self.context)?.ok_or("there is no login any more")?;
        match Kept::parse(&text)? {
            Kept::Login(login) => Ok(*login),
            Kept::Token(_) => Err("the login was replaced by a token; run the command again".to_owned()),
        }
    }

    fn save(&self, login: &Login) -> Result<(), String> {
        let text = serde_json::to_string(login).map_err(|error| error.to_string())?;
        self.store.write(&self.context, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_holds_a_login_or_a_token() {
        assert!(matches!(Kept::parse(" ptn_api_x\n"), Ok(Kept::Token(token)) if token == "ptn_api_x"));
        assert!(Kept::parse("{}").is_err());
        assert!(Kept::parse("two words").is_err());
        assert!(Kept::parse("").is_err());
    }
}
