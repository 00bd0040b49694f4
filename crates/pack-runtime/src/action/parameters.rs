//! Parameters: what was given, made complete and checked against the schema of the action.
//!
//! Text given on a command line is read as the type the schema names. Every problem is told, not only the first;
//! the value of a secret stands in none of them.

use std::collections::BTreeMap;

use pack_format::documents::Parameter;
use pack_format::text::printable;
use serde_json::{Map, Value};

use super::spec::ActionSpec;

/// Longest value that is shown in a problem, in characters.
const SHOWN_CHARACTERS: usize = 60;

/// What an action gets, by name.
pub type Parameters = Map<String, Value>;

/// One parameter as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// Text, to be read as the schema says.
    Text(String),
    /// A value with a type of its own.
    Value(Value),
}

impl ActionSpec {
    /// Completes what was given with defaults and checks it.
    ///
    /// # Errors
    /// Every problem, one sentence each, in the order of the schema; unknown names last.
    pub fn complete(&self, given: &BTreeMap<String, Given>) -> Result<Parameters, Vec<String>> {
        let mut values = Parameters::new();
        let mut unread = BTreeMap::new();
        for parameter in &self.parameters {
            let name = &parameter.name;
            match given.get(name) {
                Some(Given::Value(value)) => {
                    values.insert(name.clone(), value.clone());
                }
                Some(Given::Text(text)) => match read(text, parameter) {
                    Ok(value) => {
                        values.insert(name.clone(), value);
                    }
                    Err(problem) => {
                        unread.insert(name, problem);
                    }
                },
                None => {}
            }
        }
        self.defaults.fill(&mut values);
        let mut complete = Parameters::new();
        let mut problems = Vec::new();
        for parameter in &self.parameters {
            let name = &parameter.name;
            match (unread.remove(name), values.remove(name)) {
                (Some(problem), _) => problems.push(problem),
                (None, None | Some(Value::Null)) if parameter.required => {
                    problems.push(format!("`{name}` is required"));
                }
                (None, None) => {}
                (None, Some(mut value)) => {
                    make_whole(&mut value, parameter);
                    check(name, &value, parameter, &mut problems);
                    complete.insert(name.clone(), value);
                }
            }
        }
        let names: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
        for name in given.keys().filter(|name| !names.contains(&name.as_str())) {
            problems.push(unknown(name, &names, ("parameter", "action")));
        }
        if problems.is_empty() {
            Ok(complete)
        } else {
            Err(problems)
        }
    }
}

/// `noun` is what a name names, `holder` what has it.
pub(super) fn unknown(name: &str, known: &[&str], (noun, holder): (&str, &str)) -> String {
    let shown = printable(name);
    let near = (known.iter())
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    match near {
        Some((_, candidate)) => {
            format!("`{shown}` is no {noun}; did you mean `{candidate}`?")
        }
        None if known.is_empty() => format!("`{shown}` is no {noun}; the {holder} has none"),
        None => format!("`{shown}` is no {noun}; there are `{}`", known.join("`, `")),
    }
}

/// Reads text as the type of a parameter; where none is stated, as JSON if it is some, else as text.
fn read(text: &str, parameter: &Parameter) -> Result<Value, String> {
    let kind = parameter.value_type.as_str();
    let kinds: Vec<&str> = kind.split(" or ").collect();
    if kinds.contains(&"string") {
        return Ok(Value::String(text.to_owned()));
    }
    let trimmed = text.trim();
    if kinds == ["boolean"] {
        let word = trimmed.to_ascii_lowercase();
        return match word.as_str() {
            "true" | "yes" | "on" | "1" => Ok(Value::Bool(true)),
            "false" | "no" | "off" | "0" => Ok(Value::Bool(false)),
            _ => Err(mismatch(
                &parameter.name,
                &shown(text, parameter),
                "true or false",
            )),
        };
    }
    match serde_json::from_str(trimmed) {
        Ok(value) => Ok(value),
        Err(_) if kind.is_empty() => Ok(Value::String(text.to_owned())),
        Err(_) => Err(mismatch(
            &parameter.name,
            &shown(text, parameter),
            &described(kind),
        )),
    }
}

fn described(kind: &str) -> String {
    match kind {
        "integer" => "a whole number".to_owned(),
        "number" => "a number".to_owned(),
        "object" => "a JSON object such as `{\"a\": 1}`".to_owned(),
        "array" => "a JSON array such as `[\"a\", \"b\"]`".to_owned(),
        "array of string" => "a JSON array of texts such as `[\"a\", \"b\"]`".to_owned(),
        kind => format!("of type {kind}"),
    }
}

fn mismatch(name: &str, shown: &str, wanted: &str) -> String {
    format!("`{name}`: {shown} is not {wanted}")
}

/// A value as a problem shows it.
fn shown(text: &str, parameter: &Parameter) -> String {
    if parameter.secret {
        return "the secret that was given".to_owned();
    }
    let text = printable(text);
    if text.chars().count() <= SHOWN_CHARACTERS {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(SHOWN_CHARACTERS).collect();
    format!("`{start}…`")
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        kind => match kind.strip_prefix("array of ") {
            Some(item) => (value.as_array())
                .is_some_and(|items| items.iter().all(|value| has_type(value, item))),
            // A type nobody knows forbids nothing.
            None => true,
        },
    }
}

/// Writes whole numbers as such where the schema asks for them: JSON Schema takes `252.0`, many programs do not.
pub(super) fn make_whole(value: &mut Value, parameter: &Parameter) {
    let kind = parameter.value_type.as_str();
    let wants_whole = kind.split(" or ").any(|kind| kind == "integer")
        && kind.split(" or ").all(|kind| kind != "number");
    match value {
        Value::Number(number) if wants_whole => {
            if let Some(whole) = number.as_f64().and_then(whole) {
                *value = whole.into();
            }
        }
        Value::Object(members) => {
            for inner in &parameter.properties {
                if let Some(value) = members.get_mut(&inner.name) {
                    make_whole(value, inner);
                }
            }
        }
        Value::Array(items) => {
            let item = Parameter {
                value_type: kind
                    .strip_prefix("array of ")
                    .unwrap_or_default()
                    .to_owned(),
                properties: parameter.properties.clone(),
                ..Parameter::default()
            };
            for value in items {
                make_whole(value, &item);
            }
        }
        _ => {}
    }
}

/// A number without a fraction, if that says the same.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what would lose digits is left alone"
)]
fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    is_whole.then_some(number as i64)
}

/// Checks one value: type, choice, limits, then what it holds. The schema's depth bounds the recursion.
pub(super) fn check(path: &str, value: &Value, parameter: &Parameter, problems: &mut Vec<String>) {
    if value.is_null() && !parameter.required {
        return;
    }
    let kind = parameter.value_type.as_str();
    let display = || match value {
        Value::String(text) => shown(text, parameter),
        other => shown(&other.to_string(), parameter),
    };
    if !kind.is_empty() && !kind.split(" or ").any(|kind| has_type(value, kind)) {
        problems.push(mismatch(path, &display(), &described(kind)));
        return;
    }
    let is_same = |allowed: &Value| match (allowed.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => allowed == value,
    };
    if !parameter.allowed.is_empty() && !parameter.allowed.iter().any(is_same) {
        let allowed: Vec<String> = parameter.allowed.iter().map(|v| format!("`{v}`")).collect();
        problems.push(mismatch(
            path,
            &display(),
            &format!("one of {}", allowed.join(", ")),
        ));
    }
    for (limit, bound) in &parameter.limits {
        if let Some(wanted) = broken(limit, bound, value) {
            problems.push(mismatch(path, &display(), &wanted));
        }
    }
    let objects: Vec<(String, &Map<String, Value>)> = match value {
        Value::Object(map) => vec![(path.to_owned(), map)],
        Value::Array(items) => (items.iter().enumerate())
            .filter_map(|(index, item)| Some((format!("{path}[{index}]"), item.as_object()?)))
            .collect(),
        _ => Vec::new(),
    };
    for (place, map) in objects {
        for inner in &parameter.properties {
            let place = format!("{place}.{}", inner.name);
            match map.get(&inner.name) {
                Some(value) => check(&place, value, inner, problems),
                None if inner.required => problems.push(format!("`{place}` is required")),
                None => {}
            }
        }
    }
}

/// What a value should be, if it breaks a limit.
fn broken(limit: &str, bound: &Value, value: &Value) -> Option<String> {
    let number = |holds: fn(f64, f64) -> bool, text: &str| {
        let (found, bound) = (value.as_f64()?, bound.as_f64()?);
        (!holds(found, bound)).then(|| format!("{text} {bound}"))
    };
    let size = |count: Option<usize>, holds: fn(u64, u64) -> bool, text: &str, noun: &str| {
        let bound = bound.as_u64()?;
        (!holds(count? as u64, bound)).then(|| format!("{text} {bound} {noun} long"))
    };
    let characters = value.as_str().map(|text| text.chars().count());
    let items = value.as_array().map(Vec::len);
    match limit {
        "minimum" => number(|a, b| a >= b, "at least"),
        "maximum" => number(|a, b| a <= b, "at most"),
        "exclusiveMinimum" => number(|a, b| a > b, "more than"),
        "exclusiveMaximum" => number(|a, b| a < b, "less than"),
        "multipleOf" => number(|a, b| b == 0.0 || (a / b).fract() == 0.0, "a multiple of"),
        "minLength" => size(characters, |a, b| a >= b, "at least", "characters"),
        "maxLength" => size(characters, |a, b| a <= b, "at most", "characters"),
        "minItems" => size(items, |a, b| a >= b, "at least", "items"),
        "maxItems" => size(items, |a, b| a <= b, "at most", "items"),
        "uniqueItems" => {
            let items = value.as_array()?;
            let repeats = (1..items.len()).any(|i| items[..i].contains(&items[i]));
            (bound == &Value::Bool(true) && repeats).then(|| "free of repetitions".to_owned())
        }
        "pattern" => {
            let (text, pattern) = (value.as_str()?, bound.as_str()?);
            // A pattern this dialect cannot read forbids nothing; `pack check` is the one to complain.
            let pattern = regex_lite::Regex::new(pattern).ok()?;
            (!pattern.is_match(text)).then(|| format!("like `{pattern}`"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pack_format::schema;
    use pack_format::yaml::Node;
    use serde_json::json;

    use super::*;

    fn problems(schema: &str, given: &[(&str, Given)]) -> Result<Value, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("actions")).unwrap();
        std::fs::write(dir.path().join("actions/run.sh"), "").unwrap();
        let node = Node::parse("f", schema.as_bytes()).unwrap();
        let text = format!(
            "ref: demo.run\nentry_point: run.sh\nparameters:\n  {}\n",
            schema.trim_end().replace('\n', "\n  ")
        );
        std::fs::write(dir.path().join("actions/run.yaml"), text).unwrap();
        let spec = ActionSpec::find(dir.path(), &"demo.run".parse().unwrap()).unwrap();
        assert_eq!(spec.parameters, schema::parameters(&node));
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        spec.complete(&given.collect()).map(Value::Object)
    }

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    const SCHEMA: &str = "packs: {type: array, items: {type: string}, required: true, minItems: 1}
count: {type: integer, default: 3, minimum: 1, maximum: 5}
dry: {type: boolean, default: false}
name: {type: string, pattern: '^[a-z]+$', maxLength: 4}
mode: {enum: [a, b]}
token: {type: string, secret: true, default: hidden, minLength: 3}
server: {type: object, properties: {port: {type: integer, required: true}}}
";

    /// Text becomes what the schema says; defaults fill the rest, those of secrets too.
    #[test]
    fn text_is_read_by_type_and_defaults_fill_in() {
        let given = [
            ("packs", text("[\"a\"]")),
            ("dry", text("Yes")),
            ("name", text("1234").clone()),
        ];
        let complete = problems(SCHEMA, &given[..2]).unwrap();
        assert_eq!(
            complete,
            json!({"packs": ["a"], "count": 3, "dry": true, "token": "hidden"})
        );
    }

    /// A whole number with a fraction of nothing is one, and arrives as one; where fractions are meant it stays.
    #[test]
    fn whole_numbers_may_be_written_with_a_fraction() {
        let schema = "count: {type: integer, maximum: 300, enum: [252, 7]}\nmaybe: {type: [integer, 'null']}\nboth: {type: [integer, number]}\nlist: {type: array, items: {type: integer}}\nserver: {type: object, properties: {port: {type: integer}}}\nhosts: {type: array, items: {type: object, properties: {port: {type: integer}}}}\nbig: {type: integer}\n";
        let value = |value: Value| Given::Value(value);
        let given = [
            ("count", text("252.0")),
            ("maybe", value(json!(-2.0))),
            ("both", value(json!(2.0))),
            ("list", value(json!([1.0, 2]))),
            ("server", value(json!({"port": 80.0}))),
            ("hosts", value(json!([{"port": 8080.0}]))),
            ("big", value(json!(1e30))),
        ];
        assert_eq!(
            problems(schema, &given).unwrap().to_string(),
            r#"{"count":252,"maybe":-2,"both":2.0,"list":[1,2],"server":{"port":80},"hosts":[{"port":8080}],"big":1e+30}"#
        );
        assert_eq!(
            problems(schema, &[("count", text("252.5"))]).unwrap_err(),
            ["`count`: `252.5` is not a whole number"]
        );
    }

    /// Each problem names the parameter, the value and what it should be; both sides of each bound.
    #[test]
    fn every_problem_is_told_and_no_secret() {
        let given = [
            ("packs", text("core")),
            ("count", text("6")),
            ("dry", text("perhaps")),
            ("name", text("ABCDE")),
            ("mode", text("c")),
            ("token", text("se")),
            ("server", text("{\"port\": \"x\"}")),
            ("cuont", text("1")),
        ];
        assert_eq!(
            problems(SCHEMA, &given).unwrap_err(),
            [
                "`packs`: `core` is not a JSON array of texts such as `[\"a\", \"b\"]`",
                "`count`: `6` is not at most 5",
                "`dry`: `perhaps` is not true or false",
                "`name`: `ABCDE` is not at most 4 characters long",
                "`name`: `ABCDE` is not like `^[a-z]+$`",
                "`mode`: `c` is not one of `\"a\"`, `\"b\"`",
                "`token`: the secret that was given is not at least 3 characters long",
                "`server.port`: `x` is not a whole number",
                "`cuont` is no parameter; did you mean `count`?",
            ]
        );
        for (count, good) in [("0", false), ("1", true), ("5", true), ("6", false)] {
            let given = [("packs", text("[\"a\"]")), ("count", text(count))];
            assert_eq!(problems(SCHEMA, &given).is_ok(), good, "{count}");
        }
        assert_eq!(
            problems(SCHEMA, &[("packs", text("[]"))]).unwrap_err(),
            ["`packs`: `[]` is not at least 1 items long"]
        );
        assert_eq!(problems(SCHEMA, &[]).unwrap_err(), ["`packs` is required"]);
        let null = [("packs", Given::Value(Value::Null))];
        assert_eq!(
            problems(SCHEMA, &null).unwrap_err(),
            ["`packs` is required"]
        );
    }
}
