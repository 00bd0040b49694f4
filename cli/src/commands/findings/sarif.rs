//! Findings as SARIF 2.1.0, which code hosts show beside the lines.

use std::path::Path;

use pack_check::{Checked, Rule, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What a path may hold in a URI as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The log of one check by the command `tool`, which knows `rules`; paths are told from `folder` where that is relative, else from the pack's root.
pub(crate) fn log(tool: &str, rules: &[Rule], checked: &Checked, folder: &Path) -> Value {
    let folder = if folder.is_relative() {
        folder.strip_prefix(".").unwrap_or(folder)
    } else {
        Path::new("")
    };
    let results: Vec<Value> = checked
        .diagnostics
        .iter()
        .map(|found| {
            let path = folder.join(&found.file);
            let uri = utf8_percent_encode(&path.to_string_lossy(), ESCAPED).to_string();
            let mut location = json!({"artifactLocation": {"uri": uri}});
            // A host that shows findings wants a line for each.
            location["region"] = json!({"startLine": found.line.unwrap_or(1)});
            let message = match (found.field.as_str(), &found.hint) {
                ("", None) => found.message.clone(),
                ("", Some(hint)) => format!("{}; {hint}", found.message),
                (field, None) => format!("`{field}`: {}", found.message),
                (field, Some(hint)) => format!("`{field}`: {}; {hint}", found.message),
            };
            json!({
                "ruleId": found.rule,
                "ruleIndex": rules.iter().position(|rule| rule.id == found.rule),
                "level": level(found.severity),
                "message": {"text": message},
                "locations": [{"physicalLocation": location}]
            })
        })
        .collect();
    let described: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": {"text": rule.summary},
                "defaultConfiguration": {"level": level(rule.severity)}
            })
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": format!("attune {tool}"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described
            }},
            "columnKind": "unicodeCodePoints",
            "results": results
        }]
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
