//! Schemas of parameters, outputs and configuration, in both spellings.

use pack_format::text::printable;
use pack_format::yaml::{Node, ScalarType};

use crate::diagnostic::{Diagnostic, Findings};
use crate::{known, rules};

/// Types of JSON Schema.
pub(crate) const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Deepest schema that is looked into; manifests nest less.
const MAX_DEPTH: usize = 32;

/// Checks the schema in `field` of `file`.
pub(crate) fn check(file: &str, field: &str, schema: &Node, findings: &mut Findings) {
    let checker = Checker { file };
    checker.rows(field, schema, 0, findings);
}

struct Checker<'a> {
    file: &'a str,
}

impl Checker<'_> {
    /// The rows of a schema in either spelling.
    fn rows(&self, place: &str, schema: &Node, depth: usize, findings: &mut Findings) {
        if depth > MAX_DEPTH {
            return;
        }
        let properties = schema.get("properties").filter(|node| node.is_mapping());
        let rows = properties.unwrap_or(schema);
        if let (Some(properties), Some(required)) = (properties, schema.get("required")) {
            self.required_list(place, properties, required, findings);
        }
        for row in rows.members().iter().filter(|row| row.value.is_mapping()) {
            let place = format!("{place}.{}", row.key);
            self.row(&place, &row.value, depth, findings);
        }
    }

    fn row(&self, place: &str, row: &Node, depth: usize, findings: &mut Findings) {
        check_row(self.file, place, row, findings);
        check_enum(self.file, place, row, findings);
        let nested = row.get("properties").filter(|node| node.is_mapping());
        match row.get("required") {
            // Of an object in JSON Schema: which of its own properties.
            Some(required) if required.is_sequence() && nested.is_some() => {}
            Some(required) if required.as_bool().is_none() => {
                let message = format!("it is {}, not a boolean", required.describe());
                findings.add(
                    Diagnostic::new(rules::PARAMETER_REQUIRED, self.file, message)
                        .at(required.line)
                        .in_field(&format!("{place}.required")),
                );
            }
            _ => {}
        }
        if nested.is_some() {
            self.rows(place, row, depth + 1, findings);
        }
        if let Some(items) = row.get("items").filter(|items| items.is_mapping())
            && depth < MAX_DEPTH
        {
            self.row(&format!("{place}.items"), items, depth + 1, findings);
        }
    }

    fn required_list(
        &self,
        place: &str,
        properties: &Node,
        required: &Node,
        findings: &mut Findings,
    ) {
        let names = required
            .items()
            .iter()
            .filter_map(|item| Some((item.as_str()?, item.line)));
        for (name, line) in names.filter(|(name, _)| properties.get_even_null(name).is_none()) {
            let message = format!("there is no property `{}`", printable(name));
            findings.add(
                Diagnostic::new(rules::PARAMETER_REQUIRED, self.file, message)
                    .at(line)
                    .in_field(&format!("{place}.required")),
            );
        }
    }
}

fn check_enum(file: &str, place: &str, row: &Node, findings: &mut Findings) {
    let Some(choices) = row.get("enum") else {
        return;
    };
    let mut wrong = |line: usize, message: String| {
        findings.add(
            Diagnostic::new(rules::PARAMETER_ENUM, file, message)
                .at(line)
                .in_field(&format!("{place}.enum")),
        );
    };
    if !choices.is_sequence() || choices.items().is_empty() {
        let message = format!("it is {}, not a list of values", choices.describe());
        let empty = "it allows no value".to_owned();
        let message = if choices.is_sequence() {
            empty
        } else {
            message
        };
        return wrong(choices.line, message);
    }
    let value_type = row.get("type").and_then(Node::as_str);
    let mut seen = std::collections::BTreeSet::new();
    for choice in choices.items() {
        if let Some(name) = value_type
            && !choice.is_null()
            && !fits(name, choice)
        {
            wrong(
                choice.line,
                format!("a value is {}, not of type {name}", choice.describe()),
            );
        }
        if let Ok(value) = choice.to_json()
            && !seen.insert(value.to_string())
        {
            wrong(
                choice.line,
                format!("`{}` stands there twice", printable(&value.to_string())),
            );
        }
    }
}

fn check_row(file: &str, place: &str, row: &Node, findings: &mut Findings) {
    let value_type = row.get("type").and_then(Node::as_str);
    let listed = row.get("type").map(Node::items).unwrap_or_default();
    let named = row.get("type").into_iter().chain(listed);
    for (node, name) in named.filter_map(|node| Some((node, node.as_str()?))) {
        if TYPES.contains(&name) {
            continue;
        }
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
