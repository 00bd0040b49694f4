//! From pack documents to the documents that list them: `index.json`, `packs.json`, `registry.json`.

use std::collections::BTreeMap;

use pack_format::documents::{
    Components, FORMAT, PackDocument, PackPointer, PacksDocument, RegistryDocument, VersionDocument,
};
use pack_format::entry::{IndexEntry, UNCATEGORIZED};
use pack_format::index::{self, Index};
use pack_format::source::InstallSource;
use pack_format::url_policy::UrlPolicy;
use pack_format::{ArchiveDigest, Checksum, Timestamp};

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

/// `registry.json` for a set of packs.
pub fn registry_document(
    identity: &Identity,
    documents: &[&PackDocument],
    updated_at: Timestamp,
) -> RegistryDocument {
    let mut component_counts: BTreeMap<String, u64> = BTreeMap::new();
    for newest in documents.iter().filter_map(|d| d.newest()) {
        for (kind, list) in Components::by_kind(&newest.components) {
            *component_counts.entry(kind.to_owned()).or_default() += list.len() as u64;
        }
    }
    RegistryDocument {
        format: FORMAT,
        name: identity.name.clone(),
        description: identity.description.clone(),
        url: identity.base_url.clone(),
        archive_base_url: "./".to_owned(),
        updated_at,
        pack_count: documents.len() as u64,
        version_count: documents.iter().map(|d| d.versions.len() as u64).sum(),
        component_counts,
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

/// `index.json`: the newest stable, un-yanked version of each pack; archives below `base_url`.
///
/// Also returns what could not be said in format 1, one sentence each: packs without such a version,
/// and entries that would break a rule.
pub fn index(
    identity: &Identity,
    documents: &[&PackDocument],
    base_url: &str,
    last_updated: Timestamp,
) -> (Index, Vec<String>) {
    let mut packs = Vec::new();
    let mut left_out = Vec::new();
    // The loopback address of a development tree is the one exception to https.
    let development = base_url.starts_with("http://");
    for document in documents {
        let newest = document
            .versions
            .iter()
            .find(|v| v.yanked.is_none() && !v.version.is_prerelease());
        let Some(version) = newest else {
            left_out.push(format!(
                "`{}` has no stable version that is not yanked",
                document.pack_ref
            ));
            continue;
        };
        let entry = index_entry(document, version, base_url);
        let broken = index::entry_violations(&entry);
        match broken
            .iter()
            .find(|b| !(development && b.contains("not https")))
        {
            None => packs.push(entry),
            Some(rule) => left_out.push(format!("`{}`: {rule}", document.pack_ref)),
        }
    }
    let index = Index {
        registry_name: identity.name.clone(),
        registry_url: base_url.to_owned(),
        version: index::FORMAT.to_owned(),
        last_updated,
        packs,
    };
    (index, left_out)
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
