//! Unpacking without the directory at the top of an archive.
//!
//! An archive of a registry has one top directory whose name is known. Leaving it out saves a directory
//! per pack, and making directories is what an installation on a disk waits for.
//!
//! Its members come in the order of the tree's digest, so that what is written is noted on the way; to read it again is
//! a fifth of the work of an installation.

use std::io::{self, Read, Seek};
use std::path::Path;

use pack_archive::{ArchiveError, DirSink, MemberPath, Sink, read_archive};
use pack_format::digest::TreeHasher;
use pack_format::{ArchiveDigest, Limits};
use pack_fs::remove;

use crate::inventory::{Inventory, ListedFile, WHOLE_BYTES};

/// Deepest directory of a file that is noted: those that lie too deep for a pack are refused where a tree is read.
const MOST_NAMES: usize = 32;

/// Unpacks `archive` into the new directory `destination`, without the directory `top` if everything lies
/// below it, else as it is. Returns what was written, where that is known without looking.
pub(super) fn unpack(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
    top: Option<&str>,
) -> Result<Option<Inventory>, ArchiveError> {
    if let Some(top) = top
        && let Some(noted) = unpack_below(archive, destination, limits, top)?
    {
        return Ok(noted.inventory());
    }
    archive
        .rewind()
        .map_err(|source| ArchiveError::Read { source })?;
    pack_archive::unpack(archive, destination, limits).map(|_| None)
}

/// The same for `top` alone; `None`, and nothing at `destination`, if something lies elsewhere.
fn unpack_below(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
    top: &str,
) -> Result<Option<Noted>, ArchiveError> {
    let inner = DirSink::create(destination).map_err(|source| ArchiveError::Destination {
        path: destination.to_owned(),
        source,
    })?;
    let mut sink = Stripped {
        inner,
        prefix: format!("{top}/"),
        limits,
        elsewhere: false,
        content: Vec::new(),
        noted: Noted::default(),
    };
    let outcome = read_archive(archive, limits, &mut sink);
    let elsewhere = sink.elsewhere;
    let Err(failure) = outcome else {
        return Ok(Some(sink.noted));
    };
    drop(sink);
    // Staging is swept in any case; the first error is the one to report.
    let _ = remove::remove_all(destination);
    if elsewhere { Ok(None) } else { Err(failure) }
}

/// Passes members on without the first component of their path.
struct Stripped<'a> {
    inner: DirSink,
    prefix: String,
    limits: &'a Limits,
    /// Whether a member did not begin with it.
    elsewhere: bool,
    /// Of the last small file.
    content: Vec<u8>,
    noted: Noted,
}

/// The files that were written, in the order of a tree's digest.
#[derive(Default)]
struct Noted {
    hasher: TreeHasher,
    files: Vec<ListedFile>,
    /// Whether there was something that only a look at the tree can tell.
    is_partial: bool,
}

impl Noted {
    fn name(&mut self, path: &str) {
        self.is_partial |= path.split('/').count() > MOST_NAMES;
    }

    fn file(&mut self, path: &str, executable: bool, content: &[u8]) {
        self.name(path);
        if self.is_partial {
            return;
        }
        self.is_partial = self.hasher.file(path, executable, content).is_err();
        self.files.push(ListedFile {
            path: path.to_owned(),
            size_bytes: content.len() as u64,
            sha256: ArchiveDigest::of(content),
            executable,
        });
    }

    fn inventory(self) -> Option<Inventory> {
        if self.is_partial {
            return None;
        }
        let (tree, key) = self.hasher.finish();
        Some(Inventory {
            tree,
            key,
            files: self.files,
        })
    }
}

impl Stripped<'_> {
    fn below<'p>(&mut self, path: &'p MemberPath) -> io::Result<&'p str> {
        path.as_str().strip_prefix(&self.prefix).ok_or_else(|| {
            self.elsewhere = true;
            io::ErrorKind::InvalidData.into()
        })
    }
}

impl Sink for Stripped<'_> {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        if self.prefix.trim_end_matches('/') == path.as_str() {
            return Ok(());
        }
        let name = self.below(path)?.as_bytes();
        // Part of an admitted path is a path.
        match MemberPath::directory(name, self.limits).map_err(io::Error::other)? {
            Some(path) => {
                self.noted.name(path.as_str());
                self.inner.directory(&path)
            }
            None => Ok(()),
        }
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let name = self.below(path)?.as_bytes();
        let path = MemberPath::file(name, self.limits).map_err(io::Error::other)?;
        self.content.clear();
        let mut small = content.take(WHOLE_BYTES + 1);
        small.read_to_end(&mut self.content)?;
        if self.content.len() as u64 > WHOLE_BYTES {
            self.noted.is_partial = true;
            let mut whole = self.content.as_slice().chain(small.into_inner());
            return self.inner.file(&path, executable, &mut whole);
        }
        self.noted.file(path.as_str(), executable, &self.content);
        self.inner.write(&path, executable, &self.content)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Members in this order: path below the top, whether it may be run, content.
    fn unpacked(members: &[(&str, bool, &[u8])]) -> (Option<Inventory>, Inventory) {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, executable, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            let path = format!("slack-1.0.0/{path}");
            builder.append_data(&mut header, path, *content).unwrap();
        }
        let tar = builder.into_inner().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut gzip, &tar).unwrap();
        let mut archive = Cursor::new(gzip.finish().unwrap());
        let place = tempfile::tempdir().unwrap();
        let tree = place.path().join("tree");
        let noted = unpack(&mut archive, &tree, &Limits::default(), Some("slack-1.0.0")).unwrap();
        (noted, Inventory::take(&tree).unwrap())
    }

    /// What is noted is what a look at the tree would have found; where that could differ, nothing is.
    #[test]
    fn noted_is_what_is_on_disk() {
        let (noted, found) = unpacked(&[
            ("actions/run.sh", true, b"#!/bin/sh\n"),
            ("actions/run.yaml", false, b""),
            ("actions.md", false, b"sorted as a whole path"),
            ("pack.yaml", false, b"ref: slack\n"),
        ]);
        // `.` comes before `/`.
        assert_eq!(noted, None);
        assert_eq!(found.files.len(), 4);
        let (noted, found) = unpacked(&[
            ("actions.md", false, b"sorted as a whole path"),
            ("actions/run.sh", true, b"#!/bin/sh\n"),
            ("actions/run.yaml", false, b""),
            ("pack.yaml", false, b"ref: slack\n"),
        ]);
        assert_eq!(noted, Some(found));
        let deep = format!("{}x", "d/".repeat(MOST_NAMES));
        let large = vec![b'x'; usize::try_from(WHOLE_BYTES).unwrap() + 1];
        for (path, content) in [(deep.as_str(), &b""[..]), ("large.bin", &large)] {
            let (noted, _) = unpacked(&[(path, false, content), ("pack.yaml", false, b"")]);
            assert_eq!(noted, None, "{path}");
        }
        let whole = &large[1..];
        let (noted, found) = unpacked(&[("large.bin", false, whole), ("pack.yaml", false, b"")]);
        assert_eq!(noted, Some(found));
    }
}
