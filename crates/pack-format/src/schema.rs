//! Schemas as rows: parameters, outputs and configuration keys.
//!
//! Both spellings are read: the flat one (`name: {type, required, …}`) and JSON Schema (`type: object`
//! with `properties` and `required`). What fits neither is passed over: a schema is documentation here.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::documents::Parameter;
use crate::yaml::Node;

/// The members of a schema that are kept as [`Parameter::limits`].
pub const LIMITS: [&str; 12] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
];

/// The rows of a schema, in file order.
pub fn parameters(schema: &Node) -> Vec<Parameter> {
    let properties = schema.get("properties").filter(|node| node.is_mapping());
    if let Some(properties) = properties {
        let required: Vec<&str> = schema
            .get("required")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str)
            .collect();
        return properties
            .members()
            .iter()
            .map(|m| row(&m.key, &m.value, required.contains(&m.key.as_str())))
            .collect();
    }
    schema
        .members()
        .iter()
        .filter(|m| m.value.is_mapping())
        .map(|m| row(&m.key, &m.value, false))
        .collect()
}

fn row(name: &str, node: &Node, listed_required: bool) -> Parameter {
    let flag = |key: &str| node.get(key).and_then(Node::as_bool).unwrap_or(false);
    let secret = flag("secret") || flag("writeOnly");
    let default = default(node);
    // A secret with a default in a published file is no secret, and still none to repeat. That nobody has to give it
    // must be told all the same.
    let is_hidden = secret && default.as_ref().is_some_and(|value| !value.is_null());
    Parameter {
        name: name.to_owned(),
        value_type: value_type(node),
        required: (listed_required || flag("required")) && !is_hidden,
        secret,
        default: default.filter(|_| !secret),
        allowed: node
            .get("enum")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|value| value.to_json().ok())
            .collect(),
        limits: limits(node),
        properties: nested(node),
        description: node
            .get("description")
            .and_then(Node::as_str)
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

fn default(node: &Node) -> Option<Value> {
    node.get("default").and_then(|value| value.to_json().ok())
}

/// The defaults in a schema, those of secrets among them, which no [`Parameter`] tells; shown by nothing.
#[derive(Clone, Default, PartialEq)]
pub struct Defaults(Vec<(String, Option<Value>, Defaults)>);

impl fmt::Debug for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Defaults(of {} keys)", self.0.len())
    }
}

impl Defaults {
    /// Those of a schema, and of the objects in it. The depth of metadata bounds the recursion.
    pub fn of(schema: &Node) -> Self {
        let properties = schema.get("properties").filter(|node| node.is_mapping());
        let members = properties.unwrap_or(schema).members().iter();
        let rows = members.filter(|member| member.value.is_mapping());
        let row = |member: &crate::yaml::Member| {
            let node = &member.value;
            let inner = holder(node).map_or_else(Self::default, Self::of);
            (member.key.clone(), default(node), inner)
        };
        Self(rows.map(row).collect())
    }

    /// Puts them where `values` has nothing, also inside objects that it has, and in lists of such.
    pub fn fill(&self, values: &mut Map<String, Value>) {
        for (name, default, inner) in &self.0 {
            if let (None, Some(default)) = (values.get(name), default) {
                values.insert(name.clone(), default.clone());
            }
            match values.get_mut(name) {
                Some(Value::Object(members)) => inner.fill(members),
                Some(Value::Array(items)) => {
                    for members in items.iter_mut().filter_map(Value::as_object_mut) {
                        inner.fill(members);
                    }
                }
                _ => {}
            }
        }
    }
}

fn limits(node: &Node) -> BTreeMap<String, Value> {
    let members = node.members().iter();
    members
        .filter(|m| LIMITS.contains(&m.key.as_str()) && !m.value.is_null())
        .filter_map(|m| Some((m.key.clone(), m.value.to_json().ok()?)))
        .collect()
}

/// The rows of an object, or of the objects an array holds. The depth of metadata bounds the recursion.
fn nested(node: &Node) -> Vec<Parameter> {
    holder(node).map_or_else(Vec::new, parameters)
}

/// What has the schema of an object, or of the objects an array holds.
fn holder(node: &Node) -> Option<&Node> {
    [Some(node), node.get("items")]
        .into_iter()
        .flatten()
        .find(|holder| holder.get("properties").is_some_and(Node::is_mapping))
}

/// `string`, `array of string`, `string or null`; empty when nothing is said.
fn value_type(node: &Node) -> String {
    let Some(stated) = node.get("type") else {
        return String::new();
    };
    let name = match stated.as_str() {
        Some(name) => name.to_owned(),
        None => stated
            .items()
            .iter()
            .filter_map(|item| item.scalar().map(crate::yaml::Scalar::text))
            .collect::<Vec<_>>()
            .join(" or "),
    };
    match node
        .get("items")
        .and_then(|items| items.get("type"))
        .and_then(Node::as_str)
    {
        Some(item) if name == "array" => format!("array of {item}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both spellings give the same rows.
    #[test]
    fn flat_and_json_schema_give_the_same_rows() {
        let flat = Node::parse(
            "f",
            b"channel: {type: string, required: true}\ncount: {type: integer, default: 3}\n",
        )
        .unwrap();
        let json = Node::parse(
            "f",
            b"type: object\nproperties:\n  channel: {type: string}\n  count: {type: integer, default: 3}\nrequired: [channel]\n",
        )
        .unwrap();
        assert_eq!(parameters(&flat), parameters(&json));
        assert!(parameters(&flat)[0].required);
    }

    /// Limits and the rows of nested objects are kept.
    #[test]
    fn limits_and_nested_rows_are_kept() {
        let node = Node::parse(
            "f",
            b"server:\n  type: object\n  properties:\n    port: {type: integer, minimum: 1, required: true}\nhosts:\n  type: array\n  items: {type: object, properties: {name: {type: string}}}\n",
        )
        .unwrap();
        let rows = parameters(&node);
        assert_eq!(rows[0].properties[0].name, "port");
        assert_eq!(rows[0].properties[0].limits["minimum"], 1);
        assert!(rows[0].properties[0].required);
        assert_eq!(rows[1].value_type, "array of object");
        assert_eq!(rows[1].properties[0].name, "name");
    }

    /// A secret's default is never repeated, and asks for nothing, as other defaults do.
    #[test]
    fn secret_default_is_dropped() {
        let node = Node::parse(
            "f",
            b"token: {type: string, secret: true, required: true, default: hunter2}\nkey: {type: string, secret: true, required: true}\n",
        )
        .unwrap();
        let rows = parameters(&node);
        assert_eq!((&rows[0].default, rows[0].required), (&None, false));
        assert!(rows[1].required);
        assert!(!format!("{:?}", Defaults::of(&node)).contains("hunter2"));
    }

    /// What is not given is filled in, at every depth of what is; what is given stays, null too.
    #[test]
    fn defaults_fill_in_what_is_not_given() {
        let node = Node::parse(
            "f",
            b"token: {secret: true, default: t}\nport: {default: 1}\nproxy: {default: p}\nserver:\n  type: object\n  properties: {host: {default: h}, user: {default: u}}\nhosts:\n  type: array\n  items: {type: object, properties: {name: {default: n}}}\nabsent: {type: object, properties: {x: {default: 1}}}\n",
        )
        .unwrap();
        let given = serde_json::json!({"port": 2, "proxy": null, "server": {"user": "me"}, "hosts": [{}, {"name": "a"}, 3]});
        let Value::Object(mut values) = given else {
            panic!("an object");
        };
        Defaults::of(&node).fill(&mut values);
        assert_eq!(
            Value::Object(values),
            serde_json::json!({"token": "t", "port": 2, "proxy": null, "server": {"host": "h", "user": "me"},
                "hosts": [{"name": "n"}, {"name": "a"}, 3]})
        );
    }
}
