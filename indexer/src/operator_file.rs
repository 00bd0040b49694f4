//! `registry.yaml`: what the operator says beside the packs.
//!
//! ```yaml
//! name: Example Registry
//! description: Packs of the example team
//! url: https://packs.example.org/       # where the tree will be hosted; `--base-url` wins
//! owners: [example-team]                # of every pack that names none
//! packs:
//!   slack:
//!     owners: [messaging-team]
//!     same_pack: true                   # directories with other repositories belong to one history
//!     sources: {"1.0.0": [{type: archive, url: https://…, checksum: sha256:…}]}
//!     meta: {category: messaging}
//!     deprecated: {reason: …, successor: chat}
//!     yanked: {"1.0.0": reason}
//! ```
//!
//! The file is the whole truth about owners, deprecation, yanks and added sources of every pack of the
//! tree: taking a line out takes back what it said. Without a file they stay as they are. A wrong type
//! is an error; a key, ref or version that means nothing is a warning.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pack_format::documents::Deprecation;
use pack_format::fields::Fields;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::pack_ref::PackRefError;
use pack_format::source::{InstallSource, WireSource};
use pack_format::text::printable;
use pack_format::url_policy::UrlPolicy;
use pack_format::version::VersionError;
use pack_format::yaml::{Member, Node};
use pack_format::{Hint as _, MetadataError, PackRef, Version};
use pack_fs::limited;
use serde_json::Value;

use crate::facts::PackFacts;

/// The operator's file, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct OperatorFile {
    /// Whether there is one.
    pub(crate) present: bool,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) packs: BTreeMap<PackRef, PackAdditions>,
    /// What holds for packs the file does not name.
    others: PackAdditions,
    /// As it was named.
    file: String,
    /// Keys that mean nothing.
    unknown: Vec<String>,
}

/// What the operator adds to one pack.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PackAdditions {
    pub(crate) owners: Vec<String>,
    pub(crate) same_pack: bool,
    pub(crate) sources: BTreeMap<Version, Vec<InstallSource>>,
    pub(crate) meta: serde_json::Map<String, Value>,
    pub(crate) deprecated: Option<Deprecation>,
    pub(crate) yanked: BTreeMap<Version, String>,
}

impl OperatorFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`MetadataError`] with file, line and field.
    pub(crate) fn read(path: &Path) -> Result<Self, MetadataError> {
        let file = path.display().to_string();
        let bytes = limited::read(path, MAX_METADATA_BYTES)
            .map_err(|e| MetadataError::new(&file, None, format!("cannot read it: {e}")))?;
        Self::parse(&file, &bytes)
    }

    fn parse(file: &str, bytes: &[u8]) -> Result<Self, MetadataError> {
        let mut parsed = Self {
            present: true,
            file: file.to_owned(),
            ..Self::default()
        };
        let root = Node::parse(file, bytes)?;
        if root.is_null() {
            return Ok(parsed);
        }
        let fields = Fields::of(file, &root)?;
        let text = |name| Ok::<_, MetadataError>(fields.string(name)?.map(str::to_owned));
        parsed.name = text("name")?;
        parsed.description = text("description")?;
        let url = text("url")?;
        parsed.base_url = text("base_url")?.or(url);
        parsed.others.owners = owners(fields)?.unwrap_or_default();
        let mut reader = Reader {
            file,
            owners: &parsed.others.owners,
            unknown: Vec::new(),
        };
        reader.known_keys(
            &root,
            "",
            &["name", "description", "url", "base_url", "owners", "packs"],
        );
        for member in mapping(fields, "packs", "packs: {slack: {owners: [team]}}")? {
            let pack_ref: PackRef = member
                .key
                .parse()
                .map_err(|e: PackRefError| fields.error("packs", member.line, e.to_string()))?;
            let additions = reader
                .additions(member)
                .map_err(|e| e.in_field(&member.key).in_field("packs"))?;
            parsed.packs.insert(pack_ref, additions);
        }
        parsed.unknown = reader.unknown;
        Ok(parsed)
    }

    /// What the file says of a pack, named or not; `None` without a file.
    pub(crate) fn additions(&self, pack_ref: &PackRef) -> Option<&PackAdditions> {
        self.present
            .then(|| self.packs.get(pack_ref).unwrap_or(&self.others))
    }

    /// Whether directories that claim one ref belong together whatever they declare.
    pub(crate) fn same_pack(&self, pack_ref: &PackRef) -> bool {
        self.packs.get(pack_ref).is_some_and(|p| p.same_pack)
    }

    /// What the file says in vain: unknown keys, and refs and versions that are not in the tree.
    pub(crate) fn warnings(&self, listed: &BTreeMap<&PackRef, &PackFacts>) -> Vec<String> {
        let mut warnings = self.unknown.clone();
        for (pack_ref, additions) in &self.packs {
            let field = format!("`{}`, field `packs.{pack_ref}", self.file);
            let Some(facts) = listed.get(pack_ref) else {
                warnings.push(format!("{field}`: the registry has no pack `{pack_ref}`"));
                continue;
            };
            let named = [
                ("sources", additions.sources.keys().collect::<Vec<_>>()),
                ("yanked", additions.yanked.keys().collect()),
            ];
            for (key, versions) in named {
                for version in versions {
                    if facts.version(version).is_none() {
                        warnings.push(format!(
                            "{field}.{key}`: the registry has no `{pack_ref}@{version}`"
                        ));
                    }
                }
            }
            if let Some(successor) = additions
                .deprecated
                .as_ref()
                .and_then(|d| d.successor.as_ref())
                && !listed.contains_key(successor)
            {
                warnings.push(format!(
                    "{field}.deprecated.successor`: the registry has no pack `{successor}`"
                ));
            }
        }
        warnings
    }
}

/// Reads the sections of packs, and notes keys that mean nothing.
struct Reader<'a> {
    file: &'a str,
    /// Of packs that name none.
    owners: &'a [String],
    unknown: Vec<String>,
}

impl Reader<'_> {
    fn known_keys(&mut self, node: &Node, place: &str, known: &[&str]) {
        for member in node.members() {
            if !known.contains(&member.key.as_str()) {
                self.unknown.push(format!(
                    "`{}`, line {}, field `{place}{}`: no such key; known are {}",
                    self.file,
                    member.line,
                    printable(&member.key),
                    known.join(", ")
                ));
            }
        }
    }

    fn additions(&mut self, member: &Member) -> Result<PackAdditions, MetadataError> {
        let node = &member.value;
        if node.is_null() {
            return Ok(PackAdditions {
                owners: self.owners.to_vec(),
                ..PackAdditions::default()
            });
        }
        let place = format!("packs.{}.", member.key);
        self.known_keys(
            node,
            &place,
            &[
                "owners",
                "same_pack",
                "sources",
                "meta",
                "deprecated",
                "yanked",
            ],
        );
        let fields = Fields::of(self.file, node)?;
        Ok(PackAdditions {
            owners: owners(fields)?.unwrap_or_else(|| self.owners.to_vec()),
            same_pack: same_pack(fields)?,
            sources: self.sources(fields, &place)?,
            meta: meta(fields)?,
            deprecated: self.deprecated(fields, &place)?,
            yanked: yanked(fields)?,
        })
    }

    fn sources(
        &mut self,
        fields: Fields<'_>,
        place: &str,
    ) -> Result<BTreeMap<Version, Vec<InstallSource>>, MetadataError> {
        let shape = "sources: {\"1.0.0\": [{type: archive, url: …, checksum: …}]}";
        let mut sources = BTreeMap::new();
        for member in mapping(fields, "sources", shape)? {
            if !member.value.is_sequence() {
                return Err(wrong(fields, "sources", &member.value, "a list", shape));
            }
            let mut list = Vec::new();
            for item in member.value.items() {
                list.push(
                    source(self.file, item)
                        .map_err(|e| e.in_field(&member.key).in_field("sources"))?,
                );
                let place = format!("{place}sources.{}.", member.key);
                let known = ["type", "url", "ref", "checksum", "subdir"];
                self.known_keys(item, &place, &known);
            }
            insert_version(fields, "sources", &mut sources, member, list)?;
        }
        Ok(sources)
    }

    fn deprecated(
        &mut self,
        fields: Fields<'_>,
        place: &str,
    ) -> Result<Option<Deprecation>, MetadataError> {
        let Some(node) = fields.node().get("deprecated") else {
            return Ok(None);
        };
        if node.is_mapping() {
            self.known_keys(
                node,
                &format!("{place}deprecated."),
                &["reason", "successor"],
            );
            return deprecation(self.file, node)
                .map(Some)
                .map_err(|e| e.in_field("deprecated"));
        }
        let because = |reason: &str| Deprecation {
            reason: reason.to_owned(),
            successor: None,
            on_tree: false,
        };
        match (node.as_bool(), node.as_str()) {
            (Some(true), _) => Ok(Some(because(""))),
            (Some(false), _) => Ok(None),
            (None, Some(reason)) => Ok(Some(because(reason))),
            (None, None) => Err(wrong(
                fields,
                "deprecated",
                node,
                "a reason, a boolean or a mapping",
                "deprecated: {reason: …, successor: …}",
            )),
        }
    }
}

fn wrong(
    fields: Fields<'_>,
    name: &str,
    node: &Node,
    expected: &str,
    shape: &str,
) -> MetadataError {
    fields
        .error(
            name,
            node.line,
            format!("it is {}, not {expected}", node.describe()),
        )
        .with_hint(format!("write it like this: `{shape}`"))
}

/// The members of the mapping in field `name`; none if it is absent or null.
fn mapping<'a>(fields: Fields<'a>, name: &str, shape: &str) -> Result<&'a [Member], MetadataError> {
    match fields.node().get(name) {
        None => Ok(&[]),
        Some(node) if node.is_mapping() => Ok(node.members()),
        Some(node) => Err(wrong(fields, name, node, "a mapping", shape)),
    }
}

fn insert_version<T>(
    fields: Fields<'_>,
    name: &str,
    versions: &mut BTreeMap<Version, T>,
    member: &Member,
    value: T,
) -> Result<(), MetadataError> {
    let version: Version = member
        .key
        .parse()
        .map_err(|e: VersionError| fields.error(name, member.line, e.to_string()))?;
    if versions.insert(version, value).is_some() {
        let reason = format!("`{}` stands here twice", printable(&member.key));
        return Err(fields.error(name, member.line, reason));
    }
    Ok(())
}

fn owners(fields: Fields<'_>) -> Result<Option<Vec<String>>, MetadataError> {
    let node = fields.node().get("owners");
    node.map(|node| fields.sorted_texts("owners", node))
        .transpose()
}

fn same_pack(fields: Fields<'_>) -> Result<bool, MetadataError> {
    match fields.node().get("same_pack") {
        None => Ok(false),
        Some(node) => node
            .as_bool()
            .ok_or_else(|| wrong(fields, "same_pack", node, "a boolean", "same_pack: true")),
    }
}

/// One source as these files write it.
pub(crate) fn source(file: &str, item: &Node) -> Result<InstallSource, MetadataError> {
    let fields = Fields::of(file, item)?;
    let text = |key| Ok::<_, MetadataError>(fields.string(key)?.map(str::to_owned));
    let wire = WireSource {
        kind: text("type")?,
        url: text("url")?,
        git_ref: text("ref")?,
        checksum: text("checksum")?,
        subdir: text("subdir")?,
    };
    InstallSource::from_wire(wire, UrlPolicy::PUBLIC).map_err(|e| {
        let error = MetadataError::new(file, Some(item.line), e.to_string());
        match e.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })
}

/// `meta`, with the members the published rules of `index.json` know checked.
fn meta(fields: Fields<'_>) -> Result<serde_json::Map<String, Value>, MetadataError> {
    let meta = fields.json_object("meta")?;
    for (key, value) in &meta {
        let refused = match key.as_str() {
            "stars" | "downloads" if value.as_u64().is_none() => "it is no whole number from 0 up",
            "tested_attune_versions" if !is_set_of_texts(value) => {
                "it is no list of different strings"
            }
            _ => continue,
        };
        let node = fields.node().get("meta");
        let line = node
            .and_then(|meta| meta.get_even_null(key))
            .map_or(0, |n| n.line);
        return Err(fields.error(key, line, refused).in_field("meta"));
    }
    Ok(meta)
}

fn is_set_of_texts(value: &Value) -> bool {
    let Some(items) = value.as_array() else {
        return false;
    };
    let mut seen = BTreeSet::new();
    items
        .iter()
        .all(|item| item.as_str().is_some_and(|text| seen.insert(text)))
}

fn deprecation(file: &str, node: &Node) -> Result<Deprecation, MetadataError> {
    let fields = Fields::of(file, node)?;
    let successor = fields.string("successor")?.map(str::parse).transpose();
    Ok(Deprecation {
        reason: fields.string("reason")?.unwrap_or_default().to_owned(),
        on_tree: false,
        successor: successor
            .map_err(|e: PackRefError| fields.error("successor", node.line, e.to_string()))?,
    })
}

fn yanked(fields: Fields<'_>) -> Result<BTreeMap<Version, String>, MetadataError> {
    let shape = "yanked: {\"1.0.0\": \"why\"}";
    let mut yanked = BTreeMap::new();
    for member in mapping(fields, "yanked", shape)? {
        let reason = match (&member.value, member.value.as_str()) {
            (_, Some(reason)) => reason,
            (node, None) if node.is_null() => "",
            (node, None) => return Err(wrong(fields, "yanked", node, "a reason", shape)),
        };
        insert_version(fields, "yanked", &mut yanked, member, reason.to_owned())?;
    }
    Ok(yanked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every member is read, and a wrong one is named with its line.
    #[test]
    fn operator_file_reads_additions_and_names_errors() {
        let text = b"name: R\nurl: https://e.org/\npacks:\n  slack:\n    owners: [b, a]\n    deprecated: {reason: old, successor: chat}\n    yanked: {\"1.0.0\": broken}\n";
        let file = OperatorFile::parse("registry.yaml", text).unwrap();
        let slack = &file.packs["slack"];
        assert_eq!(slack.owners, ["a", "b"]);
        assert_eq!(slack.yanked.values().collect::<Vec<_>>(), ["broken"]);
        assert_eq!(
            slack
                .deprecated
                .as_ref()
                .unwrap()
                .successor
                .as_ref()
                .unwrap()
                .as_str(),
            "chat"
        );
        let error = OperatorFile::parse(
            "registry.yaml",
            b"packs:\n  slack:\n    yanked: {\"1.0\": x}\n",
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`registry.yaml`, line 3, field `packs.slack.yanked`: `1.0` is not a SemVer version"
        );
    }

    /// A wrong type anywhere is an error that says where, and how to write it.
    #[test]
    fn wrong_types_are_errors() {
        let refused = |section: &str, expected: &str| {
            let text = format!("packs:\n  z:\n    {section}\n");
            let error = OperatorFile::parse("r.yaml", text.as_bytes()).unwrap_err();
            assert_eq!(error.line(), Some(3), "{error}");
            let shown = format!("{}: {}", error.field(), error.reason());
            assert_eq!(shown, format!("packs.z.{expected}"));
        };
        refused("yanked: [\"1.0.0\"]", "yanked: it is a list, not a mapping");
        refused(
            "yanked: {\"1.0.0\": 3}",
            "yanked: it is a number, not a reason",
        );
        refused(
            "same_pack: \"yes\"",
            "same_pack: it is a string, not a boolean",
        );
        refused(
            "sources: [{type: git}]",
            "sources: it is a list, not a mapping",
        );
        refused(
            "sources: {\"1.0.0\": {}}",
            "sources: it is a mapping, not a list",
        );
        refused(
            "deprecated: [x]",
            "deprecated: it is a list, not a reason, a boolean or a mapping",
        );
        refused(
            "deprecated: {reason: []}",
            "deprecated.reason: it is a list, not a string",
        );
        refused("owners: ops", "owners: it is a string, not a list");
        refused(
            "meta: {stars: -1}",
            "meta.stars: it is no whole number from 0 up",
        );
        refused(
            "meta: {tested_attune_versions: \"1\"}",
            "meta.tested_attune_versions: it is no list of different strings",
        );
        let error = OperatorFile::parse("r.yaml", b"packs: [z]\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`r.yaml`, line 1, field `packs`: it is a list, not a mapping"
        );
    }

    /// Keys that mean nothing are named; the owners of the root are those of packs that name none.
    #[test]
    fn unknown_keys_are_warnings_and_owners_have_a_default() {
        let text =
            b"titel: R\nowners: [all]\npacks:\n  a: {yankd: {}}\n  b: {owners: [ops]}\n  c:\n";
        let file = OperatorFile::parse("r.yaml", text).unwrap();
        assert!(file.unknown[0].starts_with("`r.yaml`, line 1, field `titel`: no such key"));
        assert!(
            file.unknown[1].starts_with("`r.yaml`, line 4, field `packs.a.yankd`: no such key")
        );
        for (pack_ref, owner) in [("a", "all"), ("b", "ops"), ("c", "all"), ("other", "all")] {
            let additions = file.additions(&pack_ref.parse().unwrap()).unwrap();
            assert_eq!(additions.owners, [owner]);
        }
    }
}
