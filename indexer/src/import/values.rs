//! Values as StackStorm reads them: its YAML is version 1.1, where a plain `yes` or `off` is a boolean.

use pack_format::yaml::{Node, NodeValue, Scalar, ScalarType};
use serde_json::{Map, Value};

/// A mapping in the order it is written.
pub(super) type Members = Map<String, Value>;

/// The value of a node.
///
/// # Errors
/// The line of what JSON cannot say.
pub(super) fn value(node: &Node) -> Result<Value, usize> {
    match &node.value {
        NodeValue::Scalar(scalar) => match old_boolean(scalar) {
            Some(boolean) => Ok(Value::Bool(boolean)),
            None => node.to_json(),
        },
        NodeValue::Sequence(items) => items.iter().map(value).collect(),
        NodeValue::Mapping(members) => {
            let pairs = members
                .iter()
                .map(|member| Ok((member.key.clone(), value(&member.value)?)));
            pairs.collect::<Result<Members, usize>>().map(Value::Object)
        }
    }
}

/// The boolean a plain word stands for in YAML 1.1 but not in 1.2.
fn old_boolean(scalar: &Scalar) -> Option<bool> {
    let plain = *scalar != Scalar::new(scalar.text().to_owned(), false);
    if !plain || scalar.resolve() != ScalarType::String {
        return None;
    }
    match scalar.text() {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The text of a scalar, whatever its type; nothing for nulls, lists and mappings.
pub(super) fn text(node: &Node) -> Option<&str> {
    node.scalar()
        .filter(|_| !node.is_null())
        .map(|scalar| scalar.text().trim())
        .filter(|text| !text.is_empty())
}

/// YAML of a mapping, with a line that says where it comes from.
///
/// # Errors
/// Never for a mapping made of JSON values.
pub(super) fn to_yaml(members: &Members) -> Result<Vec<u8>, serde_yaml::Error> {
    let body = serde_yaml::to_string(members)?;
    Ok(format!("# Converted by `attune registry import`.\n{body}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain words of YAML 1.1 are booleans, quoted ones are not, and what is written reads back.
    #[test]
    fn values_are_read_as_their_authors_meant_them() {
        let text = b"a: yes\nb: 'yes'\nc: 1.10\nd: [on, x]\ne: ~\n";
        let node = Node::parse("f", text).unwrap();
        let Value::Object(members) = value(&node).unwrap() else {
            panic!("no mapping");
        };
        assert_eq!(
            Value::Object(members.clone()).to_string(),
            r#"{"a":true,"b":"yes","c":1.1,"d":[true,"x"],"e":null}"#
        );
        let written = to_yaml(&members).unwrap();
        let again = Node::parse("f", &written).unwrap();
        assert_eq!(again.to_json().unwrap(), Value::Object(members));
    }
}
