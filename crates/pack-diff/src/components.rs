//! Components: matched, then compared member by member.
//!
//! 1. By kind and name.
//! 2. Actions and workflows share their names: what became the other is called as before.
//! 3. What is left is renamed if it is otherwise the same and nothing else could be meant: first all but
//!    name and texts, then all but name, label and script where the description speaks for it.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::documents::{Component, Components};
use serde_json::Value;

use crate::change::{Changes, ComponentId, Place, What, shown};
use crate::fields;
use crate::kind::ChangeKind;
use crate::rows;

/// A component and its kind as messages say it.
type Item<'a> = (&'static str, &'a Component);
type Key = (&'static str, String);
type Items<'a> = BTreeMap<Key, &'a Component>;

pub(crate) fn compare(old: &Components, new: &Components, changes: &mut Changes) {
    let (mut old, mut new) = (items(old), items(new));
    for (before, after) in pairs(&mut old, &mut new) {
        pair(before, after, changes);
    }
    for ((kind, _), component) in old {
        let id = id((kind, component));
        let message = format!("{id} is gone");
        let what = What::new(message, Some(component.name.as_str()), None::<Value>);
        changes.push(ChangeKind::ComponentRemoved, Place::of(&id), what);
    }
    for ((kind, _), component) in new {
        let id = id((kind, component));
        let message = format!("{id} is new");
        let what = What::new(message, None::<Value>, Some(component.name.as_str()));
        changes.push(ChangeKind::ComponentAdded, Place::of(&id), what);
    }
}

fn id((kind, component): Item<'_>) -> ComponentId {
    ComponentId {
        kind,
        name: component.name.clone(),
    }
}

fn items(components: &Components) -> Items<'_> {
    let singular = ["action", "sensor", "trigger", "rule", "workflow"];
    let lists = components.by_kind();
    singular
        .into_iter()
        .zip(lists)
        .flat_map(|(kind, (_, list))| list.iter().map(move |c| ((kind, c.name.clone()), c)))
        .collect()
}

/// Takes what belongs together out of both.
fn pairs<'o, 'n>(old: &mut Items<'o>, new: &mut Items<'n>) -> Vec<(Item<'o>, Item<'n>)> {
    let mut pairs = Vec::new();
    let mut take = |old: &mut Items<'o>, new: &mut Items<'n>, one: &Key, other: &Key| {
        if old.contains_key(one)
            && let Some(after) = new.remove(other)
            && let Some(before) = old.remove(one)
        {
            pairs.push(((one.0, before), (other.0, after)));
        }
    };
    for key in old.keys().cloned().collect::<Vec<_>>() {
        take(old, new, &key, &key);
    }
    for key in old.keys().cloned().collect::<Vec<_>>() {
        let other = match key.0 {
            "action" => "workflow",
            "workflow" => "action",
            _ => continue,
        };
        take(old, new, &key, &(other, key.1.clone()));
    }
    for likeness in [same_body, same_description] {
        for (one, other) in renamed(old, new, likeness) {
            take(old, new, &one, &other);
        }
    }
    pairs
}

/// The keys of one old and one new component that are alike, where nothing else is.
fn renamed(
    old: &Items<'_>,
    new: &Items<'_>,
    likeness: fn(&Component) -> Option<String>,
) -> Vec<(Key, Key)> {
    let mut groups: BTreeMap<(&str, String), [Vec<&Key>; 2]> = BTreeMap::new();
    for (side, items) in [old, new].into_iter().enumerate() {
        for (key, component) in items {
            if let Some(text) = likeness(component) {
                groups.entry((key.0, text)).or_default()[side].push(key);
            }
        }
    }
    groups
        .into_values()
        .filter_map(|[old, new]| match (old.as_slice(), new.as_slice()) {
            ([one], [other]) => Some(((*one).clone(), (*other).clone())),
            _ => None,
        })
        .collect()
}

/// Everything but name and texts, if that says anything.
fn same_body(component: &Component) -> Option<String> {
    let body = Component {
        name: String::new(),
        label: None,
        description: String::new(),
        ..component.clone()
    };
    let runner_alone = Component {
        runner_type: body.runner_type.clone(),
        disabled: body.disabled,
        ..Component::default()
    };
    let telling = body != runner_alone;
    telling.then(|| serde_json::to_string(&body).ok())?
}

/// Everything but name, label and script, if it has a description.
fn same_description(component: &Component) -> Option<String> {
    if component.description.is_empty() {
        return None;
    }
    let body = Component {
        name: String::new(),
        label: None,
        entry_point: None,
        ..component.clone()
    };
    serde_json::to_string(&body).ok()
}

/// Two components that are one.
fn pair(before: Item<'_>, after: Item<'_>, changes: &mut Changes) {
    let id = id(before);
    let ((old_kind, old), (new_kind, new)) = (before, after);
    let place = Place::of(&id);
    if old.name != new.name {
        let message = format!("{id} is called {} now", shown(&new.name.as_str().into()));
        let what = What::new(message, Some(old.name.as_str()), Some(new.name.as_str()));
        changes.push(ChangeKind::ComponentRenamed, place, what);
    }
    if old_kind != new_kind {
        let message = format!("{id} is called as before and a {new_kind} now");
        let message = message.replace("a action", "an action");
        let what = What::new(message, Some(old_kind), Some(new_kind));
        changes.push(ChangeKind::ComponentKindChanged, place, what);
    }
    switch(&id, old, new, changes);
    texts(&id, old, new, changes);
    references(&id, old, new, changes);
    let emitted = |component: &Component| -> BTreeSet<String> {
        component.trigger_types.iter().cloned().collect()
    };
    let (old_triggers, new_triggers) = (emitted(old), emitted(new));
    for gone in old_triggers.difference(&new_triggers) {
        let message = format!("{id} no longer emits {}", shown(&gone.as_str().into()));
        let what = What::new(message, Some(gone.as_str()), None::<Value>);
        changes.push(ChangeKind::SensorTriggerRemoved, place, what);
    }
    for fresh in new_triggers.difference(&old_triggers) {
        let message = format!("{id} also emits {}", shown(&fresh.as_str().into()));
        let what = What::new(message, None::<Value>, Some(fresh.as_str()));
        changes.push(ChangeKind::SensorTriggerAdded, place, what);
    }
    let both = (old.parameters.as_slice(), new.parameters.as_slice());
    fields::compare(&rows::PARAMETERS, Some(&id), both, changes);
    let given = if old_kind == "trigger" {
        &rows::PAYLOAD
    } else {
        &rows::OUTPUT
    };
    let both = (old.output.as_slice(), new.output.as_slice());
    fields::compare(given, Some(&id), both, changes);
}

fn switch(id: &ComponentId, old: &Component, new: &Component, changes: &mut Changes) {
    let (kind, message) = match (old.disabled, new.disabled) {
        (false, true) => (
            ChangeKind::ComponentDisabled,
            format!("{id} is off until somebody enables it"),
        ),
        (true, false) => (
            ChangeKind::ComponentEnabled,
            format!("{id} is on without being enabled"),
        ),
        _ => return,
    };
    let what = What::new(message, Some(!old.disabled), Some(!new.disabled));
    changes.push(kind, Place::of(id), what);
}

fn texts(id: &ComponentId, old: &Component, new: &Component, changes: &mut Changes) {
    let rows = [
        ("label", old.label.as_deref(), new.label.as_deref()),
        (
            "description",
            Some(old.description.as_str()),
            Some(new.description.as_str()),
        ),
    ];
    for (field, before, after) in rows {
        if before != after {
            let place = Place {
                component: Some(id),
                field: Some(field),
            };
            let message = format!("{id} has another {field}");
            changes.push(
                ChangeKind::ComponentTextChanged,
                place,
                What::new(message, before, after),
            );
        }
    }
}

/// What a component names: its runner and script, the trigger and action of a rule, the tasks of a workflow.
fn references(id: &ComponentId, old: &Component, new: &Component, changes: &mut Changes) {
    type Get = fn(&Component) -> Option<&str>;
    let rows: [(ChangeKind, &str, Get); 4] = [
        (ChangeKind::RunnerTypeChanged, "runs by", |c| {
            c.runner_type.as_deref()
        }),
        (ChangeKind::EntryPointChanged, "runs", |c| {
            c.entry_point.as_deref()
        }),
        (ChangeKind::RuleTriggerChanged, "answers to", |c| {
            c.trigger_ref.as_deref()
        }),
        (ChangeKind::RuleActionChanged, "runs", |c| {
            c.action_ref.as_deref()
        }),
    ];
    for (kind, verb, get) in rows {
        let (before, after) = (get(old), get(new));
        if before != after {
            let name = |text: Option<&str>| text.map_or("nothing".to_owned(), |t| shown(&t.into()));
            let message = format!("{id} {verb} {} instead of {}", name(after), name(before));
            changes.push(kind, Place::of(id), What::new(message, before, after));
        }
    }
    if old.tasks != new.tasks {
        let names = |c: &Component| -> Value { c.tasks.iter().map(|t| t.name.as_str()).collect() };
        let what = What::new(
            format!("{id} has other tasks"),
            Some(names(old)),
            Some(names(new)),
        );
        changes.push(ChangeKind::TasksChanged, Place::of(id), what);
    }
}
