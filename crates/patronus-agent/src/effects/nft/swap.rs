//! New chains in the place of those of a table, so that each packet meets the old ones or the new ones.
//!
//! Two things of one transaction are not there in the same instant: the kernel fills maps of ranges only behind the rules that
//! ask them (so does Linux 6.18), and a packet can pass between the hook of a chain that goes and that of one that comes. So
//! everything is made beforehand under names that nothing refers to, and then only the rules of the hooked chains change. What
//! was there goes last: a packet may be among the old rules still, and what these ask must be there until it is through.

use std::collections::BTreeSet;

use super::DIGEST_CHAIN;

/// Three transactions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Swap {
    /// Makes what is not hooked; no packet comes there yet.
    pub(super) stage: String,
    /// Changes the hooked chains.
    pub(super) turn: String,
    /// Takes away what they led to before; empty where there was nothing.
    pub(super) clear: String,
}

/// What it takes to have these chains in a table. `listing` is what `nft` lists of the table; empty where there is none.
pub(super) fn swap(table: &str, (chains, digest): (&str, &str), listing: &str) -> Swap {
    let there = declared(listing);
    let (hooked, others): (Vec<&str>, Vec<&str>) = chains.lines().partition(|line| line.contains(" hook "));
    let names: BTreeSet<&str> = others.iter().filter_map(|line| declaration(line)).map(|(_, name)| name).collect();
    let suffix = free_suffix(digest, &there);
    let renamed = |lines: &[&str]| lines.iter().map(|line| renamed(line, &names, &suffix) + "\n").collect::<String>();
    let kept: BTreeSet<&str> = hooked.iter().filter_map(|line| declaration(line)).map(|(_, name)| name).collect();
    let (first, last) = there.iter().partition::<Vec<_>, _>(|(_, name)| is_turned(name, listing));
    let stays = |name: &str| name == DIGEST_CHAIN || kept.contains(name);
    let first = gone(table, &first, stays);
    Swap {
        stage: format!("table inet {table} {{\n{}}}\n", renamed(&others)),
        turn: format!(
            "{first}table inet {table} {{\n\tchain {DIGEST_CHAIN} {{ return comment \"{digest}\"; }}\n{}}}\n",
            renamed(&hooked)
        ),
        clear: gone(table, &last, |_| false),
    }
}

/// Whether a chain is the digest's, or packets come to it by a hook.
fn is_turned(name: &str, listing: &str) -> bool {
    let chain = format!("\tchain {name} {{");
    let body = listing.lines().skip_while(|line| *line != chain).nth(1);
    name == DIGEST_CHAIN || body.is_some_and(|line| line.contains(" hook "))
}

/// Rules first, then what they asked, then the chains that both led to.
fn gone(table: &str, there: &[(&str, &str)], stays: impl Fn(&str) -> bool) -> String {
    let (chains, sets): (Vec<_>, Vec<_>) = there.iter().partition(|(kind, _)| *kind == "chain");
    let flushed = chains.iter().map(|(_, name)| format!("flush chain inet {table} {name}\n"));
    let sets = sets.iter().map(|(kind, name)| format!("delete {kind} inet {table} {name}\n"));
    let chains = chains.iter().filter(|(_, name)| !stays(name));
    flushed.chain(sets).chain(chains.map(|(_, name)| format!("delete chain inet {table} {name}\n"))).collect()
}

/// One that no name ends with. What is the same has the same names where that can be: an undone change leaves no trace.
fn free_suffix(digest: &str, there: &[(&str, &str)]) -> String {
    let short = digest.get(..8).unwrap_or(digest);
    let again = (1..=there.len()).map(|number| format!("_{short}_{number}"));
    let mut free = std::iter::once(format!("_{short}"))
        .chain(again)
        .filter(|suffix| !there.iter().any(|(_, name)| name.ends_with(suffix)));
    free.next().unwrap_or_default()
}

/// Kinds and names of chains, maps and sets, both as `nft` lists them and as we write them: on a line behind one tabulator.
fn declared(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(declaration).collect()
}

fn declaration(line: &str) -> Option<(&str, &str)> {
    let (kind, rest) = line.strip_prefix('\t')?.split_once(' ')?;
    let name = rest.split_once(" {")?.0;
    ["chain", "map", "set"].contains(&kind).then_some((kind, name))
}

fn renamed(line: &str, names: &BTreeSet<&str>, suffix: &str) -> String {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut text = String::with_capacity(line.len() * 2);
    let mut rest = line;
    while let Some(start) = rest.find(is_of_name) {
        let (before, behind) = rest.split_at(start);
        let (name, behind) = behind.split_at(behind.find(|letter| !is_of_name(letter)).unwrap_or(behind.len()));
        text.push_str(before);
        text.push_str(name);
        if names.contains(name) {
            text.push_str(suffix);
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAINS: &str = "\tchain class_1 { accept; }\n\
                          \tmap ask_0 { typeof ip saddr : verdict; elements = { 10.0.0.0/8 : goto class_1 }; }\n\
                          \tchain classify { ip saddr vmap @ask_0; goto class_10; }\n\
                          \tchain forward { type filter hook prerouting priority mangle; jump classify; }\n";

    #[test]
    fn what_is_not_hooked_is_made_beforehand() {
        let Swap { stage, turn, clear } = swap("t", (CHAINS, "abc"), "");
        assert_eq!(
            stage,
            "table inet t {\n\
             \tchain class_1_abc { accept; }\n\
             \tmap ask_0_abc { typeof ip saddr : verdict; elements = { 10.0.0.0/8 : goto class_1_abc }; }\n\
             \tchain classify_abc { ip saddr vmap @ask_0_abc; goto class_10; }\n}\n"
        );
        assert_eq!(
            turn,
            "table inet t {\n\tchain made_from { return comment \"abc\"; }\n\
             \tchain forward { type filter hook prerouting priority mangle; jump classify_abc; }\n}\n"
        );
        assert_eq!(clear, "");
    }

    #[test]
    fn what_was_there_goes_when_nothing_leads_to_it() {
        let listing = "table inet t {\n\tmap ask_0_abc {\n\t\ttypeof ip saddr : verdict\n\t}\n\n\tset some {\n\t}\n\n\
                       \tchain made_from {\n\t\treturn comment \"old\"\n\t}\n\n\tchain classify_abc {\n\t}\n\n\
                       \tchain forward {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n\t}\n\n\
                       \tchain output {\n\t\ttype filter hook output priority mangle; policy accept;\n\t}\n\n\tchain left_abc_1 {\n\t}\n}\n";
        let Swap { stage, turn, clear } = swap("t", (CHAINS, "abc"), listing);
        assert!(stage.contains("\tchain classify_abc_2 {"), "{stage}");
        let (gone, comes) = turn.split_once("table inet t {").unwrap();
        assert_eq!(
            gone.lines().collect::<Vec<_>>(),
            [
                "flush chain inet t made_from",
                "flush chain inet t forward",
                "flush chain inet t output",
                "delete chain inet t output",
            ]
        );
        assert!(comes.contains("jump classify_abc_2;"), "{comes}");
        assert_eq!(
            clear.lines().collect::<Vec<_>>(),
            [
                "flush chain inet t classify_abc",
                "flush chain inet t left_abc_1",
                "delete map inet t ask_0_abc",
                "delete set inet t some",
                "delete chain inet t classify_abc",
                "delete chain inet t left_abc_1",
            ]
        );
    }
}
