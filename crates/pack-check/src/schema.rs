//! Schemas of `pack.yaml` and component files for editors, as JSON Schema (draft 7, which editors know best).
//!
//! Keys and what may stand under them come from the table of the check ([`crate::known`]), what editors show beside
//! them from the guide (`docs/pack-structure.md`), so that neither can say something else.

use serde_json::{Map, Value, json};

use crate::known;
use crate::shapes::{self, Key};

/// What a schema is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// `pack.yaml`.
    Pack,
    /// A file in `actions/`.
    Action,
    /// A file in `sensors/`.
    Sensor,
    /// A file in `triggers/`.
    Trigger,
    /// A file in `rules/`.
    Rule,
    /// A file in `workflows/`.
    Workflow,
}

/// Heading of the guide's keys that all components share.
pub(crate) const SHARED: &str = "What all components share";

impl SchemaKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pack,
        Self::Action,
        Self::Sensor,
        Self::Trigger,
        Self::Rule,
        Self::Workflow,
    ];

    /// Its name, such as `action`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Action => "action",
            Self::Sensor => "sensor",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Workflow => "workflow",
        }
    }

    /// The directory whose files it is about; `None` for the manifest.
    pub fn directory(self) -> Option<&'static str> {
        match self {
            Self::Pack => None,
            Self::Action => Some("actions"),
            Self::Sensor => Some("sensors"),
            Self::Trigger => Some("triggers"),
            Self::Rule => Some("rules"),
            Self::Workflow => Some("workflows"),
        }
    }

    fn keys(self) -> &'static [Key] {
        self.directory().map_or(known::MANIFEST, |directory| {
            known::of_kind(directory).unwrap_or_default()
        })
    }

    /// The guide's heading.
    fn heading(self) -> &'static str {
        match self {
            Self::Pack => "`pack.yaml`",
            Self::Action => "Actions",
            Self::Sensor => "Sensors",
            Self::Trigger => "Triggers",
            Self::Rule => "Rules",
            Self::Workflow => "Workflows",
        }
    }

    /// The schema as a file: two blanks a level, a line feed at the end.
    pub fn text(self) -> String {
        let mut text = serde_json::to_string_pretty(&self.schema()).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The schema, its members in the order of the table.
    pub fn schema(self) -> Value {
        let mut described = documented(self.heading());
        if self != Self::Pack {
            described.extend(documented(SHARED));
        }
        let mut properties = Map::new();
        for (name, shape) in self.keys() {
            let mut schema = shape.schema();
            let text = described.iter().find(|(key, _)| key == name);
            if let (Some((_, text)), Some(members)) = (text, schema.as_object_mut()) {
                // Draft 7 passes over what stands beside a reference.
                if let Some(reference) = members.remove("$ref") {
                    members.insert("allOf".to_owned(), json!([{"$ref": reference}]));
                }
                members.insert("description".to_owned(), Value::from(text.as_str()));
            }
            properties.insert((*name).to_owned(), schema);
        }
        let mut schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": self.directory().map_or_else(
                || "Manifest of an Attune pack: pack.yaml".to_owned(),
                |directory| format!("A file in {directory}/ of an Attune pack"),
            ),
            "type": "object",
            "properties": properties,
            "patternProperties": {"^x-": {}},
            "additionalProperties": false
        });
        if let Some(members) = schema.as_object_mut() {
            members.extend(self.required());
            let mut text = serde_json::to_string(&*members).unwrap_or_default();
            let mut used = Map::new();
            // Each comes after what names it.
            for (name, definition) in shapes::definitions() {
                if text.contains(&format!("#/definitions/{name}\"")) {
                    text.push_str(&definition.to_string());
                    used.insert(name.to_owned(), definition);
                }
            }
            if used.is_empty() {
                return schema;
            }
            let used = Value::Object(used);
            members.insert("definitions".to_owned(), used);
        }
        schema
    }

    /// What has to be there.
    fn required(self) -> Map<String, Value> {
        let rules = match self {
            Self::Pack => json!({
                "required": ["version"],
                "anyOf": [{"required": ["ref"]}, {"required": ["name"]}],
                // A name serves as the ref where there is none.
                "if": {"not": {"required": ["ref"]}},
                "then": {"properties": {"name": shapes::Shape::PackRef.schema()}}
            }),
            Self::Rule => json!({"allOf": [
                {"anyOf": [{"required": ["trigger_ref"]}, {"required": ["trigger"]}]},
                {"anyOf": [{"required": ["action_ref"]}, {"required": ["action"]}]}
            ]}),
            _ => Value::Null,
        };
        match rules {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

/// The keys in the tables below a heading of the guide, each with its meaning.
pub(crate) fn documented(heading: &str) -> Vec<(&'static str, String)> {
    let guide = include_str!("../../../docs/pack-structure.md");
    let below = guide.split(&format!("\n## {heading}\n")).nth(1);
    let section = below.and_then(|below| below.split("\n## ").next());
    let rows = section.unwrap_or_default().lines();
    rows.filter_map(|line| line.strip_prefix("| `"))
        .flat_map(|row| {
            let mut cells = row.split(" | ");
            let names = cells.next().unwrap_or_default().split('`');
            let meaning = cells.nth(1).unwrap_or_default();
            let meaning = meaning.trim_end_matches(" |").replace('`', "");
            names
                .filter(|name| !name.trim().is_empty())
                .map(move |name| (name, meaning.clone()))
        })
        .collect()
}
