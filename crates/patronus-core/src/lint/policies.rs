//! Policies that name what is not there, that expect what is not true, and that have no effect.

use patronus_types::policy::Rule;

use super::{Code, Finding};
use crate::mesh::Input;
use crate::policy::{self, expect, resolve};

pub(super) fn lint(findings: &mut Vec<Finding>, input: &Input) {
    let mut add = |message| findings.push(Finding::error(Code::Policy, Vec::new(), message));
    let rules: Vec<Rule> = match resolve(&input.policies, &input.sites, &input.spec.apps) {
        Ok(rules) => rules,
        Err(faults) => return faults.into_iter().for_each(|fault| add(fault.detail)),
    };
    let untrue = expect::expectations(&input.policies, &rules, &input.sites);
    untrue.into_iter().for_each(|fault| add(fault.detail));
    let found = policy::lint(&input.policies, &rules, &input.sites);
    findings.extend(found.into_iter().map(|it| Finding::warning(Code::Policy, Vec::new(), it.message)));
}
