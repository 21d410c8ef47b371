//! What people write who come from other programs, and what it is called here.

/// Verbs of others, and ours that may be meant.
const VERBS: &[(&str, &[&str])] = &[
    ("show", &["get", "describe"]),
    ("info", &["describe", "get"]),
    ("ls", &["list"]),
    ("add", &["create"]),
    ("new", &["create"]),
    ("edit", &["update", "set"]),
    ("modify", &["update", "set"]),
    ("set", &["update"]),
    ("rename", &["update"]),
    ("rm", &["delete", "revoke"]),
    ("del", &["delete", "revoke"]),
    ("remove", &["delete", "revoke"]),
    ("delete", &["revoke"]),
    ("tail", &["watch"]),
    ("follow", &["watch"]),
    ("pause", &["hold"]),
    ("resume", &["unhold"]),
];

/// Whole commands that others have without a noun.
const COMMANDS: &[(&str, &str)] = &[
    ("publish", "patronusctl bundle publish"),
    ("deploy", "patronusctl bundle publish"),
    ("rollback", "patronusctl bundle rollback --to VERSION"),
    ("diff", "patronusctl bundle diff"),
    ("enrol", "patronusctl token create --kind enrol --site SITE"),
    ("enroll", "patronusctl token create --kind enrol --site SITE"),
    ("join", "patronusctl token create --kind enrol --site SITE"),
    ("invite", "patronusctl token create --kind enrol --site SITE"),
    ("get", "the noun comes first: patronusctl site get SITE"),
    ("describe", "the noun comes first: patronusctl site describe SITE"),
    ("list", "the noun comes first: patronusctl site list"),
    ("create", "the noun comes first: patronusctl site create NAME"),
    ("update", "the noun comes first: patronusctl site update SITE"),
    ("delete", "the noun comes first: patronusctl site delete SITE"),
    ("release", "patronusctl bundle list"),
    ("releases", "patronusctl bundle list"),
    ("config", "patronusctl context list"),
];

/// The line that may be meant by a word that a command does not know.
pub fn meant(command: &[String], word: &str) -> Option<String> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => COMMANDS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| (*ours).to_owned()),
        ["apply"] if !word.starts_with('-') => Some(format!("patronusctl apply -f {word}")),
        [noun] => {
            let verbs = VERBS.iter().find(|(theirs, _)| *theirs == word)?.1;
            let tree = crate::cli::command();
            let noun = tree.find_subcommand(noun)?;
            let ours: Vec<String> = verbs
                .iter()
                .filter(|verb| noun.find_subcommand(verb).is_some())
                .map(|verb| format!("patronusctl {} {verb}", noun.get_name()))
                .collect();
            (!ours.is_empty()).then(|| ours.join(", or "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_words_lead_to_ours() {
        let said = |command: &[&str], word: &str| {
            meant(&command.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), word).unwrap_or_default()
        };
        assert_eq!(said(&["site"], "show"), "patronusctl site get, or patronusctl site describe");
        assert_eq!(said(&["networks"], "rm"), "patronusctl network delete");
        assert_eq!(said(&["token"], "delete"), "patronusctl token revoke");
        assert_eq!(said(&["apply"], "office.yaml"), "patronusctl apply -f office.yaml");
        assert_eq!(said(&[], "publish"), "patronusctl bundle publish");
        assert_eq!(said(&["site"], "frob"), "");
        let known = crate::cli::command();
        for (theirs, ours) in COMMANDS {
            assert!(known.find_subcommand(theirs).is_none(), "`{theirs}` is a command of ours");
            let mut words = ours.split("patronusctl ").nth(1).unwrap_or_default().split(' ').take(2);
            let found = words.try_fold(&known, |found, word| found.find_subcommand(word));
            assert!(found.is_some(), "{ours}");
        }
    }
}
