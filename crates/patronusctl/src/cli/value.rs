//! Values as they are typed.

use std::time::Duration;

use patronus_types::Ref;

/// A span: `30s`, `5m`, `1h30m`, or seconds alone.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a span such as 500ms, 30s, 5m or 2h".to_owned())?;
    Duration::try_from(span).map_err(|_| "a span cannot be negative".to_owned())
}

/// `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// A name, an id or `kind/name` of the kind.
pub fn reference(kind: &str, text: &str) -> Result<Ref, String> {
    let rest = match text.split_once('/') {
        Some((word, rest)) if word == kind || word.strip_suffix('s') == Some(kind) => rest,
        Some((word, _)) => {
            return Err(format!("`{}` is not a {kind}: `{word}/` stands before it", text.escape_debug()));
        }
        None => text,
    };
    rest.parse().map_err(|error: patronus_types::Invalid| error.to_string())
}

/// A release, and perhaps one site in it: `7`, `latest`, `7/ams`, `bundle/7/ams`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRef {
    /// The release's number, or `latest`.
    pub version: String,
    /// The site.
    pub site: Option<Ref>,
}

impl std::str::FromStr for BundleRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("bundle/").or_else(|| text.strip_prefix("bundles/")).unwrap_or(text);
        let (version, site) = match rest.split_once('/') {
            Some((version, site)) => (version, Some(site)),
            None => (rest, None),
        };
        if version != "latest" && version.parse::<u64>().is_err() {
            return Err("write VERSION, latest, VERSION/SITE or bundle/VERSION/SITE".to_owned());
        }
        let site = site.map(str::parse).transpose().map_err(|error: patronus_types::Invalid| error.to_string())?;
        Ok(Self { version: version.to_owned(), site })
    }
}

impl std::fmt::Display for BundleRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.site {
            Some(site) => write!(f, "{}/{site}", self.version),
            None => f.write_str(&self.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, millis) in [("30s", 30_000), ("1h30m", 5_400_000), ("500ms", 500), ("7", 7_000)] {
            assert_eq!(duration(text).unwrap().as_millis(), millis, "{text}");
        }
        assert!(duration("-1s").is_err() && duration("soon").is_err());
    }

    #[test]
    fn references_may_say_their_kind() {
        for text in ["ams", "site/ams", "sites/ams"] {
            assert_eq!(reference("site", text).unwrap().to_string(), "ams");
        }
        assert!(reference("site", "network/lab").unwrap_err().contains("not a site"));
        assert!(reference("site", "Ams").is_err());
    }

    #[test]
    fn bundles_are_a_version_and_perhaps_a_site() {
        let read = |text: &str| text.parse::<BundleRef>().map(|it| it.to_string());
        assert_eq!(read("bundle/7/ams").as_deref(), Ok("7/ams"));
        assert_eq!(read("latest").as_deref(), Ok("latest"));
        assert!(read("ams").is_err() && read("7/").is_err() && read("-1").is_err());
    }
}
