//! The component inventory: what a pack's component files and manifest declare.
//!
//! 1. Every `*.yaml` and `*.yml` directly in `actions`, `sensors`, `triggers`, `rules`, `workflows`, in
//!    path order, must hold a mapping.
//! 2. Name: `ref`, else `name` (first that is not empty), else the file's stem; one leading `<pack>.`
//!    is dropped. Description: `description`, else `label`.
//! 3. An action with a `workflow_file` is a workflow.
//! 4. A kind without any such file falls back to the manifest's inline mapping of that name.
//! 5. Lists are sorted by name; a name twice in a kind is an error.

use crate::documents::{Component, Components, Task};
use crate::fields::Fields;
use crate::limits::MAX_COMPONENT_ENTRIES;
use crate::manifest::{COMPONENT_KINDS, Manifest};
use crate::metadata_error::MetadataError;
use crate::schema;
use crate::yaml::Node;

/// One file of a pack, in memory.
#[derive(Debug, Clone, Copy)]
pub struct PackFile<'a> {
    /// Relative to the pack's root, `/` between names.
    pub path: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
}

/// Lists the components of a pack.
///
/// `files` holds at least the files of the component directories, in byte order of their paths;
/// `place` is put before paths in errors (`packs/slack` gives `packs/slack/actions/x.yaml`).
///
/// # Errors
/// [`MetadataError`] for the first file or definition that is wrong.
pub fn components(
    place: &str,
    manifest: &Manifest,
    files: &[PackFile<'_>],
) -> Result<Components, MetadataError> {
    let mut lists: [Vec<Component>; 5] = Default::default();
    for (slot, kind) in COMPONENT_KINDS.into_iter().enumerate() {
        let directory = direct_files(files, kind);
        if directory.len() > MAX_COMPONENT_ENTRIES {
            return Err(MetadataError::new(
                &format!("{place}/{kind}"),
                None,
                format!("it holds more than {MAX_COMPONENT_ENTRIES} files"),
            ));
        }
        let mut any = false;
        for file in directory.iter().filter(|file| is_yaml(file.path)) {
            any = true;
            let name = format!("{place}/{}", file.path);
            let (target, component) = from_file(kind, &name, file, manifest, files)?;
            lists[target.unwrap_or(slot)].push(component);
        }
        if !any && let Some(inline) = manifest.inline.kind(kind) {
            lists[slot].extend(inline.members().iter().map(|m| Component {
                name: m.key.clone(),
                ..describe(kind, &m.value)
            }));
        }
    }
    for (kind, list) in COMPONENT_KINDS.iter().zip(&mut lists) {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = list.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(MetadataError::new(
                &format!("{place}/{kind}"),
                None,
                format!(
                    "two of them are named `{}`",
                    crate::text::printable(&pair[0].name)
                ),
            )
            .with_hint("rename one of the two"));
        }
    }
    let [actions, sensors, triggers, rules, workflows] = lists;
    Ok(Components {
        actions,
        sensors,
        triggers,
        rules,
        workflows,
    })
}

/// The slot of workflows in [`COMPONENT_KINDS`].
const WORKFLOWS: usize = 4;

fn is_yaml(path: &str) -> bool {
    // Case counts: the published builders list `.yaml` and `.yml` only.
    path.strip_suffix(".yaml")
        .or_else(|| path.strip_suffix(".yml"))
        .is_some_and(|stem| !stem.ends_with('/'))
}

/// The files directly in `directory`.
fn direct_files<'a, 'f>(files: &'a [PackFile<'f>], directory: &str) -> Vec<&'a PackFile<'f>> {
    let prefix = format!("{directory}/");
    let start = files.partition_point(|file| file.path < prefix.as_str());
    files[start..]
        .iter()
        .take_while(|file| file.path.starts_with(&prefix))
        .filter(|file| !file.path[prefix.len()..].contains('/'))
        .collect()
}

fn find<'a, 'f>(files: &'a [PackFile<'f>], path: &str) -> Option<&'a PackFile<'f>> {
    files
        .binary_search_by(|file| file.path.cmp(path))
        .ok()
        .map(|index| &files[index])
}

/// One component file: the list it belongs to if not its directory's, and the component.
fn from_file(
    kind: &str,
    name: &str,
    file: &PackFile<'_>,
    manifest: &Manifest,
    files: &[PackFile<'_>],
) -> Result<(Option<usize>, Component), MetadataError> {
    let node = Node::parse(name, file.content)?;
    let fields = Fields::of(name, &node)?;
    let mut given = None;
    for key in ["ref", "name"] {
        if given.is_none() {
            given = fields.string(key)?.filter(|text| !text.is_empty());
        }
    }
    let base = file.path.rsplit('/').next().unwrap_or(file.path);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let full = given.unwrap_or(stem);
    let prefix = format!("{}.", manifest.pack_ref);
    let mut component = Component {
        name: full.strip_prefix(&prefix).unwrap_or(full).to_owned(),
        ..describe(kind, &node)
    };
    for key in ["description", "label"] {
        fields.string(key)?;
    }
    let workflow = match kind {
        "actions" => node
            .get("workflow_file")
            .filter(|n| n.as_str().is_none_or(|s| !s.is_empty())),
        _ => None,
    };
    let Some(workflow) = workflow else {
        return Ok((None, component));
    };
    if let Some(path) = workflow.as_str()
        && let Some(definition) = find(files, &format!("actions/{path}"))
    {
        let definition_name = format!(
            "{}/{path}",
            name.rsplit_once('/').map_or("", |(dir, _)| dir)
        );
        component.tasks = tasks(&Node::parse(&definition_name, definition.content)?);
    }
    Ok((Some(WORKFLOWS), component))
}

/// Everything but the name.
fn describe(kind: &str, node: &Node) -> Component {
    let text = |key: &str| {
        node.get(key)
            .and_then(Node::as_str)
            .filter(|t| !t.is_empty())
    };
    let label = text("label");
    let description = text("description").or(label).unwrap_or_default().to_owned();
    let input = ["parameters", "parameters_schema"];
    let output = ["output", "output_schema", "payload_schema"];
    let rows = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| node.get(key))
            .map_or_else(Vec::new, schema::parameters)
    };
    Component {
        name: String::new(),
        label: label.filter(|l| *l != description).map(str::to_owned),
        description,
        disabled: node.get("enabled").and_then(Node::as_bool) == Some(false),
        runner_type: text("runner_type").map(str::to_owned),
        entry_point: text("entry_point").map(str::to_owned),
        parameters: rows(&input),
        output: rows(&output),
        trigger_types: trigger_types(node),
        trigger_ref: reference(node, "trigger_ref", "trigger", "type"),
        action_ref: reference(node, "action_ref", "action", "ref"),
        tasks: if kind == "workflows" {
            tasks(node)
        } else {
            Vec::new()
        },
    }
}

/// `flat: x`, or the StackStorm form `nested: {key: x}`.
fn reference(node: &Node, flat: &str, nested: &str, key: &str) -> Option<String> {
    node.get(flat)
        .or_else(|| node.get(nested)?.get(key))
        .and_then(Node::as_str)
        .map(str::to_owned)
}

/// Names, or the StackStorm form: mappings with a `name`.
fn trigger_types(node: &Node) -> Vec<String> {
    if let Some(single) = node.get("trigger_type").and_then(Node::as_str) {
        return vec![single.to_owned()];
    }
    node.get("trigger_types")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.as_str().or_else(|| item.get("name")?.as_str()))
        .map(str::to_owned)
        .collect()
}

/// Tasks as a list of mappings with a `name`, or as a mapping from names.
fn tasks(workflow: &Node) -> Vec<Task> {
    let Some(node) = workflow.get("tasks") else {
        return Vec::new();
    };
    let listed = node.items().iter().filter_map(|task| {
        let name = task.get("name").or_else(|| task.get("id"))?.as_str()?;
        Some(self::task(name, task))
    });
    let mapped = node.members().iter().map(|m| task(&m.key, &m.value));
    listed.chain(mapped).collect()
}

fn task(name: &str, node: &Node) -> Task {
    let mut next = Vec::new();
    for key in [
        "next",
        "on_success",
        "on_failure",
        "on_complete",
        "on_timeout",
    ] {
        if let Some(node) = node.get(key) {
            successors(node, 0, &mut next);
        }
    }
    next.sort_unstable();
    next.dedup();
    Task {
        name: name.to_owned(),
        action: node.get("action").and_then(Node::as_str).map(str::to_owned),
        next,
    }
}

/// Names of tasks in a `next`-like value: a name, a comma list, a list, or mappings with `do` or `task`.
fn successors(node: &Node, depth: usize, next: &mut Vec<String>) {
    if depth > 4 {
        return;
    }
    if let Some(names) = node.as_str() {
        let names = names.split(',').map(str::trim).filter(|n| !n.is_empty());
        next.extend(names.map(str::to_owned));
    }
    for item in node.items() {
        successors(item, depth + 1, next);
    }
    for key in ["do", "task", "to"] {
        if let Some(node) = node.get(key) {
            successors(node, depth + 1, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        Manifest::parse("p/pack.yaml", text.as_bytes()).unwrap()
    }

    fn list(files: &[(&str, &str)], pack: &str) -> Result<Components, MetadataError> {
        let mut files: Vec<PackFile<'_>> = files
            .iter()
            .map(|(path, content)| PackFile {
                path,
                content: content.as_bytes(),
            })
            .collect();
        files.sort_by_key(|f| f.path);
        components("p", &manifest(pack), &files)
    }

    const PACK: &str = "ref: demo\nversion: 1.0.0\n";

    /// Names lose the pack's prefix, workflow actions move, other directories do not count.
    #[test]
    fn inventory_follows_the_rules() {
        let found = list(
            &[
                ("actions/b.yaml", "ref: demo.b\nlabel: B\n"),
                ("actions/a.yml", "description: d\n"),
                (
                    "actions/flow.yaml",
                    "name: flow\nworkflow_file: workflows/flow.yaml\n",
                ),
                (
                    "actions/workflows/flow.yaml",
                    "tasks:\n  one: {action: core.noop, next: [{do: two}]}\n",
                ),
                ("actions/readme.md", "x"),
                ("sensors/s.yaml", "ref: other.s\ntrigger_types: [demo.t]\n"),
            ],
            PACK,
        )
        .unwrap();
        let names: Vec<&str> = found.actions.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(found.actions[1].description, "B");
        assert_eq!(found.workflows[0].tasks[0].next, ["two"]);
        assert_eq!(found.sensors[0].name, "other.s");
    }

    /// A directory without component files falls back to the manifest; one file switches that off.
    #[test]
    fn inventory_falls_back_to_inline_mappings() {
        let pack = "ref: demo\nversion: 1.0.0\nactions:\n  x: {description: d}\n";
        assert_eq!(list(&[], pack).unwrap().actions[0].name, "x");
        let found = list(&[("actions/y.yaml", "name: y\n")], pack).unwrap();
        assert_eq!(found.actions.len(), 1);
        assert_eq!(found.actions[0].name, "y");
    }

    /// A name twice and a file that is no mapping are errors with the place.
    #[test]
    fn inventory_refuses_twins_and_lists() {
        let twins = list(
            &[
                ("actions/a.yaml", "name: x\n"),
                ("actions/b.yaml", "name: x\n"),
            ],
            PACK,
        );
        assert_eq!(
            twins.unwrap_err().to_string(),
            "`p/actions`: two of them are named `x`"
        );
        let no_mapping = list(&[("rules/a.yaml", "- 1\n")], PACK).unwrap_err();
        assert!(
            no_mapping
                .to_string()
                .starts_with("`p/rules/a.yaml`, line 1: "),
            "{no_mapping}"
        );
    }
}
