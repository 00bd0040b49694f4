//! Tables of parameters, output fields and configuration keys, and the example made from the latter.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use minijinja::Value as Html;
use pack_format::documents::Parameter;
use serde::Serialize;
use serde_json::Value;

use crate::escape::{escape, escape_ticks};
use crate::limits::{MAX_ALLOWED_VALUES, MAX_SCHEMA_ROWS, MAX_VALUE_CHARS, first};
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
pub(crate) struct SchemaTable {
    title: &'static str,
    /// The rows as HTML. Most of a page is these rows, and an engine of templates takes four times as long for them.
    rows: Html,
    /// Whether any row has a default; without one the column is left out.
    defaults: bool,
    /// Rows left out because the page is full.
    omitted: usize,
}

impl SchemaTable {
    /// The table of `parameters`, or `None` when there are none.
    pub(crate) fn new(
        title: &'static str,
        parameters: &[Parameter],
        budget: &mut RowBudget,
    ) -> Option<Self> {
        if parameters.is_empty() {
            return None;
        }
        let shown = budget.take(parameters.len());
        let parameters_shown = parameters.get(..shown).unwrap_or_default();
        let defaults = parameters_shown.iter().any(|p| default_of(p).is_some());
        let mut html = String::with_capacity(shown * ROW_BYTES);
        for parameter in parameters_shown {
            // Writing to a string does not fail.
            let _ = write_row(&mut html, parameter, defaults);
        }
        Some(Self {
            title,
            rows: Html::from_safe_string(html),
            defaults,
            omitted: parameters.len() - shown,
        })
    }
}

/// Usual length of a row, in bytes.
const ROW_BYTES: usize = 192;

/// The default a page may show.
fn default_of(parameter: &Parameter) -> Option<&Value> {
    // SECURITY: a default of a secret is a secret, whatever the document says.
    parameter.default.as_ref().filter(|_| !parameter.secret)
}

/// Writes one row of the table in `templates/pages/schema.html`.
///
/// SECURITY: every text of a pack goes through [`escape`] or [`escape_ticks`].
fn write_row(out: &mut String, parameter: &Parameter, defaults: bool) -> fmt::Result {
    out.push_str("<tr><th scope=\"row\"><code>");
    escape(out, &clean(&parameter.name))?;
    out.push_str("</code>");
    if parameter.required {
        out.push_str(" <span class=\"need\">required</span>");
    }
    if parameter.secret {
        out.push_str(" <span class=\"secret\">secret</span>");
    }
    out.push_str("</th><td>");
    escape(out, &type_name(parameter))?;
    if defaults {
        out.push_str("</td><td>");
        if let Some(value) = default_of(parameter) {
            write_code(out, value)?;
        }
    }
    out.push_str("</td><td>");
    escape_ticks(out, &clean(parameter.description.trim()))?;
    write_allowed(out, &parameter.allowed)?;
    out.push_str("</td></tr>\n");
    Ok(())
}

fn write_allowed(out: &mut String, allowed: &[Value]) -> fmt::Result {
    if allowed.is_empty() {
        return Ok(());
    }
    out.push_str("<span class=\"allowed\">One of ");
    let (shown, more) = first(allowed, MAX_ALLOWED_VALUES);
    for (at, value) in shown.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_code(out, value)?;
    }
    if more > 0 {
        write!(out, " and {more} more")?;
    }
    out.push_str("</span>");
    Ok(())
}

fn write_code(out: &mut String, value: &Value) -> fmt::Result {
    out.push_str("<code>");
    escape(out, &shown_value(value))?;
    out.push_str("</code>");
    Ok(())
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
        assert_eq!((count(&full), full.omitted), (MAX_SCHEMA_ROWS, 0));
        let mut budget = RowBudget::for_page();
        let over = SchemaTable::new("t", &rows, &mut budget).unwrap();
        assert_eq!((count(&over), over.omitted), (MAX_SCHEMA_ROWS, 1));
    }

    fn count(table: &SchemaTable) -> usize {
        table.rows.to_string().matches("<tr>").count()
    }

    /// Whatever a pack writes into a row is text; a secret's default is not in it; code in back ticks is code.
    #[test]
    fn rows_hold_foreign_text_as_text() {
        let rows = [
            Parameter {
                required: true,
                default: Some(json!("</code><script>")),
                value_type: "<b>".into(),
                allowed: vec![json!("<i>"), json!({"a\"": 1})],
                description: "see `<x>` & \"y\"".into(),
                ..key("<u onclick='x'>")
            },
            Parameter {
                secret: true,
                default: Some(json!("hunter2")),
                ..key("token")
            },
        ];
        let table = SchemaTable::new("t", &rows, &mut RowBudget::for_page()).unwrap();
        assert_eq!(
            table.rows.to_string(),
            "<tr><th scope=\"row\"><code>&lt;u onclick=&#39;x&#39;&gt;</code> <span class=\"need\">required</span></th>\
             <td>&lt;b&gt;</td><td><code>&lt;/code&gt;&lt;script&gt;</code></td>\
             <td>see <code>&lt;x&gt;</code> &amp; &quot;y&quot;<span class=\"allowed\">One of <code>&lt;i&gt;</code>, \
             <code>{&quot;a\\&quot;&quot;:1}</code></span></td></tr>\n\
             <tr><th scope=\"row\"><code>token</code> <span class=\"secret\">secret</span></th><td>any</td><td></td><td></td></tr>\n"
        );
    }
}
