//! `registry merge`: several registry trees into one.
//!
//! A name that two trees list is one pack where both declare the same `repository`, or every version they
//! share has the same tree and they share one; else one shadows the other, which is refused unless it is
//! allowed. Histories of one pack are joined: each version once, and never with two contents. What the merged tree listed
//! before stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::documents::{PackDocument, PackPointer, VersionDocument};
use pack_format::patch::{self, PatchError};
use pack_format::{ArchiveDigest, Hint, PackRef, Timestamp, Version};
use pack_fs::FsError;
use pack_fs::lock::Holder;
use pack_fs::source_dir::open_regular;
use rayon::prelude::*;
use registry_tree::assemble::{self, Identity};
use registry_tree::{Phase, ReadError, TreeReader, TreeWriter, WriteError, layout};

use crate::build::DEFAULT_NAME;
use crate::facts::Neighbours;
use crate::history::same_repository;
use crate::icon;
use crate::publish::{self, About, Publication, Scope, Staged};
use crate::publish_error::PublishError;

/// What to merge, and how.
#[derive(Debug, Clone)]
pub struct MergeTreesOptions {
    /// The trees; of what only one can say, the first one says it.
    pub inputs: Vec<PathBuf>,
    /// The tree to write.
    pub out: PathBuf,
    /// Name of the registry; that of the merged tree, else of the first input comes next.
    pub name: Option<String>,
    /// Where the merged tree will be hosted; what it says itself comes next.
    pub base_url: Option<String>,
    /// Base URL of archives in `index.json` when no base URL is known.
    pub development_url: String,
    /// Packs whose name may shadow the same name of later inputs; `None` for all of them.
    pub may_shadow: Option<BTreeSet<PackRef>>,
    /// When now is.
    pub now: Timestamp,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
}

/// A name that two inputs list for different packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowedPack {
    /// The name.
    pub pack_ref: PackRef,
    /// The tree whose pack stays.
    pub kept: PathBuf,
    /// The tree whose pack is left out.
    pub dropped: PathBuf,
}

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MergedTrees {
    /// Packs the merged tree lists.
    pub packs: u64,
    /// Versions it lists.
    pub versions: u64,
    /// Files that got new bytes.
    pub files_written: usize,
    /// What was left out, by name.
    pub shadowed: Vec<ShadowedPack>,
    /// What deserves attention, one sentence each.
    pub warnings: Vec<String>,
}

/// Why trees were not merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeTreesError {
    /// An input is no tree of format 2.
    #[error("`{}` is no registry tree: it has no `packs.json`", .0.display())]
    NotATree(PathBuf),
    /// An input is the output.
    #[error("`{}` is an input and the tree to write", .0.display())]
    IntoItself(PathBuf),
    /// Somebody's files are where the tree is to be.
    #[error("`{}` is no registry tree and not empty", .0.display())]
    Occupied(PathBuf),
    /// The base URL cannot be used.
    #[error("the base URL {0}")]
    BaseUrl(pack_format::url_policy::UrlError),
    /// A document cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Two packs have one name.
    #[error(
        "`{pack_ref}` is another pack in `{}` than in `{}`\n  {first}\n  {second}", one.display(), other.display()
    )]
    Shadowing {
        /// The name.
        pack_ref: PackRef,
        /// The tree that comes first.
        one: PathBuf,
        /// The tree that comes later.
        other: PathBuf,
        /// Repository in the first.
        first: String,
        /// Repository in the other.
        second: String,
    },
    /// One version has two contents.
    #[error(
        "`{pack_ref}@{version}` has other contents in `{}` than in `{}`\n  {first}\n  {second}", one.display(), other.display()
    )]
    TwoContents {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// The tree that comes first, or the merged one.
        one: PathBuf,
        /// The tree that comes later.
        other: PathBuf,
        /// Archive digest in the first.
        first: String,
        /// Archive digest in the other.
        second: String,
    },
    /// What one tree corrected says something else in another.
    #[error("the patch of `{pack_ref}@{version}` does not hold in every tree: {source}")]
    Patch {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Why.
        source: PatchError,
    },
    /// A document of an input names an archive outside its tree.
    #[error("`{}` names an archive of `{pack_ref}` outside of itself: `{}`", root.display(), pack_format::text::printable(path))]
    Outside {
        /// The input.
        root: PathBuf,
        /// The pack.
        pack_ref: PackRef,
        /// What its document says.
        path: String,
    },
    /// An archive is not what the document says.
    #[error("`{}` is not the archive its document names\n  expected  {expected}\n  computed  {computed}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// The digest of the document.
        expected: ArchiveDigest,
        /// The digest of the bytes.
        computed: ArchiveDigest,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FsError),
    /// The tree cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A page or document cannot be made.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl MergeTreesError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Write(error) if error.is_busy())
    }

    /// Whether something has other bytes than were promised.
    pub fn is_mismatch(&self) -> bool {
        match self {
            Self::Archive { .. } => true,
            Self::Read(error) => error.is_mismatch(),
            _ => false,
        }
    }
}

impl Hint for MergeTreesError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotATree(_) => Some("make one with `attune registry build`".to_owned()),
            Self::IntoItself(_) | Self::Occupied(_) => {
                Some("name another folder with `--out`".to_owned())
            }
            Self::Shadowing { pack_ref, .. } => Some(format!(
                "let the first one stay with `--allow-shadow {pack_ref}`, or rename one of them"
            )),
            Self::TwoContents { .. } => Some(
                "a published version never changes; ask the operators which one is right"
                    .to_owned(),
            ),
            Self::Patch { .. } => Some(
                "take it back in one of the trees with `attune registry patch --remove FIELD`"
                    .to_owned(),
            ),
            Self::Archive { .. } | Self::Outside { .. } => {
                Some("run `attune registry check` on that tree".to_owned())
            }
            Self::BaseUrl(error) => error.hint(),
            Self::Read(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
        }
    }
}

/// One input.
struct Input {
    root: PathBuf,
    reader: TreeReader,
    packs: BTreeMap<PackRef, PackPointer>,
}

/// Merges trees; `waiting` is called once if another process is changing the merged one.
///
/// # Errors
/// [`MergeTreesError`]; the merged tree still says what it said.
pub fn merge_trees(
    options: &MergeTreesOptions,
    waiting: impl FnMut(&Holder),
) -> Result<MergedTrees, MergeTreesError> {
    let inputs: Result<Vec<Input>, MergeTreesError> = options
        .inputs
        .iter()
        .map(|root| Input::open(root, &options.out))
        .collect();
    let inputs = inputs?;
    let out = TreeReader::new(&options.out);
    if out.packs()?.is_none() && is_occupied(&options.out) {
        return Err(MergeTreesError::Occupied(options.out.clone()));
    }
    let identity = identity(options, &inputs, &out)?;
    let writer = TreeWriter::begin(
        &options.out,
        "registry merge",
        options.lock_timeout,
        waiting,
    )?;
    // Again, now that nobody else changes it.
    let before = out.registry()?;
    let about = About {
        identity: identity.clone(),
        development_url: options.development_url.clone(),
        now: options.now,
        listed: out.packs()?,
        renderer: publish::renderer(&options.out)?,
    };
    let publication = Publication::open(&writer, about)?;
    let same_head = before.is_some_and(|before| {
        (before.name, before.description, before.url)
            == (identity.name, identity.description, identity.base_url)
    });
    let merge = Merge {
        options,
        inputs: &inputs,
        writer: &writer,
        publication: &publication,
        neighbours: Neighbours::of_known(publication.known()),
    };
    let refs: BTreeSet<&PackRef> = inputs.iter().flat_map(|input| input.packs.keys()).collect();
    let done: Result<Vec<_>, MergeTreesError> = refs
        .into_par_iter()
        .map(|pack_ref| merge.pack(pack_ref))
        .collect();
    let (staged, shadowed): (Vec<_>, Vec<_>) = done?.into_iter().unzip();
    let scope = if same_head {
        Scope::Changed
    } else {
        Scope::AllPages
    };
    let staged = staged.into_iter().flatten().collect();
    let published = publication.finish(staged, Vec::new(), scope)?;
    Ok(MergedTrees {
        packs: published.totals.0,
        versions: published.totals.1,
        files_written: published.files_written,
        shadowed: shadowed.into_iter().flatten().collect(),
        warnings: published.warnings,
    })
}

impl Input {
    fn open(root: &Path, out: &Path) -> Result<Self, MergeTreesError> {
        let same = |one: &Path, other: &Path| {
            let real = |path: &Path| path.canonicalize().ok();
            real(one).is_some() && real(one) == real(other)
        };
        if same(root, out) {
            return Err(MergeTreesError::IntoItself(root.to_owned()));
        }
        let reader = TreeReader::new(root);
        let packs = reader
            .packs()?
            .ok_or_else(|| MergeTreesError::NotATree(root.to_owned()))?;
        Ok(Self {
            root: root.to_owned(),
            reader,
            packs: packs.packs,
        })
    }
}

fn is_occupied(out: &Path) -> bool {
    fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some())
}

fn identity(
    options: &MergeTreesOptions,
    inputs: &[Input],
    out: &TreeReader,
) -> Result<Identity, MergeTreesError> {
    let registry = out.registry()?;
    let first = match inputs.first() {
        Some(first) => first.reader.registry()?,
        None => None,
    };
    let named = registry.as_ref().or(first.as_ref());
    let base_url = match &options.base_url {
        None => registry.as_ref().and_then(|r| r.url.clone()),
        Some(url) => {
            let slashed = format!("{}/", url.trim_end_matches('/'));
            let checked = assemble::HOSTING.check(&slashed);
            Some(checked.map_err(MergeTreesError::BaseUrl)?.to_string())
        }
    };
    Ok(Identity {
        name: options
            .name
            .clone()
            .or_else(|| named.map(|r| r.name.clone()))
            .unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        description: named.map(|r| r.description.clone()).unwrap_or_default(),
        base_url,
    })
}

struct Merge<'a> {
    options: &'a MergeTreesOptions,
    inputs: &'a [Input],
    writer: &'a TreeWriter,
    publication: &'a Publication<'a>,
    neighbours: Neighbours,
}

/// A pack as it is put together: its document, and the tree each version comes from.
struct Joined<'a> {
    document: PackDocument,
    from: BTreeMap<Version, &'a Path>,
    /// The first tree that lists it.
    first: &'a Path,
}

impl<'a> Merge<'a> {
    /// Stages a pack, unless it is as it was; also tells what it shadows.
    fn pack(
        &self,
        pack_ref: &PackRef,
    ) -> Result<(Option<Staged>, Vec<ShadowedPack>), MergeTreesError> {
        let mut joined: Option<Joined<'_>> = None;
        let mut shadowed = Vec::new();
        for input in self.inputs {
            let Some(pointer) = input.packs.get(pack_ref) else {
                continue;
            };
            let document = input.reader.pack(pack_ref, pointer)?;
            let Some(before) = &mut joined else {
                joined = Some(Joined::new(document, &input.root));
                continue;
            };
            if is_one_pack(&before.document, &document) {
                before.join(document, &input.root)?;
                continue;
            }
            self.refuse_shadowing(before, &document, &input.root)?;
            shadowed.push(ShadowedPack {
                pack_ref: pack_ref.clone(),
                kept: before.first.to_owned(),
                dropped: input.root.clone(),
            });
        }
        let Some(mut joined) = joined else {
            return Ok((None, shadowed));
        };
        let listed = self.publication.document(pack_ref)?;
        if let Some(listed) = &listed {
            joined.keep(listed, &self.options.out)?;
        }
        joined.settle();
        for version in &joined.document.versions {
            self.archive(&joined, version)?;
        }
        self.icons(&mut joined)?;
        if listed.as_ref() == Some(&joined.document) {
            return Ok((None, shadowed));
        }
        let staged = self
            .publication
            .stage(&joined.document, None, &self.neighbours)?;
        Ok((Some(staged), shadowed))
    }

    fn refuse_shadowing(
        &self,
        before: &Joined<'_>,
        document: &PackDocument,
        root: &Path,
    ) -> Result<(), MergeTreesError> {
        let pack_ref = &document.pack_ref;
        let allowed = self.options.may_shadow.as_ref();
        if allowed.is_none_or(|allowed| allowed.contains(pack_ref)) {
            return Ok(());
        }
        let said = |document: &PackDocument| {
            repository(document).map_or_else(
                || "declares no `repository`".to_owned(),
                |text| format!("declares `{}`", pack_format::text::printable(text)),
            )
        };
        Err(MergeTreesError::Shadowing {
            pack_ref: pack_ref.clone(),
            one: before.first.to_owned(),
            other: root.to_owned(),
            first: said(&before.document),
            second: said(document),
        })
    }

    /// Copies the icons that the merged tree lacks; a version loses one that this registry would not take.
    fn icons(&self, joined: &mut Joined<'a>) -> Result<(), MergeTreesError> {
        let document = &mut joined.document;
        for version in &mut document.versions {
            let root = joined.from.get(&version.version);
            let bytes = root.and_then(|root| icon::of_tree(root, &document.pack_ref, version));
            match (bytes, &version.icon) {
                (Some(bytes), Some(record)) => icon::put(self.writer, record, &bytes)?,
                _ => version.icon = None,
            }
        }
        Ok(())
    }

    /// Copies an archive that the merged tree lacks.
    fn archive(
        &self,
        joined: &Joined<'a>,
        version: &VersionDocument,
    ) -> Result<(), MergeTreesError> {
        let (Some(record), Some(root)) = (&version.archive, joined.from.get(&version.version))
        else {
            return Ok(());
        };
        // SECURITY: the path is the input's word, and is written to.
        let folder = format!("archives/{}/", joined.document.pack_ref);
        if !layout::is_inside(&record.path) || !record.path.starts_with(&folder) {
            return Err(MergeTreesError::Outside {
                root: root.to_path_buf(),
                pack_ref: joined.document.pack_ref.clone(),
                path: record.path.clone(),
            });
        }
        if self.writer.size_of(&record.path) == Some(record.size_bytes) {
            return Ok(());
        }
        let path = root.join(&record.path);
        let read = |path: &Path| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut open_regular(path)?, &mut bytes)?;
            Ok(bytes)
        };
        let bytes = read(&path).map_err(|e| FsError::new("read", &path, e))?;
        let computed = ArchiveDigest::of(&bytes);
        if computed != record.checksum {
            return Err(MergeTreesError::Archive {
                path,
                expected: record.checksum,
                computed,
            });
        }
        let staged = self.writer.stage(&bytes)?;
        self.writer.place(Phase::Object, &record.path, staged);
        Ok(())
    }
}

impl<'a> Joined<'a> {
    fn new(document: PackDocument, root: &'a Path) -> Self {
        let versions = document.versions.iter();
        Self {
            from: versions.map(|v| (v.version.clone(), root)).collect(),
            first: root,
            document,
        }
    }

    /// Adds what another tree says of the same pack.
    fn join(&mut self, other: PackDocument, root: &'a Path) -> Result<(), MergeTreesError> {
        for version in other.versions {
            let known = self
                .document
                .versions
                .iter_mut()
                .find(|known| known.version == version.version);
            match known {
                None => {
                    self.from.insert(version.version.clone(), root);
                    self.document.versions.push(version);
                }
                Some(known) => {
                    let places = (self.first, root);
                    same_contents(&self.document.pack_ref, places, known, &version)?;
                    carry(&self.document.pack_ref, known, &version)?;
                    agree(known, version);
                }
            }
        }
        if self.document.deprecated.is_none() {
            self.document.deprecated = other.deprecated;
        }
        if self.document.owners.is_empty() {
            self.document.owners = other.owners;
        }
        Ok(())
    }

    /// Keeps what the merged tree lists already.
    fn keep(&mut self, listed: &PackDocument, out: &Path) -> Result<(), MergeTreesError> {
        for version in &listed.versions {
            let known = self
                .document
                .versions
                .iter_mut()
                .find(|known| known.version == version.version);
            match known {
                None => self.document.versions.push(version.clone()),
                Some(known) => {
                    same_contents(&self.document.pack_ref, (out, self.first), version, known)?;
                    date(known, version);
                    carry(&self.document.pack_ref, known, version)?;
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self) {
        let versions = &mut self.document.versions;
        versions.sort_by(|a, b| b.version.cmp(&a.version));
    }
}

/// The repository that the newest version to declare one declares.
fn repository(document: &PackDocument) -> Option<&str> {
    let mut declared = document.versions.iter();
    declared.find_map(|version| version.repository.as_deref())
}

/// Whether two documents are about one pack.
fn is_one_pack(one: &PackDocument, other: &PackDocument) -> bool {
    let (first, second) = (repository(one), repository(other));
    if first.is_some() || second.is_some() {
        return same_repository(first, second);
    }
    // Nobody says where it comes from: the same bytes are the same pack.
    let mut shared = one.versions.iter().filter_map(|version| {
        let twin = other
            .versions
            .iter()
            .find(|v| v.version == version.version)?;
        Some(twin.store_key.is_some() && twin.store_key == version.store_key)
    });
    let first = shared.next();
    first == Some(true) && shared.all(|same| same)
}

fn same_contents(
    pack_ref: &PackRef,
    (one, other): (&Path, &Path),
    first: &VersionDocument,
    second: &VersionDocument,
) -> Result<(), MergeTreesError> {
    let archive = |version: &VersionDocument| version.archive.as_ref().map(|a| a.checksum);
    let differ = |a: Option<String>, b: Option<String>| a.is_some() && b.is_some() && a != b;
    let text = |key: Option<pack_format::StoreKey>| key.map(|key| key.to_string());
    let archives = [archive(first), archive(second)].map(|a| a.map(|a| a.to_string()));
    let [a, b] = archives.clone();
    if !differ(a, b) && !differ(text(first.store_key), text(second.store_key)) {
        return Ok(());
    }
    let [a, b] = archives.map(|a| a.unwrap_or_else(|| "no archive".to_owned()));
    Err(MergeTreesError::TwoContents {
        pack_ref: pack_ref.clone(),
        version: first.version.clone(),
        one: one.to_owned(),
        other: other.to_owned(),
        first: a,
        second: b,
    })
}

/// Takes over the patches and given sources of the same version in another tree, but for fields patched already.
fn carry(
    pack_ref: &PackRef,
    known: &mut VersionDocument,
    other: &VersionDocument,
) -> Result<(), MergeTreesError> {
    if known.taken_down.is_some() {
        return Ok(());
    }
    known.give_sources(&other.given_sources);
    patch::reapply(known, &other.patches).map_err(|source| MergeTreesError::Patch {
        pack_ref: pack_ref.clone(),
        version: known.version.clone(),
        source,
    })
}

/// Who entered a version first, and when, is who published it.
fn date(known: &mut VersionDocument, other: &VersionDocument) {
    if other.published_at < known.published_at {
        known.published_at = other.published_at;
        known.published_by.clone_from(&other.published_by);
    }
}

/// What both trees say of one version: the first says it, but for what is withdrawn anywhere.
fn agree(known: &mut VersionDocument, other: VersionDocument) {
    date(known, &other);
    if known.taken_down.is_none() && other.taken_down.is_some() {
        known.taken_down = other.taken_down;
        known.yanked.clone_from(&other.yanked);
        known.archive = None;
        known.install_sources.clear();
        known.given_sources.clear();
    }
    if known.yanked.is_none() {
        known.yanked = other.yanked;
    }
}
