//! Documents made from the tree of commands: man pages, the reference, and the loaders for completions. What `xtask gen`
//! writes and `patronusctl man` writes is the same.

mod loaders;
mod man;
mod reference;

pub use loaders::{loader, loaders};
pub use man::{man_pages, preformatted};
pub use reference::reference;

/// The words and commands of the tree, parents first.
fn walk(command: &clap::Command, path: &str, visit: &mut impl FnMut(&str, &clap::Command)) {
    visit(path, command);
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        let path = if path.is_empty() { child.get_name().to_owned() } else { format!("{path} {}", child.get_name()) };
        walk(child, &path, visit);
    }
}
