//! Rows of schemas: parameters and configuration keys, which users give, and outputs, which they take.
//!
//! The direction decides what breaks: a parameter may take more than before, an output may not give more.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::documents::Parameter;
use serde_json::Value;

use crate::change::{Changes, ComponentId, Place, What, listed, shown};
use crate::kind::ChangeKind;
use crate::rows::{Direction, Rows};
use crate::value_type::{Relation, ValueType};

/// Compares the rows of one schema, matched by name; their order says nothing.
pub(crate) fn compare(
    rows: &'static Rows,
    component: Option<&ComponentId>,
    (old, new): (&[Parameter], &[Parameter]),
    changes: &mut Changes,
) {
    let mut comparison = Comparison {
        rows,
        component,
        changes,
    };
    comparison.level("", old, new);
}

struct Comparison<'a> {
    rows: &'static Rows,
    component: Option<&'a ComponentId>,
    changes: &'a mut Changes,
}

impl Comparison<'_> {
    /// One level of nesting; `above` is the path of the row that holds these.
    fn level(&mut self, above: &str, old: &[Parameter], new: &[Parameter]) {
        let by_name = |rows: &[Parameter]| -> BTreeMap<String, Parameter> {
            rows.iter().map(|r| (r.name.clone(), r.clone())).collect()
        };
        let (old, new) = (by_name(old), by_name(new));
        for (name, row) in &old {
            let path = format!("{above}{name}");
            match new.get(name) {
                Some(other) => self.row(&path, row, other),
                None => self.removed(&path, row),
            }
        }
        for (name, row) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.added(&format!("{above}{name}"), row);
        }
    }

    fn push(&mut self, kind: ChangeKind, path: &str, what: What) {
        let place = Place {
            component: self.component,
            field: Some(path),
        };
        self.changes.push(kind, place, what);
    }

    fn named(&self, path: &str) -> String {
        let path = shown(&Value::from(path));
        match self.component {
            Some(component) => format!("{component}: {} {path}", self.rows.noun),
            None => format!("{} {path}", self.rows.noun),
        }
    }

    fn removed(&mut self, path: &str, row: &Parameter) {
        let message = format!("{} is gone", self.named(path));
        let what = What::new(message, Some(type_shown(row)), None::<Value>);
        self.push(self.rows.removed, path, what);
    }

    fn added(&mut self, path: &str, row: &Parameter) {
        let named = self.named(path);
        let (kind, message) = match (self.rows.direction, must_be_given(row)) {
            (Direction::Taken, _) => (self.rows.added, format!("{named} is new")),
            (Direction::Given, true) => (
                self.rows.added_required,
                format!("{named} is new and must be given"),
            ),
            (Direction::Given, false) => (
                self.rows.added,
                format!("{named} is new and may be left out"),
            ),
        };
        self.push(
            kind,
            path,
            What::new(message, None::<Value>, Some(type_shown(row))),
        );
    }

    fn row(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        self.presence(path, old, new);
        self.value_type(path, old, new);
        self.values(path, old, new);
        self.limits(path, old, new);
        self.default(path, old, new);
        self.secret(path, old, new);
        if old.description != new.description {
            let message = format!("{} is described in other words", self.named(path));
            let what = What::new(
                message,
                Some(old.description.as_str()),
                Some(new.description.as_str()),
            );
            self.push(self.rows.text_changed, path, what);
        }
        let lists = [old, new]
            .iter()
            .any(|row| row.value_type.starts_with("array"));
        let nested = if lists {
            format!("{path}[].")
        } else {
            format!("{path}.")
        };
        self.level(&nested, &old.properties, &new.properties);
    }

    fn presence(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        let named = self.named(path);
        let taken = self.rows.direction == Direction::Taken;
        let binding = |row: &Parameter| {
            if taken {
                row.required
            } else {
                must_be_given(row)
            }
        };
        let (kind, message) = match (binding(old), binding(new)) {
            (false, true) if taken => (
                self.rows.now_required,
                format!("{named} is always there now"),
            ),
            (true, false) if taken => (
                self.rows.now_optional,
                format!("{named} may be missing now"),
            ),
            (false, true) => (self.rows.now_required, format!("{named} must be given now")),
            (true, false) => (
                self.rows.now_optional,
                format!("{named} may be left out now"),
            ),
            _ if old.required != new.required => (
                self.rows.restated,
                format!("{named} says otherwise about being required; its default makes that void"),
            ),
            _ => return,
        };
        self.push(
            kind,
            path,
            What::new(message, Some(old.required), Some(new.required)),
        );
    }

    fn value_type(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        let kind = match ValueType::relation(&old.value_type, &new.value_type) {
            Relation::Equal => return,
            Relation::Narrower => self.rows.type_narrowed,
            Relation::Wider => self.rows.type_widened,
            Relation::Other => self.rows.type_changed,
        };
        let verb = match self.rows.direction {
            Direction::Given => "takes",
            Direction::Taken => "holds",
        };
        let (old, new) = (type_shown(old), type_shown(new));
        let message = format!("{} {verb} `{new}` instead of `{old}`", self.named(path));
        self.push(kind, path, What::new(message, Some(old), Some(new)));
    }

    fn values(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        let named = self.named(path);
        let verb = match self.rows.direction {
            Direction::Given => "take",
            Direction::Taken => "hold",
        };
        let list = |values: &[Value]| Value::from(values.to_vec());
        match (old.allowed.as_slice(), new.allowed.as_slice()) {
            ([], []) => {}
            ([], new) => {
                let message = format!("{named} {verb}s only {}", listed(new));
                let what = What::new(message, None::<Value>, Some(list(new)));
                self.push(self.rows.values_removed, path, what);
            }
            (old, []) => {
                let message = format!("{named} {verb}s any value instead of {}", listed(old));
                let what = What::new(message, Some(list(old)), None::<Value>);
                self.push(self.rows.values_added, path, what);
            }
            (old, new) => {
                let (gone, fresh) = (without(old, new), without(new, old));
                if !gone.is_empty() {
                    let message = format!("{named} no longer {verb}s {}", listed(&gone));
                    let what = What::new(message, Some(list(&gone)), None::<Value>);
                    self.push(self.rows.values_removed, path, what);
                }
                if !fresh.is_empty() {
                    let message = format!("{named} also {verb}s {}", listed(&fresh));
                    let what = What::new(message, None::<Value>, Some(list(&fresh)));
                    self.push(self.rows.values_added, path, what);
                }
            }
        }
    }

    fn limits(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        let all: BTreeSet<&String> = old.limits.keys().chain(new.limits.keys()).collect();
        for name in all {
            let (before, after) = (old.limits.get(name), new.limits.get(name));
            let kind = match limit_relation(name, before, after) {
                Relation::Equal => continue,
                Relation::Narrower => self.rows.tightened,
                Relation::Wider => self.rows.loosened,
                Relation::Other => self.rows.limit_changed,
            };
            let named = self.named(path);
            let message = match (before, after) {
                (Some(before), Some(after)) => format!(
                    "{named} has the `{name}` {} instead of {}",
                    shown(after),
                    shown(before)
                ),
                (None, Some(after)) => format!("{named} has the new `{name}` {}", shown(after)),
                (before, _) => format!(
                    "{named} has no `{name}` any more{}",
                    before
                        .map(|b| format!(" (was {})", shown(b)))
                        .unwrap_or_default()
                ),
            };
            let keyed =
                |value: Option<&Value>| value.map(|v| serde_json::json!({ name.as_str(): v }));
            self.push(kind, path, What::new(message, keyed(before), keyed(after)));
        }
    }

    fn default(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        if old.default == new.default {
            return;
        }
        let named = self.named(path);
        let message = match (&old.default, &new.default) {
            (Some(old), Some(new)) => {
                format!(
                    "{named} defaults to {} instead of {}",
                    shown(new),
                    shown(old)
                )
            }
            (None, Some(new)) => format!("{named} has the default {}", shown(new)),
            (Some(old), None) => format!("{named} has no default any more (was {})", shown(old)),
            (None, None) => return,
        };
        let what = What::new(message, old.default.clone(), new.default.clone());
        self.push(self.rows.default_changed, path, what);
    }

    fn secret(&mut self, path: &str, old: &Parameter, new: &Parameter) {
        let named = self.named(path);
        let (kind, message) = match (old.secret, new.secret) {
            (true, false) => (
                self.rows.secret_removed,
                format!("{named} is no longer kept secret"),
            ),
            (false, true) => (
                self.rows.secret_added,
                format!("{named} is kept secret now"),
            ),
            _ => return,
        };
        self.push(
            kind,
            path,
            What::new(message, Some(old.secret), Some(new.secret)),
        );
    }
}

/// Whether users have to give a value: `required` beside a default asks for nothing.
fn must_be_given(row: &Parameter) -> bool {
    row.required && row.default.is_none()
}

fn type_shown(row: &Parameter) -> String {
    if row.value_type.is_empty() {
        "any".to_owned()
    } else {
        pack_format::text::printable(&row.value_type)
    }
}

/// The values of `all` that are not in `others`, each once, in order.
fn without(all: &[Value], others: &[Value]) -> Vec<Value> {
    let mut seen: BTreeSet<String> = others.iter().map(Value::to_string).collect();
    all.iter()
        .filter(|value| seen.insert(value.to_string()))
        .cloned()
        .collect()
}

/// What the limit `after` is to `before`: `Narrower` admits fewer values.
fn limit_relation(name: &str, before: Option<&Value>, after: Option<&Value>) -> Relation {
    let binding =
        |limit: Option<&Value>| limit.filter(|value| **value != Value::Bool(false)).cloned();
    let (before, after) = match (binding(before), binding(after)) {
        (None, None) => return Relation::Equal,
        (None, Some(_)) => return Relation::Narrower,
        (Some(_), None) => return Relation::Wider,
        (Some(before), Some(after)) if before == after => return Relation::Equal,
        (Some(before), Some(after)) => (before, after),
    };
    let floor = matches!(
        name,
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems"
    );
    let ceiling = matches!(
        name,
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems"
    );
    let (Some(before), Some(after)) = (before.as_f64(), after.as_f64()) else {
        return Relation::Other;
    };
    match before.partial_cmp(&after) {
        Some(std::cmp::Ordering::Equal) => Relation::Equal,
        Some(order) if floor || ceiling => {
            Relation::of(order.is_gt() == floor, order.is_lt() == floor)
        }
        _ => Relation::Other,
    }
}
