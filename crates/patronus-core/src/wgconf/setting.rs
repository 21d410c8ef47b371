//! The settings there are, and what is to be thought of them.

/// A section of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Interface,
    Peer,
}

impl Section {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "interface" => Some(Self::Interface),
            "peer" => Some(Self::Peer),
            _ => None,
        }
    }
}

/// A setting that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Address,
    ListenPort,
    Mtu,
    Table,
    PublicKey,
    AllowedIps,
    Endpoint,
    Keepalive,
}

impl Setting {
    /// Whether it may stand several times in a section, and adds up.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Address | Self::AllowedIps)
    }

    fn section(self) -> Section {
        match self {
            Self::Address | Self::ListenPort | Self::Mtu | Self::Table => Section::Interface,
            Self::PublicKey | Self::AllowedIps | Self::Endpoint | Self::Keepalive => Section::Peer,
        }
    }
}

/// The setting of that name in that section, or why there is none.
pub(super) fn find(section: Section, name: &str) -> Result<Setting, String> {
    let lower = name.to_ascii_lowercase();
    if let Some(reason) = refusal(&lower) {
        return Err(format!("{}: {reason}", shown(name)));
    }
    let key = known(&lower).ok_or_else(|| format!("`{}` is not a setting of WireGuard or wg-quick", shown(name)))?;
    match key.section() {
        right if right == section => Ok(key),
        Section::Interface => Err(format!("{} belongs into [Interface]", shown(name))),
        Section::Peer => Err(format!("{} belongs into [Peer]", shown(name))),
    }
}

fn known(lower: &str) -> Option<Setting> {
    Some(match lower {
        "address" => Setting::Address,
        "listenport" => Setting::ListenPort,
        "mtu" => Setting::Mtu,
        "table" => Setting::Table,
        "publickey" => Setting::PublicKey,
        "allowedips" => Setting::AllowedIps,
        "endpoint" => Setting::Endpoint,
        "persistentkeepalive" => Setting::Keepalive,
        _ => return None,
    })
}

/// Settings that exist and are not taken.
fn refusal(lower: &str) -> Option<&'static str> {
    Some(match lower {
        "privatekey" => {
            "a private key never leaves its site: take the line out, and replace the key, since it has been copied"
        }
        "presharedkey" => "a bundle is stored and shown, a secret is not: take the line out, and replace the key",
        "preup" | "postup" | "predown" | "postdown" => {
            "a bundle runs no commands, since they would run as root: take the line out"
        }
        "saveconfig" => "a bundle is not changed by the site: take the line out",
        "dns" => "Patronus sets no name servers: take the line out, and set them on the host",
        "fwmark" => "Patronus chooses an uplink by port and keeps marks for policies: take the line out",
        _ => return None,
    })
}

/// Text of a stranger, short and without control characters.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    short.escape_debug().to_string()
}
