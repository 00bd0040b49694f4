//! What a server answers, for people: the page of an `OpenAPI` document.
//!
//! The page names no other file and carries its style itself: it is shown to everyone, also by a server that has no
//! files, or none for everyone.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// The page of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiPage {
    /// The page.
    pub html: Vec<u8>,
    /// What stands in its `<style>`, to the byte.
    pub style: String,
}

/// Methods, in the order they are shown in.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// Where a document keeps its forms.
const SCHEMAS: &str = "#/components/schemas/";

/// What the template shows.
#[derive(Debug, Serialize)]
pub(crate) struct ApiView<'d> {
    title: &'d str,
    summary: &'d str,
    description: &'d str,
    groups: Vec<Group<'d>>,
    forms: Vec<Form<'d>>,
}

/// Operations of one tag.
#[derive(Debug, Serialize)]
struct Group<'d> {
    name: &'d str,
    about: &'d str,
    operations: Vec<Operation<'d>>,
}

#[derive(Debug, Serialize)]
struct Operation<'d> {
    id: &'d str,
    method: &'static str,
    path: &'d str,
    summary: &'d str,
    about: &'d str,
    /// Whether anybody may ask.
    open: bool,
    parameters: Table<'d>,
    body: Vec<Content<'d>>,
    answers: Vec<Answer<'d>>,
}

/// A body of one media type.
#[derive(Debug, Serialize)]
struct Content<'d> {
    media_type: &'d str,
    required: bool,
    kind: Vec<Piece<'d>>,
    members: Table<'d>,
}

#[derive(Debug, Serialize)]
struct Answer<'d> {
    status: &'d str,
    about: &'d str,
    kind: Vec<Piece<'d>>,
}

/// A schema with a name.
#[derive(Debug, Serialize)]
struct Form<'d> {
    name: &'d str,
    about: &'d str,
    kind: Vec<Piece<'d>>,
    members: Table<'d>,
}

#[derive(Debug, Default, Serialize)]
struct Table<'d> {
    rows: Vec<Row<'d>>,
}

#[derive(Debug, Serialize)]
struct Row<'d> {
    name: String,
    kind: Vec<Piece<'d>>,
    required: bool,
    default: Option<String>,
    about: &'d str,
}

/// A part of what says how a value is formed, which may name a form.
#[derive(Debug, Serialize)]
struct Piece<'d> {
    text: String,
    form: Option<&'d str>,
}

impl<'d> ApiView<'d> {
    pub(crate) fn of(document: &'d Value) -> Self {
        let mut groups: Vec<Group<'d>> = Vec::new();
        for (path, item) in members(&document["paths"]) {
            for method in METHODS.into_iter().filter(|m| item[*m].is_object()) {
                let described = &item[method];
                let name = text(&described["tags"][0]);
                let operation = operation(document, (path, method), (item, described));
                match groups.iter_mut().find(|group| group.name == name) {
                    Some(group) => group.operations.push(operation),
                    None => groups.push(Group {
                        name,
                        about: tag(document, name),
                        operations: vec![operation],
                    }),
                }
            }
        }
        let forms: BTreeMap<&str, &Value> = members(&document["components"]["schemas"]).collect();
        let forms = forms.into_iter().map(|(name, schema)| Form {
            name,
            about: text(&schema["description"]),
            kind: kind(schema),
            members: table(schema),
        });
        let info = &document["info"];
        Self {
            title: text(&info["title"]),
            summary: text(&info["summary"]),
            description: text(&info["description"]),
            groups,
            forms: forms.collect(),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flat_map(Map::iter);
    members.map(|(name, value)| (name.as_str(), value))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn tag<'d>(document: &'d Value, name: &str) -> &'d str {
    let mut tags = items(&document["tags"]);
    tags.find(|tag| tag["name"] == name)
        .map_or("", |tag| text(&tag["description"]))
}

fn operation<'d>(
    document: &'d Value,
    (path, method): (&'d str, &'static str),
    (item, described): (&'d Value, &'d Value),
) -> Operation<'d> {
    let parameters = items(&item["parameters"]).chain(items(&described["parameters"]));
    let rows = parameters.map(|parameter| Row {
        name: text(&parameter["name"]).to_owned(),
        kind: kind(&parameter["schema"]),
        required: parameter["required"] == true,
        default: default_of(&parameter["schema"]),
        about: text(&parameter["description"]),
    });
    let body = &described["requestBody"];
    let contents = members(&body["content"]).map(|(media_type, content)| Content {
        media_type,
        required: body["required"] == true,
        kind: kind(&content["schema"]),
        members: table(&content["schema"]),
    });
    let answers = members(&described["responses"]).map(|(status, response)| {
        let named = text(&response["$ref"]).strip_prefix("#/components/responses/");
        let shared = named.map(|name| &document["components"]["responses"][name]);
        let response = shared.unwrap_or(response);
        let content = members(&response["content"]).next();
        Answer {
            status,
            about: text(&response["description"]),
            kind: content.map_or_else(Vec::new, |(_, content)| answered(&content["schema"])),
        }
    });
    let mut answers: Vec<Answer<'d>> = answers.collect();
    answers.sort_by_key(|answer| answer.status);
    Operation {
        id: text(&described["operationId"]),
        method,
        path,
        summary: text(&described["summary"]),
        about: text(&described["description"]),
        open: items(&described["security"]).all(|way| members(way).next().is_none()),
        parameters: Table {
            rows: rows.collect(),
        },
        body: contents.collect(),
        answers,
    }
}

/// How an answer is formed; of `{"data": …}` what is in it.
fn answered(schema: &Value) -> Vec<Piece<'_>> {
    let data = &schema["properties"]["data"];
    if data.is_object() {
        kind(data)
    } else {
        kind(schema)
    }
}

fn default_of(schema: &Value) -> Option<String> {
    let default = schema.get("default")?;
    (!default.is_null()).then(|| default.to_string())
}

fn plain(text: impl Into<String>) -> Piece<'static> {
    Piece {
        text: text.into(),
        form: None,
    }
}

/// How a value is formed, in words.
fn kind(schema: &Value) -> Vec<Piece<'_>> {
    if let Some(name) = text(&schema["$ref"]).strip_prefix(SCHEMAS) {
        return vec![Piece {
            text: name.to_owned(),
            form: Some(name),
        }];
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let mut pieces = Vec::new();
        for one in items(&schema[choice]) {
            if !pieces.is_empty() {
                pieces.push(plain(" or "));
            }
            pieces.extend(kind(one));
        }
        if !pieces.is_empty() {
            return pieces;
        }
    }
    let values: Vec<String> = (items(&schema["enum"]).chain(schema.get("const")))
        .map(ToString::to_string)
        .collect();
    if !values.is_empty() {
        return vec![plain(values.join(" or "))];
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        names => items(names).map(text).collect(),
    };
    let mut pieces = vec![plain(names.join(" or "))];
    if names.contains(&"array") && schema["items"].is_object() {
        pieces.push(plain(" of "));
        pieces.extend(kind(&schema["items"]));
    } else if schema["additionalProperties"].is_object() {
        pieces.push(plain(" of "));
        pieces.extend(kind(&schema["additionalProperties"]));
    } else if names.is_empty() {
        pieces = vec![plain("any")];
    }
    pieces
}

/// The members of an object, and of objects in it that have no form of their own.
fn table(schema: &Value) -> Table<'_> {
    let mut table = Table::default();
    fill(&mut table, "", schema);
    table
}

/// The depth of the document bounds the recursion.
fn fill<'d>(table: &mut Table<'d>, before: &str, schema: &'d Value) {
    let required = &schema["required"];
    for (name, member) in members(&schema["properties"]) {
        let path = format!("{before}{name}");
        table.rows.push(Row {
            name: path.clone(),
            kind: kind(member),
            required: items(required).any(|required| required == name),
            default: default_of(member),
            about: text(&member["description"]),
        });
        let choices = ["oneOf", "anyOf"].into_iter();
        let choices = choices.flat_map(|choice| items(&member[choice]));
        for inner in std::iter::once(member).chain(choices) {
            fill(table, &format!("{path}."), inner);
            fill(table, &format!("{path}[]."), &inner["items"]);
            fill(table, &format!("{path}.*."), &inner["additionalProperties"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(schema: &Value) -> String {
        kind(schema).into_iter().map(|piece| piece.text).collect()
    }

    /// Forms in words, with those that have a name.
    #[test]
    fn forms_are_told_in_words() {
        let pack = json!({"$ref": "#/components/schemas/Pack"});
        assert_eq!(
            words(&json!({"type": ["string", "null"]})),
            "string or null"
        );
        assert_eq!(
            words(&json!({"type": "array", "items": pack})),
            "array of Pack"
        );
        assert_eq!(
            words(&json!({"anyOf": [pack, {"type": "null"}]})),
            "Pack or null"
        );
        assert_eq!(words(&json!({"enum": ["a", null]})), "\"a\" or null");
        assert_eq!(words(&json!({})), "any");
        let object = json!({"properties": {
            "a": {"type": "array", "items": {"properties": {"b": {"type": "string"}}}},
            "c": {"additionalProperties": {"properties": {"d": {}}}},
        }, "required": ["a"]});
        let told = table(&object).rows.into_iter();
        let told: Vec<(String, bool)> = told.map(|row| (row.name, row.required)).collect();
        let expected = [
            ("a", true),
            ("a[].b", false),
            ("c", false),
            ("c.*.d", false),
        ];
        assert_eq!(
            told,
            expected.map(|(name, needed)| (name.to_owned(), needed))
        );
    }
}
