//! `pack.yaml`.

use pack_format::manifest::Manifest;
use pack_format::text::printable;
use pack_format::yaml::Node;

use crate::diagnostic::{Diagnostic, Findings};
use crate::{Files, MANIFEST, known, parameters, rules};

/// Spellings of one field: the one to use, and the one of old.
const ALIASES: [(&str, &str); 4] = [
    ("label", "name"),
    ("conf_schema", "config_schema"),
    ("meta", "metadata"),
    ("tags", "keywords"),
];

/// Checks the manifest; the pack's ref, where it says one.
pub(crate) fn check(files: &Files<'_>, findings: &mut Findings) -> Option<String> {
    let Some(file) = files.get(MANIFEST) else {
        findings.add(
            Diagnostic::new(
                rules::MANIFEST_MISSING,
                MANIFEST,
                "the pack has no manifest",
            )
            .with_hint("add `pack.yaml` with at least `ref` and `version`"),
        );
        return None;
    };
    let invalid = |e: &_| Diagnostic::from_metadata(rules::MANIFEST_INVALID, e);
    let root = match Node::parse(MANIFEST, file.content) {
        Ok(root) => root,
        Err(error) => {
            findings.add(invalid(&error));
            return None;
        }
    };
    known::check(MANIFEST, &root, known::MANIFEST, findings);
    aliases(&root, findings);
    for name in ["conf_schema", "config_schema"] {
        if let Some(node) = root.get(name) {
            parameters::check(MANIFEST, name, node, findings);
        }
    }
    if let Some(testing) = root.get("testing") {
        check_testing(testing, files, findings);
    }
    match Manifest::parse(MANIFEST, file.content) {
        Ok(manifest) => {
            said(&manifest, &root, findings);
            Some(manifest.pack_ref.to_string())
        }
        Err(error) => {
            findings.add(invalid(&error));
            let named = root.get("ref").or_else(|| root.get("name"))?.as_str()?;
            Some(named.to_owned())
        }
    }
}

/// What a valid manifest should say as well.
fn said(manifest: &Manifest, root: &Node, findings: &mut Findings) {
    if manifest.description.trim().is_empty() {
        findings.add(
            Diagnostic::new(
                rules::DESCRIPTION_MISSING,
                MANIFEST,
                "the pack does not describe itself",
            )
            .in_field("description")
            .with_hint("add `description:` with one sentence; people find packs by it"),
        );
    }
    if manifest.license == "NOASSERTION" {
        findings.add(
            Diagnostic::new(
                rules::LICENSE_MISSING,
                MANIFEST,
                "the pack does not name its licence",
            )
            .in_field("license")
            .with_hint("add `license:` with an SPDX expression such as `Apache-2.0`"),
        );
    } else if let Some(problem) = license_problem(&manifest.license) {
        let mut found = Diagnostic::new(rules::LICENSE_UNKNOWN, MANIFEST, problem)
            .in_field("license")
            .with_hint("write an SPDX expression such as `Apache-2.0` or `MIT OR Apache-2.0`");
        found.line = root.get("license").map(|node| node.line);
        findings.add(found);
    }
    for (field, url) in [
        ("homepage", &manifest.homepage),
        ("repository", &manifest.repository),
    ] {
        let Some(url) = url.as_deref().filter(|url| !url.starts_with("https://")) else {
            continue;
        };
        let mut found = Diagnostic::new(
            rules::URL_NOT_HTTPS,
            MANIFEST,
            format!("`{}` is no https URL", printable(url)),
        )
        .in_field(field);
        found.line = root.get(field).map(|node| node.line);
        findings.add(found);
    }
}

fn aliases(root: &Node, findings: &mut Findings) {
    for (canonical, legacy) in ALIASES {
        let (Some(new), Some(old)) = (root.get(canonical), root.get(legacy)) else {
            continue;
        };
        // A name that serves as the ref is no label.
        let is_ref = legacy == "name" && old.as_str() == root.get("ref").and_then(Node::as_str);
        if is_ref || new.to_json() == old.to_json() {
            continue;
        }
        findings.add(
            Diagnostic::new(
                rules::ALIAS_CONFLICT,
                MANIFEST,
                format!("canonical field `{canonical}` and legacy field `{legacy}` have different values"),
            )
            .at(old.line)
            .in_field(legacy)
            .with_hint("remove one, or make them equal"),
        );
    }
}

fn check_testing(testing: &Node, files: &Files<'_>, findings: &mut Findings) {
    let mut wrong = |line: usize, field: String, message: String| {
        findings.add(
            Diagnostic::new(rules::TESTING_INVALID, MANIFEST, message)
                .at(line)
                .in_field(&field),
        );
    };
    let number = |node: &Node| node.scalar().and_then(|s| s.text().parse::<f64>().ok());
    if !testing.is_mapping() {
        let message = format!("it is {}, not a mapping", testing.describe());
        return wrong(testing.line, "testing".to_owned(), message);
    }
    if let Some(node) = testing.get("min_pass_rate")
        && !number(node).is_some_and(|rate| (0.0..=1.0).contains(&rate))
    {
        let message = "it is no number from 0 to 1".to_owned();
        wrong(node.line, "testing.min_pass_rate".to_owned(), message);
    }
    if let Some(node) = testing.get("on_failure")
        && !matches!(node.as_str(), Some("block" | "warn" | "ignore"))
    {
        let message = "it is none of block, warn and ignore".to_owned();
        wrong(node.line, "testing.on_failure".to_owned(), message);
    }
    for runner in testing
        .get("runners")
        .map(Node::members)
        .unwrap_or_default()
    {
        let field = |name: &str| format!("testing.runners.{}.{name}", runner.key);
        if let Some(node) = runner.value.get("timeout")
            && !number(node).is_some_and(|seconds| seconds > 0.0)
        {
            let message = "it is no positive number of seconds".to_owned();
            wrong(node.line, field("timeout"), message);
        }
        if let Some(node) = runner.value.get("entry_point") {
            let path = node.as_str().unwrap_or_default().trim_start_matches("./");
            let directory = format!("{}/", path.trim_end_matches('/'));
            let there = files.contains_key(path) || files.keys().any(|p| p.starts_with(&directory));
            if !there {
                let message = format!("`{}` is not in the pack", printable(path));
                wrong(node.line, field("entry_point"), message);
            }
        }
    }
}

/// What is wrong with a licence that should be an SPDX expression or `NOASSERTION`; `None` if nothing is.
pub fn license_problem(text: &str) -> Option<String> {
    if text == "NOASSERTION" {
        return None;
    }
    spdx::Expression::parse(text).err().map(|problem| {
        format!(
            "`{}` is no SPDX expression: {}",
            printable(text),
            problem.reason
        )
    })
}
