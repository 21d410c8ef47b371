//! Reading the invitation, as `patronusctl token create --kind enrol` prints it.

use std::io::Read as _;
use std::path::Path;

use patronus_types::api::tokens::Invitation;
use patronus_types::token::TokenKind;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

const MAX_BYTES: u64 = 64 * 1024;
const HELP: &str =
    "make one where you are logged in: patronusctl token create --kind enrol --site NAME > invitation.json";

/// Reads it from a file, or from stdin where the path is `-`.
pub fn read(path: &Path) -> Result<Invitation, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)),
    };
    read.map_err(|error| {
        Failure::new(Exit::State, format_args!("cannot read the invitation {}: {error}", path.display())).help(HELP)
    })?;
    parse(&text)
}

fn parse(text: &str) -> Result<Invitation, Failure> {
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format_args!("this is not an invitation: {why}")).help(HELP)
    };
    let invitation: Invitation = match serde_json::from_str(text) {
        Ok(invitation) => invitation,
        Err(error) => inside(text).ok_or_else(|| unusable(&error))?,
    };
    if invitation.token.kind() != Some(TokenKind::Enrol) {
        return Err(unusable(&"its token is not of the kind `enrol`"));
    }
    if invitation.servers.is_empty() {
        return Err(unusable(&"it names no server"));
    }
    Ok(invitation)
}

/// The invitation inside the whole answer of `token create -o json`, which people keep too.
fn inside(text: &str) -> Option<Invitation> {
    let mut answer: serde_json::Value = serde_json::from_str(text).ok()?;
    serde_json::from_value(answer.get_mut("invitation")?.take()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrol::tests::invitation;

    #[test]
    fn both_forms_are_read() {
        let plain = serde_json::to_string(&invitation()).unwrap();
        assert_eq!(parse(&plain).unwrap(), invitation());
        let whole = format!(r#"{{"id": "token_x", "secret": "x", "invitation": {plain}}}"#);
        assert_eq!(parse(&whole).unwrap(), invitation());
    }

    #[test]
    fn anything_else_is_named() {
        for bad in ["", "{}", "ptn_enrol_abc", r#"{"invitation": null}"#] {
            let failure = parse(bad).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.help.unwrap().contains("token create"), "{bad}");
        }
        let mut without = invitation();
        without.servers.clear();
        assert!(parse(&serde_json::to_string(&without).unwrap()).unwrap_err().message.contains("no server"));
    }
}
