//! `Testing`: the `testing` section of `pack.yaml`, every field checked.
//!
//! It is checked when somebody asks for it, not when the manifest is read: a pack whose tests cannot be
//! run can still be built, listed and looked at. Fields this module does not know are passed over, a null
//! counts as absent, and numbers may stand in quotes.

use std::time::Duration;

use crate::fields::Fields;
use crate::metadata_error::MetadataError;
use crate::text::printable;
use crate::yaml::Node;

/// The section as it stands in the manifest, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestingSection {
    file: String,
    node: Option<Node>,
}

impl TestingSection {
    /// The section `testing` of the mapping `root`; `file` names the manifest in errors.
    pub(crate) fn of(file: &str, root: &Node) -> Self {
        Self {
            file: file.to_owned(),
            node: root.get("testing").cloned(),
        }
    }

    /// What it says; nothing if the manifest has no such section.
    ///
    /// # Errors
    /// [`MetadataError`] with file, line and field of the first thing that is wrong.
    pub fn read(&self) -> Result<Option<Testing>, MetadataError> {
        let Some(node) = &self.node else {
            return Ok(None);
        };
        Section::of(&self.file, node)
            .and_then(|section| section.testing())
            .map(Some)
            .map_err(|e| e.in_field("testing"))
    }
}

/// How the tests of a pack are run and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Testing {
    /// Whether they are run at all; yes unless the section says no.
    pub enabled: bool,
    /// How tests are found where a runner names no entry point.
    pub discovery: Discovery,
    /// The runners in the order of the manifest.
    pub runners: Vec<Runner>,
    /// How results are read, where a runner does not say.
    pub result_format: Option<String>,
    /// Where results are written, relative to the pack.
    pub result_path: Option<String>,
    /// The part of the tests that has to pass, from 0 to 1; all of them unless the section says less.
    pub min_pass_rate: f64,
    /// What follows when too few pass.
    pub on_failure: OnFailure,
}

/// How tests are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Such as `directory`.
    pub method: Option<String>,
    /// The directory, relative to the pack.
    pub path: Option<String>,
}

/// One runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Its key under `runners`.
    pub name: String,
    /// What it is.
    pub kind: RunnerKind,
    /// The file it starts with, relative to the pack; a script always has one.
    pub entry_point: Option<String>,
    /// After how long it has failed, if the manifest says.
    pub timeout: Option<Duration>,
    /// How its results are read.
    pub result_format: Option<String>,
}

/// The `type` of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunnerKind {
    /// An executable file.
    Script,
    /// Python's own test framework.
    Unittest,
    /// pytest.
    Pytest,
}

impl RunnerKind {
    /// As the manifest writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Unittest => "unittest",
            Self::Pytest => "pytest",
        }
    }
}

/// What follows when too few tests pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The pack is not installed.
    #[default]
    Block,
    /// It is installed, with a warning.
    Warn,
    /// It is installed.
    Ignore,
}

/// One mapping of the section.
struct Section<'a> {
    file: &'a str,
    fields: Fields<'a>,
}

impl<'a> Section<'a> {
    fn of(file: &'a str, node: &'a Node) -> Result<Self, MetadataError> {
        Ok(Self {
            file,
            fields: Fields::of(file, node)?,
        })
    }

    fn get(&self, name: &str) -> Option<&'a Node> {
        self.fields.node().get(name)
    }

    fn testing(&self) -> Result<Testing, MetadataError> {
        Ok(Testing {
            enabled: self.enabled()?,
            discovery: self.discovery()?,
            runners: self.runners()?,
            result_format: self.text("result_format")?,
            result_path: self.path("result_path")?,
            min_pass_rate: self.min_pass_rate()?,
            on_failure: self.on_failure()?,
        })
    }

    fn enabled(&self) -> Result<bool, MetadataError> {
        let Some(node) = self.get("enabled") else {
            return Ok(true);
        };
        node.as_bool().ok_or_else(|| {
            self.wrong("enabled", node, "true or false")
                .with_hint("write `enabled: true` or `enabled: false`")
        })
    }

    fn discovery(&self) -> Result<Discovery, MetadataError> {
        let Some(node) = self.get("discovery") else {
            return Ok(Discovery::default());
        };
        let read = || {
            let inner = Section::of(self.file, node)?;
            Ok(Discovery {
                method: inner.text("method")?,
                path: inner.path("path")?,
            })
        };
        read().map_err(|e: MetadataError| e.in_field("discovery"))
    }

    fn runners(&self) -> Result<Vec<Runner>, MetadataError> {
        let Some(node) = self.get("runners") else {
            return Ok(Vec::new());
        };
        Fields::of(self.file, node).map_err(|e| e.in_field("runners"))?;
        node.members()
            .iter()
            .map(|member| {
                Section::of(self.file, &member.value)
                    .and_then(|section| section.runner(&member.key))
                    .map_err(|e| e.in_field(&member.key).in_field("runners"))
            })
            .collect()
    }

    fn runner(&self, name: &str) -> Result<Runner, MetadataError> {
        let kind = self.runner_kind()?;
        let entry_point = self.path("entry_point")?;
        if kind == RunnerKind::Script && entry_point.is_none() {
            return Err(self
                .fields
                .error(
                    "entry_point",
                    self.fields.node().line,
                    "the field is missing",
                )
                .with_hint("name the script: `entry_point: tests/run.sh`"));
        }
        Ok(Runner {
            name: name.to_owned(),
            kind,
            entry_point,
            timeout: self.timeout()?,
            result_format: self.text("result_format")?,
        })
    }

    fn runner_kind(&self) -> Result<RunnerKind, MetadataError> {
        const HINT: &str = "write `type: script`, `type: unittest` or `type: pytest`";
        let Some(node) = self.get("type") else {
            let line = self.fields.node().line;
            let missing = self.fields.error("type", line, "the field is missing");
            return Err(missing.with_hint(HINT));
        };
        match node.as_str() {
            Some("script") => Ok(RunnerKind::Script),
            Some("unittest") => Ok(RunnerKind::Unittest),
            Some("pytest") => Ok(RunnerKind::Pytest),
            _ => Err(self
                .wrong("type", node, "script, unittest or pytest")
                .with_hint(HINT)),
        }
    }

    fn timeout(&self) -> Result<Option<Duration>, MetadataError> {
        let Some(node) = self.get("timeout") else {
            return Ok(None);
        };
        number(node)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|timeout| !timeout.is_zero())
            .map(Some)
            .ok_or_else(|| {
                self.wrong("timeout", node, "a positive number of seconds")
                    .with_hint("write seconds, such as `timeout: 60`")
            })
    }

    fn min_pass_rate(&self) -> Result<f64, MetadataError> {
        let Some(node) = self.get("min_pass_rate") else {
            return Ok(1.0);
        };
        number(node)
            .filter(|rate| (0.0..=1.0).contains(rate))
            .ok_or_else(|| {
                self.wrong("min_pass_rate", node, "a number from 0 to 1")
                    .with_hint("write the part that has to pass, such as `min_pass_rate: 0.9`")
            })
    }

    fn on_failure(&self) -> Result<OnFailure, MetadataError> {
        let Some(node) = self.get("on_failure") else {
            return Ok(OnFailure::default());
        };
        match node.as_str() {
            Some("block") => Ok(OnFailure::Block),
            Some("warn") => Ok(OnFailure::Warn),
            Some("ignore") => Ok(OnFailure::Ignore),
            _ => Err(self
                .wrong("on_failure", node, "block, warn or ignore")
                .with_hint("write `on_failure: block`, `warn` or `ignore`")),
        }
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, MetadataError> {
        self.get(name)
            .map(|node| self.fields.expect_string(name, node).map(str::to_owned))
            .transpose()
    }

    /// A path that stays inside the pack.
    fn path(&self, name: &'static str) -> Result<Option<String>, MetadataError> {
        let Some(node) = self.get(name) else {
            return Ok(None);
        };
        let path = self.fields.expect_string(name, node)?;
        let outside = path.is_empty()
            || path.starts_with('/')
            || path.contains(['\\', '\0'])
            || path.split('/').any(|part| part == "..");
        if outside {
            return Err(self
                .wrong(name, node, "a path inside the pack")
                .with_hint(format!(
                    "write it relative to `pack.yaml`, with `/` and without `..`, such as `{name}: tests`"
                )));
        }
        Ok(Some(path.to_owned()))
    }

    fn wrong(&self, name: &str, node: &Node, wanted: &str) -> MetadataError {
        let is = match node.scalar() {
            Some(scalar) => format!("`{}`", printable(scalar.text())),
            None => node.describe().to_owned(),
        };
        self.fields
            .error(name, node.line, format!("it is {is}, not {wanted}"))
    }
}

fn number(node: &Node) -> Option<f64> {
    node.scalar()?.text().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint;
    use crate::manifest::Manifest;

    fn read(section: &str) -> Result<Option<Testing>, MetadataError> {
        let text = format!("ref: demo\nversion: 1.0.0\n{section}");
        // The manifest itself is good, whatever the section holds.
        let manifest = Manifest::parse("demo/pack.yaml", text.as_bytes()).unwrap();
        manifest.testing.read()
    }

    /// Every field arrives; runners keep their order.
    #[test]
    fn testing_reads_every_field() {
        let testing = read("testing:\n  enabled: true\n  discovery: {method: directory, path: tests}\n  runners:\n    shell: {type: script, entry_point: tests/run.sh, timeout: 1.5, result_format: tap}\n    python: {type: unittest, timeout: \"60\", other: 1}\n  result_format: simple\n  result_path: tests/results/\n  min_pass_rate: 0.5\n  on_failure: warn\n").unwrap().unwrap();
        let runner =
            |name: &str, kind, entry_point: Option<&str>, millis, format: Option<&str>| Runner {
                name: name.to_owned(),
                kind,
                entry_point: entry_point.map(str::to_owned),
                timeout: Some(Duration::from_millis(millis)),
                result_format: format.map(str::to_owned),
            };
        let expected = Testing {
            enabled: true,
            discovery: Discovery {
                method: Some("directory".to_owned()),
                path: Some("tests".to_owned()),
            },
            runners: vec![
                runner(
                    "shell",
                    RunnerKind::Script,
                    Some("tests/run.sh"),
                    1500,
                    Some("tap"),
                ),
                runner("python", RunnerKind::Unittest, None, 60_000, None),
            ],
            result_format: Some("simple".to_owned()),
            result_path: Some("tests/results/".to_owned()),
            min_pass_rate: 0.5,
            on_failure: OnFailure::Warn,
        };
        assert_eq!(testing, expected);
    }

    /// Absent and null are the same; what is not said has its default.
    #[test]
    fn testing_has_defaults() {
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("testing:\n").unwrap(), None);
        let testing = read("testing: {on_failure: ~}\n").unwrap().unwrap();
        assert!(testing.enabled && testing.runners.is_empty());
        assert_eq!(testing.on_failure, OnFailure::Block);
        assert!((testing.min_pass_rate - 1.0).abs() < f64::EPSILON);
    }

    /// Each error names line, field, value and fix.
    #[test]
    fn testing_errors_name_line_field_and_fix() {
        let rows = [
            (
                "testing: [a]\n",
                "line 3, field `testing`: it holds a list, not a mapping of fields",
            ),
            (
                "testing: {enabled: \"yes\"}\n",
                "field `testing.enabled`: it is `yes`, not true or false",
            ),
            (
                "testing: {discovery: {path: /etc}}\n",
                "field `testing.discovery.path`: it is `/etc`, not a path inside the pack",
            ),
            (
                "testing: {result_path: a/../../b}\n",
                "field `testing.result_path`: it is `a/../../b`, not a path inside the pack",
            ),
            (
                "testing: {min_pass_rate: 1.1}\n",
                "field `testing.min_pass_rate`: it is `1.1`, not a number from 0 to 1",
            ),
            (
                "testing: {min_pass_rate: .nan}\n",
                "field `testing.min_pass_rate`: it is `.nan`, not a number from 0 to 1",
            ),
            (
                "testing: {on_failure: stop}\n",
                "field `testing.on_failure`: it is `stop`, not block, warn or ignore",
            ),
            (
                "testing: {runners: {a: {}}}\n",
                "field `testing.runners.a.type`: the field is missing",
            ),
            (
                "testing:\n  runners:\n    a: {type: jest}\n",
                "line 5, field `testing.runners.a.type`: it is `jest`, not script, unittest or pytest",
            ),
            (
                "testing: {runners: {a: {type: script}}}\n",
                "field `testing.runners.a.entry_point`: the field is missing",
            ),
            (
                "testing: {runners: {a: {type: pytest, timeout: 0}}}\n",
                "field `testing.runners.a.timeout`: it is `0`, not a positive number of seconds",
            ),
            (
                "testing: {runners: {a: {type: pytest, timeout: 1e300}}}\n",
                "field `testing.runners.a.timeout`: it is `1e300`, not a positive number of seconds",
            ),
        ];
        for (section, message) in rows {
            let error = read(section).expect_err(section);
            assert!(error.to_string().ends_with(message), "{error}");
            assert!(
                error.hint().is_some() || section == "testing: [a]\n",
                "{error}"
            );
        }
    }
}
