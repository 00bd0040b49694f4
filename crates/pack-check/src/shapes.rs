//! `Shape`: what may stand under a key. One table of keys and shapes ([`crate::known`]) serves the check and the schemas
//! for editors ([`crate::schema`]).

use pack_format::yaml::{Node, ScalarType};
use serde_json::{Value, json};

/// What may stand under a key; nothing (a null) may stand under each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// A list of strings and numbers.
    Texts,
    /// A boolean.
    Flag,
    /// A number.
    Number,
    /// A mapping.
    Mapping,
    /// A mapping or a list.
    MappingOrList,
    /// Anything.
    Any,
    /// A schema of parameters, in both spellings.
    Rows,
    /// A version that is the oldest one, or a range: a string or a number.
    Minimum,
    /// How parameters arrive.
    Delivery,
    /// In which form parameters arrive.
    Format,
    /// In which form results are printed.
    OutputFormat,
    /// Triggers of a sensor: refs, or StackStorm's mappings.
    TriggerTypes,
    /// Tasks of a workflow, by name or as a list.
    Tasks,
    /// The ref of a pack.
    PackRef,
    /// A `SemVer` version.
    Version,
    /// `dependencies` of a manifest.
    Dependencies,
    /// `testing` of a manifest.
    Testing,
}

/// A key and what may stand under it.
pub(crate) type Key = (&'static str, Shape);

impl Shape {
    /// Whether a value has the shape, as far as types go.
    pub(crate) fn fits(self, node: &Node) -> bool {
        let scalar = node.scalar().map(pack_format::yaml::Scalar::resolve);
        let is_text = scalar == Some(ScalarType::String);
        let is_number = matches!(scalar, Some(ScalarType::Integer | ScalarType::Float));
        if node.is_null() {
            return true;
        }
        match self {
            Self::Any => true,
            Self::Text
            | Self::Delivery
            | Self::Format
            | Self::OutputFormat
            | Self::PackRef
            | Self::Version => is_text,
            Self::Minimum => is_text || is_number,
            Self::Texts => {
                node.is_sequence() && node.items().iter().all(|item| item.scalar().is_some())
            }
            Self::Flag => node.as_bool().is_some(),
            Self::Number => is_number,
            Self::Mapping | Self::Rows | Self::Testing => node.is_mapping(),
            Self::MappingOrList | Self::Tasks | Self::Dependencies => {
                node.is_mapping() || node.is_sequence()
            }
            Self::TriggerTypes => node.is_sequence(),
        }
    }

    /// What it is, after "not".
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Texts => "a list of strings",
            Self::Flag => "a boolean",
            Self::Number => "a number",
            Self::Mapping | Self::Rows | Self::Testing => "a mapping",
            Self::MappingOrList | Self::Tasks | Self::Dependencies => "a mapping or a list",
            Self::TriggerTypes => "a list",
            Self::Minimum => "a version",
            _ => "a string",
        }
    }

    /// The same for editors, as JSON Schema.
    pub(crate) fn schema(self) -> Value {
        let named = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
        // Editors offer what is listed; what is not listed is the business of the platform.
        let one_of =
            |words: &[&str]| json!({"anyOf": [{"enum": words}, {"type": ["string", "null"]}]});
        match self {
            Self::Text => json!({"type": ["string", "null"]}),
            Self::Texts => json!({
                "type": ["array", "null"],
                "items": {"type": ["string", "number", "boolean", "null"]}
            }),
            Self::Flag => json!({"type": ["boolean", "null"]}),
            Self::Number => json!({"type": ["number", "null"]}),
            Self::Mapping => json!({"type": ["object", "null"]}),
            Self::MappingOrList => json!({"type": ["object", "array", "null"]}),
            Self::Any => json!({}),
            Self::Rows => named("rows"),
            Self::Minimum => json!({"type": ["string", "number", "null"]}),
            Self::Delivery => one_of(&["stdin", "env", "file"]),
            Self::Format => one_of(&["json", "dotenv", "yaml"]),
            Self::OutputFormat => one_of(&["text", "json", "yaml"]),
            Self::TriggerTypes => json!({
                "type": ["array", "null"],
                "items": {"type": ["string", "object"]}
            }),
            Self::Tasks => named("tasks"),
            Self::PackRef => json!({"type": "string", "pattern": PACK_REF}),
            Self::Version => json!({"type": "string", "pattern": VERSION}),
            Self::Dependencies => named("dependencies"),
            Self::Testing => named("testing"),
        }
    }
}

/// A pack ref as a regular expression.
const PACK_REF: &str = "^[a-z][a-z0-9_-]{0,63}$";

/// A dependency on a pack; what a constraint may be is left to the check.
const DEPENDENCY: &str = "^\\s*[a-z][a-z0-9_-]{0,63}\\s*(@.*)?$";

/// A version as a regular expression.
const VERSION: &str = "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$";

/// What schemas name: a name and the schema for it.
pub(crate) fn definitions() -> [(&'static str, Value); 5] {
    [
        ("rows", rows()),
        ("row", row()),
        ("tasks", tasks()),
        ("dependencies", dependencies()),
        ("testing", testing()),
    ]
}

/// Parameters by name, or one JSON Schema of an object; what is no mapping is passed over.
fn rows() -> Value {
    let row = json!({"$ref": "#/definitions/row"});
    json!({
        "type": ["object", "null"],
        "if": {"required": ["properties"], "properties": {"properties": {"type": "object"}}},
        "then": {
            "properties": {
                "properties": {"additionalProperties": row},
                "required": {"type": "array", "items": {"type": "string"}}
            }
        },
        "else": {"additionalProperties": row}
    })
}

fn row() -> Value {
    let types = crate::parameters::TYPES;
    json!({
        "type": ["object", "string", "number", "boolean", "array", "null"],
        "properties": {
            "type": {
                "description": "Type of the value",
                "anyOf": [{"enum": types}, {"type": "array", "items": {"enum": types}}]
            },
            "description": {"type": "string", "description": "One or two sentences"},
            "required": {
                "type": ["boolean", "array"],
                "description": "Whether it must be given; of an object in JSON Schema, which of its properties"
            },
            "secret": {"type": "boolean", "description": "Whether its value is never shown"},
            "default": {"description": "Used when none is given"},
            "enum": {"type": "array", "minItems": 1, "description": "The values it may have"},
            "minimum": {"type": "number"},
            "maximum": {"type": "number"},
            "minLength": {"type": "integer", "minimum": 0},
            "maxLength": {"type": "integer", "minimum": 0},
            "pattern": {"type": "string"},
            "properties": {"type": "object", "additionalProperties": {"$ref": "#/definitions/row"}},
            "items": {"anyOf": [
                {"$ref": "#/definitions/row"},
                {"type": "array", "items": {"$ref": "#/definitions/row"}}
            ]}
        }
    })
}

fn tasks() -> Value {
    let task = json!({
        "type": ["object", "null"],
        "properties": {
            "action": {"type": "string", "description": "What it runs"},
            "input": {"type": ["object", "array", "string", "null"], "description": "What the action takes"}
        }
    });
    json!({"anyOf": [
        {"type": ["object", "null"], "additionalProperties": task},
        {"type": "array", "items": task}
    ]})
}

fn dependencies() -> Value {
    let dependency = json!({"anyOf": [
        {"type": "string", "pattern": DEPENDENCY},
        {
            "type": "object",
            "properties": {"ref": {"type": "string", "pattern": PACK_REF}, "version": {"type": "string"}},
            "required": ["ref"]
        }
    ]});
    let packs = json!({
        "type": ["array", "null"],
        "items": dependency,
        "description": "Other packs, such as core@^1.0"
    });
    let version = |of: &str| json!({"type": ["string", "number", "null"], "description": of});
    json!({"anyOf": [
        packs,
        {
            "type": "object",
            "properties": {
                "attune_version": version("Range of platform versions"),
                "python_version": version("Range of Python versions"),
                "nodejs_version": version("Range of Node.js versions"),
                "packs": packs
            }
        }
    ]})
}

fn testing() -> Value {
    let seconds =
        json!({"type": ["number", "string", "null"], "description": "Longest run, in seconds"});
    let text = json!({"type": ["string", "null"]});
    json!({
        "type": ["object", "null"],
        "properties": {
            "enabled": {"type": ["boolean", "null"], "description": "Whether tests are run"},
            "discovery": {
                "type": ["object", "null"],
                "properties": {"method": text, "path": text}
            },
            "runners": {
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": ["object", "null"],
                    "properties": {
                        "type": {"enum": ["script", "unittest", "pytest"]},
                        "entry_point": {"type": ["string", "null"], "description": "File it starts with, in the pack"},
                        "timeout": seconds,
                        "result_format": text
                    }
                }
            },
            "result_format": text,
            "result_path": text,
            "min_pass_rate": {
                "type": ["number", "string", "null"],
                "minimum": 0,
                "maximum": 1,
                "description": "Part of the tests that has to pass"
            },
            "on_failure": {"enum": ["block", "warn", "ignore", null]}
        }
    })
}
