//! Keys that manifests and component files may hold, and what was probably meant by others.

use pack_format::text::printable;
use pack_format::yaml::Node;

use crate::diagnostic::{Diagnostic, Findings};
use crate::rules;
use crate::shapes::Key;
use crate::shapes::Shape::{
    Any, Delivery, Dependencies, Flag, Format, Mapping, MappingOrList, Minimum, Number,
    OutputFormat, PackRef, Rows, Tasks, Testing, Text, Texts, TriggerTypes, Version,
};

/// Keys of `pack.yaml`, of both dialects.
pub(crate) const MANIFEST: &[Key] = &[
    ("ref", PackRef),
    ("name", Text),
    ("label", Text),
    ("description", Text),
    ("version", Version),
    ("author", Text),
    ("email", Text),
    ("license", Text),
    ("homepage", Text),
    ("repository", Text),
    ("use_case", Text),
    ("system", Flag),
    ("enabled", Flag),
    ("conf_schema", Rows),
    ("config_schema", Rows),
    ("config", Mapping),
    ("meta", Mapping),
    ("metadata", Mapping),
    ("tags", Texts),
    ("keywords", Texts),
    ("runtime_deps", Texts),
    ("dependencies", Dependencies),
    ("python", Minimum),
    ("nodejs", Minimum),
    ("testing", Testing),
    ("actions", Any),
    ("sensors", Any),
    ("triggers", Any),
    ("rules", Any),
    ("workflows", Any),
    ("policies", Any),
    ("worker_selector", MappingOrList),
    ("worker_tolerations", MappingOrList),
    ("worker_affinity", MappingOrList),
    ("requires", Any),
    ("source", Any),
    ("evidence", Any),
    ("python_versions", Texts),
    ("stackstorm_version", Text),
    ("contributors", Texts),
    ("system_dependencies", Texts),
    ("is_standard", Flag),
];

/// Keys that a component of `kind` may hold; `None` for a kind nobody knows.
pub(crate) fn of_kind(kind: &str) -> Option<&'static [Key]> {
    Some(match kind {
        "actions" => ACTIONS,
        "sensors" => SENSORS,
        "triggers" => TRIGGERS,
        "rules" => RULES,
        "workflows" => WORKFLOWS,
        _ => return None,
    })
}

const ACTIONS: &[Key] = &[
    ("ref", Text),
    ("name", Text),
    ("pack", Text),
    ("label", Text),
    ("description", Text),
    ("enabled", Flag),
    ("runner_type", Text),
    ("entry_point", Text),
    ("parameters", Rows),
    ("output", Rows),
    ("output_schema", Rows),
    ("parameter_delivery", Delivery),
    ("parameter_format", Format),
    ("output_format", OutputFormat),
    ("runtime_version", Minimum),
    ("required_worker_runtimes", Any),
    ("worker_selector", MappingOrList),
    ("worker_tolerations", MappingOrList),
    ("worker_affinity", MappingOrList),
    ("accesses_mcp", Flag),
    ("default_execution_permission_set_refs", Texts),
    ("log_retention_policy", Text),
    ("log_retention_limit", Number),
    ("artifact_retention_policy", Text),
    ("artifact_retention_limit", Number),
    ("tags", Texts),
    ("timeout", Number),
    ("workflow_file", Text),
    ("notify", Any),
    ("metadata_file", Any),
    ("uid", Any),
    ("version", Any),
    ("examples", Any),
    ("meta", Mapping),
];

const SENSORS: &[Key] = &[
    ("ref", Text),
    ("name", Text),
    ("pack", Text),
    ("label", Text),
    ("description", Text),
    ("enabled", Flag),
    ("runner_type", Text),
    ("entry_point", Text),
    ("trigger_types", TriggerTypes),
    ("trigger_type", Text),
    ("parameters", Rows),
    ("config", Rows),
    ("poll_interval", Number),
    ("runtime_version", Minimum),
    ("class_name", Text),
    ("parameter_delivery", Delivery),
    ("parameter_format", Format),
    ("output_format", OutputFormat),
    ("worker_selector", MappingOrList),
    ("worker_tolerations", MappingOrList),
    ("worker_affinity", MappingOrList),
    ("log_retention_policy", Text),
    ("log_retention_limit", Number),
    ("tags", Texts),
    ("meta", Mapping),
    ("examples", Any),
    ("timeout", Number),
];

const TRIGGERS: &[Key] = &[
    ("ref", Text),
    ("name", Text),
    ("pack", Text),
    ("label", Text),
    ("description", Text),
    ("enabled", Flag),
    ("type", Text),
    ("parameters", Rows),
    ("parameters_schema", Rows),
    ("output", Rows),
    ("payload_schema", Rows),
    ("tags", Texts),
    ("examples", Any),
    ("meta", Mapping),
];

const RULES: &[Key] = &[
    ("ref", Text),
    ("name", Text),
    ("pack", Text),
    ("pack_ref", Any),
    ("label", Text),
    ("description", Text),
    ("enabled", Flag),
    ("trigger_ref", Text),
    ("action_ref", Text),
    ("trigger", Any),
    ("action", Any),
    ("criteria", Mapping),
    ("conditions", Any),
    ("action_params", Mapping),
    ("trigger_params", Mapping),
    ("permission_set_refs", Texts),
    ("tags", Texts),
    ("type", Any),
    ("context", Any),
    ("meta", Mapping),
];

const WORKFLOWS: &[Key] = &[
    ("ref", Text),
    ("name", Text),
    ("pack", Text),
    ("label", Text),
    ("description", Text),
    ("enabled", Flag),
    ("version", Any),
    ("parameters", Rows),
    ("input", MappingOrList),
    ("output", MappingOrList),
    ("output_schema", Rows),
    ("vars", MappingOrList),
    ("tasks", Tasks),
    ("tags", Texts),
    ("meta", Mapping),
    ("action", Any),
    ("workflow_file", Any),
    ("runner_type", Any),
    ("entry_point", Any),
    ("timeout", Any),
];

/// Warns about each key of `node` that is not `known`, and each value that is not of its shape; of the keys in `read`,
/// somebody else judges the values.
pub(crate) fn check(
    file: &str,
    node: &Node,
    (known, read): (&[Key], &[&str]),
    findings: &mut Findings,
) {
    for member in node.members() {
        let key = member.key.as_str();
        let found = |rule, message: String| {
            let found = Diagnostic::new(rule, file, message);
            found.at(member.line).in_field(key)
        };
        if let Some((_, shape)) = known.iter().find(|(name, _)| *name == key) {
            if !read.contains(&key) && !shape.fits(&member.value) {
                let (is, wanted) = (member.value.describe(), shape.described());
                let message = format!("it is {is}, not {wanted}");
                findings.add(found(rules::FIELD_TYPE, message));
            }
            continue;
        }
        // Keys of one's own are marked so by convention.
        if key.starts_with("x-") {
            continue;
        }
        let unknown = format!("nobody reads the key `{}`", printable(key));
        let mut found = found(rules::UNKNOWN_KEY, unknown);
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        if let Some(meant) = nearest(key, &names) {
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
    use crate::schema;

    /// Every key that is known is described, and no other.
    #[test]
    fn every_key_is_documented() {
        let documented = |heading: &str| -> BTreeSet<&str> {
            let rows = schema::documented(heading);
            rows.into_iter().map(|(name, _)| name).collect()
        };
        let shared = documented(schema::SHARED);
        for (heading, known, shared) in [
            ("`pack.yaml`", MANIFEST, &BTreeSet::new()),
            ("Actions", ACTIONS, &shared),
            ("Sensors", SENSORS, &shared),
            ("Triggers", TRIGGERS, &shared),
            ("Rules", RULES, &shared),
            ("Workflows", WORKFLOWS, &shared),
        ] {
            let known: BTreeSet<&str> = known.iter().map(|(name, _)| *name).collect();
            let own = documented(heading);
            let unknown: Vec<_> = own.difference(&known).collect();
            assert!(unknown.is_empty(), "{heading}: {unknown:?}");
            let described: BTreeSet<&str> = own.union(shared).copied().collect();
            let missing: Vec<_> = known.difference(&described).collect();
            assert!(missing.is_empty(), "{heading}: {missing:?}");
        }
    }
}
