//! `registry.yaml`: what the operator says beside the packs.
//!
//! ```yaml
//! name: Example Registry
//! description: Packs of the example team
//! url: https://packs.example.org/       # where the tree will be hosted; `--base-url` wins
//! packs:
//!   slack:
//!     owners: [messaging-team]
//!     same_pack: true                   # directories with other repositories belong to one history
//!     sources: [{type: archive, url: https://…, checksum: sha256:…}]
//!     meta: {category: messaging}
//!     deprecated: {reason: …, successor: chat}
//!     yanked: {"1.0.0": reason}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pack_format::documents::Deprecation;
use pack_format::fields::Fields;
use pack_format::source::{InstallSource, WireSource};
use pack_format::url_policy::UrlPolicy;
use pack_format::yaml::Node;
use pack_format::{Hint as _, MetadataError, PackRef, Version};
use serde_json::Value;

/// The operator's file, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct OperatorFile {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) packs: BTreeMap<PackRef, PackAdditions>,
}

/// What the operator adds to one pack.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PackAdditions {
    pub(crate) owners: Vec<String>,
    pub(crate) same_pack: bool,
    pub(crate) sources: Vec<InstallSource>,
    pub(crate) meta: serde_json::Map<String, Value>,
    pub(crate) deprecated: Option<Deprecation>,
    pub(crate) yanked: Vec<(Version, String)>,
}

impl OperatorFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`MetadataError`] with file, line and field.
    pub(crate) fn read(path: &Path) -> Result<Self, MetadataError> {
        let file = path.display().to_string();
        let bytes = fs::read(path)
            .map_err(|e| MetadataError::new(&file, None, format!("cannot read it: {e}")))?;
        Self::parse(&file, &bytes)
    }

    fn parse(file: &str, bytes: &[u8]) -> Result<Self, MetadataError> {
        let root = Node::parse(file, bytes)?;
        if root.is_null() {
            return Ok(Self::default());
        }
        let fields = Fields::of(file, &root)?;
        let text = |name| Ok::<_, MetadataError>(fields.string(name)?.map(str::to_owned));
        let base_url = match text("base_url")? {
            Some(url) => Some(url),
            None => text("url")?,
        };
        let mut packs = BTreeMap::new();
        for member in root.get("packs").map(Node::members).unwrap_or_default() {
            let pack_ref: PackRef =
                member
                    .key
                    .parse()
                    .map_err(|e: pack_format::pack_ref::PackRefError| {
                        fields.error("packs", member.line, e.to_string())
                    })?;
            let additions = additions(file, &member.value)
                .map_err(|e| e.in_field(&member.key).in_field("packs"))?;
            packs.insert(pack_ref, additions);
        }
        Ok(Self {
            name: text("name")?,
            description: text("description")?,
            base_url,
            packs,
        })
    }
}

fn additions(file: &str, node: &Node) -> Result<PackAdditions, MetadataError> {
    if node.is_null() {
        return Ok(PackAdditions::default());
    }
    let fields = Fields::of(file, node)?;
    Ok(PackAdditions {
        owners: match node.get("owners") {
            Some(owners) => fields.sorted_texts("owners", owners)?,
            None => Vec::new(),
        },
        same_pack: node
            .get("same_pack")
            .and_then(Node::as_bool)
            .unwrap_or(false),
        sources: sources(fields)?,
        meta: fields.json_object("meta")?,
        deprecated: deprecated(fields)?,
        yanked: yanked(fields)?,
    })
}

fn sources(fields: Fields<'_>) -> Result<Vec<InstallSource>, MetadataError> {
    let Some(list) = fields.node().get("sources") else {
        return Ok(Vec::new());
    };
    list.items()
        .iter()
        .map(|item| {
            let text = |key: &str| item.get(key).and_then(Node::as_str).map(str::to_owned);
            let wire = WireSource {
                kind: text("type"),
                url: text("url"),
                git_ref: text("ref"),
                checksum: text("checksum"),
                subdir: text("subdir"),
            };
            InstallSource::from_wire(wire, UrlPolicy::PUBLIC).map_err(|e| {
                let error = fields.error("sources", item.line, e.to_string());
                match e.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            })
        })
        .collect()
}

fn deprecated(fields: Fields<'_>) -> Result<Option<Deprecation>, MetadataError> {
    let Some(node) = fields.node().get("deprecated") else {
        return Ok(None);
    };
    match node.as_bool() {
        Some(false) => return Ok(None),
        Some(true) => {
            return Ok(Some(Deprecation {
                reason: String::new(),
                successor: None,
            }));
        }
        None => {}
    }
    let successor = node.get("successor").and_then(Node::as_str);
    Ok(Some(Deprecation {
        reason: node
            .as_str()
            .or_else(|| node.get("reason")?.as_str())
            .unwrap_or_default()
            .to_owned(),
        successor: successor.map(str::parse).transpose().map_err(
            |e: pack_format::pack_ref::PackRefError| {
                fields.error("deprecated", node.line, e.to_string())
            },
        )?,
    }))
}

fn yanked(fields: Fields<'_>) -> Result<Vec<(Version, String)>, MetadataError> {
    fields
        .node()
        .get("yanked")
        .map(Node::members)
        .unwrap_or_default()
        .iter()
        .map(|member| {
            let version = member
                .key
                .parse()
                .map_err(|e: pack_format::version::VersionError| {
                    fields.error("yanked", member.line, e.to_string())
                })?;
            Ok((
                version,
                member.value.as_str().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
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
        assert_eq!(slack.yanked[0].1, "broken");
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
}
