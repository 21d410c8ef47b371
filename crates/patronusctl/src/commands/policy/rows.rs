//! Policies in tables.

use patronus_types::api::policies::App;
use patronus_types::policy::{Action, MatchCriteria, Policy, RateLimit, RateUnit, Route};

use crate::commands::status::word;
use crate::output::{Cell, Column, Object};

impl Object for Policy {
    const KIND: &'static str = "policy";

    fn name(&self) -> String {
        self.spec.name.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("NAME", |it, _| it.name().into()),
            Column::fixed("PRIORITY", |it, _| it.spec.priority.to_string().into()),
            Column::ranked(2, "MATCH", |it, _| criteria(&it.spec.match_criteria).into()),
            Column::fixed("ACTION", |it, _| match it.spec.action() {
                Some(action) => action_text(&action).into(),
                None => word(&it.spec.action).into(),
            }),
            Column::ranked(3, "EXPECTS", |it, _| Cell::of(Some(it.spec.expect.len()).filter(|count| *count > 0))),
            Column::ranked(4, "CHANGED", |it, out| out.time(it.updated_at).into()),
            Column::wide("ID", |it, _| it.id().into()),
        ]
    }
}

impl Object for App {
    const KIND: &'static str = "app";

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn id(&self) -> String {
        self.name.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("NAME", |it, _| it.name().into()),
            Column::fixed("SERVICES", |it, _| {
                it.services.iter().map(ToString::to_string).collect::<Vec<_>>().join(",").into()
            }),
            Column::fixed("FROM", |it, _| if it.built_in { "built in" } else { "network" }.into()),
        ]
    }
}

/// Which packets, in a few words.
fn criteria(criteria: &MatchCriteria) -> String {
    let MatchCriteria { src, dst, protocol, src_ports, dst_ports, dscp, app } = criteria;
    let mut words = Vec::new();
    let mut list = |word: &str, values: Vec<String>| {
        if !values.is_empty() {
            words.push(format!("{word} {}", values.join(",")));
        }
    };
    list("from", src.iter().map(ToString::to_string).collect());
    list("to", dst.iter().map(ToString::to_string).collect());
    list("app", app.iter().map(ToString::to_string).collect());
    list("protocol", protocol.iter().map(ToString::to_string).collect());
    list("sport", src_ports.iter().map(ToString::to_string).collect());
    list("dport", dst_ports.iter().map(ToString::to_string).collect());
    list("dscp", dscp.iter().map(ToString::to_string).collect());
    if words.is_empty() { "all packets".to_owned() } else { words.join(" ") }
}

/// What becomes of them, likewise.
pub fn action_text(action: &Action) -> String {
    match action {
        Action::Drop => "drop".to_owned(),
        Action::RateLimit(RateLimit { rate, unit, .. }) => match unit {
            RateUnit::Bits => format!("at most {rate} bit/s"),
            RateUnit::Packets => format!("at most {rate} packets/s"),
        },
        Action::Route(Route { prefer, fallback, .. }) => {
            let by: Vec<String> = prefer.iter().map(ToString::to_string).collect();
            let by = if by.is_empty() { "best path".to_owned() } else { format!("route by {}", by.join(", ")) };
            if *fallback == patronus_types::policy::Fallback::Drop { format!("{by}, else drop") } else { by }
        }
    }
}
