//! `Change`: one difference, for people and for programs.

use std::cmp::Ordering;

use pack_format::text::printable;
use serde::Serialize;
use serde_json::Value;

use crate::kind::{ChangeKind, Severity};

/// A component, such as the action `post`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ComponentId {
    /// `action`, `sensor`, `trigger`, `rule` or `workflow`.
    pub kind: &'static str,
    /// Its name without the pack ref; in the old version, where it was renamed.
    pub name: String,
}

impl std::fmt::Display for ComponentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind, printable(&self.name))
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What changed.
    pub kind: ChangeKind,
    /// What it means to users.
    pub severity: Severity,
    /// The component, unless the pack as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentId>,
    /// The parameter, field, key, requirement or member; nested ones are joined by `.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// A sentence for people.
    pub message: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

impl Change {
    /// Stable order: severity, then place, then kind, then values.
    fn order(&self, other: &Self) -> Ordering {
        let key = |change: &Self| {
            let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
            (
                change.severity,
                change.component.clone(),
                change.field.clone(),
                change.kind,
                (text(&change.old), text(&change.new)),
            )
        };
        key(self).cmp(&key(other))
    }
}

/// The changes found so far.
#[derive(Debug, Default)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    pub(crate) fn push(&mut self, kind: ChangeKind, place: Place<'_>, what: What) {
        self.0.push(Change {
            kind,
            severity: kind.severity(),
            component: place.component.cloned(),
            field: place.field.map(str::to_owned),
            message: what.message,
            old: what.old,
            new: what.new,
        });
    }

    pub(crate) fn sorted(mut self) -> Vec<Change> {
        self.0.sort_by(Change::order);
        self.0
    }
}

/// Where something changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    pub(crate) component: Option<&'a ComponentId>,
    pub(crate) field: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(component: &'a ComponentId) -> Self {
        Self {
            component: Some(component),
            field: None,
        }
    }

    pub(crate) fn field(field: &'a str) -> Self {
        Self {
            component: None,
            field: Some(field),
        }
    }
}

/// What changed there.
#[derive(Debug, Default)]
pub(crate) struct What {
    message: String,
    old: Option<Value>,
    new: Option<Value>,
}

impl What {
    pub(crate) fn new(
        message: impl Into<String>,
        old: Option<impl Into<Value>>,
        new: Option<impl Into<Value>>,
    ) -> Self {
        Self {
            message: message.into(),
            old: old.map(Into::into),
            new: new.map(Into::into),
        }
    }
}

/// A value for a sentence: short, on one line, in backticks.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", printable(text)),
        other => format!("`{}`", printable(&other.to_string())),
    }
}

/// Values for a sentence.
pub(crate) fn listed<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    const MOST: usize = 8;
    let all: Vec<String> = values.into_iter().map(shown).collect();
    match all.len().checked_sub(MOST) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..MOST].join(", ")),
    }
}
