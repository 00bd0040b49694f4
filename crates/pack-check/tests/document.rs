//! The table of rules in the documentation is the table in the code.

use pack_check::{Severity, rules};

#[test]
fn every_rule_is_documented() {
    let document = include_str!("../../../docs/pack-check.md");
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
