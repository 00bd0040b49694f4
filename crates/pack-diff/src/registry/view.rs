//! As much of a registry's documents as a comparison needs, borrowed from their bytes.
//!
//! Components, READMEs and whatever else makes documents large are passed over by the parser.

use std::borrow::Cow;

use pack_format::documents::Deprecation;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a registry says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryView<'a> {
    /// Name people see.
    pub name: Option<Cow<'a, str>>,
    /// Where it says it is hosted.
    pub url: Option<Cow<'a, str>>,
}

/// `packs/<ref>.json`, or one entry of an index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PackView<'a> {
    /// The pack.
    #[serde(borrow, rename = "ref")]
    pub pack_ref: Cow<'a, str>,
    /// Set when newcomers should choose something else.
    #[serde(default)]
    pub deprecated: Option<Deprecation>,
    /// Who owns the ref.
    #[serde(default)]
    pub owners: Vec<String>,
    /// Its versions.
    #[serde(borrow)]
    pub versions: Vec<VersionView<'a>>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VersionView<'a> {
    /// The version.
    #[serde(borrow)]
    pub version: Cow<'a, str>,
    /// When it entered the registry.
    #[serde(borrow, default)]
    pub published_at: Option<Cow<'a, str>>,
    /// Set when it is yanked.
    #[serde(borrow, default)]
    pub yanked: Option<YankView<'a>>,
    /// The registry's own archive.
    #[serde(borrow, default)]
    pub archive: Option<ArchiveView<'a>>,
    /// Digest of its tree.
    #[serde(borrow, default)]
    pub tree: Option<Cow<'a, str>>,
    /// Store key of its tree.
    #[serde(borrow, default)]
    pub store_key: Option<Cow<'a, str>>,
    /// Sources elsewhere; in an index, all of them.
    #[serde(borrow, default)]
    pub install_sources: Vec<SourceView<'a>>,
}

/// That a version is yanked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct YankView<'a> {
    /// Why.
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
}

/// An archive of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ArchiveView<'a> {
    /// What its bytes have.
    #[serde(borrow)]
    pub checksum: Cow<'a, str>,
}

/// An install source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SourceView<'a> {
    /// `git` or `archive`.
    #[serde(borrow, rename = "type", default)]
    pub kind: Cow<'a, str>,
    /// Where it is.
    #[serde(borrow, default)]
    pub url: Cow<'a, str>,
    /// Git ref.
    #[serde(borrow, rename = "ref", default)]
    pub git_ref: Option<Cow<'a, str>>,
    /// What its bytes or its tree have.
    #[serde(borrow, default)]
    pub checksum: Option<Cow<'a, str>>,
    /// Directory inside the repository.
    #[serde(borrow, default)]
    pub subdir: Option<Cow<'a, str>>,
}

/// `index.json`, its entries unread.
#[derive(Debug, Deserialize)]
pub struct IndexView<'a> {
    /// Name people see.
    #[serde(borrow, default)]
    pub registry_name: Option<Cow<'a, str>>,
    /// Where it says it is hosted.
    #[serde(borrow, default)]
    pub registry_url: Option<Cow<'a, str>>,
    /// The entries: equal texts need no second look.
    #[serde(borrow, default)]
    pub packs: Vec<&'a RawValue>,
}

/// The name and version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntryName<'a> {
    /// The pack.
    #[serde(borrow, rename = "ref")]
    pub pack_ref: Cow<'a, str>,
    /// Its version.
    #[serde(borrow)]
    pub version: Cow<'a, str>,
}

/// Reads an entry of an index as a pack of one version.
///
/// # Errors
/// If it has no ref or no version, or something of another type.
pub fn entry(json: &RawValue) -> Result<PackView<'_>, serde_json::Error> {
    let version: VersionView<'_> = serde_json::from_str(json.get())?;
    let name: EntryName<'_> = serde_json::from_str(json.get())?;
    Ok(PackView {
        pack_ref: name.pack_ref,
        deprecated: None,
        owners: Vec::new(),
        versions: vec![version],
    })
}
