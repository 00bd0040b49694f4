//! Sources: pack directories, folders of them, and bare repositories, read and never written to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository, TreeWalkMode, TreeWalkResult};
use pack_archive::Gate;
use pack_format::Limits;
use pack_format::source::InstallSource;

use super::error::{ImportError, RefusedPack};
use crate::contents::Contents;
use crate::directory;
use crate::inputs::{self, MANIFEST};
use crate::pack::PackError;

/// A file as it will be written, or as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) executable: bool,
    pub(super) bytes: Vec<u8>,
}

/// The files of a pack by path.
pub(super) type Files = BTreeMap<String, File>;

/// Where a pack is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Directory(PathBuf),
    BareRepository(PathBuf),
}

impl Place {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::BareRepository(path) => path,
        }
    }
}

/// What the arguments name.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) packs: Vec<Place>,
    pub(super) without_manifest: Vec<PathBuf>,
}

/// Finds the packs; `out` may not lie in any of the sources.
pub(super) fn find(sources: &[PathBuf], out: &Path) -> Result<Found, ImportError> {
    let mut found = Found {
        packs: Vec::new(),
        without_manifest: Vec::new(),
    };
    let real_out = real(out);
    let mut directories = Vec::new();
    for source in sources {
        if real_out.starts_with(real(source)) {
            return Err(ImportError::OutInsideSource {
                out: out.to_owned(),
                source_path: source.clone(),
            });
        }
        if is_bare_repository(source) {
            found.packs.push(Place::BareRepository(source.clone()));
        } else {
            directories.push(source.clone());
        }
    }
    if !directories.is_empty() {
        let inputs = inputs::find(&directories, &[])?;
        found
            .packs
            .extend(inputs.packs.into_iter().map(Place::Directory));
        found.without_manifest = inputs.without_manifest;
    }
    found.packs.sort_by(|a, b| a.path().cmp(b.path()));
    found.packs.dedup_by(|a, b| a.path() == b.path());
    Ok(found)
}

/// The path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(real) = absolute.canonicalize() {
        return real;
    }
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => absolute,
    }
}

fn is_bare_repository(path: &Path) -> bool {
    path.join("HEAD").is_file() && path.join("objects").is_dir() && !path.join(MANIFEST).exists()
}

/// What was read of a source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) files: Files,
    /// https URL of the repository, where it is known.
    pub(super) repository: Option<String>,
}

/// Reads all files of a pack: of a directory those a build would archive, of a repository those of its `HEAD`.
pub(super) fn read(place: &Place) -> Result<Source, RefusedPack> {
    match place {
        Place::Directory(path) => {
            let opened = directory::open(path)?;
            let contents = Contents::read(path, opened.files)?;
            let files = contents.iter().map(|(file, bytes)| {
                let copy = File {
                    executable: file.executable,
                    bytes: bytes.to_vec(),
                };
                (file.path.clone(), copy)
            });
            let repository = match opened.source {
                Some(InstallSource::Git { url, .. }) => Some(url.to_string()),
                _ => None,
            };
            Ok(Source {
                files: files.collect(),
                repository,
            })
        }
        Place::BareRepository(path) => bare(path),
    }
}

fn bare(path: &Path) -> Result<Source, RefusedPack> {
    let failed = |source| RefusedPack::Git {
        path: path.to_owned(),
        source,
    };
    let repository = Repository::open_bare(path).map_err(failed)?;
    let tree = repository
        .head()
        .and_then(|head| head.peel_to_tree())
        .map_err(failed)?;
    let sizes = repository.odb().map_err(failed)?;
    let mut gate = Gate::new(&Limits::default());
    let mut files = Files::new();
    let mut refused = None;
    let walked = tree.walk(TreeWalkMode::PreOrder, |parent, entry| {
        let name = format!("{parent}{}", String::from_utf8_lossy(entry.name_bytes()));
        let kind = match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => return TreeWalkResult::Ok,
            (Some(ObjectType::Blob), mode @ (0o100_644 | 0o100_755 | 0o100_664)) => {
                // Sizes are judged before a byte is read: one huge blob must not cost memory.
                let size = sizes.read_header(entry.id()).map_or(0, |(size, _)| size);
                if let Err(refusal) = gate.admit_file(name.as_bytes(), size as u64) {
                    refused = Some(RefusedPack::Pack(PackError::Contents {
                        directory: path.to_owned(),
                        source: refusal.into(),
                    }));
                    return TreeWalkResult::Abort;
                }
                if let Ok(blob) = repository.find_blob(entry.id()) {
                    let file = File {
                        executable: mode == 0o100_755,
                        bytes: blob.content().to_vec(),
                    };
                    files.insert(name, file);
                    return TreeWalkResult::Ok;
                }
                "unreadable"
            }
            (Some(ObjectType::Blob), _) => "a symbolic link",
            _ => "a submodule",
        };
        refused = Some(RefusedPack::GitEntry { path: name, kind });
        TreeWalkResult::Abort
    });
    if let Some(refused) = refused {
        return Err(refused);
    }
    walked.map_err(failed)?;
    if !files.contains_key(MANIFEST) {
        return Err(RefusedPack::NoManifest(path.to_owned()));
    }
    let remote = repository.find_remote("origin").ok();
    let url = remote.and_then(|remote| remote.url().map(str::to_owned).ok());
    Ok(Source {
        files,
        repository: url.filter(|url| url.starts_with("https://") && !url.contains('@')),
    })
}
