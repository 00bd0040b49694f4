//! Forms of what other crates write into answers: those crates know nothing of descriptions. A test writes each of their
//! types and holds it to its form, so that neither changes alone.
#![expect(
    dead_code,
    reason = "what is written are the types of other crates that have the same names"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde_json::Value;

use crate::forms::DateTime;

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

/// The results of all runners of a pack.
#[derive(JsonSchema)]
pub(super) struct TestReport {
    pack_ref: String,
    pack_version: String,
    /// When they were run.
    #[schemars(with = "DateTime")]
    execution_time: String,
    status: TestStatus,
    total_tests: u64,
    passed: u64,
    /// How many failed, with those that could not be run.
    failed: u64,
    /// How many were left out.
    skipped: u64,
    /// The part that passed of those that were not left out, from 0 to 1; 1 where there were none.
    pass_rate: f64,
    /// From the start of the first runner to the end of the last.
    duration_ms: u64,
    /// One per runner, in the order of the manifest.
    test_suites: Vec<TestSuite>,
    /// Part of the pack's own lines that were run, in percent; `null` where no runner measures it.
    coverage: Option<f64>,
    /// What held of the programs; `null` if none was run.
    confinement: Option<Confined>,
}

/// The results of one runner.
#[derive(JsonSchema)]
pub(super) struct TestSuite {
    /// The runner's name in the manifest.
    name: String,
    /// `script`, `unittest` or `pytest`.
    runner_type: String,
    total: u64,
    passed: u64,
    /// How many failed, with those that could not be run.
    failed: u64,
    /// How many were left out.
    skipped: u64,
    duration_ms: u64,
    /// In the order they were run; none where a script tells numbers only.
    test_cases: Vec<TestCase>,
}

/// One test.
#[derive(JsonSchema)]
pub(super) struct TestCase {
    /// As its runner names it.
    name: String,
    status: CaseStatus,
    duration_ms: u64,
    /// What went wrong, or why it was left out.
    error_message: Option<String>,
    /// What it wrote to standard output.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
}

/// How one test ended.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum CaseStatus {
    /// As it should.
    Passed,
    /// Otherwise.
    Failed,
    /// It was left out.
    Skipped,
    /// It could not be run.
    Error,
}

/// What held of a confined program.
#[derive(JsonSchema)]
pub(super) struct Confined {
    /// `namespace`: its own, with a loopback interface; `seccomp`: no socket can be made; `open`: asked for;
    /// `unconfined`.
    network: String,
    /// `landlock`: only below what is writable; `unconfined`.
    writes: String,
    /// `namespace`: it sees and signals only its own; `landlock`: it signals only its own; `unconfined`.
    processes: String,
    /// `seccomp`: none that reach into other processes or the kernel; `unconfined`.
    system_calls: String,
    /// `rlimit`: memory, file size, open files, processes; `unconfined`.
    resources: String,
}

/// What the cache and the store cost.
#[derive(JsonSchema)]
#[schemars(rename = "CacheUsage")]
pub(super) struct Usage {
    cache: CacheUsage,
    store: StoreUsage,
}

/// What the cache costs: files that can be lost, and are fetched again.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct CacheUsage {
    /// Where it is.
    directory: PathBuf,
    /// Its parts, by name.
    groups: Vec<CacheGroup>,
    /// Number of files in all of them.
    entries: u64,
    /// Sum of their sizes, in bytes.
    size_bytes: u64,
}

/// What a part of the cache costs.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct CacheGroup {
    /// Name of its directory.
    name: String,
    /// Number of entries.
    entries: u64,
    /// Sum of their sizes, in bytes.
    size_bytes: u64,
    /// When the entry that is unused for longest was last of use; absent without entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DateTime")]
    oldest: Option<String>,
    /// When any entry was last of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DateTime")]
    newest: Option<String>,
}

/// What the store costs.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct StoreUsage {
    /// Where it is.
    directory: PathBuf,
    /// Number of generations.
    generations: u64,
    /// Number of trees.
    trees: u64,
    /// Sum of the sizes of their files, in bytes.
    size_bytes: u64,
    /// Trees that no generation names.
    unused_trees: u64,
    /// Sum of the sizes of their files, in bytes.
    unused_bytes: u64,
}

/// Names and descriptions of components, by kind.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Contents {
    actions: Vec<ContentItem>,
    sensors: Vec<ContentItem>,
    triggers: Vec<ContentItem>,
    rules: Vec<ContentItem>,
    workflows: Vec<ContentItem>,
}

/// A component.
#[derive(JsonSchema)]
pub(super) struct ContentItem {
    /// Without the pack ref.
    name: String,
    /// May be empty.
    description: String,
}

/// The environments of a pack.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct PackEnvironments {
    /// `null` if the pack needs no Python packages.
    python: Option<PythonEnvironment>,
    /// `null` if the pack needs no Node.js packages.
    nodejs: Option<NodeEnvironment>,
}

/// A virtualenv.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct PythonEnvironment {
    /// Where it is.
    virtualenv_path: PathBuf,
    /// Whether it holds what the pack requires.
    requirements_installed: bool,
    /// How many packages it holds.
    package_count: u64,
    /// Such as `Python 3.11.4`.
    python_version: String,
}

/// A `node_modules`.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct NodeEnvironment {
    /// Where it is.
    node_modules_path: PathBuf,
    /// Whether it holds what the pack depends on.
    dependencies_installed: bool,
    /// How many packages it holds.
    package_count: u64,
    /// Such as `v20.11.1`.
    nodejs_version: String,
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

    /// What is written of each test and of what held of them.
    #[test]
    fn reports_are_written_as_their_forms_say() {
        use pack_runtime::testing::{CaseStatus as S, TestCase as Case, TestSuite as Suite};
        let case = |status, message: Option<&str>| Case {
            name: "a".to_owned(),
            status,
            duration_ms: 1,
            error_message: message.map(str::to_owned),
            stdout: String::new(),
            stderr: String::new(),
        };
        let all = [S::Passed, S::Failed, S::Skipped, S::Error];
        let suite = Suite {
            name: "s".to_owned(),
            runner_type: "script".to_owned(),
            total: 4,
            passed: 1,
            failed: 2,
            skipped: 1,
            duration_ms: 1,
            test_cases: all.map(|status| case(status, Some("why"))).into(),
        };
        let mut report = pack_runtime::TestReport {
            pack_ref: "a".parse().unwrap(),
            pack_version: "1.0.0".parse().unwrap(),
            execution_time: crate::clock::now(),
            status: pack_runtime::TestStatus::Passed,
            total_tests: 4,
            passed: 1,
            failed: 2,
            skipped: 1,
            pass_rate: 0.25,
            duration_ms: 1,
            test_suites: vec![suite],
            coverage: Some(1.5),
            confinement: Some(pack_runtime::Confined::nothing()),
        };
        hold::<TestReport>(&report, true);
        report.test_suites[0].test_cases = vec![case(S::Passed, None)];
        (report.coverage, report.confinement) = (None, None);
        hold::<TestReport>(&report, true);
    }

    /// What is written of the cache and the store.
    #[test]
    fn costs_are_written_as_their_forms_say() {
        let group = pack_client::CacheGroup {
            name: "archives".to_owned(),
            entries: 1,
            size_bytes: 1,
            oldest: Some(crate::clock::now()),
            newest: Some(crate::clock::now()),
        };
        let mut usage = installer::Usage {
            cache: installer::CacheUsage {
                directory: "/c".into(),
                groups: vec![group],
                entries: 1,
                size_bytes: 1,
            },
            store: installer::StoreUsage {
                directory: "/s".into(),
                generations: 1,
                trees: 1,
                size_bytes: 1,
                unused_trees: 0,
                unused_bytes: 0,
            },
        };
        hold::<Usage>(&usage, true);
        let group = &mut usage.cache.groups[0];
        (group.oldest, group.newest) = (None, None);
        hold::<Usage>(&usage, false);
    }

    /// What is written of components and of environments.
    #[test]
    fn parts_of_packs_are_written_as_their_forms_say() {
        use pack_format::entry as parts;
        use pack_runtime::environment as built;
        let items = || {
            vec![parts::ContentItem {
                name: "a".to_owned(),
                description: String::new(),
            }]
        };
        let contents = parts::Contents {
            actions: items(),
            sensors: items(),
            triggers: items(),
            rules: items(),
            workflows: items(),
        };
        hold::<Contents>(&contents, true);
        let both = built::PackEnvironments {
            python: Some(built::PythonEnvironment {
                virtualenv_path: "/v".into(),
                requirements_installed: true,
                package_count: 1,
                python_version: "Python 3.11.4".to_owned(),
            }),
            nodejs: Some(built::NodeEnvironment {
                node_modules_path: "/n".into(),
                dependencies_installed: true,
                package_count: 1,
                nodejs_version: "v20.11.1".to_owned(),
            }),
        };
        hold::<PackEnvironments>(&both, true);
        hold::<PackEnvironments>(&built::PackEnvironments::default(), true);
    }
}
