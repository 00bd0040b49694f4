//! `Flow`: how the components of a pack fit together, as a list and, where it is small enough, drawn.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::documents::{Component, Components, Task};
use serde::Serialize;

use crate::limits::{MAX_FLOW_STEPS, MAX_NAMES, first};
use crate::pack::drawing::{Drawing, Point, layers};
use crate::pack::references::{Reference, References};
use crate::text::clean;

/// What runs when.
#[derive(Debug, Serialize)]
pub(crate) struct Flow {
    drawing: Option<Drawing>,
    steps: Vec<Step>,
    omitted: usize,
}

/// One chain: sensors send a trigger, a rule answers it with an action.
#[derive(Debug, Serialize)]
struct Step {
    sensors: Vec<Reference>,
    trigger: Reference,
    rule: Option<Reference>,
    action: Option<Reference>,
}

impl Flow {
    /// The chains of a pack; `None` when nothing in it is connected.
    pub(crate) fn new(components: &Components, references: &References<'_>) -> Option<Self> {
        let mut senders = BTreeMap::<&str, Vec<&str>>::new();
        for sensor in &components.sensors {
            for trigger in &sensor.trigger_types {
                senders.entry(trigger).or_default().push(&sensor.name);
            }
        }
        let rules = &components.rules;
        let answered: BTreeSet<&str> = rules.iter().filter_map(trigger_of).collect();
        let silent = senders
            .keys()
            .filter(|trigger| !answered.contains(**trigger));
        let chains = rules
            .iter()
            .filter_map(|rule| Some((trigger_of(rule)?, Some(rule))))
            .chain(silent.map(|trigger| (*trigger, None)));
        let mut steps: Vec<Step> = Vec::new();
        let mut omitted = 0;
        for (trigger, rule) in chains {
            if steps.len() == MAX_FLOW_STEPS {
                omitted += 1;
                continue;
            }
            let sensors = senders.get(trigger).map_or(&[][..], Vec::as_slice);
            steps.push(Step::new(sensors, trigger, rule, references));
        }
        let drawing = if omitted == 0 {
            draw(&steps, references)
        } else {
            None
        };
        (!steps.is_empty()).then_some(Self {
            drawing,
            steps,
            omitted,
        })
    }
}

fn trigger_of(rule: &Component) -> Option<&str> {
    rule.trigger_ref.as_deref()
}

impl Step {
    fn new(
        sensors: &[&str],
        trigger: &str,
        rule: Option<&Component>,
        references: &References<'_>,
    ) -> Self {
        let action = rule.and_then(|rule| rule.action_ref.as_deref());
        Self {
            sensors: first(sensors, MAX_NAMES)
                .0
                .iter()
                .map(|name| references.component("sensor", name))
                .collect(),
            trigger: references.component("trigger", trigger),
            rule: rule.map(|rule| references.component("rule", &rule.name)),
            action: action.map(|action| references.component("action", action)),
        }
    }
}

/// Sensors, triggers, rules and actions in four columns.
fn draw(steps: &[Step], references: &References<'_>) -> Option<Drawing> {
    let mut graph = Graph::default();
    for step in steps {
        let mut node = |column, reference: &Reference| {
            let name = references.short(&reference.text);
            let foreign = !reference
                .href
                .as_deref()
                .is_some_and(|href| href.starts_with('#'));
            graph.node(Point {
                column,
                name: name.to_owned(),
                foreign,
            })
        };
        let trigger = node(1, &step.trigger);
        let sensors: Vec<usize> = step.sensors.iter().map(|sensor| node(0, sensor)).collect();
        let rule = step.rule.as_ref().map(|rule| node(2, rule));
        let action = step.action.as_ref().map(|action| node(3, action));
        graph
            .edges
            .extend(sensors.into_iter().map(|sensor| (sensor, trigger)));
        graph.edges.extend(rule.map(|rule| (trigger, rule)));
        graph.edges.extend(rule.zip(action));
    }
    graph.edges.sort_unstable();
    graph.edges.dedup();
    graph.draw(["Sensors", "Triggers", "Rules", "Actions"])
}

/// Nodes without doubles, and the lines between them.
#[derive(Default)]
struct Graph {
    points: Vec<Point>,
    known: BTreeMap<(usize, String), usize>,
    edges: Vec<(usize, usize)>,
}

impl Graph {
    fn node(&mut self, point: Point) -> usize {
        let key = (point.column, point.name.clone());
        *self.known.entry(key).or_insert_with(|| {
            self.points.push(point);
            self.points.len() - 1
        })
    }

    /// Draws it; columns without nodes are left out.
    fn draw(mut self, titles: [&'static str; 4]) -> Option<Drawing> {
        let used = |column: usize| self.points.iter().any(|p| p.column == column);
        let columns: Vec<usize> = (0..titles.len()).filter(|c| used(*c)).collect();
        for point in &mut self.points {
            point.column = columns.iter().position(|c| *c == point.column).unwrap_or(0);
        }
        let titles: Vec<&'static str> = columns
            .iter()
            .filter_map(|c| titles.get(*c).copied())
            .collect();
        Drawing::new(&self.points, &self.edges, &titles)
    }
}

/// A workflow drawn as its tasks.
pub(crate) fn tasks(tasks: &[Task]) -> Option<Drawing> {
    let index: BTreeMap<&str, usize> = tasks
        .iter()
        .enumerate()
        .map(|(i, t)| (t.name.as_str(), i))
        .collect();
    let edges: Vec<(usize, usize)> = tasks
        .iter()
        .enumerate()
        .flat_map(|(i, task)| task.next.iter().map(move |next| (i, next)))
        .filter_map(|(i, next)| Some((i, *index.get(next.as_str())?)))
        .collect();
    let layers = layers(tasks.len(), &edges);
    let points: Vec<Point> = tasks
        .iter()
        .zip(layers)
        .map(|(task, column)| Point {
            column,
            name: clean(&task.name).into_owned(),
            foreign: false,
        })
        .collect();
    Drawing::new(&points, &edges, &[])
}
