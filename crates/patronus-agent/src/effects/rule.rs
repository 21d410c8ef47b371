//! Routing rules of protocol 80.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use rtnetlink::Handle;
use rtnetlink::packet_route::IpProtocol;
use rtnetlink::packet_route::route::RouteProtocol;
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleMessage, RulePortRange};
use rustix::io::Errno;

use super::error::Result;
use super::model::{Family, Owner, PROTOCOL, Rule, RuleChange, Selector, class_rule_priorities};
use super::netlink;

/// Carries out changes in order. What was done before an error stays done.
pub(super) async fn change(netlink: &Handle, changes: &[RuleChange]) -> Result<()> {
    for change in changes {
        match change {
            RuleChange::Add(rule) => add(netlink, rule).await?,
            RuleChange::Remove(rule) => remove(netlink, rule).await?,
        }
    }
    Ok(())
}

async fn add(netlink: &Handle, rule: &Rule) -> Result<()> {
    // Never with the flag `replace`: the kernel takes it as "do not look for the same one" and adds a second.
    let mut request = netlink.rule().add();
    *request.message_mut() = write(rule);
    netlink::request_unless(Errno::EXIST, || doing("add", rule), request.execute()).await?;
    Ok(())
}

async fn remove(netlink: &Handle, rule: &Rule) -> Result<()> {
    let request = netlink.rule().del(write(rule)).execute();
    netlink::request_unless(Errno::NOENT, || doing("remove", rule), request).await?;
    Ok(())
}

fn doing(verb: &str, rule: &Rule) -> String {
    format!("{verb} the routing rule {} (lookup {})", rule.priority, rule.table)
}

/// The owner's rules, and those of all classes.
pub(super) async fn ours(netlink: &Handle, owner: &Owner) -> Result<BTreeSet<Rule>> {
    let mut rules = BTreeSet::new();
    for family in Family::ALL {
        let answers = netlink.rule().get(netlink::version(family)).execute();
        let messages = netlink::list_of(family, "list the routing rules", answers).await?;
        rules.extend(messages.iter().filter_map(|message| read(message, family)));
    }
    let of_classes = class_rule_priorities();
    rules.retain(|rule| owner.rule_priorities().contains(&rule.priority) || of_classes.contains(&rule.priority));
    Ok(rules)
}

fn write(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = netlink::address_family(rule.selector.family());
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Table(rule.table),
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
    ];
    match &rule.selector {
        Selector::SourcePorts { first, last, .. } => message.attributes.extend([
            RuleAttribute::IpProtocol(IpProtocol::Udp),
            RuleAttribute::SourcePortRange(RulePortRange { start: *first, end: *last }),
        ]),
        Selector::SourceAddress(address) => {
            message.header.src_len = IpNet::from(*address).prefix_len();
            message.attributes.extend([RuleAttribute::IpProtocol(IpProtocol::Udp), RuleAttribute::Source(*address)]);
        }
        Selector::Mark { value, mask, .. } => {
            message.attributes.extend([RuleAttribute::FwMark(*value), RuleAttribute::FwMask(*mask)]);
        }
    }
    message
}

/// The attributes of a rule message that matter here.
#[derive(Default)]
struct Read {
    table: u32,
    priority: u32,
    ours: bool,
    udp: bool,
    ports: Option<(u16, u16)>,
    source: Option<IpAddr>,
    mark: Option<u32>,
    mask: Option<u32>,
}

fn read(message: &RuleMessage, family: Family) -> Option<Rule> {
    let mut read = Read { table: u32::from(message.header.table), ..Read::default() };
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(table) => read.table = *table,
            RuleAttribute::Priority(priority) => read.priority = *priority,
            RuleAttribute::Protocol(protocol) => read.ours = u8::from(*protocol) == PROTOCOL,
            RuleAttribute::IpProtocol(protocol) => read.udp = *protocol == IpProtocol::Udp,
            RuleAttribute::SourcePortRange(range) => read.ports = Some((range.start, range.end)),
            RuleAttribute::Source(address) => read.source = Some(*address),
            RuleAttribute::FwMark(value) => read.mark = Some(*value),
            RuleAttribute::FwMask(mask) => read.mask = Some(*mask),
            _ => {}
        }
    }
    let selector = match read {
        Read { udp: true, ports: Some((first, last)), source: None, .. } => {
            Selector::SourcePorts { family, first, last }
        }
        Read { udp: true, ports: None, source: Some(address), .. } => Selector::SourceAddress(address),
        Read { mark: Some(value), mask, .. } => Selector::Mark { family, value, mask: mask.unwrap_or(u32::MAX) },
        _ => return None,
    };
    read.ours.then_some(Rule { priority: read.priority, selector, table: read.table })
}
