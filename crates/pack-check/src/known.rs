//! Keys that manifests and component files may hold, and what was probably meant by others.

use pack_format::text::printable;
use pack_format::yaml::Node;

use crate::diagnostic::{Diagnostic, Findings};
use crate::rules;

/// Keys of `pack.yaml`, of both dialects.
pub(crate) const MANIFEST: &[&str] = &[
    "ref",
    "name",
    "label",
    "description",
    "version",
    "author",
    "email",
    "license",
    "homepage",
    "repository",
    "use_case",
    "system",
    "enabled",
    "conf_schema",
    "config_schema",
    "config",
    "meta",
    "metadata",
    "tags",
    "keywords",
    "runtime_deps",
    "dependencies",
    "python",
    "nodejs",
    "testing",
    "actions",
    "sensors",
    "triggers",
    "rules",
    "workflows",
    "policies",
    "worker_selector",
    "worker_tolerations",
    "worker_affinity",
    "requires",
    "source",
    "evidence",
    "python_versions",
    "stackstorm_version",
    "contributors",
    "system_dependencies",
    "is_standard",
];

/// Keys that a component of `kind` may hold; `None` for a kind nobody knows.
pub(crate) fn of_kind(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "actions" => ACTIONS,
        "sensors" => SENSORS,
        "triggers" => TRIGGERS,
        "rules" => RULES,
        "workflows" => WORKFLOWS,
        _ => return None,
    })
}

const ACTIONS: &[&str] = &[
    "ref",
    "name",
    "pack",
    "label",
    "description",
    "enabled",
    "runner_type",
    "entry_point",
    "parameters",
    "output",
    "output_schema",
    "parameter_delivery",
    "parameter_format",
    "output_format",
    "runtime_version",
    "required_worker_runtimes",
    "worker_selector",
    "worker_tolerations",
    "worker_affinity",
    "accesses_mcp",
    "default_execution_permission_set_refs",
    "log_retention_policy",
    "log_retention_limit",
    "artifact_retention_policy",
    "artifact_retention_limit",
    "tags",
    "timeout",
    "workflow_file",
    "notify",
    "metadata_file",
    "uid",
    "version",
    "examples",
    "meta",
];

const SENSORS: &[&str] = &[
    "ref",
    "name",
    "pack",
    "label",
    "description",
    "enabled",
    "runner_type",
    "entry_point",
    "trigger_types",
    "trigger_type",
    "parameters",
    "config",
    "poll_interval",
    "runtime_version",
    "class_name",
    "parameter_delivery",
    "parameter_format",
    "output_format",
    "worker_selector",
    "worker_tolerations",
    "worker_affinity",
    "log_retention_policy",
    "log_retention_limit",
    "tags",
    "meta",
    "examples",
    "timeout",
];

const TRIGGERS: &[&str] = &[
    "ref",
    "name",
    "pack",
    "label",
    "description",
    "enabled",
    "type",
    "parameters",
    "parameters_schema",
    "output",
    "payload_schema",
    "tags",
    "examples",
    "meta",
];

const RULES: &[&str] = &[
    "ref",
    "name",
    "pack",
    "pack_ref",
    "label",
    "description",
    "enabled",
    "trigger_ref",
    "action_ref",
    "trigger",
    "action",
    "criteria",
    "conditions",
    "action_params",
    "trigger_params",
    "permission_set_refs",
    "tags",
    "type",
    "context",
    "meta",
];

const WORKFLOWS: &[&str] = &[
    "ref",
    "name",
    "pack",
    "label",
    "description",
    "enabled",
    "version",
    "parameters",
    "input",
    "output",
    "output_schema",
    "vars",
    "tasks",
    "tags",
    "meta",
    "action",
    "workflow_file",
    "runner_type",
    "entry_point",
    "timeout",
];

/// Warns about each key of `node` that is not `known`.
pub(crate) fn check(file: &str, node: &Node, known: &[&str], findings: &mut Findings) {
    for member in node.members() {
        let key = member.key.as_str();
        // Keys of one's own are marked so by convention.
        if known.contains(&key) || key.starts_with("x-") {
            continue;
        }
        let mut found = Diagnostic::new(
            rules::UNKNOWN_KEY,
            file,
            format!("nobody reads the key `{}`", printable(key)),
        )
        .at(member.line)
        .in_field(key);
        if let Some(meant) = nearest(key, known) {
            found = found.with_hint(format!("did you mean `{meant}`?"));
        }
        findings.add(found);
    }
}

/// The known word that `word` is most likely a slip of.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let most = if word.len() < 5 { 1 } else { 2 };
    known
        .iter()
        .map(|other| (strsim::osa_distance(word, other), *other))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names in the first column of the tables below a heading of `docs/pack-structure.md`.
    fn documented(heading: &str) -> BTreeSet<&'static str> {
        let text = include_str!("../../../docs/pack-structure.md");
        let below = text.split(heading).nth(1).unwrap_or_default();
        let section = below.split("\n## ").next().unwrap_or_default();
        section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
            .flat_map(|cell| cell.split('`'))
            .filter(|name| !name.trim().is_empty())
            .collect()
    }

    /// Every key that is known is described, and no other.
    #[test]
    fn every_key_is_documented() {
        let shared = documented("\n## What all components share\n");
        for (heading, known, shared) in [
            ("\n## `pack.yaml`\n", MANIFEST, &BTreeSet::new()),
            ("\n## Actions\n", ACTIONS, &shared),
            ("\n## Sensors\n", SENSORS, &shared),
            ("\n## Triggers\n", TRIGGERS, &shared),
            ("\n## Rules\n", RULES, &shared),
            ("\n## Workflows\n", WORKFLOWS, &shared),
        ] {
            let known: BTreeSet<&str> = known.iter().copied().collect();
            let own = documented(heading);
            let unknown: Vec<_> = own.difference(&known).collect();
            assert!(unknown.is_empty(), "{heading}: {unknown:?}");
            let described: BTreeSet<&str> = own.union(shared).copied().collect();
            let missing: Vec<_> = known.difference(&described).collect();
            assert!(missing.is_empty(), "{heading}: {missing:?}");
        }
    }
}
