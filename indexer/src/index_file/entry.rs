//! The entry of a pack directory.
//!
//! 1. Read the directory as a build does. Where it is a checkout that knows the git ref, the files that
//!    git tracks count, and they must be those of that commit: the checksum of a git source is the tree at
//!    its ref.
//! 2. Sources: the ones given, else the checkout itself where it is clean and published.
//! 3. The archive must hold this pack, as far as it can be looked at.
//! 4. The entry must obey the rules of format 1.

use std::path::{Path, PathBuf};

use pack_format::entry::IndexEntry;
use pack_format::git_ref::GitRef;
use pack_format::source::InstallSource;
use pack_format::url_policy::SourceUrl;
use pack_format::{ArchiveDigest, Checksum, TreeDigest};

pub use super::entry_error::EntryError;
use super::{broken_rules, is_for_development};
use crate::archive_file::ArchivedPack;
use crate::checkout::AtRef;
use crate::directory::PackDirectory;

/// Sources a publisher names.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A git repository and the ref that holds the pack.
    pub git: Option<(SourceUrl, GitRef)>,
    /// An archive.
    pub archive: Option<ArchiveOffer>,
}

/// An archive source, its digest known.
#[derive(Debug, Clone)]
pub struct ArchiveOffer {
    /// Where to fetch it.
    pub url: SourceUrl,
    /// Digest of its bytes.
    pub digest: ArchiveDigest,
    /// What it holds, if somebody looked.
    pub pack: Option<ArchivedPack>,
}

/// The entry of a pack directory.
#[derive(Debug)]
pub struct NewEntry {
    /// The entry; it obeys the rules.
    pub entry: IndexEntry,
    /// Digest of the directory's tree.
    pub tree: TreeDigest,
    /// What the publisher should know.
    pub notes: Vec<String>,
    /// What deserves attention.
    pub warnings: Vec<String>,
}

/// A pack directory with the sources a publisher names, everything checked but the rules of the format.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) pack: PackDirectory,
    pub(crate) install_sources: Vec<InstallSource>,
    pub(crate) notes: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Steps 1 and 3 of the module, and the sources that are given.
pub(crate) fn describe(
    directory: &Path,
    sources: Sources,
    index: Option<&Path>,
) -> Result<Described, EntryError> {
    if !directory.is_dir() {
        return Err(EntryError::NoDirectory(directory.to_owned()));
    }
    if !directory.join(crate::inputs::MANIFEST).is_file() {
        return Err(EntryError::NoManifest(directory.to_owned()));
    }
    let mut notes = Vec::new();
    let mut warnings = Vec::new();
    let git_ref = sources.git.as_ref().map(|(_, git_ref)| git_ref);
    let apart = index
        .and_then(|index| registry_inside(directory, index))
        .unwrap_or_default();
    let (pack, at_ref) = PackDirectory::open_at(directory, git_ref, &apart)?;
    if let (Some(git_ref), Some(at_ref)) = (git_ref, &at_ref) {
        check_ref(&pack, git_ref, at_ref)?;
        remarks(git_ref, at_ref, &mut notes, &mut warnings);
    }
    if !apart.as_os_str().is_empty() && !matches!(at_ref, Some(AtRef::Known { .. })) {
        warnings.push(format!(
            "`{}` is the registry's, not the pack's, and left out",
            directory.join(&apart).display()
        ));
    }
    let mut install_sources = Vec::new();
    if let Some((url, git_ref)) = sources.git {
        install_sources.push(InstallSource::Git {
            url,
            git_ref: Some(git_ref),
            checksum: Some(Checksum::from(pack.tree.digest)),
            subdir: None,
        });
    }
    if let Some(offer) = sources.archive {
        check_archive(&pack, &offer, &mut warnings)?;
        install_sources.push(InstallSource::Archive {
            url: offer.url,
            checksum: Some(Checksum::from(offer.digest)),
        });
    }
    Ok(Described {
        pack,
        install_sources,
        notes,
        warnings,
    })
}

/// The folder of the registry where scripts have cloned it into the pack, relative to the pack: the clone,
/// else the folder of the index, else the index alone. It changes with every update, this one included.
fn registry_inside(directory: &Path, index: &Path) -> Option<PathBuf> {
    let directory = directory.canonicalize().ok()?;
    let index = index.canonicalize().ok()?;
    let inside = index.strip_prefix(&directory).ok()?;
    let folders = || {
        let above = inside.ancestors().skip(1);
        above.filter(|folder| !folder.as_os_str().is_empty())
    };
    let clone = folders().find(|folder| directory.join(folder).join(".git").exists());
    let folder = clone.or_else(|| folders().next());
    Some(folder.unwrap_or(inside).to_owned())
}

/// The entry of the pack in `directory`, for `index` where it is known: that is no part of the pack.
///
/// # Errors
/// [`EntryError`].
pub fn entry(
    directory: &Path,
    sources: Sources,
    index: Option<&Path>,
) -> Result<NewEntry, EntryError> {
    let Described {
        pack,
        mut install_sources,
        mut notes,
        mut warnings,
    } = describe(directory, sources, index)?;
    if install_sources.is_empty() {
        install_sources.push(own_source(&pack, &mut notes)?);
    }
    let entry = IndexEntry::new(&pack.manifest, &pack.components, install_sources);
    let broken = broken_rules(&entry);
    if !broken.is_empty() {
        return Err(EntryError::Rules {
            pack_ref: entry.pack_ref,
            version: entry.version,
            broken,
        });
    }
    if is_for_development(&entry) {
        warnings.push(
            "a source on this machine is for development only: nobody else can fetch it".to_owned(),
        );
    }
    Ok(NewEntry {
        entry,
        tree: pack.tree.digest,
        notes,
        warnings,
    })
}

fn check_ref(pack: &PackDirectory, git_ref: &GitRef, at_ref: &AtRef) -> Result<(), EntryError> {
    let AtRef::Known { commit, tree, .. } = at_ref else {
        return Ok(());
    };
    let committed = tree.clone().map_err(|reason| EntryError::Commit {
        git_ref: git_ref.clone(),
        commit: commit.clone(),
        reason,
    })?;
    if committed == pack.tree.digest {
        return Ok(());
    }
    Err(EntryError::NotTheRef {
        directory: pack.directory.clone(),
        git_ref: git_ref.clone(),
        commit: commit.clone(),
        committed,
        computed: pack.tree.digest,
    })
}

/// Most names a sentence lists.
const SHOWN: usize = 3;

fn remarks(git_ref: &GitRef, at_ref: &AtRef, notes: &mut Vec<String>, warnings: &mut Vec<String>) {
    match at_ref {
        AtRef::Unknown => warnings.push(format!(
            "this checkout does not know `{git_ref}`: the checksum is that of the directory as it is"
        )),
        AtRef::Known {
            commit, left_out, ..
        } => {
            if !git_ref.is_commit() {
                notes.push(format!(
                    "`{git_ref}` is commit {commit}; a tag or branch can be moved, `--git-ref {commit}` cannot"
                ));
            }
            if !left_out.is_empty() {
                let shown: Vec<&str> = left_out.iter().take(SHOWN).map(String::as_str).collect();
                let more = if left_out.len() > SHOWN { ", …" } else { "" };
                warnings.push(format!(
                    "{} not tracked by git and left out: {}{more}",
                    match left_out.len() {
                        1 => "1 file is".to_owned(),
                        n => format!("{n} files are"),
                    },
                    shown.join(", ")
                ));
            }
        }
    }
}

fn check_archive(
    pack: &PackDirectory,
    offer: &ArchiveOffer,
    warnings: &mut Vec<String>,
) -> Result<(), EntryError> {
    let Some(found) = &offer.pack else {
        return Ok(());
    };
    let manifest = &pack.manifest;
    if found.pack_ref != manifest.pack_ref || found.version != manifest.version {
        return Err(EntryError::OtherPack {
            url: offer.url.clone(),
            found: format!("{}@{}", found.pack_ref, found.version),
            expected: format!("{}@{}", manifest.pack_ref, manifest.version),
        });
    }
    if found.tree != pack.tree.digest {
        warnings.push(format!(
            "the archive holds other files than the directory: tree {} there, {} here",
            found.tree, pack.tree.digest
        ));
    }
    Ok(())
}

/// The checkout itself, where everybody can fetch it.
fn own_source(pack: &PackDirectory, notes: &mut Vec<String>) -> Result<InstallSource, EntryError> {
    let none = |reason| EntryError::NoSource {
        pack_ref: pack.manifest.pack_ref.clone(),
        version: pack.manifest.version.clone(),
        reason,
    };
    match &pack.source {
        Some(InstallSource::Git {
            subdir: Some(_), ..
        }) => Err(none(
            ": the pack lies in a subdirectory of its repository, which format 1 cannot say",
        )),
        Some(source) => {
            if let InstallSource::Git {
                url,
                git_ref: Some(commit),
                ..
            } = source
            {
                notes.push(format!("git source: {url} at {commit}, from this checkout"));
            }
            Ok(source.clone())
        }
        None => Err(none("")),
    }
}
