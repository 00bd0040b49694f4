//! `pack.yaml`: what StackStorm says of a pack, in our words.
//!
//! | there | here |
//! |---|---|
//! | `ref`, else `name` | `ref`, made valid |
//! | `name` | `label` |
//! | `version` | the same with three numbers |
//! | `keywords` | `tags` |
//! | `python_versions` | `python`, the oldest version 3 |
//! | `dependencies` of `name=version` or a URL | `ref@version` |
//! | `config.schema.yaml` | `conf_schema` |
//! | `stackstorm_version`, `python_versions`, `contributors` | `meta` |
//!
//! Other members stay as they are.

use pack_format::fields::Fields;
use pack_format::yaml::Node;
use pack_format::{Hint as _, MetadataError, PackRef};
use serde_json::Value;

use super::error::RefusedPack;
use super::names;
use super::note::{NoteKind, Notes};
use super::source::Files;
use super::values::{self, Members, text};
use super::version;

/// A converted manifest.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) pack_ref: PackRef,
    pub(super) members: Members,
}

/// Members only our own manifests have.
const OURS: [&str; 5] = ["label", "tags", "conf_schema", "runtime_deps", "python"];

/// Members that are said in another way or place.
const CONVERTED: [&str; 14] = [
    "ref",
    "name",
    "version",
    "description",
    "author",
    "email",
    "keywords",
    "python_versions",
    "dependencies",
    "stackstorm_version",
    "contributors",
    "meta",
    "license",
    "repository",
];

/// Whether a manifest is one of this format: it needs no conversion.
pub(super) fn is_ours(node: &Node) -> bool {
    node.get("ref").is_some() && OURS.iter().any(|name| node.get_even_null(name).is_some())
}

/// Converts a manifest that `file` names in errors; `schema` becomes its configuration.
pub(super) fn convert(
    file: &str,
    node: &Node,
    files: &Files,
    (schema, repository): (Option<Members>, Option<&str>),
    notes: &mut Notes,
) -> Result<Manifest, RefusedPack> {
    Fields::of(file, node)?;
    let mut reader = Reader { file, node, notes };
    let pack_ref = reader.pack_ref()?;
    let mut members = Members::new();
    members.insert("ref".to_owned(), pack_ref.as_str().into());
    let label = node.get("name").and_then(text).unwrap_or(pack_ref.as_str());
    members.insert("label".to_owned(), label.into());
    for name in ["description", "author", "email"] {
        if let Some(text) = node.get(name).and_then(text) {
            members.insert(name.to_owned(), text.into());
        }
    }
    let version = reader.version()?;
    members.insert("version".to_owned(), version.into());
    if let Some(license) = reader.license(files) {
        members.insert("license".to_owned(), license.into());
    }
    if let Some(url) = node.get("repository").and_then(text).or(repository) {
        members.insert("repository".to_owned(), url.into());
    }
    if let Some(tags) = reader.texts("keywords") {
        members.insert("tags".to_owned(), tags.into());
    }
    if let Some(python) = reader.python() {
        members.insert("python".to_owned(), python.into());
    }
    let dependencies = reader.dependencies();
    if !dependencies.is_empty() {
        members.insert("dependencies".to_owned(), dependencies.into());
    }
    if let Some(schema) = schema {
        members.insert("conf_schema".to_owned(), Value::Object(schema));
    }
    reader.rest(&mut members)?;
    Ok(Manifest { pack_ref, members })
}

struct Reader<'a> {
    file: &'a str,
    node: &'a Node,
    notes: &'a mut Notes,
}

impl Reader<'_> {
    fn pack_ref(&mut self) -> Result<PackRef, MetadataError> {
        for field in ["ref", "name"] {
            let Some(given) = self.node.get(field).and_then(text) else {
                continue;
            };
            let Some(pack_ref) = names::pack_ref(given) else {
                continue;
            };
            if pack_ref.as_str() != given {
                let message = format!("`{}` is the ref `{pack_ref}`", printable(given));
                self.notes.say(NoteKind::Renamed, field, message);
            } else if field == "name" {
                let message = format!("there is no `ref`; the name `{pack_ref}` is one");
                self.notes.say(NoteKind::Changed, "ref", message);
            }
            return Ok(pack_ref);
        }
        let reason = "neither `ref` nor `name` can be made a pack ref";
        Err(MetadataError::new(self.file, None, reason)
            .with_hint("add `ref: my_pack`, the identifier of the pack"))
    }

    /// A SemVer version; one or two numbers are filled up, a leading `v` goes.
    fn version(&mut self) -> Result<String, MetadataError> {
        let missing =
            || MetadataError::new(self.file, None, "the field is missing").in_field("version");
        let node = self.node.get("version").ok_or_else(missing)?;
        let given = text(node).ok_or_else(missing)?;
        let error = match given.parse::<pack_format::Version>() {
            Ok(version) => return Ok(version.to_string()),
            Err(error) => error,
        };
        let Some(version) = version::filled(given) else {
            let refused = MetadataError::new(self.file, Some(node.line), error.to_string())
                .in_field("version");
            return Err(match error.hint() {
                Some(hint) => refused.with_hint(hint),
                None => refused,
            });
        };
        let message = format!("`{}` is written `{version}`", printable(given));
        self.notes.say(NoteKind::Changed, "version", message);
        Ok(version.to_string())
    }

    /// The licence the manifest names, or the one whose text lies beside it.
    fn license(&mut self, files: &Files) -> Option<String> {
        if let Some(license) = self.node.get("license").and_then(text) {
            return Some(license.to_owned());
        }
        let bytes = &files.get("LICENSE")?.bytes;
        let start = String::from_utf8_lossy(bytes.get(..2000).unwrap_or(bytes));
        let license = if start.contains("Apache License") && start.contains("Version 2.0") {
            "Apache-2.0"
        } else if start.contains("Permission is hereby granted, free of charge") {
            "MIT"
        } else {
            return None;
        };
        let message = format!("`{license}`, by the text of `LICENSE`");
        self.notes.say(NoteKind::Changed, "license", message);
        Some(license.to_owned())
    }

    /// The texts of a list.
    fn texts(&mut self, field: &str) -> Option<Vec<String>> {
        let node = self.node.get(field)?;
        if !node.is_sequence() {
            let message = format!("it is {}, not a list", node.describe());
            self.notes.say(NoteKind::LeftOut, field, message);
            return None;
        }
        let texts = node.items().iter().filter_map(text);
        Some(texts.map(str::to_owned).collect())
    }

    /// The oldest version 3 among `python_versions`.
    fn python(&mut self) -> Option<String> {
        let versions = self.texts("python_versions")?;
        let oldest = version::oldest_python(&versions);
        let (kind, message) = match &oldest {
            Some(oldest) => (NoteKind::Changed, format!("`python` is `{oldest}`")),
            None => (
                NoteKind::Warning,
                format!("no version 3 among {}", versions.join(", ")),
            ),
        };
        self.notes.say(kind, "python_versions", message);
        oldest
    }

    /// Refs, with `@version` where one is pinned.
    fn dependencies(&mut self) -> Vec<String> {
        let mut converted = Vec::new();
        for given in self.texts("dependencies").unwrap_or_default() {
            let Some(dependency) = version::dependency(&given).map(|d| d.text) else {
                let message = format!("`{}` names no pack and version", printable(&given));
                self.notes.say(NoteKind::LeftOut, "dependencies", message);
                continue;
            };
            if dependency != given {
                let message = format!("`{}` is `{dependency}`", printable(&given));
                self.notes.say(NoteKind::Changed, "dependencies", message);
            }
            converted.push(dependency);
        }
        converted.sort();
        converted.dedup();
        converted
    }

    /// Everything else: what has no word of ours goes to `meta`, unknown members stay.
    fn rest(&mut self, members: &mut Members) -> Result<(), MetadataError> {
        let value = |node: &Node, field: &str| {
            values::value(node).map_err(|line| {
                MetadataError::new(self.file, Some(line), "a number is not finite").in_field(field)
            })
        };
        let mut meta = match self.node.get("meta") {
            Some(node) => match value(node, "meta")? {
                Value::Object(members) => members,
                other => Members::from_iter([("meta".to_owned(), other)]),
            },
            None => Members::new(),
        };
        for field in ["stackstorm_version", "python_versions", "contributors"] {
            if let Some(node) = self.node.get(field) {
                meta.insert(field.to_owned(), value(node, field)?);
                self.notes.say(
                    NoteKind::Changed,
                    field,
                    format!("it is kept as `meta.{field}`"),
                );
            }
        }
        for member in self.node.members() {
            let name = member.key.as_str();
            if !CONVERTED.contains(&name) && !members.contains_key(name) {
                members.insert(name.to_owned(), value(&member.value, name)?);
            }
        }
        if !meta.is_empty() {
            members.insert("meta".to_owned(), Value::Object(meta));
        }
        Ok(())
    }
}

fn printable(text: &str) -> String {
    pack_format::text::printable(text)
}
