//! Reading the invitation, as `patronusctl token create --kind enrol` prints it.

use std::io::Read as _;
use std::path::Path;

use patronus_types::api::tokens::Invitation;
use patronus_types::token::TokenKind;
use patronus_types::words;
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
    match read {
        Ok(_) => parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(unusable("it is not text")),
        Err(error) => {
            let message = format!("cannot read the invitation {}: {error}", path.display());
            let help = match error.kind() {
                std::io::ErrorKind::PermissionDenied => crate::failure::denied(path),
                _ => HELP.to_owned(),
            };
            Err(Failure::new(Exit::State, message).help(help))
        }
    }
}

fn unusable(why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format_args!("this is not an invitation: {why}")).help(HELP)
}

fn parse(text: &str) -> Result<Invitation, Failure> {
    let read = inside(text).map_or_else(|| serde_json::from_str(text), serde_json::from_value);
    let invitation: Invitation = read.map_err(|error| unusable(why(text, &error)))?;
    if invitation.token.kind() != Some(TokenKind::Enrol) {
        return Err(unusable("its token is not of the kind `enrol`"));
    }
    if invitation.servers.is_empty() {
        return Err(unusable("it names no server"));
    }
    Ok(invitation)
}

/// The invitation inside the whole answer of `token create -o json`, which people keep too.
fn inside(text: &str) -> Option<serde_json::Value> {
    let mut answer: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(answer.get_mut("invitation")?.take())
}

fn why(text: &str, error: &serde_json::Error) -> String {
    match text.trim() {
        "" => "it is empty".to_owned(),
        token if token.starts_with("ptn_") => "it is only a token; the whole of what was printed is needed".to_owned(),
        _ if error.is_data() => words::of_serde(&error.to_string()),
        _ if error.is_eof() => "it is cut short".to_owned(),
        _ => format!("it is not JSON (line {}, column {})", error.line(), error.column()),
    }
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
        let plain = serde_json::to_string(&invitation()).unwrap();
        for (bad, said) in [
            ("", "it is empty"),
            ("{}", "`servers` is missing"),
            ("ptn_enrol_abc", "it is only a token"),
            (&plain[..plain.len() / 2], "it is cut short"),
            ("servers: x", "it is not JSON (line 1, column 1)"),
            (r#"{"invitation": null}"#, "use an object with fields, not nothing"),
            (&plain.replace("\"servers\"", "\"server\""), "`server` is no field here: did you mean `servers`?"),
        ] {
            let failure = parse(bad).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(said), "{}", failure.message);
            assert!(failure.help.unwrap().contains("token create"), "{bad}");
        }
        let mut without = invitation();
        without.servers.clear();
        assert!(parse(&serde_json::to_string(&without).unwrap()).unwrap_err().message.contains("no server"));
    }
}
