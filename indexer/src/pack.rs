//! One pack directory: looked at, and where something changed, read, checked, digested and archived.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use pack_archive::{ArchiveBuilder, Gate};
use pack_format::digest::{TreeHashError, TreeHasher};
use pack_format::documents::{ArchiveRecord, Components, VersionDocument};
use pack_format::inventory::{self, PackFile};
use pack_format::manifest::{COMPONENT_KINDS, Manifest};
use pack_format::source::InstallSource;
use pack_format::{
    ArchiveDigest, Hint, Limits, MetadataError, PackRef, StoreKey, Timestamp, TreeDigest, Version,
};
use pack_fs::error::Context as _;
use pack_fs::tree::{TreeError, TreeFile};
use pack_fs::{FsError, SourceDir, tree};
use registry_pages::FileRow;
use registry_tree::writer::StagedFile;
use registry_tree::{TreeWriter, layout};

use crate::cache::{BuildCache, CachedPack, Fingerprint, now_ns};
use crate::checkout::{CheckoutError, Checkouts};
use crate::ignored::{self, Above};
use crate::inputs::MANIFEST;

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
    files: Vec<TreeFile>,
    source: Option<InstallSource>,
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
    pub(crate) readme: Option<String>,
    pub(crate) files: Vec<FileRow>,
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

struct Contents {
    /// All contents, one after the other.
    bytes: Vec<u8>,
    files: Vec<(TreeFile, Range<usize>)>,
}

impl Workshop<'_> {
    /// Reads, checks, digests and, where the tree lacks it, archives the pack in `directory`.
    pub(crate) fn build(&self, directory: &Path, opened: Opened) -> Result<Built, PackError> {
        let contents = read(directory, opened.files)?;
        let place = directory.display().to_string();
        let manifest_name = format!("{place}/{MANIFEST}");
        let manifest_bytes = contents.get(MANIFEST).ok_or_else(|| {
            MetadataError::new(&manifest_name, None, "it is left out by an ignore rule")
                .with_hint("remove the rule from `.gitignore` or `.attuneignore`")
        })?;
        let manifest = Manifest::parse(&manifest_name, manifest_bytes)?;
        let components = inventory::components(&place, &manifest, &contents.component_files())?;
        let (tree, store_key) = contents.digest(directory)?;
        let archive = self.archive(directory, &manifest, &contents, store_key)?;
        let readme = contents
            .iter()
            .filter_map(|(file, bytes)| Some((readme_rank(&file.path)?, bytes)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, bytes)| readme_text(bytes));
        let unpacked_bytes = contents.bytes.len() as u64;
        Ok(Built {
            directory: directory.to_owned(),
            fingerprint: opened.fingerprint,
            pack_ref: manifest.pack_ref.clone(),
            repository: manifest.repository.clone(),
            tree,
            store_key,
            readme,
            files: contents.rows(),
            archive: archive.staged,
            replaces: archive.replaces,
            document: VersionDocument {
                archive: Some(archive.record),
                install_sources: opened.source.into_iter().collect(),
                tree: Some(tree),
                store_key: Some(store_key),
                file_count: contents.files.len() as u64,
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
        let bytes = self.pack_up(directory, manifest, contents)?;
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

    fn pack_up(
        &self,
        directory: &Path,
        manifest: &Manifest,
        contents: &Contents,
    ) -> Result<Vec<u8>, PackError> {
        let top = layout::archive_top(&manifest.pack_ref, &manifest.version);
        let refused = |source| PackError::Contents {
            directory: directory.to_owned(),
            source,
        };
        let mut builder = ArchiveBuilder::new(&top, self.archive_time);
        for (file, bytes) in contents.iter() {
            // What an installer would refuse, the builder refuses.
            builder
                .file(&file.path, file.executable, bytes)
                .map_err(refused)?;
        }
        builder.finish().map_err(refused)
    }
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
fn from_manifest(manifest: Manifest, published_at: Timestamp) -> VersionDocument {
    VersionDocument {
        version: manifest.version,
        published_at,
        yanked: None,
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
        archive: None,
        install_sources: Vec::new(),
        tree: None,
        store_key: None,
        file_count: 0,
        unpacked_bytes: 0,
        components: Components::default(),
        configuration: manifest.configuration,
        meta: manifest.meta.into_iter().collect(),
    }
}

/// Reads all files into one buffer: a pack has dozens of small ones.
fn read(directory: &Path, files: Vec<TreeFile>) -> Result<Contents, PackError> {
    // Names, sizes and their sum are judged before a byte is read: one huge file must not cost memory.
    let mut gate = Gate::new(&Limits::default());
    for file in &files {
        gate.admit_file(file.path.as_bytes(), file.size_bytes)
            .map_err(|refusal| PackError::Contents {
                directory: directory.to_owned(),
                source: refusal.into(),
            })?;
    }
    let mut source = SourceDir::open(directory).on("open", directory)?;
    let mut bytes = BUFFER.take();
    bytes.clear();
    let mut ranges = Vec::with_capacity(files.len());
    for file in files {
        let start = bytes.len();
        let opened = source
            .file(&file.path)
            .on("open", &directory.join(&file.path))?;
        read_file(opened, file.size_bytes, &mut bytes).on("read", &directory.join(&file.path))?;
        let read = (bytes.len() - start) as u64;
        if read != file.size_bytes {
            return Err(PackError::Changed {
                directory: directory.to_owned(),
                source: TreeHashError::Changed {
                    path: file.path,
                    announced: file.size_bytes,
                    read,
                },
            });
        }
        ranges.push((file, start..bytes.len()));
    }
    Ok(Contents {
        bytes,
        files: ranges,
    })
}

/// Appends a file that should have `size_bytes`, and at most one byte more, so that growth shows.
fn read_file(mut file: File, size_bytes: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let start = bytes.len();
    let size = usize::try_from(size_bytes).unwrap_or(usize::MAX - start - 1);
    bytes.resize(start + size + 1, 0);
    let mut filled = start;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            // A short read of a regular file is its end.
            Ok(0) => break,
            Ok(n) => {
                filled += n;
                if filled == start + size {
                    break;
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(())
}

/// Largest buffer a thread keeps between packs, in bytes (4 MiB).
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Drop for Contents {
    fn drop(&mut self) {
        if self.bytes.capacity() <= MAX_KEPT_BYTES {
            BUFFER.set(std::mem::take(&mut self.bytes));
        }
    }
}

impl Contents {
    fn get(&self, path: &str) -> Option<&[u8]> {
        self.files
            .binary_search_by(|(file, _)| file.path.as_str().cmp(path))
            .ok()
            .map(|i| &self.bytes[self.files[i].1.clone()])
    }

    /// Every file and its bytes, in order.
    fn iter(&self) -> impl Iterator<Item = (&TreeFile, &[u8])> {
        self.files
            .iter()
            .map(|(file, range)| (file, &self.bytes[range.clone()]))
    }

    fn rows(&self) -> Vec<FileRow> {
        let row = |(file, _): &(TreeFile, Range<usize>)| FileRow {
            path: file.path.clone(),
            size_bytes: file.size_bytes,
            executable: file.executable,
        };
        self.files.iter().map(row).collect()
    }

    fn component_files(&self) -> Vec<PackFile<'_>> {
        let in_component_directory = |path: &str| {
            path.split_once('/')
                .is_some_and(|(top, _)| COMPONENT_KINDS.contains(&top))
        };
        self.iter()
            .filter(|(file, _)| in_component_directory(&file.path))
            .map(|(file, content)| PackFile {
                path: &file.path,
                content,
            })
            .collect()
    }

    fn digest(&self, directory: &Path) -> Result<(TreeDigest, StoreKey), PackError> {
        let mut hasher = TreeHasher::new();
        for (file, bytes) in self.iter() {
            hasher
                .file(&file.path, file.executable, bytes)
                .map_err(|source| PackError::Changed {
                    directory: directory.to_owned(),
                    source,
                })?;
        }
        Ok(hasher.finish())
    }
}
