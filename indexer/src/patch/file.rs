//! Patch files, for `registry build --patch`.
//!
//! ```yaml
//! patches:
//!   - pack: slack@1.0.0                 # or `slack`: every version where `from` holds
//!     reason: it does not work with core 2
//!     fields:
//!       dependencies.packs: {from: [core], to: ["core@<2.0.0"]}
//!       license: {from: NOASSERTION, to: MIT}
//!       homepage: {to: "https://example.org/slack"}    # nothing was there
//!     sources: [{type: git, url: "https://…", ref: v1.0.0, checksum: "sha256:…"}]
//! ```
//!
//! Files are small and reviewed, so that they are read strictly: a key that means nothing is an error, since a patch
//! with a mistyped `from` would be one without it.

use std::path::Path;

use pack_format::fields::Fields;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::patch::{PatchError, PatchField};
use pack_format::text::printable;
use pack_format::yaml::{Member, Node};
use pack_format::{Hint as _, MetadataError, PackRef, Version};
use pack_fs::limited;
use serde_json::Value;

use super::{FieldPatch, VersionPatch};
use crate::operator_file;

/// A patch of a file, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FiledPatch {
    pub(crate) patch: VersionPatch,
    /// File and line, for messages.
    pub(crate) place: String,
}

/// Reads a patch file.
///
/// # Errors
/// [`MetadataError`] with file, line and field.
pub(crate) fn read(path: &Path) -> Result<Vec<FiledPatch>, MetadataError> {
    let file = path.display().to_string();
    let bytes = limited::read(path, MAX_METADATA_BYTES)
        .map_err(|e| MetadataError::new(&file, None, format!("cannot read it: {e}")))?;
    parse(&file, &bytes)
}

fn parse(file: &str, bytes: &[u8]) -> Result<Vec<FiledPatch>, MetadataError> {
    let root = Node::parse(file, bytes)?;
    let fields = Fields::of(file, &root)?;
    known_keys(fields, &["patches"])?;
    let list = fields.node().get("patches");
    let Some(list) = list.filter(|list| list.is_sequence()) else {
        let line = list.map_or(root.line, |node| node.line);
        return Err(fields
            .error("patches", line, "it is no list")
            .with_hint("write it like this: `patches: [{pack: slack@1.0.0, …}]`"));
    };
    let patches = list.items().iter().map(|item| {
        Ok(FiledPatch {
            patch: patch(file, item)?,
            place: format!("`{file}`, line {}", item.line),
        })
    });
    patches.collect()
}

fn patch(file: &str, item: &Node) -> Result<VersionPatch, MetadataError> {
    let fields = Fields::of(file, item)?;
    known_keys(fields, &["pack", "reason", "fields", "sources"])?;
    let Some(pack) = fields.string("pack")? else {
        return Err(fields
            .error("pack", item.line, "the field is missing")
            .with_hint("write `pack: slack@1.0.0`, or `pack: slack` for every version"));
    };
    let (pack_ref, version) =
        pack_version(pack).map_err(|reason| fields.error("pack", item.line, reason))?;
    let reason = fields.string("reason")?.map(str::trim).unwrap_or_default();
    if reason.is_empty() {
        return Err(fields
            .error("reason", item.line, "the field is missing")
            .with_hint("say why in a sentence; it is shown beside what it corrects"));
    }
    let mut corrected = Vec::new();
    for member in fields.node().get("fields").map_or(&[][..], Node::members) {
        corrected.push(field(file, member).map_err(|e| e.in_field("fields"))?);
    }
    let mut sources = Vec::new();
    for source in fields.node().get("sources").map_or(&[][..], Node::items) {
        sources.push(operator_file::source(file, source).map_err(|e| e.in_field("sources"))?);
    }
    if corrected.is_empty() && sources.is_empty() {
        return Err(fields
            .error("fields", item.line, "the patch corrects nothing")
            .with_hint("write `fields: {license: {from: NOASSERTION, to: MIT}}`, or `sources`"));
    }
    Ok(VersionPatch {
        pack_ref,
        version,
        reason: reason.to_owned(),
        fields: corrected,
        sources,
    })
}

/// A pack, with or without a version, as `slack` or `slack@1.0.0`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn pack_version(text: &str) -> Result<(PackRef, Option<Version>), String> {
    let (name, version) = match text.split_once('@') {
        None => (text, None),
        Some((name, version)) => (name, Some(version)),
    };
    let pack_ref = name
        .parse()
        .map_err(|e: pack_format::pack_ref::PackRefError| e.to_string())?;
    let version = version.map(str::parse).transpose();
    let version = version.map_err(|e: pack_format::version::VersionError| e.to_string())?;
    Ok((pack_ref, version))
}

fn field(file: &str, member: &Member) -> Result<FieldPatch, MetadataError> {
    let refused = |line, error: &PatchError| {
        let refusal = MetadataError::new(file, Some(line), error.to_string()).in_field(&member.key);
        match error.hint() {
            Some(hint) => refusal.with_hint(hint),
            None => refusal,
        }
    };
    let name: PatchField = member
        .key
        .parse()
        .map_err(|error: PatchError| refused(member.line, &error))?;
    let fields = Fields::of(file, &member.value).map_err(|e| {
        e.in_field(&member.key)
            .with_hint("write it like this: `license: {from: NOASSERTION, to: MIT}`")
    })?;
    known_keys(fields, &["from", "to"]).map_err(|e| e.in_field(&member.key))?;
    let value = |key: &str| -> Result<Option<Value>, MetadataError> {
        let Some(node) = fields.node().get(key) else {
            return Ok(None);
        };
        let json = node
            .to_json()
            .map_err(|line| fields.error(key, line, "it is no number"))?;
        Ok(Some(json))
    };
    let to = name.checked(value("to")?.as_ref());
    Ok(FieldPatch {
        field: name,
        // What was there may be what nobody may write today.
        from: Some(name.written(value("from")?)),
        to: to.map_err(|error| refused(member.line, &error))?,
    })
}

fn known_keys(fields: Fields<'_>, known: &[&str]) -> Result<(), MetadataError> {
    for member in fields.node().members() {
        if !known.contains(&member.key.as_str()) {
            let reason = format!("there is no such key; there are {}", known.join(", "));
            return Err(fields.error(&printable(&member.key), member.line, reason));
        }
    }
    Ok(())
}
