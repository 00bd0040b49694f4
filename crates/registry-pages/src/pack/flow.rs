//! `Flow`: how the components of a pack fit together, as a list and, where it is small enough, drawn.

use pack_format::documents::Components;
use serde::Serialize;

use crate::limits::MAX_COMPONENTS;
use crate::pack::references::{Reference, References};

/// What runs when.
#[derive(Debug, Serialize)]
pub(crate) struct Flow {
    steps: Vec<Step>,
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
        let senders = |trigger: &str| -> Vec<Reference> {
            let sends = |names: &[String]| names.iter().any(|n| n == trigger);
            let sensors = components.sensors.iter().filter(|s| sends(&s.trigger_types));
            sensors.map(|s| references.component("sensor", &s.name)).collect()
        };
        let mut steps = Vec::new();
        for rule in components.rules.iter().take(MAX_COMPONENTS) {
            let (Some(trigger), Some(action)) = (&rule.trigger_ref, &rule.action_ref) else {
                continue;
            };
            steps.push(Step {
                sensors: senders(trigger),
                trigger: references.component("trigger", trigger),
                rule: Some(references.component("rule", &rule.name)),
                action: Some(references.component("action", action)),
            });
        }
        let unanswered = components.sensors.iter().flat_map(|s| &s.trigger_types);
        for trigger in unanswered.take(MAX_COMPONENTS) {
            let reference = references.component("trigger", trigger);
            if steps.iter().all(|step| step.trigger != reference) {
                steps.push(Step {
                    sensors: senders(trigger),
                    trigger: reference,
                    rule: None,
                    action: None,
                });
            }
        }
        (!steps.is_empty()).then_some(Self { steps })
    }
}
