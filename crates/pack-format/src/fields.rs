//! Typed reading of a mapping's fields, with errors that name field and line.

use serde_json::Value;

use crate::metadata_error::MetadataError;
use crate::yaml::{Node, NodeValue, ScalarType};

/// Reads the fields of one mapping of one file.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    file: &'a str,
    node: &'a Node,
}

impl<'a> Fields<'a> {
    /// The fields of `node`.
    ///
    /// # Errors
    /// If `node` is no mapping.
    pub fn of(file: &'a str, node: &'a Node) -> Result<Self, MetadataError> {
        if node.is_mapping() {
            return Ok(Self { file, node });
        }
        Err(MetadataError::new(
            file,
            Some(node.line),
            if node.is_null() {
                "it is empty".to_owned()
            } else {
                format!("it holds {}, not a mapping of fields", node.describe())
            },
        ))
    }

    /// The mapping itself.
    pub fn node(self) -> &'a Node {
        self.node
    }

    /// The value of the first of `names` that is present, and that name.
    pub fn first_present(self, names: &[&'static str]) -> Option<(&'static str, &'a Node)> {
        names
            .iter()
            .find_map(|name| self.node.get_even_null(name).map(|node| (*name, node)))
    }

    /// An error about field `name`.
    pub fn error(self, name: &str, line: usize, reason: impl Into<String>) -> MetadataError {
        MetadataError::new(self.file, Some(line), reason).in_field(name)
    }

    /// The string in field `name`, if present.
    ///
    /// # Errors
    /// If it is present and no string; a null counts as present.
    pub fn string(self, name: &str) -> Result<Option<&'a str>, MetadataError> {
        self.node
            .get_even_null(name)
            .map(|node| self.expect_string(name, node))
            .transpose()
    }

    /// `node`, the value of field `name`, as a string.
    ///
    /// # Errors
    /// If it is none.
    pub fn expect_string(self, name: &str, node: &'a Node) -> Result<&'a str, MetadataError> {
        node.as_str().ok_or_else(|| {
            let error = self.error(
                name,
                node.line,
                match node.scalar().map(|s| (s.resolve(), s.text())) {
                    Some((ScalarType::Null, _)) | None => {
                        format!("it is {}, not a string", node.describe())
                    }
                    Some((kind, text)) => format!(
                        "`{}` is {}, not a string",
                        crate::text::printable(text),
                        kind.describe()
                    ),
                },
            );
            match node.scalar() {
                Some(scalar) if scalar.resolve() != ScalarType::Null => {
                    error.with_hint(format!("put it in quotes: `{name}: \"{}\"`", scalar.text()))
                }
                _ => error,
            }
        })
    }

    /// The list of texts in field `name`, sorted and unique; strings and finite numbers are taken,
    /// numbers as JSON writes them.
    ///
    /// # Errors
    /// If it is no list, or an item is something else.
    pub fn sorted_texts(self, name: &str, node: &'a Node) -> Result<Vec<String>, MetadataError> {
        if !node.is_sequence() {
            return Err(self
                .error(
                    name,
                    node.line,
                    format!("it is {}, not a list", node.describe()),
                )
                .with_hint(format!("write a list: `{name}: [first, second]`")));
        }
        let mut texts = Vec::with_capacity(node.items().len());
        for item in node.items() {
            let text = item.scalar().filter(|scalar| {
                matches!(
                    scalar.resolve(),
                    ScalarType::String | ScalarType::Integer | ScalarType::Float
                )
            });
            let Some(text) = text else {
                return Err(self.error(
                    name,
                    item.line,
                    format!("an item is {}, not a string", item.describe()),
                ));
            };
            texts.push(text.item_text());
        }
        texts.sort_unstable();
        texts.dedup();
        Ok(texts)
    }

    /// The mapping in field `name` as JSON; empty if the field is absent or null.
    ///
    /// # Errors
    /// If it is no mapping or holds a number JSON cannot say.
    pub fn json_object(self, name: &str) -> Result<serde_json::Map<String, Value>, MetadataError> {
        let Some(node) = self.node.get(name) else {
            return Ok(serde_json::Map::new());
        };
        if !matches!(node.value, NodeValue::Mapping(_)) {
            return Err(self.error(
                name,
                node.line,
                format!("it is {}, not a mapping", node.describe()),
            ));
        }
        match node.to_json() {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Ok(serde_json::Map::new()),
            Err(line) => Err(self.error(name, line, "`.inf` and `.nan` cannot be written as JSON")),
        }
    }
}
