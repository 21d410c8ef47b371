//! What the man page says beside the command line.

use clap::CommandFactory as _;

/// The command line.
pub fn command() -> clap::Command {
    crate::cli::Cli::command()
}

/// The exit codes.
pub const EXITS: &[(u8, &str)] = &[
    (0, "done, or already so"),
    (1, "failed"),
    (2, "called wrongly"),
    (3, "this host is in no network, or not in the one that was named"),
    (13, "no server can be reached, or it is not the one that was promised"),
    (17, "the state folder or the configuration cannot be read or written"),
];

/// The variables.
pub const ENVIRONMENT: &str = "\
A flag goes before its variable, and an empty variable is an unset one.

PATRONUS_STATE       the folder with keys, tokens and bundles
PATRONUS_CONFIG      the configuration file
PATRONUS_TOKEN_FILE  the invitation, for enrol
PATRONUS_SERVER      servers instead of the invitation's, with commas between
PATRONUS_LOG_LEVEL, PATRONUS_LOG_FORMAT
                     how much is logged to stderr, and in which form
";

/// The files.
pub const FILES: &str = "\
/var/lib/patronus-agent/agent.sock
                     where the commands reach the running agent (root only)
/var/lib/patronus-agent/networks/ID/current/wg/*.conf
                     what runs in a network, for people
";

#[cfg(test)]
mod tests {
    use super::EXITS;
    use crate::failure::Exit;

    #[test]
    fn every_exit_code_is_told() {
        let codes =
            [Exit::Failed, Exit::Usage, Exit::NotEnrolled, Exit::Unreachable, Exit::State].map(|exit| exit as u8);
        assert_eq!(EXITS.iter().map(|(code, _)| *code).skip(1).collect::<Vec<_>>(), codes);
    }
}
