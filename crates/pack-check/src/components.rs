//! Component files, and what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::manifest::COMPONENT_KINDS;
use pack_format::text::printable;
use pack_format::yaml::Node;

use crate::diagnostic::{Diagnostic, Findings};
use crate::{Files, known, parameters, rules};

/// Runners of the platform, then those of StackStorm-style packs.
const RUNNERS: &[&str] = &[
    "shell",
    "python",
    "nodejs",
    "native",
    "java",
    "ruby",
    "perl",
    "go",
    "r",
    "node",
    "core.shell",
    "python-script",
    "local-shell-cmd",
    "local-shell-script",
    "remote-shell-cmd",
    "noop",
    "remote-shell-script",
    "action-chain",
    "orquesta",
    "mistral-v2",
    "http-request",
    "inquirer",
    "announcement",
    "winrm-cmd",
    "winrm-ps-cmd",
    "winrm-ps-script",
];

/// Runners that start the file itself.
const STARTS_FILE: [&str; 1] = ["native"];

/// Fields that must be texts, or the component is none.
const TEXTS: [&str; 6] = [
    "ref",
    "label",
    "description",
    "runner_type",
    "entry_point",
    "workflow_file",
];

/// One component file that could be read.
struct Component<'a> {
    kind: &'static str,
    path: &'a str,
    root: Node,
}

impl Component<'_> {
    fn text(&self, field: &str) -> Option<&str> {
        self.root.get(field).and_then(Node::as_str)
    }

    fn line(&self, field: &str) -> usize {
        self.root
            .get(field)
            .map_or(self.root.line, |node| node.line)
    }

    fn finding(&self, rule: rules::Rule, field: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(rule, self.path, message)
            .at(self.line(field))
            .in_field(field)
    }

    /// Its ref without the pack's, as far as the file says or implies one.
    fn name(&self, pack: &str) -> String {
        let stem = self.path.rsplit('/').next().unwrap_or_default();
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        let named = self.text("ref").or_else(|| self.text("name"));
        let named = named.filter(|name| !name.is_empty()).unwrap_or(stem);
        let own = named.strip_prefix(pack).and_then(|n| n.strip_prefix('.'));
        own.unwrap_or(named).to_owned()
    }
}

pub(crate) fn check(files: &Files<'_>, pack: Option<&str>, findings: &mut Findings) {
    let components = read(files, findings);
    let pack = pack.unwrap_or_default();
    let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for component in &components {
        let kind = match component.kind {
            "actions" | "workflows" => "actions",
            other => other,
        };
        let name = component.name(pack);
        // A workflow beside the action that runs it may have the action's ref.
        let fresh = names.entry(kind).or_default().insert(name.clone());
        if !fresh && component.kind != "workflows" {
            let message = format!("another file declares `{}` too", printable(&name));
            findings.add(component.finding(rules::COMPONENT_DUPLICATE, "ref", message));
        }
    }
    for component in &components {
        if let Some(keys) = known::of_kind(component.kind) {
            known::check(component.path, &component.root, (keys, &TEXTS), findings);
        }
        for field in [
            "parameters",
            "parameters_schema",
            "output",
            "output_schema",
            "payload_schema",
        ] {
            if let Some(schema) = component.root.get(field) {
                parameters::check(component.path, field, schema, findings);
            }
        }
        identity(component, pack, findings);
        runs(component, files, findings);
        refers(component, pack, &names, findings);
    }
}

fn read<'a>(files: &Files<'a>, findings: &mut Findings) -> Vec<Component<'a>> {
    let mut components = Vec::new();
    for (path, file) in files {
        let Some((kind, name)) = path.split_once('/') else {
            continue;
        };
        let Some(kind) = COMPONENT_KINDS.into_iter().find(|known| *known == kind) else {
            continue;
        };
        let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        if name.contains('/') || !is_yaml {
            continue;
        }
        match Node::parse(path, file.content) {
            Ok(root) if root.is_mapping() => components.push(Component { kind, path, root }),
            Ok(root) => findings.add(
                Diagnostic::new(
                    rules::COMPONENT_INVALID,
                    path,
                    format!("it holds {}, not a mapping of fields", root.describe()),
                )
                .at(root.line),
            ),
            Err(error) => {
                findings.add(Diagnostic::from_metadata(rules::COMPONENT_INVALID, &error));
            }
        }
    }
    components
}

fn identity(component: &Component<'_>, pack: &str, findings: &mut Findings) {
    for field in TEXTS {
        if let Some(node) = component.root.get(field)
            && node.as_str().is_none()
        {
            let message = format!("it is {}, not a string", node.describe());
            findings.add(component.finding(rules::COMPONENT_INVALID, field, message));
        }
    }
    match component.text("ref") {
        // Sensors of old are named by their class.
        None if ["name", "class_name"]
            .iter()
            .all(|name| component.root.get(name).is_none()) =>
        {
            findings.add(
                component
                    .finding(rules::COMPONENT_REF_MISSING, "ref", "the field is missing")
                    .with_hint(format!("add `ref: {pack}.{}`", component.name(pack))),
            );
        }
        Some(named) if !pack.is_empty() && !named.starts_with(&format!("{pack}.")) => findings.add(
            component
                .finding(
                    rules::COMPONENT_REF_FOREIGN,
                    "ref",
                    format!("`{}` does not start with `{pack}.`", printable(named)),
                )
                .with_hint(
                    "start it with the pack's ref: rules and workflows find it by that name",
                ),
        ),
        _ => {}
    }
}

/// What the component starts.
fn runs(component: &Component<'_>, files: &Files<'_>, findings: &mut Findings) {
    let runner = component.text("runner_type");
    if let Some(runner) = runner
        && !RUNNERS.contains(&runner)
    {
        let mut found = component.finding(
            rules::RUNNER_UNKNOWN,
            "runner_type",
            format!("no runner is called `{}`", printable(runner)),
        );
        if let Some(meant) = known::nearest(runner, RUNNERS) {
            found = found.with_hint(format!("did you mean `{meant}`?"));
        }
        findings.add(found);
    }
    for field in ["entry_point", "workflow_file"] {
        let Some(named) = component.text(field).filter(|named| !named.is_empty()) else {
            continue;
        };
        let Some(path) = inside(component.kind, named) else {
            let message = format!("`{}` lies outside the pack", printable(named));
            findings.add(component.finding(rules::FILE_OUTSIDE, field, message));
            continue;
        };
        let Some(file) = files.get(path.as_str()) else {
            findings.add(
                component
                    .finding(
                        rules::FILE_MISSING,
                        field,
                        format!("`{}` is not in the pack", printable(&path)),
                    )
                    .with_hint(format!(
                        "add the file; paths start in `{}/`",
                        component.kind
                    )),
            );
            continue;
        };
        if runner.is_some_and(|runner| STARTS_FILE.contains(&runner)) && !file.executable {
            findings.add(
                component
                    .finding(
                        rules::NOT_EXECUTABLE,
                        field,
                        format!("`{}` is not executable", printable(&path)),
                    )
                    .with_hint(format!("run `chmod +x {path}`")),
            );
        }
    }
}

/// `named`, a path from the directory of `kind`, as a path of the pack; `None` outside of it.
fn inside(kind: &str, named: &str) -> Option<String> {
    if named.starts_with('/') || named.contains('\\') {
        return None;
    }
    let mut parts = vec![kind];
    for part in named.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Whom the component names.
fn refers(
    component: &Component<'_>,
    pack: &str,
    declared: &BTreeMap<&str, BTreeSet<String>>,
    findings: &mut Findings,
) {
    let has = |kind: &str, named: &str| match named.split_once('.') {
        Some((owner, name)) if owner == pack => {
            declared.get(kind).is_some_and(|all| all.contains(name))
        }
        // Other packs are not here to be asked, and neither is what a sensor of old registers itself.
        _ => true,
    };
    let missing = |field: &str, kind: &str, named: &str| {
        let message = format!("this pack has no `{}` in `{kind}`", printable(named));
        component.finding(rules::REFERENCE_MISSING, field, message)
    };
    match component.kind {
        "rules" => {
            for (field, legacy, kind) in [
                ("trigger_ref", "trigger", "triggers"),
                ("action_ref", "action", "actions"),
            ] {
                match component.text(field) {
                    Some(named) if !has(kind, named) => findings.add(missing(field, kind, named)),
                    None if component.root.get(legacy).is_none() => {
                        findings.add(component.finding(
                            rules::REFERENCE_ABSENT,
                            field,
                            "the field is missing",
                        ));
                    }
                    _ => {}
                }
            }
        }
        "sensors" => {
            let listed = component.root.get("trigger_types").map(Node::items);
            let single = component.text("trigger_type");
            let named = listed.unwrap_or_default().iter().filter_map(Node::as_str);
            for named in named.chain(single) {
                if !has("triggers", named) {
                    findings.add(missing("trigger_types", "triggers", named));
                }
            }
        }
        "workflows" => {
            let tasks = component.root.get("tasks");
            let named = tasks.map(Node::members).unwrap_or_default();
            let listed = tasks.map(Node::items).unwrap_or_default().iter();
            let tasks = named.iter().map(|member| (member.line, &member.value));
            for (line, task) in tasks.chain(listed.map(|task| (task.line, task))) {
                if let Some(named) = task.get("action").and_then(Node::as_str)
                    && !named.contains("<%")
                    && !named.contains("{{")
                    && !has("actions", named)
                {
                    findings.add(missing("tasks", "actions", named).at(line));
                }
            }
        }
        _ => {}
    }
}
