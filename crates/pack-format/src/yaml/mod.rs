//! YAML from strangers: a tree of nodes that keep their text and line.
//!
//! Read in one pass over parser events, with every cost counted while it arises:
//!
//! 1. size and encoding, before any parsing;
//! 2. depth, nodes and expanded bytes, at each event (aliases count what they expand to);
//! 3. duplicate keys, keys that are no strings, merge keys and foreign tags, where they stand;
//! 4. exactly one document.
//!
//! Scalars keep their source text: `1.10` stays `1.10`. What type a plain scalar has is decided by the
//! core schema of YAML 1.2 when a field is read (`no` and `on` are strings).

mod build;
mod plain;
mod scalar;

use serde_json::Value;

pub use scalar::{Scalar, ScalarType};

use crate::metadata_error::MetadataError;

/// One value of a YAML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Line it starts on, from 1.
    pub line: usize,
    /// What it is.
    pub value: NodeValue,
}

/// The three kinds of YAML values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeValue {
    /// Text, number, boolean or null.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in file order; keys are unique.
    Mapping(Vec<Member>),
}

/// One key of a mapping and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: String,
    /// Line of the key, from 1.
    pub line: usize,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Reads the one document in `bytes`; an empty file is a null.
    ///
    /// # Errors
    /// [`MetadataError`] names `file`, the line and, inside mappings, the field.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, MetadataError> {
        build::parse(file, bytes)
    }

    /// The value of `key`, if this is a mapping that has it and the value is not null.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.get_even_null(key).filter(|node| !node.is_null())
    }

    /// The value of `key`, null included.
    pub fn get_even_null(&self, key: &str) -> Option<&Self> {
        self.members()
            .iter()
            .find(|member| member.key == key)
            .map(|member| &member.value)
    }

    /// The members, or none if this is no mapping.
    pub fn members(&self) -> &[Member] {
        match &self.value {
            NodeValue::Mapping(members) => members,
            _ => &[],
        }
    }

    /// The items, or none if this is no list.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            NodeValue::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Whether this is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.value, NodeValue::Mapping(_))
    }

    /// Whether this is a list.
    pub fn is_sequence(&self) -> bool {
        matches!(self.value, NodeValue::Sequence(_))
    }

    /// Whether this is a null: nothing at all, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| scalar.resolve() == ScalarType::Null)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.scalar()
            .filter(|scalar| scalar.resolve() == ScalarType::String)
            .map(Scalar::text)
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.scalar()?.resolve() {
            ScalarType::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The scalar, if this is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            NodeValue::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What this is, for error messages: `a list`, `a number` and so on.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            NodeValue::Scalar(scalar) => scalar.resolve().describe(),
            NodeValue::Sequence(_) => "a list",
            NodeValue::Mapping(_) => "a mapping",
        }
    }

    /// The same value as JSON.
    ///
    /// Numbers no JSON reader could hold are kept as their text.
    ///
    /// # Errors
    /// The line of the first `.inf` or `.nan`, which JSON cannot say.
    pub fn to_json(&self) -> Result<Value, usize> {
        match &self.value {
            NodeValue::Scalar(scalar) => scalar.to_json().ok_or(self.line),
            NodeValue::Sequence(items) => items.iter().map(Self::to_json).collect(),
            NodeValue::Mapping(members) => {
                let mut map = serde_json::Map::new();
                for member in members {
                    map.insert(member.key.clone(), member.value.to_json()?);
                }
                Ok(Value::Object(map))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node, MetadataError> {
        Node::parse("f.yaml", text.as_bytes())
    }

    /// Text, lines and types survive.
    #[test]
    fn node_keeps_text_and_lines() {
        let node = parse("a: 1.10\nb:\n  - no\n  - \"on\"\nc: {d: ~}\n").unwrap();
        assert_eq!(node.get("a").unwrap().scalar().unwrap().text(), "1.10");
        assert_eq!(node.get("b").unwrap().items()[0].as_str(), Some("no"));
        assert_eq!(node.get("b").unwrap().items()[1].line, 4);
        assert_eq!(node.get("c").unwrap().get("d"), None);
        assert!(parse("").unwrap().is_null());
    }

    /// Each refused construct is named with its line.
    #[test]
    fn node_refuses_what_two_readers_could_read_two_ways() {
        let rows = [
            ("a: 1\na: 2\n", "line 2", "twice"),
            ("a: {b: 1, b: 2}\n", "line 1", "twice"),
            ("a: 1\n---\nb: 2\n", "line 2", "second document"),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", "line 3", "merge"),
            ("a: !evil x\n", "line 1", "tag"),
            ("1: a\n", "line 1", "not a string"),
            ("? [a]\n: b\n", "line 1", "not a string"),
            ("a: \"\\e[2J\"\n", "line 1", "control"),
            ("a: &l [*l]\n", "line 1", "alias"),
            ("a:\n\tb: 1\n", "line 2", ""),
        ];
        for (text, line, reason) in rows {
            let message = parse(text).expect_err(text).to_string();
            assert!(
                message.contains(line) && message.contains(reason),
                "{text}: {message}"
            );
        }
    }

    /// However many keys there are: one that stands there twice is named with the line where it does so first.
    #[test]
    fn node_refuses_keys_that_stand_there_twice() {
        for count in [3, 15, 16, 17, 18, 300] {
            for (first, second) in [(0, 1), (0, count - 1), (count / 2, count - 1)] {
                // A list in brackets is the full parser's.
                let mut lines: Vec<_> = (0..count).map(|n| format!("key{n}: [{n}]\n")).collect();
                assert!(parse(&lines.concat()).is_ok());
                let again = format!("key{first}: [x]\n");
                lines[count - 1].clone_from(&again);
                lines[second] = again;
                let message = parse(&lines.concat()).unwrap_err().to_string();
                let place = format!("line {}", second + 1);
                let named = message.contains(&place) && message.contains(&format!("`key{first}`"));
                assert!(named && message.contains("twice"), "{count}: {message}");
            }
        }
    }

    /// Bombs end with an error, within the budget.
    #[test]
    fn node_refuses_bombs() {
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..10 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(",");
            laughs += &format!("a{i}: &a{i} [{aliases}]\n");
        }
        assert!(parse(&laughs).is_err());
        for bomb in [
            format!("x: {}", "[".repeat(100_000)),
            format!("x: {}", "{a: ".repeat(50_000)),
            format!("x:\n {}1\n", "- ".repeat(20_000)),
        ] {
            assert!(parse(&bomb).is_err());
        }
    }

    /// Depth 64 is in, 65 is out.
    #[test]
    fn node_depth_limit_is_inclusive() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nested(64)).is_ok());
        assert!(parse(&nested(65)).is_err());
    }
}
