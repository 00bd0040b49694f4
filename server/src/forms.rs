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
pub(crate) mod tests {
    use schemars::transform::Transform as _;
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    /// Holds what is written of a value to the form `F`. All members of the form must be written of one that is full.
    pub(crate) fn hold<F: JsonSchema>(value: &impl Serialize, is_full: bool) {
        let mut forms = Forms::new();
        let mut schema = forms.answers.subschema_for::<F>();
        RecursiveTransform(close).transform(&mut schema);
        let schemas = forms.into_schemas();
        let held = differs(&schemas, (&json!(schema), &json!(value)), is_full);
        held.unwrap_or_else(|error| panic!("{}: {error}: {}", F::schema_name(), json!(value)));
    }

    fn differs(
        schemas: &Map<String, Value>,
        (schema, value): (&Value, &Value),
        is_full: bool,
    ) -> Result<(), String> {
        let differs = |schema, value| differs(schemas, (schema, value), is_full);
        if let Some(place) = schema["$ref"].as_str() {
            return differs(&schemas[place.rsplit('/').next().unwrap()], value);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(all) = schema[choice].as_array() {
                let mut all = all.iter().map(|one| differs(one, value));
                return all
                    .find(Result::is_ok)
                    .ok_or(format!("no form of {schema}"))?;
            }
        }
        let kind = kind(value);
        let is_kind = match &schema["type"] {
            Value::String(own) => own == kind,
            Value::Array(all) => all.iter().any(|own| own == kind),
            _ => true,
        };
        let is_named = schema["enum"]
            .as_array()
            .is_none_or(|all| all.contains(value));
        if !is_kind || !is_named || schema.get("const").is_some_and(|own| own != value) {
            return Err(format!("{value} is not {schema}"));
        }
        let (members, items) = (value.as_object(), value.as_array());
        for item in items
            .into_iter()
            .flatten()
            .filter(|_| schema["items"].is_object())
        {
            differs(&schema["items"], item)?;
        }
        for (name, member) in members.into_iter().flatten() {
            match schema["properties"]
                .get(name)
                .unwrap_or(&schema["additionalProperties"])
            {
                Value::Bool(false) => return Err(format!("`{name}` is in no form")),
                own @ Value::Object(_) => differs(own, member)?,
                _ => {}
            }
        }
        let all = schema["properties"].as_object();
        let needed = |name: &&String| {
            let required = schema["required"].as_array();
            is_full || required.is_some_and(|all| all.contains(&json!(name)))
        };
        let mut needed = all.into_iter().flat_map(Map::keys).filter(needed);
        let missing = needed.find(|name| members.is_some_and(|own| !own.contains_key(*name)));
        missing.map_or(Ok(()), |name| Err(format!("`{name}` is not written")))
    }

    fn kind(value: &Value) -> &'static str {
        match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

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
