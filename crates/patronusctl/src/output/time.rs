//! Points in time, as they are wanted.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How to show times in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeStyle {
    /// `3m`, `2d4h`; `in 5d` for what is to come.
    Relative,
    /// RFC 3339, UTC.
    Utc,
    /// RFC 3339 with the local offset.
    Local,
}

/// The time in a style.
pub fn show(time: Timestamp, style: TimeStyle, now: Timestamp) -> String {
    match style {
        TimeStyle::Relative => relative(time, now),
        TimeStyle::Utc => to_seconds(time).to_string(),
        TimeStyle::Local => to_seconds(time).to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}

fn to_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn relative(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - time.as_second();
    let age = span(seconds.unsigned_abs());
    if seconds < 0 { format!("in {age}") } else { age }
}

/// The two greatest units of a span of seconds, the second one only where the first is small.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let Some(first) = UNITS.iter().position(|(unit, _)| seconds >= *unit) else { return "0s".to_owned() };
    let (unit, name) = UNITS[first];
    let (count, rest) = (seconds / unit, seconds % unit);
    match UNITS.get(first + 1) {
        Some((next, next_name)) if count < 10 && rest >= *next => format!("{count}{name}{}{next_name}", rest / next),
        _ => format!("{count}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        for (seconds, shown) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (61, "1m1s"), (3_600, "1h"), (187_200, "2d4h"), (900_000, "10d")]
        {
            assert_eq!(span(seconds), shown);
        }
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(show("2026-01-07T03:04:05.9Z".parse().unwrap(), TimeStyle::Relative, now), "in 5d");
        assert_eq!(show("2026-01-07T03:04:05.9Z".parse().unwrap(), TimeStyle::Utc, now), "2026-01-07T03:04:05Z");
    }
}
