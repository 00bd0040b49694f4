//! `Contents`: the files of a pack directory, each read once.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use pack_archive::Gate;
use pack_check::Icon;
use pack_format::digest::{TreeHashError, TreeHasher};
use pack_format::documents::Components;
use pack_format::inventory::{self, PackFile};
use pack_format::manifest::{COMPONENT_KINDS, Manifest};
use pack_format::{Limits, MetadataError, StoreKey, TreeDigest};
use pack_fs::SourceDir;
use pack_fs::error::Context as _;
use pack_fs::tree::{Stamp, TreeFile};
use registry_pages::FileRow;

use crate::claim::{self, KnownManifest};
use crate::inputs::MANIFEST;
use crate::pack::PackError;

/// The bytes of all files of one directory.
pub(crate) struct Contents {
    /// All contents, one after the other.
    bytes: Vec<u8>,
    files: Vec<(TreeFile, Range<usize>)>,
}

impl Contents {
    /// Reads all files into one buffer: a pack has dozens of small ones.
    pub(crate) fn read(directory: &Path, files: Vec<TreeFile>) -> Result<Self, PackError> {
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
            let opened = source.entry(&file.path);
            let opened = opened.on_below("open", directory, &file.path)?;
            read_file(opened, file.size_bytes, &mut bytes)
                .on_below("read", directory, &file.path)?;
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
        Ok(Self {
            bytes,
            files: ranges,
        })
    }

    /// The files of an archive, in byte order of their paths.
    pub(crate) fn of_members<'m>(members: impl Iterator<Item = (&'m str, bool, &'m [u8])>) -> Self {
        let mut bytes = Vec::new();
        let mut files = Vec::new();
        for (path, executable, content) in members {
            let start = bytes.len();
            bytes.extend_from_slice(content);
            let file = TreeFile {
                path: path.to_owned(),
                size_bytes: content.len() as u64,
                executable,
                // Nobody can edit a member.
                stamp: Stamp {
                    modified_ns: 0,
                    changed_ns: 0,
                    inode: 0,
                },
            };
            files.push((file, start..bytes.len()));
        }
        Self { bytes, files }
    }

    /// What the manifest and the component files say.
    pub(crate) fn metadata(&self, directory: &Path) -> Result<(Manifest, Components), PackError> {
        let name = format!("{}/{MANIFEST}", directory.display());
        let bytes = self
            .get(MANIFEST)
            .ok_or_else(|| claim::missing_manifest(&name))?;
        let manifest = Manifest::parse(&name, bytes)?;
        let components = self.components(directory, &manifest)?;
        Ok((manifest, components))
    }

    /// The same, with a manifest that was read before; it must not have changed since.
    pub(crate) fn metadata_of(
        &self,
        directory: &Path,
        known: KnownManifest,
    ) -> Result<(Manifest, Components), PackError> {
        let bytes = self.get(MANIFEST).unwrap_or_default();
        if bytes != known.bytes {
            return Err(PackError::Changed {
                directory: directory.to_owned(),
                source: TreeHashError::Changed {
                    path: MANIFEST.to_owned(),
                    announced: known.bytes.len() as u64,
                    read: bytes.len() as u64,
                },
            });
        }
        let components = self.components(directory, &known.manifest)?;
        Ok((known.manifest, components))
    }

    fn components(
        &self,
        directory: &Path,
        manifest: &Manifest,
    ) -> Result<Components, MetadataError> {
        let place = directory.display().to_string();
        inventory::components(&place, manifest, &self.component_files())
    }

    pub(crate) fn file_count(&self) -> u64 {
        self.files.len() as u64
    }

    pub(crate) fn unpacked_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn get(&self, path: &str) -> Option<&[u8]> {
        self.files
            .binary_search_by(|(file, _)| file.path.as_str().cmp(path))
            .ok()
            .map(|i| &self.bytes[self.files[i].1.clone()])
    }

    /// The icon the pack brings, where it can be shown.
    pub(crate) fn icon(&self) -> Option<Icon<'_>> {
        Icon::of_pack(|path| self.get(path))
    }

    /// Every file and its bytes, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TreeFile, &[u8])> {
        self.files
            .iter()
            .map(|(file, range)| (file, &self.bytes[range.clone()]))
    }

    pub(crate) fn rows(&self) -> Vec<FileRow> {
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

    pub(crate) fn digest(&self, directory: &Path) -> Result<(TreeDigest, StoreKey), PackError> {
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
