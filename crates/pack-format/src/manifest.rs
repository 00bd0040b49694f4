//! `Manifest`: `pack.yaml` of both dialects, every field checked.
//!
//! | field | Attune | StackStorm style |
//! |---|---|---|
//! | ref | `ref` | `ref`, else `name` if that is a valid ref |
//! | label | `label` | `name` |
//! | keywords | `tags` | `keywords`, else `meta.keywords` |
//! | configuration | `conf_schema` | `config_schema` |
//!
//! Presence decides between two spellings, not emptiness: `tags: []` wins over `keywords: [a]`. Fields
//! this module does not know are passed over; a known field of the wrong type is an error.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::documents::{PackDependency, Parameter};
use crate::entry::Dependencies;
use crate::fields::Fields;
use crate::hint::Hint;
use crate::metadata_error::MetadataError;
use crate::pack_ref::PackRef;
use crate::schema::{self, Defaults};
pub use crate::testing::{Discovery, OnFailure, Runner, RunnerKind, Testing, TestingSection};
use crate::version::Version;
use crate::yaml::Node;

/// A checked `pack.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version.
    pub version: Version,
    /// Name people see, not empty.
    pub label: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// Who wrote it; `Unknown` when the manifest does not say.
    pub author: String,
    /// How to reach them.
    pub email: Option<String>,
    /// SPDX expression; `NOASSERTION` when the manifest does not say.
    pub license: String,
    /// Web page.
    pub homepage: Option<String>,
    /// Source repository.
    pub repository: Option<String>,
    /// What the pack is for.
    pub use_case: Option<String>,
    /// Sorted, unique.
    pub keywords: Vec<String>,
    /// Sorted, unique.
    pub runtime_deps: Vec<String>,
    /// What must be there first, as the manifest says it.
    pub dependencies: Option<Dependencies>,
    /// Oldest Python, from the top-level `python` field.
    pub python: Option<String>,
    /// Oldest Node.js, from the top-level `nodejs` field.
    pub nodejs: Option<String>,
    /// Configuration keys.
    pub configuration: Vec<Parameter>,
    /// Their defaults.
    pub defaults: Defaults,
    /// Values of configuration keys where nobody sets them, from `config`.
    pub config: Map<String, Value>,
    /// Free form.
    pub meta: Map<String, Value>,
    /// Components written into the manifest itself.
    pub inline: InlineComponents,
    /// How its tests are run, checked when it is asked for.
    pub testing: TestingSection,
}

/// The legacy mappings `actions:`, `sensors:` and so on of a manifest, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InlineComponents {
    nodes: Vec<(&'static str, Node)>,
}

impl InlineComponents {
    /// The mapping of one kind, such as `actions`.
    pub fn kind(&self, kind: &str) -> Option<&Node> {
        self.nodes
            .iter()
            .find(|(name, _)| *name == kind)
            .map(|(_, node)| node)
    }
}

/// The directories, and keys of a manifest, that hold components; in the order they are listed.
pub const COMPONENT_KINDS: [&str; 5] = ["actions", "sensors", "triggers", "rules", "workflows"];

impl Manifest {
    /// Parses the bytes of `pack.yaml`; `file` names it in errors.
    ///
    /// # Errors
    /// [`MetadataError`] with file, line and field of the first thing that is wrong.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, MetadataError> {
        let root = Node::parse(file, bytes)?;
        Reader {
            file,
            fields: Fields::of(file, &root)?,
            meta: root.get("meta").or_else(|| root.get("metadata")),
        }
        .manifest()
    }
}

struct Reader<'a> {
    file: &'a str,
    fields: Fields<'a>,
    meta: Option<&'a Node>,
}

impl<'a> Reader<'a> {
    fn manifest(&self) -> Result<Manifest, MetadataError> {
        let fields = self.fields;
        let pack_ref = self.pack_ref()?;
        let label = match fields.string("label")? {
            Some(label) => label,
            None => fields.string("name")?.unwrap_or(pack_ref.as_str()),
        };
        let label = match label.trim() {
            "" => pack_ref.to_string(),
            _ => label.to_owned(),
        };
        let meta_field = if fields.node().get("meta").is_some() {
            "meta"
        } else {
            "metadata"
        };
        let meta = fields.json_object(meta_field)?;
        self.check_tested_versions(meta_field)?;
        let schema = fields.first_present(&["conf_schema", "config_schema"]);
        let schema = schema.map(|(_, node)| node);
        Ok(Manifest {
            version: self.version()?,
            label,
            description: self.text("description")?.unwrap_or_default(),
            author: self
                .text("author")?
                .filter(|a| !a.trim().is_empty())
                .unwrap_or_else(|| "Unknown".to_owned()),
            email: self.text("email")?,
            license: self
                .text_or_meta("license", "license")?
                .filter(|l| !l.trim().is_empty())
                .unwrap_or_else(|| "NOASSERTION".to_owned()),
            homepage: self.text_or_meta("homepage", "documentation_url")?,
            repository: self.text_or_meta("repository", "repository_url")?,
            use_case: self.text_or_meta("use_case", "use_case")?,
            keywords: self.keywords()?,
            runtime_deps: self.texts("runtime_deps")?,
            dependencies: self.dependencies()?,
            python: self.minimum("python")?,
            nodejs: self.minimum("nodejs")?,
            configuration: schema.map(schema::parameters).unwrap_or_default(),
            defaults: schema.map(Defaults::of).unwrap_or_default(),
            config: fields.json_object("config")?,
            meta,
            inline: self.inline()?,
            testing: TestingSection::of(self.file, fields.node()),
            pack_ref,
        })
    }

    fn pack_ref(&self) -> Result<PackRef, MetadataError> {
        let fields = self.fields;
        if let Some((name, node)) = fields.first_present(&["ref"]) {
            let text = fields.expect_string(name, node)?;
            return text.parse().map_err(|e: crate::pack_ref::PackRefError| {
                with_hint(fields.error(name, node.line, e.to_string()), &e)
            });
        }
        let Some((_, node)) = fields.first_present(&["name"]) else {
            return Err(MetadataError::new(self.file, None, "the field is missing")
                .in_field("ref")
                .with_hint("add `ref: my_pack`, the identifier of the pack"));
        };
        let text = fields.expect_string("name", node)?;
        text.parse().map_err(|e: crate::pack_ref::PackRefError| {
            fields
                .error("name", node.line, format!("there is no `ref`, and {e}"))
                .with_hint("add `ref:` with a valid pack ref; `name` may stay as it is")
        })
    }

    fn version(&self) -> Result<Version, MetadataError> {
        let fields = self.fields;
        let Some(node) = fields.node().get_even_null("version") else {
            return Err(MetadataError::new(self.file, None, "the field is missing")
                .in_field("version")
                .with_hint("add `version: \"1.0.0\"`"));
        };
        // An unquoted `2.1` is a number to YAML; the advice that helps is about the version, not the type.
        let text = match node.scalar() {
            Some(scalar) if !node.is_null() => scalar.text(),
            _ => fields.expect_string("version", node)?,
        };
        let version = text.parse().map_err(|e: crate::version::VersionError| {
            with_hint(fields.error("version", node.line, e.to_string()), &e)
        })?;
        fields.expect_string("version", node)?;
        Ok(version)
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, MetadataError> {
        Ok(self.fields.string(name)?.map(str::to_owned))
    }

    /// The top-level field if present, else a member of `meta`.
    fn text_or_meta(
        &self,
        name: &'static str,
        meta_name: &'static str,
    ) -> Result<Option<String>, MetadataError> {
        if let Some(text) = self.text(name)? {
            return Ok(Some(text));
        }
        let Some(node) = self.meta.and_then(|meta| meta.get(meta_name)) else {
            return Ok(None);
        };
        self.fields
            .expect_string(meta_name, node)
            .map(|text| Some(text.to_owned()))
            .map_err(|e| e.in_field("meta"))
    }

    fn texts(&self, name: &'static str) -> Result<Vec<String>, MetadataError> {
        match self.fields.node().get_even_null(name) {
            Some(node) => self.fields.sorted_texts(name, node),
            None => Ok(Vec::new()),
        }
    }

    fn keywords(&self) -> Result<Vec<String>, MetadataError> {
        if let Some((name, node)) = self.fields.first_present(&["tags", "keywords"]) {
            return self.fields.sorted_texts(name, node);
        }
        match self.meta.and_then(|meta| meta.get_even_null("keywords")) {
            Some(node) => self
                .fields
                .sorted_texts("keywords", node)
                .map_err(|e| e.in_field("meta")),
            None => Ok(Vec::new()),
        }
    }

    fn check_tested_versions(&self, meta_field: &str) -> Result<(), MetadataError> {
        let Some(node) = self
            .meta
            .and_then(|meta| meta.get("tested_attune_versions"))
        else {
            return Ok(());
        };
        let refuse = |line, reason: &str| {
            Err(self
                .fields
                .error("tested_attune_versions", line, reason)
                .in_field(meta_field))
        };
        if !node.is_sequence() {
            return refuse(node.line, "it is not a list of strings");
        }
        let mut seen = std::collections::BTreeSet::new();
        for item in node.items() {
            match item.as_str() {
                None => return refuse(item.line, "an item is not a string"),
                Some(text) if !seen.insert(text) => {
                    return refuse(item.line, "an item stands here twice");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A minimum version such as `python: "3.8"`, quoted or not, with or without an operator.
    fn minimum(&self, name: &'static str) -> Result<Option<String>, MetadataError> {
        match self.fields.node().get(name) {
            None => Ok(None),
            Some(node) => match node.scalar() {
                Some(scalar) => Ok(Some(scalar.text().to_owned())),
                None => self.fields.expect_string(name, node).map(|_| None),
            },
        }
    }

    fn dependencies(&self) -> Result<Option<Dependencies>, MetadataError> {
        const NAME: &str = "dependencies";
        let fields = self.fields;
        let Some(node) = fields.node().get_even_null(NAME) else {
            return Ok(None);
        };
        if node.is_sequence() {
            let packs = self.pack_dependencies(NAME, node)?;
            return Ok(Some(Dependencies {
                packs,
                ..Dependencies::default()
            }));
        }
        if !node.is_mapping() {
            return Err(fields
                .error(
                    NAME,
                    node.line,
                    format!("it is {}, neither a list nor a mapping", node.describe()),
                )
                .with_hint("write `dependencies: [core]`, or a mapping with `packs`"));
        }
        let inner = Fields::of(self.file, node)?;
        let scalar = |name: &'static str| -> Result<Option<String>, MetadataError> {
            let Some(node) = inner.node().get_even_null(name) else {
                return Ok(None);
            };
            match node.scalar() {
                Some(scalar) if !node.is_null() && node.as_bool().is_none() => {
                    Ok(Some(scalar.text().to_owned()))
                }
                _ => Err(inner
                    .error(
                        name,
                        node.line,
                        format!("it is {}, not a string", node.describe()),
                    )
                    .in_field(NAME)),
            }
        };
        Ok(Some(Dependencies {
            attune_version: scalar("attune_version")?,
            python_version: scalar("python_version")?,
            nodejs_version: scalar("nodejs_version")?,
            packs: match node.get_even_null("packs") {
                Some(packs) => self
                    .pack_dependencies("packs", packs)
                    .map_err(|e| e.in_field(NAME))?,
                None => Vec::new(),
            },
        }))
    }

    /// Items `ref`, `ref@constraint`, or mappings `{ref, version}`; sorted and unique.
    fn pack_dependencies(
        &self,
        name: &'static str,
        node: &'a Node,
    ) -> Result<Vec<PackDependency>, MetadataError> {
        if !node.is_sequence() {
            // Words the error.
            self.fields.sorted_texts(name, node)?;
        }
        let mut dependencies = BTreeMap::new();
        for item in node.items() {
            let text = self.dependency_text(name, item)?;
            let dependency: PackDependency =
                text.parse()
                    .map_err(|e: crate::documents::PackDependencyError| {
                        with_hint(self.fields.error(name, item.line, e.to_string()), &e)
                    })?;
            dependencies.insert(PackDependency::to_string(&dependency), dependency);
        }
        Ok(dependencies.into_values().collect())
    }

    fn dependency_text(&self, name: &'static str, item: &'a Node) -> Result<String, MetadataError> {
        if !item.is_mapping() {
            return self.fields.expect_string(name, item).map(str::to_owned);
        }
        let inner = Fields::of(self.file, item)?;
        let member = |key: &'static str| inner.string(key).map_err(|e| e.in_field(name));
        let Some(pack_ref) = member("ref")? else {
            return Err(inner
                .error("ref", item.line, "the field is missing")
                .in_field(name)
                .with_hint("write `ref@constraint`, such as `core@^1.0`"));
        };
        Ok(match member("version")? {
            Some(version) => format!("{pack_ref}@{version}"),
            None => pack_ref.to_owned(),
        })
    }

    fn inline(&self) -> Result<InlineComponents, MetadataError> {
        let mut nodes = Vec::new();
        for kind in COMPONENT_KINDS {
            let Some(node) = self.fields.node().get(kind) else {
                continue;
            };
            // StackStorm manifests carry other things under these names; only mappings are components.
            if node.is_mapping() {
                for member in node.members() {
                    if !member.value.is_mapping() && !member.value.is_null() {
                        return Err(self
                            .fields
                            .error(
                                &member.key,
                                member.line,
                                format!("it is {}, not a mapping", member.value.describe()),
                            )
                            .in_field(kind));
                    }
                }
                nodes.push((kind, node.clone()));
            }
        }
        Ok(InlineComponents { nodes })
    }
}

fn with_hint(error: MetadataError, cause: &dyn Hint) -> MetadataError {
    match cause.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, MetadataError> {
        Manifest::parse("packs/demo/pack.yaml", text.as_bytes())
    }

    /// The errors people meet most, word for word.
    #[test]
    fn manifest_errors_name_file_line_field_and_fix() {
        let rows = [
            (
                "ref: demo\nversion: 2.1\n",
                "`packs/demo/pack.yaml`, line 2, field `version`: `2.1` is not a SemVer version",
                Some("write three numbers, such as `2.1.0`"),
            ),
            (
                "version: \"1.0.0\"\n",
                "`packs/demo/pack.yaml`, field `ref`: the field is missing",
                Some("add `ref: my_pack`, the identifier of the pack"),
            ),
            (
                "ref: demo\nversion: 1.0.0\nlabel: [a]\n",
                "`packs/demo/pack.yaml`, line 3, field `label`: it is a list, not a string",
                None,
            ),
            (
                "ref: demo\nversion: 1.0.0\nauthor: 12\n",
                "`packs/demo/pack.yaml`, line 3, field `author`: `12` is a number, not a string",
                Some("put it in quotes: `author: \"12\"`"),
            ),
            (
                "name: Dummy Pack\nversion: 1.0.0\n",
                "`packs/demo/pack.yaml`, line 1, field `name`: there is no `ref`, and `Dummy Pack` is not a pack ref: it does not start with a lower-case letter",
                Some("add `ref:` with a valid pack ref; `name` may stay as it is"),
            ),
            (
                "ref: demo\nversion: 1.0.0\ndependencies:\n  packs:\n    - core\n    - core=0.2.0\n",
                "`packs/demo/pack.yaml`, line 6, field `dependencies.packs`: `core=0.2.0` is not a pack dependency",
                Some("write `ref` or `ref@constraint`, such as `core@^1.0`"),
            ),
        ];
        for (text, message, hint) in rows {
            let error = parse(text).expect_err(text);
            assert_eq!(error.to_string(), message);
            assert_eq!(error.hint().as_deref(), hint);
        }
    }

    /// A dependency may be a text or a mapping; the list comes out sorted and unique.
    #[test]
    fn manifest_reads_dependencies_of_every_form() {
        let text = "ref: demo\nversion: 1.0.0\ndependencies:\n  packs:\n    - {ref: core, version: \">=1.0\"}\n    - {ref: base}\n    - base\n    - aws@^2\n";
        let packs = parse(text).unwrap().dependencies.unwrap().packs;
        let texts: Vec<String> = packs.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["aws@^2", "base", "core@>=1.0"]);
        let error =
            parse("ref: demo\nversion: 1.0.0\ndependencies:\n  - {version: \"1\"}\n").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("field `dependencies.ref`: the field is missing"),
            "{error}"
        );
    }

    /// Items of lists are written as JSON writes numbers; a version a number would mangle stays as it was
    /// written, since 3.10 is not 3.1.
    #[test]
    fn manifest_writes_numbers_where_numbers_are_meant() {
        let text = "ref: demo\nversion: 1.0.0\nkeywords: [3.10, 0x1F, 1e3, \"3.10\"]\ndependencies: {python_version: 3.10}\n";
        let manifest = parse(text).unwrap();
        assert_eq!(manifest.keywords, ["1000.0", "3.1", "3.10", "31"]);
        let python = manifest.dependencies.unwrap().python_version;
        assert_eq!(python.as_deref(), Some("3.10"));
    }

    /// Two spellings: presence decides.
    #[test]
    fn manifest_reads_both_dialects() {
        let attune =
            parse("ref: demo\nname: N\nlabel: L\nversion: 1.0.0\ntags: []\nkeywords: [a]\n")
                .unwrap();
        assert_eq!((attune.label.as_str(), attune.keywords.len()), ("L", 0));
        let stackstorm =
            parse("name: demo\nversion: 1.0.0\nkeywords: [b, a, b, 3.0]\ndependencies: [core]\n")
                .unwrap();
        assert_eq!(stackstorm.pack_ref.as_str(), "demo");
        assert_eq!(stackstorm.keywords, ["3.0", "a", "b"]);
        assert_eq!(
            stackstorm.dependencies.unwrap().packs[0].to_string(),
            "core"
        );
        assert_eq!(stackstorm.license, "NOASSERTION");
        let meta = parse("ref: demo\nversion: 1.0.0\nmeta: {license: MIT, keywords: [k], repository_url: 'https://e.org'}\n").unwrap();
        assert_eq!(
            (meta.license.as_str(), meta.repository.as_deref()),
            ("MIT", Some("https://e.org"))
        );
        assert_eq!(meta.keywords, ["k"]);
    }
}
