//! Schemas as rows: parameters, outputs and configuration keys.
//!
//! Both spellings are read: the flat one (`name: {type, required, …}`) and JSON Schema (`type: object`
//! with `properties` and `required`). What fits neither is passed over: a schema is documentation here.

use std::collections::BTreeMap;

use serde_json::Value;

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
    let default = node.get("default").and_then(|value| value.to_json().ok());
    Parameter {
        name: name.to_owned(),
        value_type: value_type(node),
        required: listed_required || flag("required"),
        secret,
        // A secret with a default in a published file is no secret, and still none to repeat.
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

fn limits(node: &Node) -> BTreeMap<String, Value> {
    LIMITS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), node.get(name)?.to_json().ok()?)))
        .collect()
}

/// The rows of an object, or of the objects an array holds. The depth of metadata bounds the recursion.
fn nested(node: &Node) -> Vec<Parameter> {
    let holder = [Some(node), node.get("items")]
        .into_iter()
        .flatten()
        .find(|holder| holder.get("properties").is_some_and(Node::is_mapping));
    holder.map_or_else(Vec::new, parameters)
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

    /// A secret's default is never repeated.
    #[test]
    fn secret_default_is_dropped() {
        let node = Node::parse(
            "f",
            b"token: {type: string, secret: true, default: hunter2}\n",
        )
        .unwrap();
        assert_eq!(parameters(&node)[0].default, None);
    }
}
