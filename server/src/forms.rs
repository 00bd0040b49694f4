//! Forms of requests and answers, made from the types that they are read as and written from.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// Makes the schemas of a description, which stand in its `/components/schemas`.
pub(crate) struct Forms {
    /// Of what is read.
    pub(crate) requests: SchemaGenerator,
    /// Of what is written. Every object in them is closed that has named members.
    pub(crate) answers: SchemaGenerator,
}

impl Forms {
    pub(crate) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        let answers = settings().for_serialize();
        Self {
            requests: settings().into_generator(),
            answers: answers
                .with_transform(RecursiveTransform(close))
                .into_generator(),
        }
    }

    /// Everything that was referred to.
    pub(crate) fn into_schemas(mut self) -> Map<String, Value> {
        let mut schemas = self.requests.take_definitions(true);
        schemas.extend(self.answers.take_definitions(true));
        schemas
    }
}

/// Closes an object whose members are named.
fn close(schema: &mut Schema) {
    let has_members = schema.get("properties").is_some();
    if has_members && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// How a moment is written, such as `2026-01-31T12:00:00Z`.
pub(crate) struct DateTime;

impl JsonSchema for DateTime {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("DateTime")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    /// A part.
    #[derive(Serialize, JsonSchema)]
    #[schemars(inline)]
    struct Part {
        /// When.
        #[schemars(with = "Option<DateTime>")]
        at: Option<String>,
    }

    #[derive(Serialize, JsonSchema)]
    struct Whole {
        #[serde(flatten)]
        part: Part,
        /// Inside.
        inner: Option<Part>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rest: Option<String>,
        any: Value,
    }

    /// Closed at every depth, with what is always written required, and descriptions from the code.
    #[test]
    fn answers_are_closed_and_whole() {
        let mut forms = Forms::new();
        let at = forms.answers.subschema_for::<Whole>();
        assert_eq!(json!(at), json!({"$ref": "#/components/schemas/Whole"}));
        let schemas = forms.into_schemas();
        let at = json!({"type": ["string", "null"], "format": "date-time", "description": "When."});
        let inner = &schemas["Whole"]["properties"]["inner"];
        assert_eq!(inner["additionalProperties"], false, "{inner}");
        assert_eq!(inner["description"], "Inside.");
        assert_eq!(inner["properties"]["at"], at);
        assert_eq!(schemas["Whole"]["properties"]["at"], at);
        assert_eq!(schemas["Whole"]["additionalProperties"], false);
        assert_eq!(schemas["Whole"]["required"], json!(["at", "inner", "any"]));
    }
}
