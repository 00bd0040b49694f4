//! What a server answers, held to what it says of itself in `/openapi.json`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Answer, Hosted};

/// What a server says of itself.
pub(crate) struct Description(pub(crate) Value);

impl Description {
    pub(crate) fn of(hosted: &Hosted) -> Self {
        let (status, _, body) = hosted.get("/openapi.json");
        assert_eq!(status, 200);
        Self(serde_json::from_slice(&body).unwrap())
    }

    /// The operation with this name.
    pub(crate) fn operation(&self, id: &str) -> &Value {
        let items = self.0["paths"].as_object().unwrap().values();
        let mut all = items.flat_map(|item| item.as_object().unwrap().values());
        let found = all.find(|operation| operation["operationId"] == id);
        found.unwrap_or_else(|| panic!("there is no operation `{id}`"))
    }

    /// What an operation says of a status.
    fn response(&self, id: &str, status: u16) -> &Value {
        let response = &self.operation(id)["responses"][status.to_string()];
        assert!(!response.is_null(), "`{id}` says nothing of {status}");
        let named = response["$ref"].as_str();
        named.map_or(response, |place| {
            let place = place.strip_prefix('#').unwrap();
            self.0.pointer(place).unwrap()
        })
    }

    /// Holds answers to the operations that gave them: status, type of the body, and the body.
    #[track_caller]
    pub(crate) fn hold_answers(&self, answers: &[(&str, Answer)]) {
        let mut values = Vec::new();
        for (id, answer) in answers {
            let content = &self.response(id, answer.status)["content"];
            let media_type = media_type(&answer.head);
            if content.is_null() {
                assert_eq!((media_type, &answer.body), (None, &Value::Null), "{id}");
                continue;
            }
            let schema = &content[media_type.unwrap_or_default()]["schema"];
            assert!(!schema.is_null(), "`{id}`: {answer:?}");
            let label = format!("{id} {}", answer.status);
            values.push((label, schema.clone(), answer.body.clone()));
        }
        self.hold(&values);
    }

    /// Holds values to schemas with a name.
    #[track_caller]
    pub(crate) fn hold_named(&self, values: Vec<(&str, Value)>) {
        let values = values.into_iter().map(|(name, value)| {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            (name.to_owned(), schema, value)
        });
        self.hold(&values.collect::<Vec<_>>());
    }

    /// Holds values to schemas, each with a text that says what it is.
    #[track_caller]
    pub(crate) fn hold(&self, values: &[(String, Value, Value)]) {
        const SCRIPT: &str = r#"
import json, sys
import jsonschema
given = json.load(sys.stdin)
for label, schema, value in given["values"]:
    schema = {"allOf": [schema], "components": given["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        print(label, list(error.absolute_path), error.message[:300])
"#;
        if !crate::schema::has_validator() {
            return;
        }
        let mut child = Command::new("python3")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let given = json!({ "components": self.0["components"], "values": values }).to_string();
        let mut input = child.stdin.take().unwrap();
        input.write_all(given.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    }
}

/// What a head says of the type of its body.
pub(crate) fn media_type(head: &str) -> Option<&str> {
    let field = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type").then_some(value)
    });
    field.map(|value| value.split(';').next().unwrap_or_default().trim())
}
