//! Devices that a bundle names and a host does not have.

use patronus_types::bundle::Content;

/// Why a change is not begun: an uplink would leave by a device that is not there, in place of a way that is. One that was
/// unplugged is another matter: nothing waits for it.
///
/// A proof would not always tell: userspace WireGuard goes on by the way that it knows until it is started anew.
pub fn missing_device(before: &Content, after: &Content, is_there: impl Fn(&str) -> bool) -> Option<String> {
    before.uplinks.iter().zip(&after.uplinks).find_map(|(was, uplink)| {
        let device = uplink.device.as_deref().filter(|device| !is_there(device))?;
        let given_up = match was.device.as_deref() {
            None => "the routes of the host".to_owned(),
            Some(old) if old != device && is_there(old) => format!("device {old}"),
            Some(_) => return None,
        };
        Some(format!(
            "uplink {}: there is no device {device} here, and {given_up} would be given up for it: name another one and \
             publish, or put it in and run `patronus-agent retry`",
            uplink.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::tests::sample::sites;

    #[test]
    fn no_way_that_is_there_is_given_up_for_one_that_is_not() {
        let compiled = crate::mesh::compile(&sites(2)).unwrap();
        let content = crate::mesh::content(&compiled.sites[0].tar.to_vec()).unwrap();
        let with = |device: Option<&str>| {
            let mut content = content.clone();
            content.uplinks[0].device = device.map(str::to_owned);
            content
        };
        let said = |before, after| missing_device(&with(before), &with(after), |name| name.starts_with("up"));
        for (before, after, word) in
            [(None, Some("eth9"), "the routes of the host"), (Some("up1"), Some("eth9"), "device up1")]
        {
            let why = said(before, after).unwrap();
            assert!(why.contains("no device eth9 here") && why.contains(word), "{why}");
        }
        for (before, after) in [
            (None, Some("up1")),
            (Some("up1"), Some("up2")),
            (Some("eth9"), Some("eth9")),
            (Some("eth8"), Some("eth9")),
            (Some("eth9"), None),
        ] {
            assert_eq!(said(before, after), None, "{before:?} to {after:?}");
        }
    }
}
