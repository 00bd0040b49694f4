//! Tables of parameters, output fields and configuration keys, and the example made from the latter.

use std::borrow::Cow;
use std::fmt::Write as _;

use pack_format::documents::Parameter;
use serde::Serialize;
use serde_json::Value;

use crate::limits::{MAX_ALLOWED_VALUES, MAX_SCHEMA_ROWS, MAX_VALUE_CHARS};
use crate::text::{clean, one_line};

/// How many schema rows a page may still show.
pub(crate) struct RowBudget(usize);

impl RowBudget {
    /// The budget of one page.
    pub(crate) fn for_page() -> Self {
        Self(MAX_SCHEMA_ROWS)
    }

    /// Up to `wanted` rows.
    pub(crate) fn take(&mut self, wanted: usize) -> usize {
        let taken = wanted.min(self.0);
        self.0 -= taken;
        taken
    }
}

/// A table of schema rows under a heading.
#[derive(Debug, Serialize)]
pub(crate) struct SchemaTable<'a> {
    title: &'static str,
    rows: Vec<SchemaRow<'a>>,
    /// Whether any row has a default; without one the column is left out.
    defaults: bool,
    /// Rows left out because the page is full.
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct SchemaRow<'a> {
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    value_type: Cow<'a, str>,
    required: bool,
    secret: bool,
    default: Option<String>,
    allowed: Vec<String>,
    more_allowed: usize,
    description: Cow<'a, str>,
}

impl<'a> SchemaTable<'a> {
    /// The table of `parameters`, or `None` when there are none.
    pub(crate) fn new(
        title: &'static str,
        parameters: &'a [Parameter],
        budget: &mut RowBudget,
    ) -> Option<Self> {
        if parameters.is_empty() {
            return None;
        }
        let shown = budget.take(parameters.len());
        let rows: Vec<_> = parameters.iter().take(shown).map(SchemaRow::new).collect();
        Some(Self {
            title,
            defaults: rows.iter().any(|row| row.default.is_some()),
            rows,
            omitted: parameters.len() - shown,
        })
    }
}

impl<'a> SchemaRow<'a> {
    fn new(parameter: &'a Parameter) -> Self {
        // SECURITY: a default of a secret is a secret, whatever the document says.
        let default = parameter.default.as_ref().filter(|_| !parameter.secret);
        Self {
            name: clean(&parameter.name),
            value_type: type_name(parameter),
            required: parameter.required,
            secret: parameter.secret,
            default: default.map(shown_value),
            allowed: parameter
                .allowed
                .iter()
                .take(MAX_ALLOWED_VALUES)
                .map(shown_value)
                .collect(),
            more_allowed: parameter.allowed.len().saturating_sub(MAX_ALLOWED_VALUES),
            description: clean(parameter.description.trim()),
        }
    }
}

fn type_name(parameter: &Parameter) -> Cow<'_, str> {
    match parameter.value_type.as_str() {
        "" => Cow::Borrowed("any"),
        name => clean(name),
    }
}

/// A value in a table: text as it is, everything else as JSON, on one line.
fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) if !text.trim().is_empty() => one_line(text, MAX_VALUE_CHARS),
        value => one_line(&value.to_string(), MAX_VALUE_CHARS),
    }
}

/// A complete configuration in YAML: every key with its default or a stand-in of its type.
pub(crate) fn example(keys: &[Parameter]) -> String {
    let mut out = String::new();
    for key in keys.iter().take(MAX_SCHEMA_ROWS) {
        let about = one_line(&key.description, MAX_VALUE_CHARS);
        let need = match (key.required, key.secret) {
            (true, true) => "required, secret",
            (true, false) => "required",
            (false, true) => "secret",
            (false, false) => "",
        };
        let comment = match (about.is_empty(), need.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("# {need}\n"),
            (false, true) => format!("# {about}\n"),
            (false, false) => format!("# {about} ({need})\n"),
        };
        out.push_str(&comment);
        // Writing to a string does not fail. JSON is YAML, so values need no quoting of their own.
        let _ = writeln!(out, "{}: {}", yaml_key(&key.name), example_value(key));
    }
    out.truncate(out.trim_end().len());
    out
}

fn yaml_key(name: &str) -> Cow<'_, str> {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "null", "y"];
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !WORDS.contains(&name.to_ascii_lowercase().as_str());
    if plain {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(Value::from(clean(name).as_ref()).to_string())
    }
}

fn example_value(key: &Parameter) -> String {
    if key.secret {
        return "\"<secret>\"".to_owned();
    }
    if let Some(value) = key.default.as_ref().or_else(|| key.allowed.first()) {
        return clean(&value.to_string()).into_owned();
    }
    let stand_in = match key.value_type.as_str() {
        "integer" | "number" => "0",
        "boolean" => "false",
        "array" => "[]",
        "object" => "{}",
        _ => "\"…\"",
    };
    stand_in.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Parameter {
        Parameter {
            name: name.to_owned(),
            ..Parameter::default()
        }
    }

    /// Every key appears; secrets keep their value to themselves; comments stay on their line.
    #[test]
    fn example_is_complete_yaml() {
        let keys = [
            Parameter {
                required: true,
                secret: true,
                default: Some(json!("hunter2")),
                description: "Token\nevil: 1".into(),
                ..key("token")
            },
            Parameter {
                value_type: "integer".into(),
                default: Some(json!(30)),
                ..key("timeout")
            },
            Parameter {
                allowed: vec![json!("a: b"), json!("c")],
                ..key("yes")
            },
            Parameter {
                value_type: "object".into(),
                ..key("od: d")
            },
        ];
        let text = example(&keys);
        assert_eq!(
            text,
            "# Token evil: 1 (required, secret)\ntoken: \"<secret>\"\ntimeout: 30\n\"yes\": \"a: b\"\n\"od: d\": {}"
        );
    }

    /// A page shows the limit, and says how many rows are missing beyond it.
    #[test]
    fn table_stops_at_the_budget_of_its_page() {
        let rows: Vec<_> = (0..=MAX_SCHEMA_ROWS).map(|i| key(&i.to_string())).collect();
        let mut budget = RowBudget::for_page();
        let full = SchemaTable::new("t", &rows[..MAX_SCHEMA_ROWS], &mut budget).unwrap();
        assert_eq!((full.rows.len(), full.omitted), (MAX_SCHEMA_ROWS, 0));
        let mut budget = RowBudget::for_page();
        let over = SchemaTable::new("t", &rows, &mut budget).unwrap();
        assert_eq!((over.rows.len(), over.omitted), (MAX_SCHEMA_ROWS, 1));
    }
}
