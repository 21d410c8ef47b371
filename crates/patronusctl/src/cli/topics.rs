//! Topics of `help` that are not commands.

use crate::error::exit_table;

/// The topics and what each is about.
pub const TOPICS: &[(&str, &str)] = &[
    ("exit-codes", "what each exit code means"),
    ("environment", "variables that are honoured"),
    ("output", "the forms of an answer"),
    ("files", "where contexts and credentials are"),
    ("references", "how objects are named"),
];

/// The text of a topic.
pub fn topic(name: &str) -> Option<String> {
    Some(match name {
        "exit-codes" => exit_table(),
        "environment" => ENVIRONMENT.to_owned(),
        "output" => OUTPUT.to_owned(),
        "files" => FILES.to_owned(),
        "references" => REFERENCES.to_owned(),
        _ => return None,
    })
}

/// Variables, for the topic and the man pages.
pub const ENVIRONMENT: &str = "\
A flag beats a variable, a variable beats the context, the context beats the default. An empty variable is an unset one.

PATRONUS_CONFIG       the configuration file
PATRONUS_TOKEN        a token; PATRONUS_TOKEN_FILE, a file with one, is better
PATRONUS_SERVER       servers, with commas between
PATRONUS_CONTEXT, PATRONUS_NETWORK, PATRONUS_OUTPUT, …
                      every global flag, with _ for -
PATRONUS_COMPLETE_TIMEOUT
                      how long the shell's Tab waits for live names, 250ms if not set; for servers far away
CREDENTIALS_DIRECTORY a folder whose file patronus.token holds a token (systemd)
NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM=dumb
                      whether to use colour
HTTPS_PROXY, NO_PROXY proxies; never used for loopback addresses
XDG_CONFIG_HOME, XDG_CACHE_HOME
                      where files are
";

const OUTPUT: &str = "\
-o table   for people: one object a line; on a terminal it fits the width and shows ages
-o wide    all columns
-o json    one document: the object, or an array for a list; the same shape as the API
-o jsonl   one object a line
-o yaml    the same objects as YAML
-o name    kind/name, one a line, or kind/id where the name means several; taken back on stdin with -
-o id      the id, one a line

--fields name,agent.version picks fields, --sort-by last_seen_at:desc sorts. The answer goes to stdout, everything
else to stderr; its shape depends on -o alone. With -o json an error is one JSON object on stderr.
";

/// Files, for the topic and the man pages.
pub const FILES: &str = "\
config.yaml           contexts, in $XDG_CONFIG_HOME/patronusctl (Linux: ~/.config/patronusctl); holds no secret
credentials/NAME.json the login of context NAME, where `login --store file` was chosen; refused if others can read it
";

const REFERENCES: &str = "\
NAME             a name: 1 to 63 of a-z, 0-9 and -
site_01k9zq3v…   an id, as -o id prints it
site/NAME        kind and name, as -o name prints it
7, latest        a release
7/ams            what release 7 holds for site ams; also bundle/7/ams
-                references on stdin, one a line
";
