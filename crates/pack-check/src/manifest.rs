//! `pack.yaml`.

use pack_format::manifest::Manifest;
use pack_format::text::printable;
use pack_format::yaml::Node;

use crate::diagnostic::{Diagnostic, Findings};
use crate::{Files, MANIFEST, known, parameters, requirements, rules};

/// Spellings of one field: the one to use, and the one of old.
const ALIASES: [(&str, &str); 4] = [
    ("label", "name"),
    ("conf_schema", "config_schema"),
    ("meta", "metadata"),
    ("tags", "keywords"),
];

/// Keys whose values the manifest's own reader judges.
const READ: [&str; 21] = [
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
    "tags",
    "keywords",
    "runtime_deps",
    "dependencies",
    "python",
    "nodejs",
    "meta",
    "metadata",
    "testing",
    "stackstorm_version",
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
    aliases(&root, findings);
    for name in ["conf_schema", "config_schema"] {
        if let Some(node) = root.get(name) {
            parameters::check(MANIFEST, name, node, findings);
        }
    }
    let parsed = Manifest::parse(MANIFEST, file.content);
    known::check(MANIFEST, &root, (known::MANIFEST, &READ), findings);
    match parsed {
        Ok(manifest) => {
            said(&manifest, &root, findings);
            requirements::runtimes(&manifest, &root, findings);
            check_testing(&manifest, &root, files, findings);
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
    for (field, of_meta, url) in [
        ("homepage", "documentation_url", &manifest.homepage),
        ("repository", "repository_url", &manifest.repository),
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
        let meta = root.get("meta").or_else(|| root.get("metadata"));
        let nested = || meta.and_then(|meta| meta.get(of_meta));
        found.line = root.get(field).or_else(nested).map(|node| node.line);
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

fn check_testing(manifest: &Manifest, root: &Node, files: &Files<'_>, findings: &mut Findings) {
    let testing = match manifest.testing.read() {
        Ok(Some(testing)) => testing,
        Ok(None) => return,
        Err(error) => {
            return findings.add(Diagnostic::from_metadata(rules::TESTING_INVALID, &error));
        }
    };
    let section = root.get("testing");
    let runners = section.and_then(|section| section.get("runners"));
    for runner in &testing.runners {
        let Some(named) = &runner.entry_point else {
            continue;
        };
        let path = named.trim_start_matches("./");
        let directory = format!("{}/", path.trim_end_matches('/'));
        if files.contains_key(path) || files.keys().any(|p| p.starts_with(&directory)) {
            continue;
        }
        let node = runners.and_then(|runners| runners.get(&runner.name)?.get("entry_point"));
        let field = format!("testing.runners.{}.entry_point", runner.name);
        let message = format!(
            "`{}` is not among the files that are published",
            printable(path)
        );
        let mut found = Diagnostic::new(rules::TESTING_MISSING, MANIFEST, message)
            .in_field(&field)
            .with_hint("add it, or take it out of `.gitignore` and `.attuneignore`");
        found.line = node.map(|node| node.line);
        findings.add(found);
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
