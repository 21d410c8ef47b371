//! Log lines, on stderr: lines for people or JSON objects. No secret is ever a field of one.

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, LogFormat};

/// Begins logging.
pub fn install(config: &Config) -> anyhow::Result<()> {
    let level: LevelFilter = config.log_level.parse().map_err(|_| {
        anyhow::anyhow!("`{}` is not a log level: use off, error, warn, info, debug or trace", config.log_level)
    })?;
    // What libraries tell below warnings is for their authors.
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("patronus", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Console => {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colour).with_filter(filter).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(lines).try_init()?;
    Ok(())
}
