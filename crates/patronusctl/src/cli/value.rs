//! Values as they are typed.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use patronus_types::policy::Service;
use patronus_types::{Invalid, Name, Ref};

/// A whole number of something, within bounds.
pub fn number<T>(of: &'static str, least: T, most: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync,
{
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("write {of}, {least} to {most}"))
    }
}

/// A whole number without bounds that anybody meets.
pub fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "write a whole number, such as 3".to_owned())
}

/// An IPv4 range.
pub fn range4(text: &str) -> Result<Ipv4Net, String> {
    text.parse().map_err(|_| "write an IPv4 range, such as 10.210.0.0/16".to_owned())
}

/// An IPv6 range.
pub fn range6(text: &str) -> Result<Ipv6Net, String> {
    text.parse().map_err(|_| "write an IPv6 range, such as fd00:210::/64".to_owned())
}

/// An application and what it is made of; nothing to take it out.
pub fn application(text: &str) -> Result<(Name, Vec<Service>), String> {
    let (name, services) = text.split_once('=').ok_or("write NAME=SERVICE,…, such as erp=tcp/3200-3299,udp/3299")?;
    let name = name.parse().map_err(|error: Invalid| error.to_string())?;
    let service = |text: &str| text.parse().map_err(|error: Invalid| error.to_string());
    let services = services.split(',').filter(|text| !text.is_empty()).map(service);
    Ok((name, services.collect::<Result<_, _>>()?))
}

/// An address range.
pub fn range(text: &str) -> Result<IpNet, String> {
    text.parse().map_err(|_| "write an address range, such as 192.168.1.0/24 or fd00:1::/64".to_owned())
}

/// A name, or nothing to take it back.
pub fn name_or_nothing(text: &str) -> Result<String, String> {
    match text {
        "" => Ok(String::new()),
        text => text.parse().map(|name: Name| name.to_string()).map_err(|error| error.to_string()),
    }
}

/// A span: `30s`, `5m`, `1h30m`, or seconds alone.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a span such as 500ms, 30s, 5m or 2h".to_owned())?;
    Duration::try_from(span).map_err(|_| "a span cannot be negative".to_owned())
}

/// A span of whole seconds within bounds: `30s`, `2m`, or seconds alone.
pub fn seconds(least: u16, most: u16) -> impl Fn(&str) -> Result<u16, String> + Clone + Send + Sync {
    move |text| {
        let span = duration(text).ok().filter(|span| span.subsec_nanos() == 0);
        let seconds = span.and_then(|span| u16::try_from(span.as_secs()).ok());
        let within = seconds.filter(|seconds| (least..=most).contains(seconds));
        within.ok_or_else(|| format!("write a span of whole seconds, such as 30s or 2m, from {least}s to {most}s"))
    }
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
    rest.parse().map_err(|_: patronus_types::Invalid| {
        format!(
            "`{}` is neither a name (1 to 63 of a-z, 0-9 and `-`) nor an id (`{kind}_` and 26 characters)",
            rest.escape_debug()
        )
    })
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

/// A release alone.
pub fn release(text: &str) -> Result<BundleRef, String> {
    let release = text.parse::<BundleRef>().ok().filter(|it| it.site.is_none());
    release.ok_or_else(|| "write the number of a version, such as 7, or latest".to_owned())
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
    fn spans_of_seconds_have_bounds() {
        let read = seconds(5, 600);
        for (text, expected) in [("30s", 30), ("2m", 120), ("45", 45), ("1m30s", 90), ("10m", 600)] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for wrong in
            ["4", "4s", "601", "11m", "500ms", "7500ms", "-30s", "", "soon", "30 bananas", "99999999999999999999"]
        {
            let said = "write a span of whole seconds, such as 30s or 2m, from 5s to 600s";
            assert_eq!(read(wrong).unwrap_err(), said, "{wrong}");
        }
    }

    #[test]
    fn what_is_refused_is_said_in_words() {
        let mtu = number("a number of bytes", 1280_u16, 8920);
        assert_eq!(mtu("1380"), Ok(1380));
        for wrong in ["1279", "70000", "-1", "x", ""] {
            assert_eq!(mtu(wrong).unwrap_err(), "write a number of bytes, 1280 to 8920", "{wrong}");
        }
        assert_eq!(count::<u64>("-1").unwrap_err(), "write a whole number, such as 3");
        assert!(range4("10.0.0.0").unwrap_err().contains("10.210.0.0/16") && range4("fd00::/64").is_err());
        assert!(range6("10.0.0.0/8").unwrap_err().contains("fd00:210::/64") && range("10.0.0.0/8").is_ok());
        assert!(name_or_nothing("").is_ok() && name_or_nothing("eu").is_ok() && name_or_nothing("EU").is_err());
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
        assert!(release("bundle/7").is_ok() && release("latest").is_ok() && release("7/ams").is_err());
        assert!(read("ams").is_err() && read("7/").is_err() && read("-1").is_err());
    }
}
