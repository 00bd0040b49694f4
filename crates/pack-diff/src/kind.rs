//! `ChangeKind`: the closed list of what can change, each kind with its id, severity and inverses.
//!
//! Ids are part of the output format: they are added, never renamed. `docs/pack-diff.md` lists them.

use serde::{Serialize, Serializer};

/// What a change means to people who use the pack as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something that worked stops working, or does something else.
    Breaking,
    /// Something is possible that was not, or behaves differently without breaking anybody.
    Feature,
    /// Nothing anybody can rely on changed.
    Neutral,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Breaking, Self::Feature, Self::Neutral];
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $variant:ident $id:literal $severity:ident <-> [$($inverse:ident),+];)+) => {
        /// What changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChangeKind {
            $($(#[$doc])+ $variant,)+
        }

        impl ChangeKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)+
                }
            }

            /// What it means to users.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)+
                }
            }

            /// The kinds the same difference may have when it is looked at from the other side.
            pub fn inverses(self) -> &'static [Self] {
                match self {
                    $(Self::$variant => &[$(Self::$inverse),+],)+
                }
            }
        }
    };
}

kinds! {
    /// A component is gone.
    ComponentRemoved "component_removed" Breaking <-> [ComponentAdded];
    /// A component is new.
    ComponentAdded "component_added" Feature <-> [ComponentRemoved];
    /// A component has another name and is otherwise what it was.
    ComponentRenamed "component_renamed" Breaking <-> [ComponentRenamed];
    /// A component is off until somebody enables it.
    ComponentDisabled "component_disabled" Breaking <-> [ComponentEnabled];
    /// A component that was off is on.
    ComponentEnabled "component_enabled" Feature <-> [ComponentDisabled];
    /// An action became a workflow, or the other way round; it is called as before.
    ComponentKindChanged "component_kind_changed" Neutral <-> [ComponentKindChanged];
    /// Label or description of a component.
    ComponentTextChanged "component_text_changed" Neutral <-> [ComponentTextChanged];
    /// What runs an action or sensor.
    RunnerTypeChanged "runner_type_changed" Neutral <-> [RunnerTypeChanged];
    /// The script of an action or sensor.
    EntryPointChanged "entry_point_changed" Neutral <-> [EntryPointChanged];
    /// The tasks of a workflow.
    TasksChanged "tasks_changed" Neutral <-> [TasksChanged];
    /// A sensor no longer emits a trigger.
    SensorTriggerRemoved "sensor_trigger_removed" Breaking <-> [SensorTriggerAdded];
    /// A sensor emits one more trigger.
    SensorTriggerAdded "sensor_trigger_added" Feature <-> [SensorTriggerRemoved];
    /// A rule answers to another trigger.
    RuleTriggerChanged "rule_trigger_changed" Breaking <-> [RuleTriggerChanged];
    /// A rule runs another action.
    RuleActionChanged "rule_action_changed" Feature <-> [RuleActionChanged];

    /// A parameter is gone.
    ParameterRemoved "parameter_removed" Breaking <-> [ParameterAdded, ParameterAddedRequired];
    /// A new parameter that may be left out.
    ParameterAdded "parameter_added" Feature <-> [ParameterRemoved];
    /// A new parameter that must be given.
    ParameterAddedRequired "parameter_added_required" Breaking <-> [ParameterRemoved];
    /// A parameter that could be left out must be given.
    ParameterNowRequired "parameter_now_required" Breaking <-> [ParameterNowOptional];
    /// A parameter that had to be given may be left out.
    ParameterNowOptional "parameter_now_optional" Feature <-> [ParameterNowRequired];
    /// The word `required` came or went beside a default that makes it void.
    ParameterRequiredRestated "parameter_required_restated" Neutral <-> [ParameterRequiredRestated];
    /// A parameter takes fewer types of values.
    ParameterTypeNarrowed "parameter_type_narrowed" Breaking <-> [ParameterTypeWidened];
    /// A parameter takes more types of values.
    ParameterTypeWidened "parameter_type_widened" Feature <-> [ParameterTypeNarrowed];
    /// A parameter takes other types of values.
    ParameterTypeChanged "parameter_type_changed" Breaking <-> [ParameterTypeChanged];
    /// Values a parameter took are refused.
    ParameterValuesRemoved "parameter_values_removed" Breaking <-> [ParameterValuesAdded];
    /// A parameter takes values it refused.
    ParameterValuesAdded "parameter_values_added" Feature <-> [ParameterValuesRemoved];
    /// A limit such as `minimum` is new or stricter.
    ParameterLimitTightened "parameter_limit_tightened" Breaking <-> [ParameterLimitLoosened];
    /// A limit is gone or less strict.
    ParameterLimitLoosened "parameter_limit_loosened" Feature <-> [ParameterLimitTightened];
    /// A limit is another one, such as a `pattern`.
    ParameterLimitChanged "parameter_limit_changed" Breaking <-> [ParameterLimitChanged];
    /// Another value is used when none is given.
    ParameterDefaultChanged "parameter_default_changed" Feature <-> [ParameterDefaultChanged];
    /// A value that was kept secret is shown.
    ParameterSecretRemoved "parameter_secret_removed" Breaking <-> [ParameterSecretAdded];
    /// A value is kept secret.
    ParameterSecretAdded "parameter_secret_added" Feature <-> [ParameterSecretRemoved];
    /// Description of a parameter.
    ParameterTextChanged "parameter_text_changed" Neutral <-> [ParameterTextChanged];

    /// A configuration key is gone.
    ConfigRemoved "config_removed" Breaking <-> [ConfigAdded, ConfigAddedRequired];
    /// A new configuration key that may be left out.
    ConfigAdded "config_added" Feature <-> [ConfigRemoved];
    /// A new configuration key that must be given.
    ConfigAddedRequired "config_added_required" Breaking <-> [ConfigRemoved];
    /// A configuration key that could be left out must be given.
    ConfigNowRequired "config_now_required" Breaking <-> [ConfigNowOptional];
    /// A configuration key that had to be given may be left out.
    ConfigNowOptional "config_now_optional" Feature <-> [ConfigNowRequired];
    /// The word `required` came or went beside a default that makes it void.
    ConfigRequiredRestated "config_required_restated" Neutral <-> [ConfigRequiredRestated];
    /// A configuration key takes fewer types of values.
    ConfigTypeNarrowed "config_type_narrowed" Breaking <-> [ConfigTypeWidened];
    /// A configuration key takes more types of values.
    ConfigTypeWidened "config_type_widened" Feature <-> [ConfigTypeNarrowed];
    /// A configuration key takes other types of values.
    ConfigTypeChanged "config_type_changed" Breaking <-> [ConfigTypeChanged];
    /// Values a configuration key took are refused.
    ConfigValuesRemoved "config_values_removed" Breaking <-> [ConfigValuesAdded];
    /// A configuration key takes values it refused.
    ConfigValuesAdded "config_values_added" Feature <-> [ConfigValuesRemoved];
    /// A limit such as `minimum` is new or stricter.
    ConfigLimitTightened "config_limit_tightened" Breaking <-> [ConfigLimitLoosened];
    /// A limit is gone or less strict.
    ConfigLimitLoosened "config_limit_loosened" Feature <-> [ConfigLimitTightened];
    /// A limit is another one, such as a `pattern`.
    ConfigLimitChanged "config_limit_changed" Breaking <-> [ConfigLimitChanged];
    /// Another value is used when none is given.
    ConfigDefaultChanged "config_default_changed" Feature <-> [ConfigDefaultChanged];
    /// A value that was kept secret is shown.
    ConfigSecretRemoved "config_secret_removed" Breaking <-> [ConfigSecretAdded];
    /// A value is kept secret.
    ConfigSecretAdded "config_secret_added" Feature <-> [ConfigSecretRemoved];
    /// Description of a configuration key.
    ConfigTextChanged "config_text_changed" Neutral <-> [ConfigTextChanged];

    /// A field of an output or payload is gone.
    OutputRemoved "output_removed" Breaking <-> [OutputAdded];
    /// An output or payload has one more field.
    OutputAdded "output_added" Feature <-> [OutputRemoved];
    /// A field that was always there may be missing.
    OutputNowOptional "output_now_optional" Breaking <-> [OutputNowRequired];
    /// A field that could be missing is always there.
    OutputNowRequired "output_now_required" Feature <-> [OutputNowOptional];
    /// A field may hold more types of values than its readers know.
    OutputTypeWidened "output_type_widened" Breaking <-> [OutputTypeNarrowed];
    /// A field holds fewer types of values.
    OutputTypeNarrowed "output_type_narrowed" Feature <-> [OutputTypeWidened];
    /// A field holds other types of values.
    OutputTypeChanged "output_type_changed" Breaking <-> [OutputTypeChanged];
    /// A field may hold values its readers do not know.
    OutputValuesAdded "output_values_added" Feature <-> [OutputValuesRemoved];
    /// A field no longer holds some values.
    OutputValuesRemoved "output_values_removed" Neutral <-> [OutputValuesAdded];
    /// A limit of a field is another one, stricter or not.
    OutputLimitChanged "output_limit_changed" Neutral <-> [OutputLimitChanged];
    /// Documented default of a field.
    OutputDefaultChanged "output_default_changed" Neutral <-> [OutputDefaultChanged];
    /// A value that was kept secret is shown.
    OutputSecretRemoved "output_secret_removed" Breaking <-> [OutputSecretAdded];
    /// A value is kept secret.
    OutputSecretAdded "output_secret_added" Feature <-> [OutputSecretRemoved];
    /// Description of a field.
    OutputTextChanged "output_text_changed" Neutral <-> [OutputTextChanged];

    /// Another pack is needed; it is installed along.
    DependencyAdded "dependency_added" Feature <-> [DependencyRemoved];
    /// A pack is no longer needed.
    DependencyRemoved "dependency_removed" Neutral <-> [DependencyAdded];
    /// Fewer versions of a needed pack will do.
    DependencyNarrowed "dependency_narrowed" Breaking <-> [DependencyWidened];
    /// More versions of a needed pack will do.
    DependencyWidened "dependency_widened" Feature <-> [DependencyNarrowed];
    /// Other versions of a needed pack will do.
    DependencyChanged "dependency_changed" Breaking <-> [DependencyChanged];
    /// The platform or a runtime is restricted that was not.
    RequirementAdded "requirement_added" Breaking <-> [RequirementRemoved];
    /// The platform or a runtime is no longer restricted.
    RequirementRemoved "requirement_removed" Feature <-> [RequirementAdded];
    /// Fewer versions of the platform or a runtime will do, such as a raised minimum.
    RequirementNarrowed "requirement_narrowed" Breaking <-> [RequirementWidened];
    /// More versions of the platform or a runtime will do.
    RequirementWidened "requirement_widened" Feature <-> [RequirementNarrowed];
    /// Other versions of the platform or a runtime will do, or ones that cannot be compared.
    RequirementChanged "requirement_changed" Breaking <-> [RequirementChanged];

    /// The terms of use.
    LicenseChanged "license_changed" Neutral <-> [LicenseChanged];
    /// What people read about the pack.
    MetadataChanged "metadata_changed" Neutral <-> [MetadataChanged];
    /// The bytes of the pack.
    ContentsChanged "contents_changed" Neutral <-> [ContentsChanged];
}

impl Serialize for ChangeKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Ids are unique, and a kind is an inverse of each of its inverses.
    #[test]
    fn kinds_have_unique_ids_and_mutual_inverses() {
        let ids: BTreeSet<&str> = ChangeKind::ALL.iter().map(|kind| kind.id()).collect();
        assert_eq!(ids.len(), ChangeKind::ALL.len());
        for kind in ChangeKind::ALL {
            for inverse in kind.inverses() {
                assert!(inverse.inverses().contains(kind), "{kind:?} {inverse:?}");
            }
        }
    }
}
