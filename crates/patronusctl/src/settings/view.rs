//! What an answer should look like.

use super::Env;
use crate::cli::{Globals, count};
use crate::error::Result;
use crate::output::{ColorChoice, Format, ProgressStyle, SortBy, Style, TimeStyle};

/// What an answer should look like.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The form.
    pub format: Format,
    /// Only these fields.
    pub fields: Vec<String>,
    /// The order of lists.
    pub sort_by: Option<SortBy>,
    /// The most objects of a list.
    pub limit: Option<usize>,
    /// Tables without their first line.
    pub no_headers: bool,
    /// How times are written; by default as the terminal suggests.
    pub time: Option<TimeStyle>,
    /// Errors only.
    pub quiet: bool,
    /// 1 tells more, 2 still more.
    pub verbosity: u8,
    /// How progress is shown.
    pub progress: ProgressStyle,
    color: ColorChoice,
    /// What the environment says of colour; `None` leaves it to the terminal.
    env_color: Option<bool>,
}

impl View {
    /// From flags and environment.
    pub fn new(globals: &Globals, env: &Env) -> Result<Self> {
        let fields = match env.ours("FIELDS") {
            Some(text) if globals.fields.is_empty() => text.split(',').map(str::to_owned).collect(),
            _ => globals.fields.clone(),
        };
        Ok(Self {
            format: globals.output.map_or_else(|| env.word("OUTPUT"), |it| Ok(Some(it)))?.unwrap_or_default(),
            fields,
            sort_by: globals.sort_by.clone().map_or_else(|| env.parsed("SORT_BY"), |it| Ok(Some(it)))?,
            limit: globals.limit.map_or_else(|| env.with("LIMIT", count), |it| Ok(Some(it)))?,
            no_headers: globals.no_headers || env.flag("NO_HEADERS")?,
            time: globals.time.map_or_else(|| env.word("TIME"), |it| Ok(Some(it)))?,
            quiet: globals.quiet || env.flag("QUIET")?,
            verbosity: globals.verbose,
            progress: globals.progress.map_or_else(|| env.word("PROGRESS"), |it| Ok(Some(it)))?.unwrap_or_default(),
            color: globals.color.map_or_else(|| env.word("COLOR"), |it| Ok(Some(it)))?.unwrap_or_default(),
            env_color: env_color(env),
        })
    }

    /// The style of a stream.
    pub fn style(&self, terminal: bool) -> Style {
        let colour = match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => self.env_color.unwrap_or(terminal),
        };
        Style { colour }
    }
}

fn env_color(env: &Env) -> Option<bool> {
    if env.get("NO_COLOR").is_some() {
        return Some(false);
    }
    if env.get("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return Some(true);
    }
    let plain = env.get("TERM") == Some("dumb") || env.get("CLICOLOR") == Some("0");
    plain.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coloured(globals: &Globals, env: Env, terminal: bool) -> bool {
        View::new(globals, &env).unwrap().style(terminal).colour
    }

    #[test]
    fn colour_follows_flag_then_environment_then_terminal() {
        let auto = Globals::default();
        let always = Globals { color: Some(ColorChoice::Always), ..Globals::default() };
        assert!(coloured(&auto, Env::default(), true) && !coloured(&auto, Env::default(), false));
        assert!(!coloured(&auto, [("NO_COLOR", "1")].into(), true));
        assert!(coloured(&auto, [("CLICOLOR_FORCE", "1")].into(), false));
        assert!(!coloured(&auto, [("TERM", "dumb")].into(), true));
        assert!(coloured(&always, [("NO_COLOR", "1")].into(), false));
    }

    #[test]
    fn a_flag_beats_the_environment() {
        let globals = Globals { output: Some(Format::Json), ..Globals::default() };
        let env = Env::from([("PATRONUS_OUTPUT", "yaml"), ("PATRONUS_FIELDS", "a,b")]);
        let view = View::new(&globals, &env).unwrap();
        assert_eq!((view.format, view.fields.len()), (Format::Json, 2));
    }
}
