//! `Registry`: one open registry of either format, giving the same answers.
//!
//! 1. `registry.json` is tried: format 2. Then `packs.json` says what there is, and pins each pack's
//!    document by digest.
//! 2. Where there is no `registry.json`, the index alone is the registry: format 1.
//!
//! Search asks the search index of a tree, and reads `index.json` where there is none.

use std::sync::Arc;

use pack_format::PackRef;
use pack_format::documents::{PackDocument, PacksDocument};
use pack_format::index::{self, Index};
use pack_format::url_policy::UrlPolicy;
use tokio::sync::OnceCell;
use url::Url;

use crate::archives::ArchiveCache;
use crate::candidate::{ArchiveSource, Candidate, Listing, Place, RegistryIdentity};
use crate::documents::{Documents, Freshness};
use crate::fetch_error::FetchError;
use crate::http::{Download, Http};
use crate::location::Location;
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;
use crate::search::{self, SearchHit};
use crate::settings::{ClientSettings, Connection, RegistryConfig};
use crate::spool::Received;
use crate::tree::{self, ArchiveBase, Tree};

/// A registry that answered.
#[derive(Debug)]
pub struct Registry {
    identity: Arc<RegistryIdentity>,
    location: Location,
    policy: UrlPolicy,
    documents: Documents,
    connection: Connection,
    format: Format,
    index: OnceCell<Option<Index>>,
}

#[derive(Debug)]
enum Format {
    Tree(Box<Tree>),
    Index,
}

impl Registry {
    /// Opens a registry and reads what it lists.
    ///
    /// # Errors
    /// [`RegistryError`], also when neither format is there.
    pub async fn open(
        config: &RegistryConfig,
        settings: &ClientSettings,
        reporter: &dyn Reporter,
    ) -> Result<Self, RegistryError> {
        let location = Location::parse(&config.url, settings.allow_http)?;
        let policy = location.policy(settings.allow_http);
        let documents = Documents::at(&location, policy, settings, config)?;
        let (may_be_tree, index_name) = match &location {
            Location::Web { tree, index, .. } | Location::Directory { tree, index, .. } => {
                (*tree, index.clone())
            }
        };
        let opened = if may_be_tree {
            tree::open(&documents, &location, policy, reporter).await?
        } else {
            None
        };
        let (name, format, index) = if let Some(tree) = opened {
            (tree.name.clone(), Format::Tree(Box::new(tree)), None)
        } else {
            let index = read_index(&documents, &index_name, policy, reporter).await?;
            let index = index.ok_or_else(|| RegistryError::Nothing {
                url: location.display_url(),
                index: index_name,
            })?;
            (index.registry_name.clone(), Format::Index, Some(index))
        };
        let url = location.display_url();
        let name = config.name.clone().unwrap_or(name);
        let name = if name.is_empty() { url.clone() } else { name };
        Ok(Self {
            identity: Arc::new(RegistryIdentity { name, url }),
            location,
            policy,
            documents,
            connection: Connection {
                proxies: config.proxies.clone(),
                ca_file: config.tls.ca_file.clone(),
            },
            format,
            index: index.map_or_else(OnceCell::new, |index| OnceCell::from(Some(index))),
        })
    }

    /// Name and URL.
    pub fn identity(&self) -> &Arc<RegistryIdentity> {
        &self.identity
    }

    /// Number of the format it is read in: 1 or 2.
    pub fn format(&self) -> u32 {
        match self.format {
            Format::Tree(_) => 2,
            Format::Index => 1,
        }
    }

    /// The refs it lists, sorted.
    pub fn refs(&self) -> Vec<PackRef> {
        match &self.format {
            Format::Tree(tree) => tree.packs.packs.keys().cloned().collect(),
            Format::Index => self
                .known_index()
                .map(|index| index.packs.iter().map(|p| p.pack_ref.clone()).collect())
                .unwrap_or_default(),
        }
    }

    /// Whether it lists a pack.
    pub fn lists(&self, pack_ref: &PackRef) -> bool {
        match &self.format {
            Format::Tree(tree) => tree.packs.packs.contains_key(pack_ref),
            Format::Index => self
                .known_index()
                .is_some_and(|index| position(index, pack_ref).is_some()),
        }
    }

    /// Every version of a pack, or `None` if the registry does not list it.
    ///
    /// # Errors
    /// [`RegistryError`] if the pack's document is missing, not the pinned one, or about something else.
    pub async fn pack(
        &self,
        pack_ref: &PackRef,
        reporter: &dyn Reporter,
    ) -> Result<Option<Listing>, RegistryError> {
        match &self.format {
            Format::Index => Ok(self.known_index().and_then(|index| {
                let entry = &index.packs[position(index, pack_ref)?];
                Some(Listing {
                    pack_ref: pack_ref.clone(),
                    registry: Arc::clone(&self.identity),
                    deprecated: None,
                    owners: Vec::new(),
                    candidates: vec![Candidate::of_entry(entry)],
                })
            })),
            Format::Tree(tree) => {
                let Some(document) = self
                    .pinned_document(&tree.packs, pack_ref, reporter)
                    .await?
                else {
                    return Ok(None);
                };
                self.listing(document, &tree.archives).map(Some)
            }
        }
    }

    /// Everything a registry of format 2 says of a pack; `None` if it does not list it, and in format 1.
    ///
    /// # Errors
    /// As [`Registry::pack`].
    pub async fn document(
        &self,
        pack_ref: &PackRef,
        reporter: &dyn Reporter,
    ) -> Result<Option<PackDocument>, RegistryError> {
        match &self.format {
            Format::Index => Ok(None),
            Format::Tree(tree) => self.pinned_document(&tree.packs, pack_ref, reporter).await,
        }
    }

    /// The document `packs.json` pins; where it has gone meanwhile, the one a new `packs.json` pins.
    async fn pinned_document(
        &self,
        packs: &PacksDocument,
        pack_ref: &PackRef,
        reporter: &dyn Reporter,
    ) -> Result<Option<PackDocument>, RegistryError> {
        let Some(pointer) = packs.packs.get(pack_ref) else {
            return Ok(None);
        };
        let mut path = pointer.document_path(pack_ref);
        let bytes = match self
            .documents
            .pinned(&path, &pointer.document, reporter)
            .await
        {
            Err(RegistryError::Missing { .. }) => {
                // Superseded documents go after a day; a cached `packs.json` may be older than that.
                let packs =
                    tree::read_packs(&self.documents, Freshness::Revalidated, reporter).await?;
                let Some(pointer) = packs.packs.get(pack_ref) else {
                    return Ok(None);
                };
                path = pointer.document_path(pack_ref);
                self.documents
                    .pinned(&path, &pointer.document, reporter)
                    .await?
            }
            outcome => outcome?,
        };
        let name = self.documents.describe(&path);
        let document: PackDocument = tree::parse(&name, &bytes)?;
        if document.pack_ref != *pack_ref {
            return Err(RegistryError::Subject {
                document: name,
                found: document.pack_ref.to_string(),
            });
        }
        Ok(Some(document))
    }

    fn listing(
        &self,
        document: PackDocument,
        archives: &ArchiveBase,
    ) -> Result<Listing, RegistryError> {
        let mut candidates = Vec::with_capacity(document.versions.len());
        for version in document.versions {
            let own = version
                .archive
                .as_ref()
                .map(|record| archives.place(&record.path))
                .transpose()?;
            candidates.push(Candidate::of_document(&document.pack_ref, version, own));
        }
        candidates.sort_by(|a, b| b.version.cmp(&a.version));
        Ok(Listing {
            pack_ref: document.pack_ref,
            registry: Arc::clone(&self.identity),
            deprecated: document.deprecated,
            owners: document.owners,
            candidates,
        })
    }

    /// Packs that match `keyword`, best first and at most [`MAX_SEARCH_HITS`](crate::MAX_SEARCH_HITS), where the
    /// registry has a search index; else those whose ref, label, description or a keyword holds it, by ref. Case
    /// is ignored.
    ///
    /// # Errors
    /// [`RegistryError`] if an index cannot be read.
    pub async fn search(
        &self,
        keyword: &str,
        reporter: &dyn Reporter,
    ) -> Result<Vec<SearchHit>, RegistryError> {
        if matches!(self.format, Format::Tree(_))
            && let Some(hits) =
                search::ask(&self.documents, keyword, &self.identity.name, reporter).await?
        {
            return Ok(hits);
        }
        let index = self
            .index
            .get_or_try_init(|| {
                read_index(
                    &self.documents,
                    crate::location::INDEX,
                    self.policy,
                    reporter,
                )
            })
            .await?;
        let needle = keyword.to_lowercase();
        Ok(match index {
            Some(index) => index
                .packs
                .iter()
                .filter(|entry| SearchHit::matches(entry, &needle))
                .map(|entry| SearchHit::of(entry, &self.identity.name))
                .collect(),
            // A tree without an index can still be searched by ref.
            None => match &self.format {
                Format::Tree(tree) => tree
                    .packs
                    .packs
                    .iter()
                    .filter(|(pack_ref, _)| pack_ref.as_str().contains(&needle))
                    .map(|(pack_ref, pointer)| {
                        SearchHit::bare(pack_ref, &pointer.version, &self.identity.name)
                    })
                    .collect(),
                Format::Index => Vec::new(),
            },
        })
    }

    /// Fetches an archive of this registry's listings, unless the cache has it; larger bodies are kept in `spool`.
    ///
    /// What arrives is cached if it has the listed SHA-256. Otherwise the bytes are unchecked; whoever takes them compares [`Received::digest`].
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn fetch(
        &self,
        archive: &ArchiveSource,
        request: FetchRequest<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Received, RegistryError> {
        let limit = request.limit.min(archive.size_bytes.unwrap_or(u64::MAX));
        let url = match &archive.place {
            Place::File(path) => {
                let read = Received::from_file(path, request.limit, request.spool);
                return read
                    .map_err(|e| RegistryError::File(pack_fs::FsError::new("read", path, e)));
            }
            Place::Web(url) => url,
        };
        let cache = ArchiveCache::of(request.settings);
        let kept = (cache.as_ref())
            .and_then(|cache| cache.take(&archive.checksum, (limit, request.spool), reporter));
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let download = Download {
            url,
            limit,
            spool: request.spool,
            subject: Some(request.subject),
        };
        let mut received = match &self.documents {
            Documents::Web { http, .. } => http.archive(download, reporter).await?,
            Documents::Files { .. } => {
                let http = Http::of_files(request.settings, self.policy, &self.connection);
                http.archive(download, reporter).await?
            }
        };
        let is_listed = archive.checksum.as_archive_digest() == Some(received.digest());
        if let Some(cache) = cache.filter(|_| is_listed) {
            cache.keep(&mut received);
        }
        Ok(received)
    }

    /// The addresses at which the host of a URL of this registry's listings may be dialled; none for a literal
    /// address, which was checked with the URL. For programs that dial themselves, such as git.
    ///
    /// # Errors
    /// [`FetchError`], also when the host leads to where a registry must not send us.
    pub async fn addresses(
        &self,
        url: &Url,
        settings: &ClientSettings,
    ) -> Result<Vec<std::net::SocketAddr>, FetchError> {
        match &self.documents {
            Documents::Web { http, .. } => http.addresses(url).await,
            Documents::Files { .. } => {
                let http = Http::of_files(settings, self.policy, &self.connection);
                http.addresses(url).await
            }
        }
    }

    /// Proxies and authorities for [`Self::addresses`].
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    fn known_index(&self) -> Option<&Index> {
        self.index.get().and_then(Option::as_ref)
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }
}

/// How to fetch an archive.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// Name for progress, such as `slack@2.1.0`.
    pub subject: &'a str,
    /// Most bytes to take.
    pub limit: u64,
    /// Directory for larger bodies.
    pub spool: &'a std::path::Path,
    /// Timeouts and retries.
    pub settings: &'a ClientSettings,
}

/// Fetches an archive from a URL that a person gave.
///
/// Its own host may be private (somebody asked for it); where it redirects to may not.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch_url(
    url: &Url,
    request: FetchRequest<'_>,
    reporter: &dyn Reporter,
) -> Result<Received, FetchError> {
    let policy = UrlPolicy {
        allow_http: request.settings.allow_http,
        ..UrlPolicy::PUBLIC
    };
    let http = Http::direct(request.settings, policy, Some(url));
    let download = Download {
        url,
        limit: request.limit,
        spool: request.spool,
        subject: Some(request.subject),
    };
    http.archive(download, reporter).await
}

async fn read_index(
    documents: &Documents,
    name: &str,
    policy: UrlPolicy,
    reporter: &dyn Reporter,
) -> Result<Option<Index>, RegistryError> {
    let Some(bytes) = documents.get(name, Freshness::Cached, reporter).await? else {
        return Ok(None);
    };
    let read = index::read(&bytes, policy).map_err(|cause| RegistryError::Index {
        document: documents.describe(name),
        cause,
    })?;
    for problem in &read.problems {
        reporter.warning(&format!("`{}`: {problem}", documents.describe(name)));
    }
    Ok(Some(read.index))
}

fn position(index: &Index, pack_ref: &PackRef) -> Option<usize> {
    index
        .packs
        .binary_search_by(|entry| entry.pack_ref.cmp(pack_ref))
        .ok()
}
