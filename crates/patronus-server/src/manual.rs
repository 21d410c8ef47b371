//! What the man page says beside the command line.

use clap::CommandFactory as _;

/// The command line.
pub fn command() -> clap::Command {
    crate::cli::Cli::command()
}

/// The exit codes.
pub const EXITS: &[(u8, &str)] = &[(0, "done, or stopped by TERM or INT"), (1, "failed"), (2, "called wrongly")];

/// The variables.
pub const ENVIRONMENT: &str = "\
A flag goes before its variable, a variable before the configuration file; an empty variable is an unset one.

PATRONUS_CONFIG      the configuration file
PATRONUS_DATA, PATRONUS_LISTEN, PATRONUS_PUBLIC_URL, ...
                     every setting of the file, in capitals: see patronus-server config example
PATRONUS_ADMIN, PATRONUS_PASSWORD_FILE
                     the first admin and the file with the password, for init
";

/// The files.
pub const FILES: &str = "\
DIR/secret           every other secret derives from it: keep a copy where nobody else reads it
DIR/signing.key, DIR/signing.pub
                     the key pair that signs bundles
DIR/tls/             the CA, the server's certificate, their keys; ca.pem is for those who log in
DIR/patronus.db      networks, sites, releases, events
";
