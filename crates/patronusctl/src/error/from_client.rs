//! What a failed call means for the person at the keyboard.

use patronus_client::{Error, Problem};
use patronus_types::api::error::ErrorCode;

use super::{CliError, Exit, Fault, advice};

/// Turns a failed call into an error with its exit code and its help.
fn from_client(error: Error) -> CliError {
    match error {
        Error::Api { problem, server, retry_after } => {
            let mut shown = refused(&problem).about("server", server);
            if let Some(seconds) = retry_after.map(|pause| pause.as_secs()).filter(|_| shown.exit == Exit::RateLimited)
            {
                shown = shown
                    .help(format!("try again in {seconds} s, or give it the time with --timeout {}s", seconds + 30));
            }
            shown
        }
        Error::Unreachable { server, cause, obstacle } => {
            let help = advice::unreachable(&server, obstacle);
            let error = CliError::new(Exit::Unreachable, "the server cannot be reached");
            help.into_iter().fold(error.about("server", server).cause(cause), CliError::help)
        }
        Error::Timeout { server, after } => {
            let what = format!("the server did not answer within {:.1} s", after.as_secs_f64());
            CliError::new(Exit::Unreachable, what).about("server", server).help("give it more time with --timeout 2m")
        }
        Error::Tls { server, cause, mistrust } => {
            let help = advice::untrusted(&server, &mistrust);
            let error = CliError::new(Exit::Unreachable, "the server cannot be trusted");
            help.into_iter().fold(error.about("server", server).cause(cause), CliError::help)
        }
        Error::OutcomeUnknown { server, key, cause } => {
            CliError::new(Exit::OutcomeUnknown, "the request was sent and no answer came: it may have been done")
                .about("server", server)
                .cause(cause)
                .help(format!("run the same command again with --idempotency-key {key}: it is not done twice"))
        }
        Error::Rubbish { server, what } => {
            CliError::new(Exit::Incompatible, "the answer is not one of this version of Patronus")
                .about("server", server)
                .cause(what)
                .help("compare the versions: patronusctl version")
        }
        Error::Credential { what, login: true } => CliError::new(Exit::NotLoggedIn, what).help(LOGIN),
        Error::Credential { what, login: false } => CliError::new(Exit::Local, what),
        Error::Setup(what) => CliError::new(Exit::Local, what),
        Error::Sink(what) => CliError::new(Exit::Output, what),
    }
}

/// How to log in, where no context says where and as whom.
pub const LOGIN: &str = "patronusctl login --server URL --user NAME";

/// How the server begins where a command has to say which network it means.
const SEVERAL: &str = "there are several networks";

fn refused(problem: &Problem) -> CliError {
    let exit = exit_of(problem);
    let mut error = CliError::new(exit, what(problem));
    if problem.code != ErrorCode::Unknown {
        error.code = problem.kind.rsplit(':').next().unwrap_or_default().to_owned();
    }
    error.faults = problem.errors.iter().map(fault).collect();
    error.request_id.clone_from(&problem.request_id);
    error.wants_network = problem.code == ErrorCode::Ambiguous || problem.detail.starts_with(SEVERAL);
    match help_for(problem.code) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// What the server says, less a pointer into the request that the faults below tell better.
fn what(problem: &Problem) -> String {
    match problem.errors.as_slice() {
        [first, rest @ ..] if !first.pointer.is_empty() && problem.detail.starts_with(&first.pointer) => {
            if rest.is_empty() {
                "a value does not hold".to_owned()
            } else {
                format!("{} values do not hold", rest.len() + 1)
            }
        }
        _ => problem.detail.clone(),
    }
}

fn fault(fault: &patronus_types::api::error::Fault) -> Fault {
    let place = fault.pointer.trim_start_matches('/').replace('/', ".");
    Fault { place, what: fault.detail.clone(), excerpt: None }
}

fn exit_of(problem: &Problem) -> Exit {
    match problem.code {
        ErrorCode::Unauthenticated => Exit::NotLoggedIn,
        ErrorCode::Forbidden => Exit::Forbidden,
        ErrorCode::NotFound => Exit::NotFound,
        ErrorCode::NoRoute | ErrorCode::MethodNotAllowed | ErrorCode::PreconditionRequired => Exit::Incompatible,
        ErrorCode::Ambiguous
        | ErrorCode::Exists
        | ErrorCode::Conflict
        | ErrorCode::PreconditionFailed
        | ErrorCode::IdempotencyMismatch => Exit::Conflict,
        ErrorCode::BadRequest
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::Invalid
        | ErrorCode::Lint => Exit::Invalid,
        ErrorCode::Risk => Exit::Unconfirmed,
        ErrorCode::RateLimited => Exit::RateLimited,
        ErrorCode::Unavailable => Exit::Unreachable,
        ErrorCode::Internal | ErrorCode::StorageFull | ErrorCode::Unknown => Exit::Failed,
    }
}

fn help_for(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::Unauthenticated => Some(LOGIN),
        ErrorCode::Forbidden => Some("see what this login may do: patronusctl whoami"),
        ErrorCode::PreconditionFailed => Some("run the command again: it reads the object anew"),
        ErrorCode::NoRoute | ErrorCode::MethodNotAllowed | ErrorCode::PreconditionRequired => {
            Some("compare the versions: patronusctl version")
        }
        ErrorCode::IdempotencyMismatch => Some("leave --idempotency-key out, or repeat exactly the first command"),
        _ => None,
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        from_client(error)
    }
}
