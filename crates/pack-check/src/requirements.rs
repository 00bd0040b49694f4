//! What a pack asks of others: `requirements.txt`, `package.json`, and ranges of runtimes in the manifest.

use std::str::FromStr as _;

use pack_format::manifest::Manifest;
use pack_format::text::printable;
use pack_format::yaml::Node;
use pack_resolve::{Requirement, Runtime};
use pep508_rs::{Requirement as PythonRequirement, VerbatimUrl};
use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Findings};
use crate::{Files, MANIFEST, rules};

const PYTHON: &str = "requirements.txt";
const NODE: &str = "package.json";

/// Checks the files of Python and Node.js, where the pack has them.
pub(crate) fn check(files: &Files<'_>, findings: &mut Findings) {
    if let Some(file) = files.get(PYTHON) {
        python(file.content, files, findings);
    }
    if let Some(file) = files.get(NODE) {
        node(file.content, findings);
    }
}

/// Checks what the manifest asks of runtimes.
pub(crate) fn runtimes(manifest: &Manifest, root: &Node, findings: &mut Findings) {
    let requirements = Requirement::of(
        manifest.dependencies.as_ref(),
        &manifest.runtime_deps,
        (manifest.python.as_deref(), manifest.nodejs.as_deref()),
    );
    for requirement in requirements.iter().filter(|r| !r.is_meaningful()) {
        let field = requirement.field;
        let nested = root.get("dependencies").and_then(|needs| needs.get(field));
        let (place, node) = match root.get(field) {
            None => (format!("dependencies.{field}"), nested),
            Some(node) => (field.to_owned(), Some(node)),
        };
        let range = requirement.range.as_deref().unwrap_or_default();
        let message = format!(
            "`{}` is no range of {} versions that can be checked",
            printable(range),
            requirement.runtime
        );
        let mut found = Diagnostic::new(rules::REQUIREMENT_RANGE, MANIFEST, message)
            .in_field(&place)
            .with_hint("write one such as `>=3.9` or `>=18,<21`");
        found.line = node.map(|node| node.line);
        findings.add(found);
    }
}

fn python(content: &[u8], files: &Files<'_>, findings: &mut Findings) {
    let mut wrong = |line: usize, message: String| {
        findings.add(Diagnostic::new(rules::REQUIREMENTS_INVALID, PYTHON, message).at(line));
    };
    let Ok(text) = std::str::from_utf8(content) else {
        return wrong(1, "it is not UTF-8".to_owned());
    };
    for (line, text) in logical_lines(text.trim_start_matches('\u{feff}')) {
        let shown = printable(&text);
        if let Some(option) = text.strip_prefix('-') {
            let named = option
                .strip_prefix("r ")
                .or_else(|| option.strip_prefix("c "))
                .or_else(|| option.strip_prefix("-requirement "))
                .or_else(|| option.strip_prefix("-constraint "));
            if let Some(named) = named.map(str::trim)
                && !named.contains("://")
                && !files.contains_key(named.trim_start_matches("./"))
            {
                wrong(line, format!("`{}` is not in the pack", printable(named)));
            }
            continue;
        }
        // Paths and URLs are pip's, not of PEP 508.
        if text.starts_with(['.', '/']) || is_url(&text) {
            continue;
        }
        // Options of one requirement, such as `--hash`.
        let bare = text.split(" --").next().unwrap_or_default().trim();
        if let Err(error) = PythonRequirement::<VerbatimUrl>::from_str(bare) {
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            let reason = printable(reason.trim_end_matches(['.', ':']));
            wrong(line, format!("`{shown}` is no requirement: {reason}"));
        }
    }
}

fn is_url(text: &str) -> bool {
    let scheme = text.split("://").next().unwrap_or_default();
    scheme.len() < text.len()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// The lines that say something, without comments, continued ones joined; each with the number of its first, from 1.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        let comment = line.match_indices('#').map(|(at, _)| at).find(|at| {
            line.get(..*at)
                .is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
        });
        let said = comment.map_or(line, |at| line.get(..at).unwrap_or_default());
        let (said, continued) = match said.trim_end().strip_suffix('\\') {
            Some(said) => (said, true),
            None => (said, false),
        };
        match lines.last_mut().filter(|_| open) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(said.trim());
            }
            None => lines.push((number + 1, said.trim().to_owned())),
        }
        open = continued;
    }
    lines.retain(|(_, line)| !line.trim().is_empty());
    for (_, line) in &mut lines {
        *line = line.trim().to_owned();
    }
    lines
}

fn node(content: &[u8], findings: &mut Findings) {
    let mut wrong = |field: &str, message: String| {
        findings.add(Diagnostic::new(rules::PACKAGE_JSON_INVALID, NODE, message).in_field(field));
    };
    let package: Map<String, Value> = match serde_json::from_slice(content) {
        Ok(package) => package,
        Err(error) => {
            let message = error.to_string();
            let line = error.line().max(1);
            let found = Diagnostic::new(rules::PACKAGE_JSON_INVALID, NODE, message);
            return findings.add(found.at(line));
        }
    };
    match package.get("name") {
        None => {}
        Some(Value::String(name)) if is_npm_name(name) => {}
        Some(name) => wrong("name", format!("{} is no name of a package", shown(name))),
    }
    match package.get("version") {
        None => {}
        Some(Value::String(text)) if text.parse::<pack_format::Version>().is_ok() => {}
        Some(version) => wrong(
            "version",
            format!("{} is no SemVer version", shown(version)),
        ),
    }
    match package.get("engines") {
        None => {}
        Some(Value::Object(engines)) => {
            for (name, range) in engines {
                let range_of_node = name == "node";
                let good = range
                    .as_str()
                    .is_some_and(|range| !range_of_node || range_means_something(range));
                if !good {
                    let message = format!("{} is no range of versions", shown(range));
                    wrong(&format!("engines.{name}"), message);
                }
            }
        }
        Some(engines) => wrong("engines", format!("{} is no mapping", shown(engines))),
    }
    for field in ["dependencies", "devDependencies", "optionalDependencies"] {
        let good = match package.get(field) {
            None => true,
            Some(Value::Object(needs)) => needs.values().all(Value::is_string),
            Some(_) => false,
        };
        if !good {
            wrong(field, "it is no mapping of names to ranges".to_owned());
        }
    }
}

fn shown(value: &Value) -> String {
    format!("`{}`", printable(&value.to_string()))
}

fn range_means_something(range: &str) -> bool {
    let requirement = Requirement {
        runtime: Runtime::Node,
        range: Some(range.trim().to_owned()),
        field: "nodejs_version",
    };
    requirement.is_meaningful()
}

/// Whether npm would take the name for a new package.
fn is_npm_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._~".contains(c))
    };
    let whole = match name.strip_prefix('@') {
        None => is_part(name),
        Some(scoped) => scoped
            .split_once('/')
            .is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
    };
    whole && name.len() <= 214
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comments, continued lines and the place of each.
    #[test]
    fn lines_are_joined_as_pip_joins_them() {
        let text = "# all\n\nrequests>=2 # why\nflask==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nurl#egg\n";
        let lines = logical_lines(text);
        let lines: Vec<(usize, &str)> = lines.iter().map(|(n, l)| (*n, l.as_str())).collect();
        assert_eq!(
            lines,
            [
                (3, "requests>=2"),
                (4, "flask==1 --hash=sha256:00 --hash=sha256:11"),
                (7, "url#egg")
            ]
        );
    }

    /// npm's rules for names.
    #[test]
    fn names_of_packages_are_those_of_npm() {
        for good in ["a", "my-pack", "@org/my.pack", "x_y~z"] {
            assert!(is_npm_name(good), "{good}");
        }
        for bad in ["", "A", ".a", "_a", "a b", "@org", "@org/", "a/b"] {
            assert!(!is_npm_name(bad), "{bad}");
        }
    }
}
