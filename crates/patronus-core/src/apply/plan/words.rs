//! What a plan would do, in words.

use std::fmt;

use super::{Action, Plan, Step, Verdict};

impl Plan {
    /// What would be done, a line each, at most `most`; the last one says how many more there are.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let verdicts = self.verdicts.iter().map(ToString::to_string);
        // What is done to tunnels and peers has been said.
        let others =
            self.apply.iter().chain(&self.clean).filter(|step| is_beside_tunnels(step)).map(ToString::to_string);
        let mut lines: Vec<String> = verdicts.chain(others).collect();
        if lines.len() > most {
            let more = lines.len() - most.saturating_sub(1);
            lines.truncate(most.saturating_sub(1));
            lines.push(format!("and {more} more"));
        }
        lines
    }
}

fn is_beside_tunnels(step: &Step) -> bool {
    !matches!(
        step,
        Step::CreateTunnel { .. } | Step::DeleteTunnel { .. } | Step::ChangeWireguard { .. } | Step::Probe { .. }
    )
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, peer, action, reason } = self;
        write!(f, "{action} ")?;
        peer.iter().try_for_each(|peer| write!(f, "{peer} on "))?;
        write!(f, "{interface}")?;
        if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::Change => "change",
            Self::Restart => "restart",
            Self::Create => "create",
            Self::Remove => "remove",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(peer: Option<&str>, action: Action) -> Verdict {
        Verdict { interface: "pt000".to_owned(), peer: peer.map(str::to_owned), action, reason: "new".to_owned() }
    }

    #[test]
    fn a_plan_is_said_in_a_few_lines() {
        let plan = Plan {
            verdicts: vec![verdict(None, Action::Create), verdict(Some("ams"), Action::Create)],
            apply: vec![
                Step::CreateTunnel { interface: "pt000".to_owned(), mtu: 1420 },
                Step::ReplaceFirewall { chains: String::new(), required: false },
            ],
            clean: vec![Step::RemoveFirewall],
            ..Plan::default()
        };
        let all = ["create pt000: new", "create ams on pt000: new", "replace the nft table", "remove the nft table"];
        assert_eq!(plan.lines(4), all);
        assert_eq!(plan.lines(3), [all[0], all[1], "and 2 more"]);
        assert_eq!(plan.lines(1), ["and 4 more"]);
        assert!(Plan::default().lines(3).is_empty());
    }
}
