//! Parameters as an action reads them: JSON, dotenv lines or YAML.

use serde_json::Value;

use super::parameters::Parameters;
use super::spec::ParameterFormat;

/// Writes parameters.
///
/// Dotenv lines are sorted, objects flattened with dots, arrays compact JSON, nulls empty, and a quote inside a
/// value is `'\''`. Every form ends with a newline, so that `read` of a shell loses nothing.
///
/// # Errors
/// What cannot be written in that form.
pub(super) fn written(parameters: &Parameters, format: ParameterFormat) -> Result<Vec<u8>, String> {
    let mut text = match format {
        ParameterFormat::Json => serde_json::to_string(parameters).map_err(|e| e.to_string())?,
        ParameterFormat::Yaml => serde_yaml::to_string(parameters).map_err(|e| e.to_string())?,
        ParameterFormat::Dotenv => dotenv(parameters)?,
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text.into_bytes())
}

/// A value as one text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn dotenv(parameters: &Parameters) -> Result<String, String> {
    let mut lines = Vec::new();
    flatten("", parameters, &mut lines);
    lines.sort();
    let mut text = String::new();
    for (name, value) in lines {
        // SECURITY: members of an object are named by whoever gives it; a name may not begin another line.
        if name.contains(|c: char| c.is_control() || matches!(c, '=' | '\'' | '#' | ' ')) {
            let shown = pack_format::text::printable(&name);
            return Err(format!("`{shown}` cannot be the name in a dotenv line"));
        }
        text.push_str(&format!("{name}='{}'\n", value.replace('\'', "'\\''")));
    }
    Ok(text)
}

fn flatten(prefix: &str, map: &Parameters, lines: &mut Vec<(String, String)>) {
    for (name, value) in map {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => flatten(&format!("{name}."), inner, lines),
            other => lines.push((name, plain(other))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One value of every kind, in every form.
    #[test]
    fn parameters_are_written_in_every_form() {
        let value = json!({"b": "it's", "a": {"y": 1, "x": null}, "list": ["p", 2], "yes": true, "lines": "1\n2"});
        let Value::Object(map) = value.clone() else {
            panic!("an object")
        };
        let text = |format| String::from_utf8(written(&map, format).unwrap()).unwrap();
        assert_eq!(
            text(ParameterFormat::Dotenv),
            "a.x=''\na.y='1'\nb='it'\\''s'\nlines='1\n2'\nlist='[\"p\",2]'\nyes='true'\n"
        );
        let json: Value = serde_json::from_str(&text(ParameterFormat::Json)).unwrap();
        assert_eq!(json, value);
        let yaml: Value = serde_yaml::from_str(&text(ParameterFormat::Yaml)).unwrap();
        assert_eq!(yaml, value);
        for name in ["a\nb", "a=b", "a'b"] {
            let map = Parameters::from_iter([(name.to_owned(), json!(1))]);
            assert!(written(&map, ParameterFormat::Dotenv).is_err(), "{name}");
        }
        let empty = written(&Parameters::new(), ParameterFormat::Dotenv).unwrap();
        assert!(empty.is_empty());
    }
}
