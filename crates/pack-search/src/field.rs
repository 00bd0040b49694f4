//! `Field`: where in a pack a word stands, and what that is worth.

use serde::{Deserialize, Serialize};

/// Where in a pack a word stands; the first ones say most about the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The ref.
    Ref,
    /// The name people see.
    Label,
    /// A keyword.
    Keyword,
    /// The name of an action.
    Action,
    /// The name of a workflow.
    Workflow,
    /// The name of a trigger.
    Trigger,
    /// The name of a sensor.
    Sensor,
    /// The name of a rule.
    Rule,
    /// Who wrote the pack.
    Author,
    /// What the pack is for.
    Description,
    /// A key of the configuration.
    Configuration,
    /// A parameter of a component, or a field of what it gives.
    Parameter,
    /// What a component says of itself.
    Component,
}

impl Field {
    /// All of them, in order.
    #[cfg(test)]
    const ALL: [Self; 13] = [
        Self::Ref,
        Self::Label,
        Self::Keyword,
        Self::Action,
        Self::Workflow,
        Self::Trigger,
        Self::Sensor,
        Self::Rule,
        Self::Author,
        Self::Description,
        Self::Configuration,
        Self::Parameter,
        Self::Component,
    ];

    /// The letter that stands for it in files.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Ref => 'r',
            Self::Label => 'l',
            Self::Keyword => 'k',
            Self::Action => 'a',
            Self::Workflow => 'w',
            Self::Trigger => 't',
            Self::Sensor => 's',
            Self::Rule => 'u',
            Self::Author => 'h',
            Self::Description => 'd',
            Self::Configuration => 'c',
            Self::Parameter => 'p',
            Self::Component => 'm',
        }
    }

    /// The field a letter stands for.
    pub(crate) fn of_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'r' => Self::Ref,
            'l' => Self::Label,
            'k' => Self::Keyword,
            'a' => Self::Action,
            'w' => Self::Workflow,
            't' => Self::Trigger,
            's' => Self::Sensor,
            'u' => Self::Rule,
            'h' => Self::Author,
            'd' => Self::Description,
            'c' => Self::Configuration,
            'p' => Self::Parameter,
            'm' => Self::Component,
            _ => return None,
        })
    }

    /// What a word there is worth; the whole word counts twice.
    pub(crate) fn weight(self) -> i64 {
        match self {
            Self::Ref => 60,
            Self::Label => 40,
            Self::Keyword => 36,
            Self::Action | Self::Workflow | Self::Trigger | Self::Sensor | Self::Rule => 24,
            Self::Author => 20,
            Self::Description => 14,
            Self::Configuration => 10,
            Self::Parameter => 8,
            Self::Component => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every field has a letter of its own, and none is worth more than one before it.
    #[test]
    fn letters_tell_fields_apart() {
        let letters: BTreeSet<char> = Field::ALL.iter().map(|field| field.letter()).collect();
        assert_eq!(letters.len(), Field::ALL.len());
        for field in Field::ALL {
            assert_eq!(Field::of_letter(field.letter()), Some(field));
        }
        assert!(Field::ALL.is_sorted());
        assert!(Field::ALL.is_sorted_by_key(|field| -field.weight()));
    }
}
