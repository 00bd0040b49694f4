//! Forms of what other crates write into answers: those crates know nothing of descriptions. A test writes each of their
//! types and holds it to its form, so that neither changes alone.
#![expect(
    dead_code,
    reason = "what is written are the types of other crates that have the same names"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

/// Where a pack came from.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct InstalledFrom {
    #[serde(rename = "type")]
    kind: SourceType,
    /// URL of the bytes; a `file:` URL for what is on this machine.
    url: String,
    /// Git ref that was asked for.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    git_ref: Option<String>,
    /// Commit it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    commit: Option<String>,
    /// Directory of the pack inside the source, when it is not the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    subdir: Option<String>,
}

/// The kind of a source.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceType {
    /// A ref, looked up in registries.
    Registry,
    /// An archive URL.
    Archive,
    /// An archive file.
    LocalArchive,
    /// A directory.
    LocalDirectory,
    /// A git repository.
    Git,
}

/// Which registry listed a pack.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct RegistryIdentity {
    /// Its name.
    name: String,
    /// Its URL.
    url: String,
}

/// What was verified.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum Verified {
    /// Nothing: nothing vouched for the source.
    None(#[schemars(extend("const" = "none"))] String),
    /// Comparisons that held.
    Checks(Vec<Check>),
}

/// A comparison that held.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Check {
    /// `archive_digest`, `tree_digest` or `store_key`.
    what: String,
    /// Who said what it must be: `registry` or `command line`.
    against: String,
}

/// What a pack's tests came to.
#[derive(JsonSchema)]
pub(super) struct TestSummary {
    status: TestStatus,
    total_tests: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// What tests come to.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TestStatus {
    /// Enough of them passed.
    Passed,
    /// Too few passed.
    Failed,
    /// The pack has none, or says that they are off.
    Skipped,
}

/// What a schema says of a value. What is not said is not written.
#[derive(JsonSchema)]
pub(super) struct Setting {
    /// JSON Schema type.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    value_type: String,
    /// Whether it must be given.
    #[serde(skip_serializing_if = "is_false")]
    required: bool,
    /// Whether its value is a secret.
    #[serde(skip_serializing_if = "is_false")]
    secret: bool,
    /// Value used when it is not given; never shown for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Value")]
    default: Option<Value>,
    /// Allowed values.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<Value>,
    /// What else JSON Schema asks of its value, such as `minimum` or `pattern`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: BTreeMap<String, Value>,
    /// Members of an object, or of the objects in an array.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<NamedSetting>,
    /// One or two sentences.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

/// What a schema says of a member.
#[derive(JsonSchema)]
pub(super) struct NamedSetting {
    name: String,
    #[serde(flatten)]
    setting: Setting,
}

#[cfg(test)]
mod tests {
    use attune_installer as installer;
    use pack_format::documents::Parameter;
    use serde_json::json;

    use super::*;
    use crate::forms::tests::hold;

    /// What is written of packs and of where they come from.
    #[test]
    fn records_are_written_as_their_forms_say() {
        use installer::SourceType as S;
        let from = |kind, more: Option<&str>| installer::InstalledFrom {
            kind,
            url: "file:///p".to_owned(),
            git_ref: more.map(str::to_owned),
            commit: more.map(str::to_owned),
            subdir: more.map(str::to_owned),
        };
        for kind in [
            S::Registry,
            S::Archive,
            S::LocalArchive,
            S::LocalDirectory,
            S::Git,
        ] {
            hold::<InstalledFrom>(&from(kind, Some("x")), true);
            hold::<InstalledFrom>(&from(kind, None), false);
        }
        let identity = pack_client::RegistryIdentity {
            name: "n".to_owned(),
            url: "u".to_owned(),
        };
        hold::<RegistryIdentity>(&identity, true);
        let check = installer::Check::new("tree_digest", "registry");
        hold::<Verified>(&installer::Verified(vec![check]), true);
        hold::<Verified>(&installer::Verified::default(), true);
    }

    /// What is written of the configuration of packs: the name of a parameter, and what else is known of it.
    #[test]
    fn settings_are_written_as_their_forms_say() {
        let inner = Parameter {
            name: "a".to_owned(),
            value_type: "string".to_owned(),
            required: true,
            secret: true,
            default: Some(json!(1)),
            allowed: vec![json!(1)],
            limits: BTreeMap::from([("minimum".to_owned(), json!(1))]),
            properties: Vec::new(),
            description: "d".to_owned(),
        };
        hold::<NamedSetting>(&inner, false);
        let mut outer = inner.clone();
        outer.properties = vec![inner.clone()];
        outer.properties[0].properties = vec![inner];
        hold::<NamedSetting>(&outer, false);
        let bare = Parameter::default();
        hold::<NamedSetting>(&bare, false);
    }

    /// What is written of tests.
    #[test]
    fn tests_are_written_as_their_forms_say() {
        use pack_runtime::TestStatus as S;
        for status in [S::Passed, S::Failed, S::Skipped] {
            let summary = installer::TestSummary {
                status,
                total_tests: 3,
                passed: 1,
                failed: 1,
                skipped: 1,
            };
            hold::<TestSummary>(&summary, true);
        }
    }
}
