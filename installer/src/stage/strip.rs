//! Unpacking without the directory at the top of an archive, and without a second look at what was written.
//!
//! An archive of a registry has one top directory whose name is known. Leaving it out saves a directory
//! per pack, and making directories is what an installation on a disk waits for.
//!
//! What is written is noted on the way; to read it again is a fifth of the work of an installation.

use std::cell::Cell;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::Path;

use pack_archive::{ArchiveError, DirSink, MemberPath, Sink, read_archive, unpack_read};
use pack_format::digest::TreeHasher;
use pack_format::{ArchiveDigest, Limits};
use pack_fs::remove;

use crate::inventory::{Inventory, ListedFile, WHOLE_BYTES};

/// Deepest directory of a file that is noted: those that lie too deep for a pack are refused where a tree is read.
const MOST_NAMES: usize = 32;

/// Most content that is kept until all files are known, in bytes (2 MiB): the digest of a tree takes them by their paths, and
/// archives of others have another order. Beyond it they are noted as they come, which has to be in that order.
const MOST_KEPT: usize = 2 * 1024 * 1024;

/// Unpacks `archive` into the new directory `destination`, without the directory `top` if everything lies
/// below it, else as it is. Returns what was written.
pub(super) fn unpack(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
    top: Option<&str>,
) -> Result<Noted, ArchiveError> {
    if let Some(top) = top
        && let Some(noted) = unpack_below(archive, destination, limits, top)?
    {
        return Ok(noted);
    }
    archive
        .rewind()
        .map_err(|source| ArchiveError::Read { source })?;
    let mut noted = Noted::default();
    unpack_read(destination, |inner| {
        let mut sink = Noting {
            inner,
            content: Vec::new(),
            noted: &mut noted,
        };
        read_archive(archive, limits, &mut sink)
    })?;
    Ok(noted)
}

/// The same for `top` alone; `None`, and nothing at `destination`, if something lies elsewhere.
fn unpack_below(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
    top: &str,
) -> Result<Option<Noted>, ArchiveError> {
    let mut sink = Stripped {
        inner: Below::new(destination),
        prefix: format!("{top}/"),
        limits,
        elsewhere: false,
        content: Vec::new(),
        noted: Noted::default(),
    };
    let outcome = read_archive(archive, limits, &mut sink).and_then(|_| sink.inner.finish());
    let Stripped {
        inner,
        elsewhere,
        noted,
        ..
    } = sink;
    match outcome {
        Ok(()) => Ok(Some(noted)),
        Err(failure) => match inner.remove(failure) {
            _ if elsewhere => Ok(None),
            failure => Err(failure),
        },
    }
}

/// A directory that is made when something comes to lie in it: that everything lies elsewhere is seen at the first member.
struct Below<'a> {
    path: &'a Path,
    sink: Option<DirSink>,
    /// Why it could not be made.
    failure: Option<io::Error>,
}

impl<'a> Below<'a> {
    fn new(path: &'a Path) -> Self {
        Self {
            path,
            sink: None,
            failure: None,
        }
    }

    fn sink(&mut self) -> io::Result<&mut DirSink> {
        let sink = match self.sink.take() {
            Some(sink) => sink,
            None => DirSink::create(self.path).map_err(|error| {
                self.failure = Some(error);
                io::Error::other("there is no directory to unpack to")
            })?,
        };
        Ok(self.sink.insert(sink))
    }

    /// Makes it where nothing came.
    fn finish(&mut self) -> Result<(), ArchiveError> {
        self.sink().map(drop).map_err(|_| self.error_of_making())
    }

    /// Removes it, if it was made here; returns the error to report.
    fn remove(mut self, failure: ArchiveError) -> ArchiveError {
        if self.failure.is_some() {
            return self.error_of_making();
        }
        if self.sink.take().is_some() {
            // Staging is swept in any case; the first error is the one to report.
            let _ = remove::remove_all(self.path);
        }
        failure
    }

    fn error_of_making(&mut self) -> ArchiveError {
        ArchiveError::Destination {
            path: self.path.to_owned(),
            source: (self.failure.take()).unwrap_or_else(|| io::ErrorKind::Other.into()),
        }
    }
}

/// Passes members on without the first component of their path.
struct Stripped<'a> {
    inner: Below<'a>,
    prefix: String,
    limits: &'a Limits,
    /// Whether a member did not begin with it.
    elsewhere: bool,
    /// Of the last small file.
    content: Vec<u8>,
    noted: Noted,
}

/// The files that were written.
#[derive(Default)]
pub(super) struct Noted {
    contents: Contents,
    /// In the order they came.
    files: Vec<ListedFile>,
    /// Whether there was something that only a look at the tree can tell.
    is_partial: bool,
}

/// What is known of the contents of noted files.
enum Contents {
    /// One behind the other.
    Kept(Kept),
    Hashed(TreeHasher),
}

thread_local! {
    /// What the last archive was kept in: to get as much memory anew costs as much as to read the files again.
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Room for contents, which goes on to the next archive of the thread.
struct Kept(Vec<u8>);

impl Default for Kept {
    fn default() -> Self {
        let mut bytes = KEPT.take();
        bytes.clear();
        Self(bytes)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.set(std::mem::take(&mut self.0));
    }
}

impl Default for Contents {
    fn default() -> Self {
        Self::Kept(Kept::default())
    }
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
        let file = ListedFile {
            path: path.to_owned(),
            size_bytes: content.len() as u64,
            sha256: ArchiveDigest::of(content),
            executable,
        };
        if let Contents::Kept(Kept(kept)) = &mut self.contents {
            if kept.len() + content.len() <= MOST_KEPT {
                kept.extend_from_slice(content);
                self.files.push(file);
                return;
            }
            match hashed(&self.files, &spans(&self.files), kept) {
                Some(hasher) => self.contents = Contents::Hashed(hasher),
                None => self.is_partial = true,
            }
        }
        if let Contents::Hashed(hasher) = &mut self.contents {
            self.is_partial |= hasher.file(path, executable, content).is_err();
            self.files.push(file);
        }
    }

    /// What lies in the directory `subdir` (empty for all), where that is known without looking.
    pub(super) fn inventory(self, subdir: &str) -> Option<Inventory> {
        if self.is_partial {
            return None;
        }
        let (files, hasher) = match self.contents {
            Contents::Hashed(hasher) if subdir.is_empty() => (self.files, hasher),
            Contents::Hashed(_) => return None,
            Contents::Kept(kept) => {
                let spans = spans(&self.files);
                let mut found: Vec<(ListedFile, Range<usize>)> = (self.files.into_iter())
                    .zip(spans)
                    .filter_map(|(file, span)| Some((below(file, subdir)?, span)))
                    .collect();
                found.sort_unstable_by(|(a, _), (b, _)| a.path.cmp(&b.path));
                let (files, spans): (Vec<_>, Vec<_>) = found.into_iter().unzip();
                let hasher = hashed(&files, &spans, &kept.0)?;
                (files, hasher)
            }
        };
        let (tree, key) = hasher.finish();
        Some(Inventory { tree, key, files })
    }
}

/// Where the contents of files lie that were kept in this order.
fn spans(files: &[ListedFile]) -> Vec<Range<usize>> {
    let mut end = 0;
    let spans = files.iter().map(|file| {
        let start = end;
        // What is kept has fewer bytes than memory has.
        end += usize::try_from(file.size_bytes).unwrap_or(usize::MAX);
        start..end
    });
    spans.collect()
}

/// The files so far; `None` if they are not in the order of a tree's digest.
fn hashed(files: &[ListedFile], spans: &[Range<usize>], kept: &[u8]) -> Option<TreeHasher> {
    let mut hasher = TreeHasher::new();
    for (file, span) in files.iter().zip(spans) {
        let content = kept.get(span.clone())?;
        hasher.file(&file.path, file.executable, content).ok()?;
    }
    Some(hasher)
}

/// The file as the directory `subdir` has it, if it lies in there.
fn below(file: ListedFile, subdir: &str) -> Option<ListedFile> {
    if subdir.is_empty() {
        return Some(file);
    }
    let path = file
        .path
        .strip_prefix(subdir)?
        .strip_prefix('/')?
        .to_owned();
    Some(ListedFile { path, ..file })
}

/// Notes members and passes them on.
struct Noting<'a> {
    inner: &'a mut dyn Sink,
    /// Of the last small file.
    content: Vec<u8>,
    noted: &'a mut Noted,
}

impl Sink for Noting<'_> {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        self.noted.name(path.as_str());
        self.inner.directory(path)
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if let Some(rest) = read_small(content, &mut self.content)? {
            self.noted.is_partial = true;
            let mut whole = self.content.as_slice().chain(rest);
            return self.inner.file(path, executable, &mut whole);
        }
        self.noted.file(path.as_str(), executable, &self.content);
        let mut whole = self.content.as_slice();
        self.inner.file(path, executable, &mut whole)
    }
}

/// Reads all of a small file into `buffer`; of a larger one the beginning, and returns where the rest is to be read.
fn read_small<'r>(
    content: &'r mut dyn Read,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<&'r mut dyn Read>> {
    buffer.clear();
    let mut small = content.take(WHOLE_BYTES + 1);
    small.read_to_end(buffer)?;
    Ok((buffer.len() as u64 > WHOLE_BYTES).then(|| small.into_inner()))
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
                self.inner.sink()?.directory(&path)
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
        if let Some(rest) = read_small(content, &mut self.content)? {
            self.noted.is_partial = true;
            let mut whole = self.content.as_slice().chain(rest);
            return self.inner.sink()?.file(&path, executable, &mut whole);
        }
        self.noted.file(path.as_str(), executable, &self.content);
        self.inner.sink()?.write(&path, executable, &self.content)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Members in this order: path below the top, whether it may be run, content.
    fn archive(members: &[(&str, bool, &[u8])]) -> Vec<u8> {
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
        gzip.finish().unwrap()
    }

    /// What is noted of the pack in `slack-1.0.0` where `top` is left out, and what is on disk.
    fn unpacked(
        members: &[(&str, bool, &[u8])],
        top: Option<&str>,
    ) -> (Option<Inventory>, Inventory) {
        let mut archive = Cursor::new(archive(members));
        let place = tempfile::tempdir().unwrap();
        let tree = place.path().join("tree");
        let noted = unpack(&mut archive, &tree, &Limits::default(), top).unwrap();
        let subdir = if tree.join("slack-1.0.0").exists() {
            "slack-1.0.0"
        } else {
            ""
        };
        let found = Inventory::take(&tree.join(subdir)).unwrap();
        (noted.inventory(subdir), found)
    }

    const TOPS: [Option<&str>; 3] = [Some("slack-1.0.0"), Some("slack"), None];

    /// What is noted is what a look at the tree would have found, whatever the order and the directory at the top.
    #[test]
    fn noted_is_what_is_on_disk() {
        for top in TOPS {
            let (noted, found) = unpacked(
                &[
                    ("actions/run.sh", true, b"#!/bin/sh\n"),
                    ("actions/run.yaml", false, b""),
                    // `.` comes before `/`.
                    ("actions.md", false, b"sorted as a whole path"),
                    ("pack.yaml", false, b"ref: slack\n"),
                ],
                top,
            );
            assert_eq!(found.files.len(), 4);
            assert_eq!(noted, Some(found), "{top:?}");
        }
    }

    /// Where it could differ, nothing is noted.
    #[test]
    fn what_must_be_looked_at_is_not_noted() {
        let deep = format!("{}x", "d/".repeat(MOST_NAMES));
        let large = vec![b'x'; usize::try_from(WHOLE_BYTES).unwrap() + 1];
        for top in TOPS {
            for (path, content) in [(deep.as_str(), &b""[..]), ("large.bin", &large)] {
                let members: [(&str, bool, &[u8]); 2] =
                    [(path, false, content), ("pack.yaml", false, b"")];
                assert_eq!(unpacked(&members, top).0, None, "{path}");
            }
        }
    }

    /// A directory that is in the way is told as that, and stays.
    #[test]
    fn directory_in_the_way_stays() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        for top in TOPS {
            let mut archive = Cursor::new(archive(&[("pack.yaml", false, b"ref: slack\n")]));
            let outcome = unpack(&mut archive, place.path(), &Limits::default(), top);
            let Err(ArchiveError::Destination { path, source }) = outcome.map(drop) else {
                panic!("{top:?}");
            };
            assert_eq!(path, place.path());
            assert_eq!(source.kind(), io::ErrorKind::AlreadyExists);
            assert!(place.path().join("file").exists());
        }
    }

    /// More than is kept is noted in the order of the digest only.
    #[test]
    fn much_is_noted_in_order() {
        let large = vec![b'x'; usize::try_from(WHOLE_BYTES).unwrap()];
        let names: Vec<String> = (0..=MOST_KEPT / large.len())
            .map(|number| format!("{number:02}.bin"))
            .collect();
        let mut members: Vec<(&str, bool, &[u8])> = (names.iter())
            .map(|name| (name.as_str(), false, large.as_slice()))
            .collect();
        members.push(("pack.yaml", false, b""));
        let (noted, found) = unpacked(&members, TOPS[0]);
        assert_eq!(noted, Some(found));
        // It was hashed with the names of the whole archive.
        assert_eq!(unpacked(&members, None).0, None);
        for swapped in [0, members.len() - 2] {
            let mut members = members.clone();
            members.swap(swapped, swapped + 1);
            assert_eq!(unpacked(&members, TOPS[0]).0, None, "{swapped}");
        }
    }
}
