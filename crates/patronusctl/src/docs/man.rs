//! Man pages: what `clap_mangen` writes, and the sections that it does not know.

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::walk;
use crate::cli::{ENVIRONMENT, FILES, command, examples};
use crate::error::{Exit, INTERRUPTED};

/// Every page by its file name.
pub fn man_pages() -> Vec<(String, Vec<u8>)> {
    let mut tree = crate::cli::Cli::tree();
    tree.build();
    let mut pages = Vec::new();
    walk(&tree, "", &mut |path, command| {
        let name = format!("patronusctl {path}").trim().replace(' ', "-");
        pages.push((format!("{name}.1"), page(command, &name, path)));
    });
    pages
}

fn page(command: &clap::Command, name: &str, path: &str) -> Vec<u8> {
    let usage = command.clone().render_usage().to_string();
    let display = name.to_owned();
    let mut command = command.clone().name(display.clone()).display_name(display).disable_help_subcommand(true);
    if !path.is_empty() {
        // They fill a page: once is enough.
        command = command.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    }
    let man = Man::new(command.clone())
        .date("")
        .source(concat!("patronusctl ", env!("CARGO_PKG_VERSION")))
        .manual("Patronus");
    let mut out = Vec::new();
    let mut rendered = vec![man.render_title(&mut out), man.render_name_section(&mut out)];
    rendered.push(synopsis(&usage).to_writer(&mut out));
    rendered.push(man.render_description_section(&mut out));
    rendered.push(man.render_options_section(&mut out));
    if command.get_subcommands().next().is_some() {
        rendered.push(man.render_subcommands_section(&mut out));
    }
    if !path.is_empty() {
        rendered.push(global_section().to_writer(&mut out));
    }
    for section in [example_section(path), exit_section(), environment_section(), file_section(), also(path)] {
        rendered.push(section.to_writer(&mut out));
    }
    debug_assert!(rendered.iter().all(Result::is_ok), "writing to memory does not fail");
    // Older formatters know no more than ASCII.
    String::from_utf8_lossy(&out).replace('…', "...").into_bytes()
}

fn synopsis(usage: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]).text([roman(usage.trim_start_matches("Usage: ").trim())]);
    roff
}

fn global_section() -> Roff {
    let tree = crate::cli::Cli::tree();
    let names: Vec<String> = tree
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .filter_map(|arg| arg.get_long().map(|long| format!("--{long}")))
        .collect();
    let mut roff = Roff::new();
    let text = format!("See patronusctl(1) for {}.", names.join(", "));
    roff.control("SH", ["GLOBAL OPTIONS"]).text([roman(text)]);
    roff
}

fn example_section(path: &str) -> Roff {
    let mut roff = Roff::new();
    let lines = examples(path);
    let lines = if lines.is_empty() { examples("status") } else { lines };
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []);
    roff
}

fn exit_section() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    let rows = Exit::ALL.iter().map(|exit| (exit.row().code, exit.row().meaning));
    for (code, meaning) in rows.chain(INTERRUPTED.iter().copied()) {
        roff.control("TP", ["5"]).text([bold(code.to_string())]).text([roman(meaning)]);
    }
    roff
}

fn environment_section() -> Roff {
    preformatted("ENVIRONMENT", ENVIRONMENT)
}

fn file_section() -> Roff {
    preformatted("FILES", FILES)
}

/// A section whose lines stay as they are.
pub fn preformatted(title: &str, text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]).control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

/// The neighbours: parent and children.
fn also(path: &str) -> Roff {
    let mut names = Vec::new();
    if let Some((parent, _)) = path.rsplit_once(' ') {
        names.push(format!("patronusctl-{}", parent.replace(' ', "-")));
    }
    if path.is_empty() {
        names.extend(command().get_subcommands().map(|child| format!("patronusctl-{}", child.get_name())));
    } else {
        names.push("patronusctl".to_owned());
    }
    let names: Vec<String> = names.into_iter().map(|name| format!("{name}(1)")).collect();
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]).text([roman(names.join(", "))]);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_every_section() {
        let pages = man_pages();
        assert!(pages.len() > 40);
        for (name, page) in pages {
            let text = String::from_utf8(page).unwrap();
            assert!(text.is_ascii(), "{name}");
            for section in ["NAME", "SYNOPSIS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "\"SEE ALSO\""] {
                assert!(text.contains(&format!(".SH {section}")), "{name} has no {section}");
            }
        }
    }
}
