//! Schemas of parameters, outputs and configuration, in both spellings.

use pack_format::text::printable;
use pack_format::yaml::{Node, ScalarType};

use crate::diagnostic::{Diagnostic, Findings};
use crate::{known, rules};

/// Types of JSON Schema.
const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Checks the schema in `field` of `file`.
pub(crate) fn check(file: &str, field: &str, schema: &Node, findings: &mut Findings) {
    let rows = match schema.get("properties") {
        Some(properties) if properties.is_mapping() => properties,
        _ => schema,
    };
    for row in rows.members().iter().filter(|row| row.value.is_mapping()) {
        let place = format!("{field}.{}", row.key);
        check_row(file, &place, &row.value, findings);
    }
}

fn check_row(file: &str, place: &str, row: &Node, findings: &mut Findings) {
    let value_type = row.get("type").and_then(Node::as_str);
    if let (Some(node), Some(name)) = (row.get("type"), value_type)
        && !TYPES.contains(&name)
    {
        let mut found = Diagnostic::new(
            rules::PARAMETER_TYPE,
            file,
            format!("`{}` is no type", printable(name)),
        )
        .at(node.line)
        .in_field(place);
        found.hint = Some(match known::nearest(name, &TYPES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("choose one of {}", TYPES.join(", ")),
        });
        findings.add(found);
    }
    let Some(default) = row.get("default") else {
        return;
    };
    // What a template gives is known only when it runs.
    if default.as_str().is_some_and(|text| text.contains("{{")) {
        return;
    }
    let mut wrong = |rule, message: String| {
        findings.add(
            Diagnostic::new(rule, file, message)
                .at(default.line)
                .in_field(&format!("{place}.default")),
        );
    };
    let is_secret = row.get("secret").and_then(Node::as_bool) == Some(true);
    if is_secret && default.as_str().is_some_and(|text| !text.is_empty()) {
        wrong(
            rules::SECRET_DEFAULT,
            "it is a secret, and everybody can read its default".to_owned(),
        );
    }
    if let Some(name) = value_type
        && !fits(name, default)
    {
        let message = format!("it is {}, not of type {name}", default.describe());
        wrong(rules::PARAMETER_DEFAULT, message);
    }
    if let Some(choices) = row.get("enum").filter(|choices| choices.is_sequence())
        && !choices
            .items()
            .iter()
            .any(|c| c.to_json() == default.to_json())
    {
        wrong(
            rules::PARAMETER_DEFAULT,
            "it is none of the values in `enum`".to_owned(),
        );
    }
}

fn fits(value_type: &str, value: &Node) -> bool {
    let scalar = value.scalar().map(pack_format::yaml::Scalar::resolve);
    match value_type {
        "array" => value.is_sequence(),
        "object" => value.is_mapping(),
        "string" => scalar == Some(ScalarType::String),
        "integer" => scalar == Some(ScalarType::Integer),
        "number" => matches!(scalar, Some(ScalarType::Integer | ScalarType::Float)),
        "boolean" => value.as_bool().is_some(),
        "null" => value.is_null(),
        _ => true,
    }
}
