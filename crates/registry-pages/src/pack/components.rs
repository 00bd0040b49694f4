//! The components of a pack as its page shows them.

use std::borrow::Cow;
use std::fmt::Write as _;

use minijinja::Value as Html;
use pack_format::PackRef;
use pack_format::documents::{Component, Components, Parameter, Task};
use serde::Serialize;
use serde_json::{Value, json};

use crate::escape::escape_ticks;
use crate::limits::{MAX_COMPONENTS, MAX_NAMES, first};
use crate::pack::drawing::Drawing;
use crate::pack::flow;
use crate::pack::references::{Reference, References, singular};
use crate::pack::schema::{RowBudget, SchemaTable};
use crate::shell::quote;
use crate::text::{clean, grouped};

/// All components of one kind.
#[derive(Debug, Serialize)]
pub(crate) struct KindView<'a> {
    /// Anchor of the section: the kind in the plural.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) count: String,
    /// What the kind is for, in a sentence.
    about: &'static str,
    /// Whether the list is long enough for its own filter.
    long: bool,
    components: Vec<ComponentView<'a>>,
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct ComponentView<'a> {
    /// Whether there is anything to open.
    opens: bool,
    id: String,
    name: Cow<'a, str>,
    runner: Option<Cow<'a, str>>,
    /// The description, else the label, as HTML.
    about: Option<Html>,
    wires: Option<Wires>,
    entry_point: Option<Cow<'a, str>>,
    workflow: Option<WorkflowView<'a>>,
    tables: Vec<SchemaTable>,
    calls: Option<Calls>,
}

/// What a component is tied to.
#[derive(Debug, Serialize)]
struct Wires {
    trigger: Option<Reference>,
    action: Option<Reference>,
    emits: Vec<Reference>,
}

#[derive(Debug, Serialize)]
struct WorkflowView<'a> {
    drawing: Option<Drawing>,
    tasks: Vec<TaskView<'a>>,
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct TaskView<'a> {
    name: Cow<'a, str>,
    action: Option<Reference>,
    next: Vec<Cow<'a, str>>,
}

/// Components of one kind from which a filter helps.
const LONG_LIST: usize = 12;

/// Titles and explanations of the five kinds, in the order of [`Components::by_kind`].
const KINDS: [(&str, &str); 5] = [
    ("Actions", "What the pack can do."),
    ("Sensors", "What watches for events and sends triggers."),
    ("Triggers", "The events, and what each one carries."),
    ("Rules", "Which trigger runs which action."),
    ("Workflows", "Actions made of tasks."),
];

/// The sections of components; kinds without any are left out.
pub(crate) fn sections<'a>(
    pack_ref: &PackRef,
    components: &'a Components,
    references: &References<'a>,
    budget: &mut RowBudget,
) -> Vec<KindView<'a>> {
    let kinds = components.by_kind().into_iter().zip(KINDS);
    kinds
        .filter(|((_, list), _)| !list.is_empty())
        .map(|((kind, list), (title, about))| KindView {
            id: kind,
            title,
            about,
            count: grouped(list.len() as u64),
            long: list.len() > LONG_LIST,
            components: list
                .iter()
                .take(MAX_COMPONENTS)
                .map(|c| ComponentView::new(pack_ref, kind, c, references, budget))
                .collect(),
            omitted: list.len().saturating_sub(MAX_COMPONENTS),
        })
        .collect()
}

impl<'a> ComponentView<'a> {
    fn new(
        pack_ref: &PackRef,
        kind: &'static str,
        component: &'a Component,
        references: &References<'a>,
        budget: &mut RowBudget,
    ) -> Self {
        let name = component.name.as_str();
        let (input, output) = match kind {
            "triggers" => ("Settings", "Payload"),
            _ => ("Parameters", "Output"),
        };
        let tables: Vec<_> = [(input, &component.parameters), (output, &component.output)]
            .into_iter()
            .filter_map(|(title, rows)| SchemaTable::new(title, rows, budget))
            .collect();
        let workflow = WorkflowView::new(&component.tasks, references, budget);
        let calls = (kind == "actions")
            .then(|| Calls::new(pack_ref, name, &component.parameters))
            .flatten();
        Self {
            id: references
                .anchor(singular(kind), name)
                .unwrap_or_default()
                .to_owned(),
            opens: !tables.is_empty() || calls.is_some() || has_more(component),
            name: clean(name),
            about: about(component),
            runner: component.runner_type.as_deref().map(clean),
            entry_point: component.entry_point.as_deref().map(clean),
            tables,
            calls,
            wires: Wires::new(component, references),
            workflow,
        }
    }
}

/// What a component says of itself, with code marked.
fn about(component: &Component) -> Option<Html> {
    let description = clean(component.description.trim());
    let label = component.label.as_deref();
    let label = label.filter(|label| !label.is_empty() && *label != component.name);
    let text = match label {
        Some(label) if description.is_empty() => clean(label),
        _ => description,
    };
    if text.is_empty() {
        return None;
    }
    let mut html = String::with_capacity(text.len());
    // Writing to a string does not fail.
    let _ = escape_ticks(&mut html, &text);
    Some(Html::from_safe_string(html))
}

fn has_more(component: &Component) -> bool {
    component.entry_point.is_some() || !component.tasks.is_empty()
}

impl Wires {
    /// What a component names; `None` when it names nothing.
    fn new(component: &Component, references: &References<'_>) -> Option<Self> {
        let reference = |kind, name: &Option<String>| {
            let name = name.as_deref();
            name.map(|name| references.component(kind, name))
        };
        let (sent, _) = first(&component.trigger_types, MAX_NAMES);
        let wires = Self {
            trigger: reference("trigger", &component.trigger_ref),
            action: reference("action", &component.action_ref),
            emits: sent
                .iter()
                .map(|t| references.component("trigger", t))
                .collect(),
        };
        let any = wires.trigger.is_some() || wires.action.is_some() || !wires.emits.is_empty();
        any.then_some(wires)
    }
}

impl<'a> WorkflowView<'a> {
    /// The tasks a page has room for; `None` when there are none.
    fn new(tasks: &'a [Task], references: &References<'a>, budget: &mut RowBudget) -> Option<Self> {
        let (shown, omitted) = first(tasks, budget.take(tasks.len()));
        (!tasks.is_empty()).then(|| Self {
            drawing: flow::tasks(tasks),
            tasks: shown.iter().map(|t| TaskView::new(t, references)).collect(),
            omitted,
        })
    }
}

impl<'a> TaskView<'a> {
    fn new(task: &'a Task, references: &References<'a>) -> Self {
        Self {
            name: clean(&task.name),
            action: task
                .action
                .as_deref()
                .map(|a| references.component("action", a)),
            next: first(&task.next, MAX_NAMES)
                .0
                .iter()
                .map(|n| clean(n))
                .collect(),
        }
    }
}

/// How an action is run. Texts, not HTML: templates of operators may want them in an attribute.
#[derive(Debug, Serialize)]
struct Calls {
    /// A command line.
    command: String,
    /// A request to the API of a platform.
    request: String,
}

impl Calls {
    /// The calls of an action, with a stand-in for every parameter that must be given; `None` when there are too many of
    /// them or a name is not safe to paste.
    fn new(pack_ref: &PackRef, name: &str, parameters: &[Parameter]) -> Option<Self> {
        let needed = |p: &&Parameter| p.required && p.default.is_none();
        let action = format!("{pack_ref}.{name}");
        let mut command = format!("attune action execute {}", quote(&action)?);
        let mut body = format!(r#"{{"action_ref":{},"parameters":{{"#, json_text(&action));
        for (at, parameter) in parameters.iter().filter(needed).enumerate() {
            if at == MAX_NAMES {
                return None;
            }
            let stand_in = stand_in(&parameter.name);
            let assignment = format!("{}={stand_in}", parameter.name);
            let comma = if at > 0 { "," } else { "" };
            let name = json_text(&parameter.name);
            // Writing to a string does not fail.
            let _ = write!(command, " \\\n  --param {}", quote(&assignment)?);
            let _ = write!(body, "{comma}{name}:{}", value(parameter, stand_in));
        }
        body.push_str("}}");
        let request = format!(
            "curl \"$ATTUNE_URL/api/v1/executions/execute\" \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  --json {}",
            quote(&body)?
        );
        Some(Self { command, request })
    }
}

/// Text as a string of JSON.
fn json_text(text: &str) -> String {
    // Text can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// What stands for the text of a parameter.
fn stand_in(name: &str) -> String {
    let upper = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    name.chars().map(upper).collect()
}

/// A value of the type of a parameter.
fn value(parameter: &Parameter, stand_in: String) -> Value {
    if let Some(allowed) = parameter.allowed.first() {
        return allowed.clone();
    }
    match parameter.value_type.as_str() {
        "integer" | "number" => json!(0),
        "boolean" => json!(false),
        "array" => json!([]),
        "object" => json!({}),
        _ => Value::from(stand_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The description, with code marked and nothing foreign; where none can be seen, a label that says more than the name.
    #[test]
    fn about_is_what_can_be_seen() {
        let of = |description: &str, label: Option<&str>| {
            let component = Component {
                name: "send".to_owned(),
                description: description.to_owned(),
                label: label.map(str::to_owned),
                ..Component::default()
            };
            about(&component).map(|html| html.to_string())
        };
        let said = of(" Sends `<b>` & more ", Some("Send it"));
        assert_eq!(said.unwrap(), "Sends <code>&lt;b&gt;</code> &amp; more");
        assert_eq!(of("\u{202e}", Some("Send it")).unwrap(), "Send it");
        for label in [None, Some(""), Some("send"), Some("\u{202e}")] {
            assert_eq!(of(" ", label), None, "{label:?}");
        }
    }

    /// Required parameters appear; hostile names are quoted or the command is left out.
    #[test]
    fn command_is_safe_to_paste() {
        let pack_ref: PackRef = "slack".parse().unwrap();
        let needed = |name: &str| Parameter {
            name: name.into(),
            required: true,
            ..Parameter::default()
        };
        let line = |name: &str, parameters: &[Parameter]| {
            Calls::new(&pack_ref, name, parameters).map(|calls| calls.command)
        };
        assert_eq!(
            line("send", &[needed("channel")]).unwrap(),
            "attune action execute slack.send \\\n  --param channel=CHANNEL"
        );
        assert_eq!(
            line("send;id", &[needed("$(x)")]).unwrap(),
            "attune action execute 'slack.send;id' \\\n  --param '$(x)=__X_'"
        );
        assert_eq!(line("a\nb", &[]), None);
    }

    /// Values have the types of their parameters, and a hostile name stays inside its quotes.
    #[test]
    fn request_is_safe_to_paste() {
        let pack_ref: PackRef = "slack".parse().unwrap();
        let needed = |name: &str, value_type: &str| Parameter {
            name: name.into(),
            value_type: value_type.into(),
            required: true,
            ..Parameter::default()
        };
        let mut level = needed("level", "string");
        level.allowed = vec!["low".into(), "high".into()];
        let parameters = [
            needed("it's", "string"),
            needed("count", "integer"),
            needed("all", "boolean"),
            needed("to", "array"),
            level,
        ];
        let calls = Calls::new(&pack_ref, "send", &parameters).unwrap();
        for said in [
            r#"--json '{"action_ref":"slack.send","parameters":{"#,
            r#""it'\''s":"IT_S""#,
            r#""count":0"#,
            r#""all":false"#,
            r#""to":[]"#,
            r#""level":"low""#,
        ] {
            assert!(calls.request.contains(said), "{said}: {}", calls.request);
        }
    }
}
