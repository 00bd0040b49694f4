//! One row per rule: two packs, and what the comparison says of them.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]

use std::collections::BTreeSet;

use pack_diff::{Bump, ChangeKind, PackDiff, compare};
use pack_format::Timestamp;
use pack_format::documents::VersionDocument;
use pack_format::inventory::{self, PackFile};
use pack_format::manifest::Manifest;

/// A document made of files, as the indexer makes it.
fn document(files: &[(&str, &str)]) -> VersionDocument {
    let mut files: Vec<PackFile<'_>> = files
        .iter()
        .map(|(path, content)| PackFile {
            path,
            content: content.as_bytes(),
        })
        .collect();
    files.sort_by_key(|file| file.path);
    let pack = files.iter().find(|f| f.path == "pack.yaml").unwrap();
    let manifest = Manifest::parse("pack.yaml", pack.content).unwrap();
    let components = inventory::components("p", &manifest, &files).unwrap();
    let empty = serde_json::json!({
        "version": manifest.version.to_string(),
        "published_at": Timestamp::from_unix(0).to_string(),
        "label": manifest.label,
        "author": manifest.author,
        "license": manifest.license,
        "file_count": 0,
        "unpacked_bytes": 0,
        "components": {},
    });
    VersionDocument {
        components,
        configuration: manifest.configuration,
        dependencies: manifest.dependencies,
        python: manifest.python,
        nodejs: manifest.nodejs,
        runtime_deps: manifest.runtime_deps,
        description: manifest.description,
        keywords: manifest.keywords,
        ..serde_json::from_value(empty).unwrap()
    }
}

fn lines(diff: &PackDiff) -> Vec<String> {
    diff.changes
        .iter()
        .map(|c| format!("{}: {}", c.kind.id(), c.message))
        .collect()
}

/// Two texts of one file, and the changes in both directions.
fn check(path: &str, old: &str, new: &str, forth: &[&str], back: &[&str]) {
    let make = |text: &str| {
        if path == "pack.yaml" {
            document(&[(path, &format!("ref: demo\nversion: 1.0.0\n{text}"))])
        } else {
            document(&[("pack.yaml", "ref: demo\nversion: 1.0.0\n"), (path, text)])
        }
    };
    let (old_document, new_document) = (make(old), make(new));
    assert_eq!(
        lines(&compare(&old_document, &new_document)),
        forth,
        "{old} -> {new}"
    );
    assert_eq!(
        lines(&compare(&new_document, &old_document)),
        back,
        "{new} -> {old}"
    );
}

const ACTION: &str = "actions/post.yaml";

/// Two lists of parameters of the action `post`, and the changes in both directions.
fn row(old: &str, new: &str, forth: &[&str], back: &[&str]) {
    let text = |rows: &str| format!("parameters: {{{rows}}}\n");
    check(ACTION, &text(old), &text(new), forth, back);
}

/// What callers must give.
#[test]
fn parameters_break_callers_when_they_ask_for_more() {
    row(
        "",
        "channel: {type: string, required: true}",
        &["parameter_added_required: action `post`: parameter `channel` is new and must be given"],
        &["parameter_removed: action `post`: parameter `channel` is gone"],
    );
    row(
        "",
        "channel: {type: string, required: true, default: general}",
        &["parameter_added: action `post`: parameter `channel` is new and may be left out"],
        &["parameter_removed: action `post`: parameter `channel` is gone"],
    );
    row(
        "a: {type: string}",
        "a: {type: string, required: true}",
        &["parameter_now_required: action `post`: parameter `a` must be given now"],
        &["parameter_now_optional: action `post`: parameter `a` may be left out now"],
    );
    row(
        "a: {type: string, required: true, default: x}",
        "a: {type: string, required: true}",
        &[
            "parameter_now_required: action `post`: parameter `a` must be given now",
            "parameter_default_changed: action `post`: parameter `a` has no default any more (was `x`)",
        ],
        &[
            "parameter_now_optional: action `post`: parameter `a` may be left out now",
            "parameter_default_changed: action `post`: parameter `a` has the default `x`",
        ],
    );
}

/// What callers may give.
#[test]
fn parameters_break_callers_when_they_take_less() {
    row(
        "a: {type: integer}",
        "a: {type: number}",
        &[
            "parameter_type_widened: action `post`: parameter `a` takes `number` instead of `integer`",
        ],
        &[
            "parameter_type_narrowed: action `post`: parameter `a` takes `integer` instead of `number`",
        ],
    );
    row(
        "a: {type: string, enum: [x, y]}",
        "a: {type: string, enum: [y, z]}",
        &[
            "parameter_values_removed: action `post`: parameter `a` no longer takes `x`",
            "parameter_values_added: action `post`: parameter `a` also takes `z`",
        ],
        &[
            "parameter_values_removed: action `post`: parameter `a` no longer takes `z`",
            "parameter_values_added: action `post`: parameter `a` also takes `x`",
        ],
    );
    row(
        "a: {type: string, secret: true}",
        "a: {type: string}",
        &["parameter_secret_removed: action `post`: parameter `a` is no longer kept secret"],
        &["parameter_secret_added: action `post`: parameter `a` is kept secret now"],
    );
    row(
        "a: {type: integer, maximum: 300, pattern: x}",
        "a: {type: integer, maximum: 100, pattern: y}",
        &[
            "parameter_limit_tightened: action `post`: parameter `a` has the `maximum` `100` instead of `300`",
            "parameter_limit_changed: action `post`: parameter `a` has the `pattern` `y` instead of `x`",
        ],
        &[
            "parameter_limit_changed: action `post`: parameter `a` has the `pattern` `x` instead of `y`",
            "parameter_limit_loosened: action `post`: parameter `a` has the `maximum` `300` instead of `100`",
        ],
    );
    row(
        "a: {type: string}, b: {}",
        "b: {}, a: {type: string}",
        &[],
        &[],
    );
}

/// Outputs: what readers find. There a wider type breaks.
#[test]
fn outputs_break_readers_when_they_give_something_else() {
    check(
        ACTION,
        "output: {id: {type: integer}, gone: {type: string}}\n",
        "output: {id: {type: number}}\n",
        &[
            "output_removed: action `post`: output field `gone` is gone",
            "output_type_widened: action `post`: output field `id` holds `number` instead of `integer`",
        ],
        &[
            "output_added: action `post`: output field `gone` is new",
            "output_type_narrowed: action `post`: output field `id` holds `integer` instead of `number`",
        ],
    );
    check(
        "triggers/t.yaml",
        "payload_schema: {id: {type: string}}\n",
        "payload_schema: {id: {type: integer}}\n",
        &[
            "output_type_changed: trigger `t`: payload field `id` holds `integer` instead of `string`",
        ],
        &[
            "output_type_changed: trigger `t`: payload field `id` holds `string` instead of `integer`",
        ],
    );
}

/// Configuration, nested keys among it.
#[test]
fn configuration_is_compared_down_to_nested_keys() {
    check(
        "pack.yaml",
        "conf_schema: {server: {type: object, properties: {host: {type: string}}}}\n",
        "conf_schema: {server: {type: object, properties: {host: {type: string}, port: {type: integer, required: true}}}, region: {type: string, default: eu}}\n",
        &[
            "config_added_required: configuration key `server.port` is new and must be given",
            "config_added: configuration key `region` is new and may be left out",
        ],
        &[
            "config_removed: configuration key `region` is gone",
            "config_removed: configuration key `server.port` is gone",
        ],
    );
}

/// What must be there first, in every dialect.
#[test]
fn requirements_break_users_when_they_narrow() {
    check(
        "pack.yaml",
        "python: \"3.8\"\ndependencies: {attune_version: '>=1.0', packs: [core, 'aws@^1.2']}\nruntime_deps: ['python3>=3.8']\n",
        "python: \"3.9\"\ndependencies: {attune_version: '>=1.0.0', packs: ['aws@^1.4', base]}\nruntime_deps: ['python3 >= 3.8', curl]\n",
        &[
            "dependency_narrowed: needs `aws@^1.4` instead of `aws@^1.2`",
            "requirement_narrowed: needs Python `3.9` instead of `3.8`",
            "requirement_added: needs the runtime `curl`",
            "dependency_added: needs the pack `base@*`",
            "dependency_removed: no longer needs the pack `core`",
        ],
        &[
            "dependency_widened: needs `aws@^1.2` instead of `aws@^1.4`",
            "dependency_added: needs the pack `core@*`",
            "requirement_widened: needs Python `3.8` instead of `3.9`",
            "requirement_removed: no longer asks for the runtime `curl`",
            "dependency_removed: no longer needs the pack `base`",
        ],
    );
}

/// Components: removed, renamed, switched off, made a workflow.
#[test]
fn components_are_matched_before_they_are_missed() {
    let pack = ("pack.yaml", "ref: demo\nversion: 1.0.0\n");
    let old = document(&[
        pack,
        (
            "actions/post.yaml",
            "description: Posts\nentry_point: post.py\nparameters: {a: {type: string}}\n",
        ),
        (
            "actions/flow.yaml",
            "description: Flows\nparameters: {a: {type: string}}\n",
        ),
        ("actions/old.yaml", "description: Old\n"),
        (
            "rules/r.yaml",
            "trigger_ref: demo.t\naction_ref: demo.post\n",
        ),
        ("sensors/s.yaml", "trigger_types: [demo.t, demo.u]\n"),
    ]);
    let new = document(&[
        pack,
        (
            "actions/send.yaml",
            "description: Posts\nentry_point: send.py\nparameters: {a: {type: string}}\n",
        ),
        (
            "actions/flow.yaml",
            "description: Flows\nworkflow_file: f.yaml\nparameters: {a: {type: string}}\n",
        ),
        (
            "rules/r.yaml",
            "enabled: false\ntrigger_ref: demo.t\naction_ref: demo.send\n",
        ),
        ("sensors/s.yaml", "trigger_types: [demo.t]\n"),
    ]);
    let diff = compare(&old, &new);
    assert_eq!(
        lines(&diff),
        [
            "component_removed: action `old` is gone",
            "component_renamed: action `post` is called `send` now",
            "component_disabled: rule `r` is off until somebody enables it",
            "sensor_trigger_removed: sensor `s` no longer emits `demo.u`",
            "rule_action_changed: rule `r` runs `demo.send` instead of `demo.post`",
            "component_kind_changed: action `flow` is called as before and a workflow now",
            "entry_point_changed: action `post` runs `send.py` instead of `post.py`",
        ]
    );
    assert_eq!(diff.verdict.required, Bump::Major);
    assert!(!diff.verdict.satisfied);
}

/// Two components that look alike are no rename: nobody could tell which became which.
#[test]
fn ambiguous_renames_are_removals() {
    let pack = ("pack.yaml", "ref: demo\nversion: 1.0.0\n");
    let body = "entry_point: run.py\nparameters: {a: {type: string}}\n";
    let old = document(&[pack, ("actions/a.yaml", body), ("actions/b.yaml", body)]);
    let new = document(&[pack, ("actions/c.yaml", body)]);
    let kinds: BTreeSet<ChangeKind> = compare(&old, &new).changes.iter().map(|c| c.kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([ChangeKind::ComponentRemoved, ChangeKind::ComponentAdded])
    );
}

/// Text alone calls for a patch version.
#[test]
fn words_alone_are_neutral() {
    let old = document(&[(
        "pack.yaml",
        "ref: demo\nversion: 1.0.0\nlicense: MIT\nkeywords: [a]\n",
    )]);
    let new = document(&[(
        "pack.yaml",
        "ref: demo\nversion: 1.0.1\nlicense: Apache-2.0\ndescription: D\nkeywords: [a, b]\n",
    )]);
    let diff = compare(&old, &new);
    assert_eq!(
        lines(&diff),
        [
            "metadata_changed: `description` is another one",
            "metadata_changed: `keywords` is another one",
            "license_changed: the licence is `Apache-2.0` instead of `MIT`",
        ]
    );
    assert_eq!(diff.verdict.required, Bump::Patch);
    assert!(diff.verdict.satisfied);
}

/// The documentation lists every kind with its severity, and nothing else.
#[test]
fn documentation_lists_every_kind() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pack-diff.md");
    let text = std::fs::read_to_string(path).unwrap();
    let listed: Vec<String> = text
        .lines()
        .skip_while(|line| !line.starts_with("## Kinds"))
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" "))
        .collect();
    let expected: Vec<String> = ChangeKind::ALL
        .iter()
        .map(|kind| {
            let severity = format!("{:?}", kind.severity()).to_lowercase();
            format!("| `{}` {severity}", kind.id())
        })
        .collect();
    assert_eq!(listed, expected);
}
