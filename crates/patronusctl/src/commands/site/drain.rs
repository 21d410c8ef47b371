//! Moving traffic away from uplinks before they are worked on, and back.

use clap_complete::engine::ArgValueCompleter;
use patronus_types::Name;
use patronus_types::site::SiteSpec;
use serde_json::{Map, Value, json};

use super::{Listed, one};
use crate::app::App;
use crate::commands::changes::changes;
use crate::complete;
use crate::error::{CliError, Exit, Result};
use crate::output::Object as _;

/// Which uplinks of which site.
#[derive(Debug, clap::Args)]
pub struct Uplinks {
    /// Its name or id
    #[arg(value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    site: String,
    /// The uplink; may be given several times
    #[arg(long = "uplink", value_name = "UPLINK", required = true)]
    uplinks: Vec<Name>,
}

/// Declares that the uplinks are drained, or no longer.
pub fn set(app: &App, args: &Uplinks, drained: bool) -> Result {
    let name = crate::commands::parse(Listed::KIND, &args.site)?;
    let client = app.client()?;
    let (before, after) = app.run(async {
        let found = one(&client, &name).await?;
        let patch = patch(&found.value.spec, &args.uplinks, drained)?;
        let after = client.sites().update(&name, &found.etag, &patch, &app.mode.write()).await?;
        Ok((found.value.spec, after))
    })?;
    let what = match (after.spec == before, drained) {
        (true, _) => "unchanged",
        (false, true) => "drained",
        (false, false) => "undrained",
    };
    changes(&before, &after.spec)?.iter().for_each(|line| app.out.notice(line));
    if after.spec != before && !app.mode.dry_run {
        app.out.notice("traffic moves when it is published: patronusctl bundle publish --wait");
    }
    app.out.done(&Listed::called(after, &name), what, app.mode.dry_run)
}

/// A merge patch replaces lists, so it gets all uplinks.
fn patch(site: &SiteSpec, names: &[Name], drained: bool) -> Result<Value> {
    if let Some(unknown) = names.iter().find(|name| site.uplinks.iter().all(|uplink| uplink.name != **name)) {
        let known = super::join(site.uplinks.iter().map(|uplink| uplink.name.as_str()));
        let error = CliError::new(Exit::NotFound, format!("site `{}` has no uplink `{unknown}`", site.name));
        return Err(error.help(format!("its uplinks are {known}")));
    }
    let mut uplinks: Vec<Map<String, Value>> =
        site.uplinks.iter().filter_map(|uplink| json!(uplink).as_object().cloned()).collect();
    for uplink in &mut uplinks {
        let named = |name: &Name| uplink.get("name").and_then(Value::as_str) == Some(name.as_str());
        if names.iter().any(named) {
            uplink.insert("drained".to_owned(), json!(drained));
        }
    }
    if uplinks.iter().all(|uplink| uplink.get("drained") == Some(&json!(true))) {
        let error = CliError::new(Exit::Invalid, format!("every uplink of site `{}` would be drained", site.name));
        return Err(error.help("its traffic needs one to move to: leave one out"));
    }
    Ok(json!({ "uplinks": uplinks }))
}

#[cfg(test)]
mod tests {
    use patronus_types::site::SiteInput;

    use super::*;

    #[test]
    fn one_uplink_is_left_for_the_traffic() {
        let json = r#"{"name": "ams", "uplinks": [{"name": "fiber"}, {"name": "lte", "metered": true}]}"#;
        let (site, _) = serde_json::from_str::<SiteInput>(json).unwrap().into_spec().unwrap();
        let name = |name: &str| name.parse::<Name>().unwrap();
        let patched = patch(&site, &[name("fiber")], true).unwrap();
        assert_eq!(
            (&patched["uplinks"][0]["drained"], &patched["uplinks"][1]["drained"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(patched["uplinks"][1]["metered"], json!(true));
        assert_eq!(patch(&site, &[name("dsl")], true).unwrap_err().exit, Exit::NotFound);
        assert_eq!(patch(&site, &[name("lte"), name("fiber")], true).unwrap_err().exit, Exit::Invalid);
        assert!(patch(&site, &[name("lte"), name("fiber")], false).is_ok());
    }
}
