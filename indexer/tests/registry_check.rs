//! The table of rules in the documentation is the table in the code.

use attune_indexer::registry_check::rules;
use pack_check::Severity;

#[test]
fn every_rule_is_documented() {
    let document = include_str!("../../docs/registry-check.md");
    let rows: Vec<&str> = document.lines().filter(|l| l.starts_with("| `")).collect();
    let expected: Vec<String> = rules::ALL
        .iter()
        .map(|rule| {
            let severity = match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("| `{}` | {severity} | {} |", rule.id, rule.summary)
        })
        .collect();
    assert_eq!(rows, expected);
}
