//! What differs between two contents of one site, in lines for people: `+` new, `~` changed, `-` gone.

mod own;
mod peers;

use std::collections::BTreeSet;
use std::fmt::Display;

use patronus_types::Name;
use patronus_types::api::releases::{Change, SiteDiff};
use patronus_types::bundle::Content;

/// The lines of a difference: first the site's own, then its peers in order of name. Empty if nothing differs.
pub fn lines(old: &Content, new: &Content) -> Vec<String> {
    let mut lines = Vec::new();
    own::diff(&mut lines, old, new);
    peers::diff(&mut lines, &old.peers, &new.peers);
    lines
}

/// The difference of one site's bundle between two releases; none if it has none in either, or the same.
pub fn site(name: &Name, old: Option<&Content>, new: Option<&Content>) -> Option<SiteDiff> {
    let (change, lines) = match (old, new) {
        (None, None) => return None,
        (None, Some(new)) => (Change::Created, peers::all("+", &new.peers)),
        (Some(old), None) => (Change::Deleted, peers::all("-", &old.peers)),
        (Some(old), Some(new)) => (Change::Updated, lines(old, new)),
    };
    let same = change == Change::Updated && lines.is_empty();
    (!same).then(|| SiteDiff { site: name.clone(), change, lines })
}

/// `~ what old -> new`, if they differ.
fn changed<T: PartialEq + Display>(lines: &mut Vec<String>, what: impl Display, (old, new): (T, T)) {
    if old != new {
        lines.push(format!("~ {what} {old} -> {new}"));
    }
}

/// The same for what may be absent.
fn optional<T: PartialEq + Display>(lines: &mut Vec<String>, what: impl Display, pair: (Option<T>, Option<T>)) {
    match pair {
        (None, Some(new)) => lines.push(format!("+ {what} {new}")),
        (Some(old), None) => lines.push(format!("- {what} {old}")),
        (Some(old), Some(new)) => changed(lines, what, (old, new)),
        (None, None) => {}
    }
}

/// A line for each element that only one of two lists has.
fn lists<T: Ord + Display>(lines: &mut Vec<String>, what: impl Display, (old, new): (&[T], &[T])) {
    let (old, new): (BTreeSet<&T>, BTreeSet<&T>) = (old.iter().collect(), new.iter().collect());
    lines.extend(new.difference(&old).map(|element| format!("+ {what} {element}")));
    lines.extend(old.difference(&new).map(|element| format!("- {what} {element}")));
}

#[cfg(test)]
mod tests;
