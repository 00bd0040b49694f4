//! From pack documents to the documents that list them: `index.json`, `packs.json`, `registry.json`.

use std::collections::BTreeMap;

use pack_format::documents::{
    Components, FORMAT, PackDocument, PackPointer, PacksDocument, RegistryDocument, VersionDocument,
};
use pack_format::entry::{IndexEntry, UNCATEGORIZED};
use pack_format::index::{self, Index};
use pack_format::source::InstallSource;
use pack_format::url_policy::UrlPolicy;
use pack_format::{ArchiveDigest, Checksum, Timestamp, canonical};

/// Where a tree may be hosted: company networks count, plain http only on this machine.
pub const HOSTING: UrlPolicy = UrlPolicy {
    allow_http: false,
    allow_loopback: true,
    allow_private: true,
};

/// What is known of a registry besides its packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name people see.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Where the tree is hosted, absolute, with a trailing slash.
    pub base_url: Option<String>,
}

/// The pointer of a document with this digest; `None` for a document without versions.
pub fn pointer(document: &PackDocument, digest: ArchiveDigest) -> Option<PackPointer> {
    document.newest().map(|newest| PackPointer {
        version: newest.version.clone(),
        published_at: newest.published_at,
        document: digest,
    })
}

/// How much a registry lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packs.
    pub packs: u64,
    /// Versions of all packs.
    pub versions: u64,
    /// Components of the newest versions, by kind.
    pub components: BTreeMap<String, u64>,
}

impl Totals {
    /// Counts a pack with `versions` versions, and the components of its newest one by kind.
    pub fn add<'a>(&mut self, versions: u64, components: impl Iterator<Item = (&'a str, u64)>) {
        self.packs += 1;
        self.versions += versions;
        for (kind, _) in Components::default().by_kind() {
            self.components.entry(kind.to_owned()).or_default();
        }
        for (kind, count) in components {
            *self.components.entry(kind.to_owned()).or_default() += count;
        }
    }
}

/// `registry.json` of a registry that lists so much.
pub fn registry_document(
    identity: &Identity,
    totals: Totals,
    updated_at: Timestamp,
) -> RegistryDocument {
    RegistryDocument {
        format: FORMAT,
        name: identity.name.clone(),
        description: identity.description.clone(),
        url: identity.base_url.clone(),
        archive_base_url: "./".to_owned(),
        updated_at,
        pack_count: totals.packs,
        version_count: totals.versions,
        component_counts: totals.components,
        capabilities: Vec::new(),
    }
}

/// `packs.json` for a set of pointers.
pub fn packs_document(
    packs: BTreeMap<pack_format::PackRef, PackPointer>,
    updated_at: Timestamp,
) -> PacksDocument {
    PacksDocument {
        format: FORMAT,
        updated_at,
        packs,
    }
}

/// The format 1 entry of a pack: its newest stable, un-yanked version; its archive below `base_url`.
///
/// # Errors
/// A sentence, when there is no such version or the entry would break a rule.
pub fn entry_of(document: &PackDocument, base_url: &str) -> Result<IndexEntry, String> {
    // The loopback address of a development tree is the one exception to https.
    let development = base_url.starts_with("http://");
    let newest = document
        .versions
        .iter()
        .find(|v| v.yanked.is_none() && !v.version.is_prerelease());
    let Some(version) = newest else {
        return Err(format!(
            "`{}` has no stable version that is not yanked",
            document.pack_ref
        ));
    };
    let entry = index_entry(document, version, base_url);
    let broken = index::entry_violations(&entry);
    match broken
        .iter()
        .find(|b| !(development && b.contains("not https")))
    {
        None => Ok(entry),
        Some(rule) => Err(format!("`{}`: {rule}", document.pack_ref)),
    }
}

/// How the text of every entry begins, up to its ref.
pub const ENTRY_HEAD: &str = "    {\n      \"ref\": \"";
/// How the text of every entry ends; nowhere inside one does a line begin like this.
pub const ENTRY_TAIL: &str = "\n    }";

/// An entry as it stands in `index.json`, from [`ENTRY_HEAD`] to [`ENTRY_TAIL`].
///
/// # Errors
/// Only when the entry cannot be JSON at all.
pub fn entry_text(entry: &IndexEntry) -> Result<String, serde_json::Error> {
    const INDENT: &str = "    ";
    let text = serde_json::to_string_pretty(entry)?;
    let mut indented = String::with_capacity(text.len() + text.len() / 4);
    // Strings hold no line breaks: JSON escapes them.
    for line in text.split_inclusive('\n') {
        indented.push_str(INDENT);
        indented.push_str(line);
    }
    Ok(indented)
}

/// `index.json` with the entries whose texts are given, sorted by ref; the bytes that
/// [`canonical::to_bytes`] gives for the same index.
///
/// # Errors
/// Only when the head of the index cannot be JSON at all.
pub fn index_text<'a>(
    identity: &Identity,
    base_url: &str,
    last_updated: Timestamp,
    entries: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Vec<u8>, serde_json::Error> {
    const EMPTY: &[u8] = b"[]\n}\n";
    const END: &[u8] = b"\n  ]\n}\n";
    let head = Index {
        registry_name: identity.name.clone(),
        registry_url: base_url.to_owned(),
        version: index::FORMAT.to_owned(),
        last_updated,
        packs: Vec::new(),
    };
    let mut text = canonical::to_bytes(&head)?;
    let mut separator = "[\n";
    // Growing by halves would take twice the memory of a long index.
    let lengths = entries.clone().map(|entry| entry.len() + ",\n".len());
    text.reserve_exact(lengths.sum::<usize>() + END.len());
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        // The list is the last member.
        text.truncate(text.len() - EMPTY.len());
    }
    let filled = entries.peek().is_some();
    for entry in entries {
        text.extend_from_slice(separator.as_bytes());
        text.extend_from_slice(entry);
        separator = ",\n";
    }
    if filled {
        text.extend_from_slice(END);
    }
    Ok(text)
}

/// The format 1 entry of one version.
pub fn index_entry(
    document: &PackDocument,
    version: &VersionDocument,
    base_url: &str,
) -> IndexEntry {
    let mut install_sources: Vec<InstallSource> = version
        .install_sources
        .iter()
        .filter(|source| says_format_1(source))
        .cloned()
        .collect();
    let archive = version.archive.as_ref().and_then(|archive| {
        let url = format!("{base_url}{}", archive.path);
        Some(InstallSource::Archive {
            url: HOSTING.check(&url).ok()?,
            checksum: Some(Checksum::from(archive.checksum)),
        })
    });
    install_sources.extend(archive);
    // Documents keep what the manifest says; format 1 takes only what its readers can read.
    let mut meta: serde_json::Map<_, _> = version
        .meta
        .iter()
        .filter(|(name, value)| index::is_valid_meta(name, value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if let Some(downloads) = &document.downloads {
        meta.insert("downloads".to_owned(), downloads.total.into());
    }
    meta.entry("category")
        .or_insert_with(|| UNCATEGORIZED.into());
    IndexEntry {
        pack_ref: document.pack_ref.clone(),
        label: version.label.clone(),
        description: version.description.clone(),
        version: version.version.clone(),
        author: version.author.clone(),
        license: version.license.clone(),
        keywords: version.keywords.clone(),
        runtime_deps: version.runtime_deps.clone(),
        install_sources,
        contents: version.components.contents(),
        meta,
        repository: version
            .repository
            .clone()
            .filter(|url| url.starts_with("https://")),
        email: version.email.clone(),
        homepage: version
            .homepage
            .clone()
            .filter(|url| index::is_web_url(url)),
        use_case: version.use_case.clone(),
        dependencies: version.dependencies.clone(),
    }
}

/// Format 1 cannot say subdirectories, and must say a checksum and, for git, a ref.
fn says_format_1(source: &InstallSource) -> bool {
    source.checksum().is_some()
        && match source {
            InstallSource::Git {
                git_ref, subdir, ..
            } => git_ref.is_some() && subdir.is_none(),
            InstallSource::Archive { .. } => true,
        }
}
