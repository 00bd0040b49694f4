//! `SearchHit`: one line of a search.

use pack_format::entry::IndexEntry;
use pack_format::{PackRef, Version};
use serde::Serialize;

/// A pack that matches a keyword.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchHit {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Name people see.
    pub label: String,
    /// Newest version.
    pub version: Version,
    /// One or two sentences.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Name of the registry.
    pub registry: String,
}

impl SearchHit {
    pub(crate) fn of(entry: &IndexEntry, registry: &str) -> Self {
        Self {
            pack_ref: entry.pack_ref.clone(),
            label: entry.label.clone(),
            version: entry.version.clone(),
            description: entry.description.clone(),
            author: entry.author.clone(),
            keywords: entry.keywords.clone(),
            registry: registry.to_owned(),
        }
    }

    pub(crate) fn bare(pack_ref: &PackRef, version: &Version, registry: &str) -> Self {
        Self {
            pack_ref: pack_ref.clone(),
            label: pack_ref.to_string(),
            version: version.clone(),
            description: String::new(),
            author: String::new(),
            keywords: Vec::new(),
            registry: registry.to_owned(),
        }
    }

    /// Whether an entry holds `needle`, which is lower case already.
    pub(crate) fn matches(entry: &IndexEntry, needle: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(needle);
        entry.pack_ref.as_str().contains(needle)
            || holds(&entry.label)
            || holds(&entry.description)
            || entry.keywords.iter().any(|keyword| holds(keyword))
    }
}
