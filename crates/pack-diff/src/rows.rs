//! `Rows`: which kinds of changes parameters, configuration keys, outputs and payloads have.

use crate::kind::ChangeKind;

/// Who gives the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Given,
    Taken,
}

/// The kinds of changes a group of rows can have.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) noun: &'static str,
    pub(crate) direction: Direction,
    pub(crate) removed: ChangeKind,
    pub(crate) added: ChangeKind,
    pub(crate) added_required: ChangeKind,
    pub(crate) now_required: ChangeKind,
    pub(crate) now_optional: ChangeKind,
    pub(crate) restated: ChangeKind,
    pub(crate) type_narrowed: ChangeKind,
    pub(crate) type_widened: ChangeKind,
    pub(crate) type_changed: ChangeKind,
    pub(crate) values_removed: ChangeKind,
    pub(crate) values_added: ChangeKind,
    pub(crate) tightened: ChangeKind,
    pub(crate) loosened: ChangeKind,
    pub(crate) limit_changed: ChangeKind,
    pub(crate) default_changed: ChangeKind,
    pub(crate) secret_removed: ChangeKind,
    pub(crate) secret_added: ChangeKind,
    pub(crate) text_changed: ChangeKind,
}

/// Parameters of a component.
pub(crate) const PARAMETERS: Rows = Rows {
    noun: "parameter",
    direction: Direction::Given,
    removed: ChangeKind::ParameterRemoved,
    added: ChangeKind::ParameterAdded,
    added_required: ChangeKind::ParameterAddedRequired,
    now_required: ChangeKind::ParameterNowRequired,
    now_optional: ChangeKind::ParameterNowOptional,
    restated: ChangeKind::ParameterRequiredRestated,
    type_narrowed: ChangeKind::ParameterTypeNarrowed,
    type_widened: ChangeKind::ParameterTypeWidened,
    type_changed: ChangeKind::ParameterTypeChanged,
    values_removed: ChangeKind::ParameterValuesRemoved,
    values_added: ChangeKind::ParameterValuesAdded,
    tightened: ChangeKind::ParameterLimitTightened,
    loosened: ChangeKind::ParameterLimitLoosened,
    limit_changed: ChangeKind::ParameterLimitChanged,
    default_changed: ChangeKind::ParameterDefaultChanged,
    secret_removed: ChangeKind::ParameterSecretRemoved,
    secret_added: ChangeKind::ParameterSecretAdded,
    text_changed: ChangeKind::ParameterTextChanged,
};

/// Configuration of the pack.
pub(crate) const CONFIGURATION: Rows = Rows {
    noun: "configuration key",
    direction: Direction::Given,
    removed: ChangeKind::ConfigRemoved,
    added: ChangeKind::ConfigAdded,
    added_required: ChangeKind::ConfigAddedRequired,
    now_required: ChangeKind::ConfigNowRequired,
    now_optional: ChangeKind::ConfigNowOptional,
    restated: ChangeKind::ConfigRequiredRestated,
    type_narrowed: ChangeKind::ConfigTypeNarrowed,
    type_widened: ChangeKind::ConfigTypeWidened,
    type_changed: ChangeKind::ConfigTypeChanged,
    values_removed: ChangeKind::ConfigValuesRemoved,
    values_added: ChangeKind::ConfigValuesAdded,
    tightened: ChangeKind::ConfigLimitTightened,
    loosened: ChangeKind::ConfigLimitLoosened,
    limit_changed: ChangeKind::ConfigLimitChanged,
    default_changed: ChangeKind::ConfigDefaultChanged,
    secret_removed: ChangeKind::ConfigSecretRemoved,
    secret_added: ChangeKind::ConfigSecretAdded,
    text_changed: ChangeKind::ConfigTextChanged,
};

/// Output of an action or workflow.
pub(crate) const OUTPUT: Rows = Rows {
    noun: "output field",
    direction: Direction::Taken,
    removed: ChangeKind::OutputRemoved,
    added: ChangeKind::OutputAdded,
    added_required: ChangeKind::OutputAdded,
    now_required: ChangeKind::OutputNowRequired,
    now_optional: ChangeKind::OutputNowOptional,
    restated: ChangeKind::OutputNowOptional,
    type_narrowed: ChangeKind::OutputTypeNarrowed,
    type_widened: ChangeKind::OutputTypeWidened,
    type_changed: ChangeKind::OutputTypeChanged,
    values_removed: ChangeKind::OutputValuesRemoved,
    values_added: ChangeKind::OutputValuesAdded,
    tightened: ChangeKind::OutputLimitChanged,
    loosened: ChangeKind::OutputLimitChanged,
    limit_changed: ChangeKind::OutputLimitChanged,
    default_changed: ChangeKind::OutputDefaultChanged,
    secret_removed: ChangeKind::OutputSecretRemoved,
    secret_added: ChangeKind::OutputSecretAdded,
    text_changed: ChangeKind::OutputTextChanged,
};

/// Payload of a trigger.
pub(crate) const PAYLOAD: Rows = Rows {
    noun: "payload field",
    ..OUTPUT
};
