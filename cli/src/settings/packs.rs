//! What the operator configures packs with, for actions that are run here: `packs`.

use pack_format::PackRef;
use pack_format::yaml::Node;
use pack_runtime::Configuration;
use serde_json::Value;

use super::registry::expand;
use super::{Settings, wrong};
use crate::failure::{Code, Failure};

impl Settings {
    /// The values for one pack; none where nothing is said. `${NAME}` in a text is replaced by the variable of that
    /// name.
    ///
    /// No message repeats a value: it may be a secret.
    pub(crate) fn pack_configuration(
        &self,
        pack_ref: &PackRef,
    ) -> Result<Option<Configuration>, Failure> {
        const PATH: [&str; 1] = ["packs"];
        let Some(found) = self.find(&PATH)? else {
            return Ok(None);
        };
        if !found.node.is_mapping() {
            return Err(wrong(&PATH, &found, "a mapping of packs to configurations"));
        }
        let Some(node) = found.node.get(pack_ref.as_str()) else {
            return Ok(None);
        };
        values(node).map(Some).map_err(|reason| {
            let text = format!("setting `packs.{pack_ref}` from {}: {reason}", found.origin);
            Failure::text(Code::Usage, text, None)
        })
    }
}

fn values(node: &Node) -> Result<Configuration, String> {
    let value = node.to_json();
    let value = value.map_err(|line| format!("line {line} holds no value JSON knows"))?;
    let Value::Object(mut values) = value else {
        return Err(format!(
            "it is {}, not a mapping of keys to values",
            node.describe()
        ));
    };
    values.values_mut().try_for_each(with_variables)?;
    Ok(values)
}

/// The depth of a configuration file bounds the recursion.
fn with_variables(value: &mut Value) -> Result<(), String> {
    match value {
        Value::String(text) => *text = expand(text)?,
        Value::Array(items) => items.iter_mut().try_for_each(with_variables)?,
        Value::Object(members) => members.values_mut().try_for_each(with_variables)?,
        _ => {}
    }
    Ok(())
}
