//! One pack directory: looked at, and where something changed, read, checked, digested and archived.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pack_archive::ArchiveBuilder;
use pack_format::digest::TreeHashError;
use pack_format::documents::{ArchiveRecord, Components, VersionDocument};
use pack_format::manifest::Manifest;
use pack_format::patch::PatchError;
use pack_format::source::InstallSource;
use pack_format::{
    ArchiveDigest, Hint, MetadataError, PackRef, StoreKey, Timestamp, TreeDigest, Version,
};
use pack_fs::tree::{Scan, TreeError, TreeFile};
use pack_fs::{FsError, tree};
use registry_tree::writer::StagedFile;
use registry_tree::{TreeWriter, layout};

use crate::cache::{BuildCache, CachedPack, Fingerprint, now_ns};
use crate::checkout::{CheckoutError, Checkouts};
use crate::claim::KnownManifest;
use crate::contents::Contents;
use crate::details::Details;
use crate::icon;
use crate::ignored::{self, Above};

/// Why one pack is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A metadata file is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The directory holds something no pack may hold.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file has a name or size that installers would refuse.
    #[error("`{}`", directory.display())]
    Contents {
        /// The pack's directory.
        directory: PathBuf,
        /// Which file, and why.
        source: pack_archive::BuildError,
    },
    /// A file changed while it was read.
    #[error("`{}`", directory.display())]
    Changed {
        /// The pack's directory.
        directory: PathBuf,
        /// Which file.
        source: TreeHashError,
    },
    /// Two directories claim one version, or one ref without belonging together.
    #[error("{0}")]
    Identity(String, &'static str),
    /// The tree has this version with other bytes.
    #[error(
        "`{pack_ref}@{version}` is already published with different contents\n  published  {published}\n  new        {new}"
    )]
    AlreadyPublished {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Digest of the published tree.
        published: TreeDigest,
        /// Digest of the directory.
        new: TreeDigest,
    },
    /// The tree has this version with the same files and other execute bits.
    #[error(
        "`{pack_ref}@{version}` is already published with different contents: the files are the same, their execute bits are not\n  published  {published}\n  new        {new}"
    )]
    ModesChanged {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Store key of the published tree.
        published: StoreKey,
        /// Store key of the directory.
        new: StoreKey,
    },
    /// The checkout the directory lies in cannot be read.
    #[error("`{}`", directory.display())]
    Checkout {
        /// The pack's directory.
        directory: PathBuf,
        /// Which checkout, and why.
        source: CheckoutError,
    },
    /// What was corrected says something else by now.
    #[error("the patch of `{pack_ref}@{version}` cannot be kept: {source}")]
    Patch {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Why.
        source: PatchError,
    },
    /// Nobody is to get this version any more.
    #[error("`{}` holds `{pack_ref}@{version}`, which was taken down", directory.display())]
    TakenDown {
        /// The directory that holds it.
        directory: PathBuf,
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
    },
    /// The archive of a published version is gone, and what the directory gives has other bytes.
    #[error(
        "the archive `{path}` of `{pack_ref}@{version}` is missing or cut short, and building it again gives other bytes\n  published  {published}\n  new        {new}"
    )]
    ArchiveLost {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Its archive, in the tree.
        path: String,
        /// Digest of the published archive.
        published: ArchiveDigest,
        /// Digest of the archive built now.
        new: ArchiveDigest,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for PackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Metadata(error) => error.hint(),
            Self::Tree(error) => error.hint(),
            Self::Contents { source, .. } => source.hint(),
            Self::Changed { .. } => {
                Some("run the command again when nothing writes there".to_owned())
            }
            Self::Identity(_, hint) => Some((*hint).to_owned()),
            Self::Checkout { source, .. } => source.hint(),
            Self::ModesChanged { .. } => Some(
                "restore the execute bits with `chmod`, or raise `version` in `pack.yaml` and build again".to_owned(),
            ),
            Self::AlreadyPublished { .. } => Some(
                "a published version never changes; raise `version` in `pack.yaml` and build again"
                    .to_owned(),
            ),
            Self::Patch { .. } => Some(
                "take the patch back with `attune registry patch --remove FIELD`, then build again".to_owned(),
            ),
            Self::TakenDown { .. } => Some(
                "remove the directory from what is built, or raise `version` in `pack.yaml` if it holds something else now".to_owned(),
            ),
            Self::ArchiveLost { .. } => Some(
                "restore the archive from a copy of the tree; a published archive never changes its bytes".to_owned(),
            ),
            Self::File(error) => error.hint(),
        }
    }
}

/// What a look at a directory gave.
pub(crate) enum Looked {
    /// As the last build saw it.
    Unchanged(CachedPack),
    /// To be built.
    Changed(Box<Opened>),
}

/// A directory whose files are listed but not read.
pub(crate) struct Opened {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) files: Vec<TreeFile>,
    pub(crate) source: Option<InstallSource>,
}

/// What a build would see in `directory`, entries that no pack may hold among it.
pub(crate) fn sift(directory: &Path) -> Result<Scan, PackError> {
    let (scan, above, tracked) = surroundings(directory)?;
    Ok(ignored::sift(directory, scan, &above, || tracked)?)
}

/// Whether a build would see nothing of the directories at `paths`, which lie in `directory`.
pub(crate) fn ignores(directory: &Path, paths: &[String]) -> Result<bool, PackError> {
    let (scan, above, tracked) = surroundings(directory)?;
    Ok(ignored::ignores(
        directory,
        (&scan, &above),
        &tracked,
        paths,
    )?)
}

/// Everything in `directory`, the rules above it, and what git tracks there.
fn surroundings(directory: &Path) -> Result<(Scan, Above, BTreeSet<String>), PackError> {
    let scan = tree::scan(directory)?;
    let unreadable = |source| PackError::Checkout {
        directory: directory.to_owned(),
        source,
    };
    let Some(checkout) = Checkouts::default().of(directory).map_err(unreadable)? else {
        return Ok((scan, Above::default(), BTreeSet::new()));
    };
    let above = checkout.rules_above(directory)?;
    Ok((scan, above, checkout.tracked_below(directory)))
}

/// Walks `directory`; `settings` is what else the result depends on.
pub(crate) fn look(
    directory: &Path,
    settings: &str,
    cache: &BuildCache,
    checkouts: &Checkouts,
) -> Result<Looked, PackError> {
    let looked_at_ns = now_ns();
    let scan = tree::scan(directory)?;
    let checkout = checkouts
        .of(directory)
        .map_err(|source| PackError::Checkout {
            directory: directory.to_owned(),
            source,
        })?;
    let (above, git) = match &checkout {
        Some(checkout) => {
            let above = checkout.rules_above(directory)?;
            let has_rules = ignored::has_rules(&scan, &above);
            let git = checkout.fingerprint(directory, has_rules);
            (above, git)
        }
        None => (Above::default(), String::new()),
    };
    let extra = format!("{settings}\n{}\n{git}", above.texts());
    let fingerprint = Fingerprint::of(&scan, &extra, looked_at_ns);
    if let Some(cached) = cache.hit(directory, &fingerprint) {
        return Ok(Looked::Unchanged(cached.clone()));
    }
    let tracked = || {
        checkout
            .as_ref()
            .map(|c| c.tracked_below(directory))
            .unwrap_or_default()
    };
    Ok(Looked::Changed(Box::new(Opened {
        fingerprint,
        files: ignored::filter(directory, scan, &above, tracked)?,
        source: checkout.as_ref().and_then(|c| c.source(directory)),
    })))
}

/// A checked pack, its archive in staging where one was made.
pub(crate) struct Built {
    pub(crate) directory: PathBuf,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) pack_ref: PackRef,
    pub(crate) repository: Option<String>,
    pub(crate) tree: TreeDigest,
    pub(crate) store_key: StoreKey,
    pub(crate) document: VersionDocument,
    /// What its page shows besides the document.
    pub(crate) details: Details,
    /// Bytes of the icon.
    pub(crate) icon: Option<Vec<u8>>,
    /// Absent when the tree has the archive already.
    pub(crate) archive: Option<StagedFile>,
    /// Archive of the same version that nothing will pin any more.
    pub(crate) replaces: Option<String>,
}

impl Built {
    pub(crate) fn version(&self) -> &Version {
        &self.document.version
    }
}

/// Tells the key and archive of a version the tree lists.
pub(crate) type Published<'a> =
    dyn Fn(&PackRef, &Version) -> Option<(StoreKey, ArchiveRecord)> + Sync + 'a;

/// Everything building one pack needs besides its directory.
pub(crate) struct Workshop<'a> {
    pub(crate) writer: &'a TreeWriter,
    pub(crate) now: Timestamp,
    /// Modification time inside archives, seconds since 1970.
    pub(crate) archive_time: u64,
    /// Whether published versions may change.
    pub(crate) dev: bool,
    pub(crate) published: &'a Published<'a>,
}

impl Workshop<'_> {
    /// Reads, checks, digests and, where the tree lacks it, archives the pack in `directory`.
    pub(crate) fn build(
        &self,
        directory: &Path,
        opened: Opened,
        known: KnownManifest,
    ) -> Result<Built, PackError> {
        let contents = Contents::read(directory, opened.files)?;
        let (manifest, components) = contents.metadata_of(directory, known)?;
        let (tree, store_key) = contents.digest(directory)?;
        let archive = self.archive(directory, &manifest, &contents, store_key)?;
        let readme = contents
            .iter()
            .filter_map(|(file, bytes)| Some((readme_rank(&file.path)?, bytes)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(rank, bytes)| (rank, readme_text(bytes)));
        let unpacked_bytes = contents.unpacked_bytes();
        Ok(Built {
            directory: directory.to_owned(),
            fingerprint: opened.fingerprint,
            pack_ref: manifest.pack_ref.clone(),
            repository: manifest.repository.clone(),
            tree,
            store_key,
            details: Details::new(readme, contents.rows()),
            icon: contents.icon().map(|icon| icon.bytes.to_vec()),
            archive: archive.staged,
            replaces: archive.replaces,
            document: VersionDocument {
                icon: contents
                    .icon()
                    .map(|icon| icon::record(&manifest.pack_ref, &icon)),
                archive: Some(archive.record),
                install_sources: opened.source.into_iter().collect(),
                tree: Some(tree),
                store_key: Some(store_key),
                file_count: contents.file_count(),
                unpacked_bytes,
                components,
                ..from_manifest(manifest, self.now)
            },
        })
    }

    /// The pack's archive: the published one where the tree has it whole, else built now.
    fn archive(
        &self,
        directory: &Path,
        manifest: &Manifest,
        contents: &Contents,
        store_key: StoreKey,
    ) -> Result<Archive, PackError> {
        let (pack_ref, version) = (&manifest.pack_ref, &manifest.version);
        let published = (self.published)(pack_ref, version);
        if let Some((key, record)) = &published
            && *key == store_key
            && self.writer.size_of(&record.path) == Some(record.size_bytes)
        {
            return Ok(Archive {
                record: record.clone(),
                staged: None,
                replaces: None,
            });
        }
        let bytes = pack_up(directory, manifest, contents, self.archive_time)?;
        let checksum = ArchiveDigest::of(&bytes);
        let path = match &published {
            Some((key, record))
                if *key == store_key && record.checksum != checksum && !self.dev =>
            {
                return Err(PackError::ArchiveLost {
                    pack_ref: pack_ref.clone(),
                    version: version.clone(),
                    path: record.path.clone(),
                    published: record.checksum,
                    new: checksum,
                });
            }
            Some((_, record)) if record.checksum == checksum => record.path.clone(),
            Some(_) => layout::replacement_archive(pack_ref, version, &checksum),
            None => layout::archive(pack_ref, version),
        };
        let replaced = published.map(|(_, record)| record.path);
        let record = ArchiveRecord {
            checksum,
            size_bytes: bytes.len() as u64,
            path,
        };
        Ok(Archive {
            replaces: replaced.filter(|old| *old != record.path),
            staged: Some(self.writer.stage(&bytes)?),
            record,
        })
    }
}

/// The archive of a pack; its members have the time `mtime_seconds` since 1970.
pub(crate) fn pack_up(
    directory: &Path,
    manifest: &Manifest,
    contents: &Contents,
    mtime_seconds: u64,
) -> Result<Vec<u8>, PackError> {
    let top = layout::archive_top(&manifest.pack_ref, &manifest.version);
    let refused = |source| PackError::Contents {
        directory: directory.to_owned(),
        source,
    };
    let mut builder = ArchiveBuilder::new(&top, mtime_seconds);
    for (file, bytes) in contents.iter() {
        // What an installer would refuse, the builder refuses.
        builder
            .file(&file.path, file.executable, bytes)
            .map_err(refused)?;
    }
    builder.finish().map_err(refused)
}

/// A pack's archive and what it does to the tree.
struct Archive {
    record: ArchiveRecord,
    staged: Option<StagedFile>,
    replaces: Option<String>,
}

/// Longest README a page shows, in bytes (256 KiB).
const MAX_README_BYTES: usize = 256 * 1024;

/// How well a file of a pack's root serves as its README, best first; `None` if it does not.
pub(crate) fn readme_rank(path: &str) -> Option<u8> {
    match path {
        "README.md" => Some(0),
        _ if path.eq_ignore_ascii_case("readme.md") => Some(1),
        "README" => Some(2),
        _ => None,
    }
}

/// As much of a README as a page shows.
pub(crate) fn readme_text(bytes: &[u8]) -> String {
    let shown = bytes.get(..MAX_README_BYTES).unwrap_or(bytes);
    String::from_utf8_lossy(shown).into_owned()
}

/// What a manifest alone says of a version.
pub(crate) fn from_manifest(manifest: Manifest, published_at: Timestamp) -> VersionDocument {
    VersionDocument {
        version: manifest.version,
        published_at,
        published_by: None,
        yanked: None,
        taken_down: None,
        label: manifest.label,
        description: manifest.description,
        use_case: manifest.use_case,
        author: manifest.author,
        email: manifest.email,
        license: manifest.license,
        homepage: manifest.homepage,
        repository: manifest.repository,
        keywords: manifest.keywords,
        runtime_deps: manifest.runtime_deps,
        dependencies: manifest.dependencies,
        python: manifest.python,
        nodejs: manifest.nodejs,
        archive: None,
        icon: None,
        install_sources: Vec::new(),
        given_sources: Vec::new(),
        patches: Vec::new(),
        tree: None,
        store_key: None,
        file_count: 0,
        unpacked_bytes: 0,
        components: Components::default(),
        configuration: manifest.configuration,
        meta: manifest.meta.into_iter().collect(),
    }
}
