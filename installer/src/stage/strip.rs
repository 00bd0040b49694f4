//! Unpacking without the directory at the top of an archive.
//!
//! An archive of a registry has one top directory whose name is known. Leaving it out saves a directory
//! per pack, and making directories is what an installation on a disk waits for.

use std::io::{self, Read, Seek};
use std::path::Path;

use pack_archive::{ArchiveError, DirSink, MemberPath, Sink, read_archive, unpack_with};
use pack_format::Limits;
use pack_fs::remove;

use super::noted::{Noted, Noting};

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
    unpack_with(destination, |sink| {
        read_archive(archive, limits, &mut Noting::new(sink, &mut noted))
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
    let mut place = Late {
        path: destination,
        made: None,
    };
    let mut noted = Noted::default();
    let mut sink = Stripped {
        inner: Noting::new(&mut place, &mut noted),
        prefix: format!("{top}/"),
        limits,
        elsewhere: false,
    };
    let outcome = read_archive(archive, limits, &mut sink);
    let elsewhere = sink.elsewhere;
    let failure = match outcome {
        // An archive of nothing leaves an empty directory.
        Ok(_) => match place.sink() {
            Ok(_) => return Ok(Some(noted)),
            Err(source) => ArchiveError::Write {
                name: top.to_owned(),
                source,
            },
        },
        Err(failure) => failure,
    };
    let failure = place.remove().unwrap_or(failure);
    if elsewhere { Ok(None) } else { Err(failure) }
}

/// A directory that is made when something comes to lie in it: that everything lies elsewhere is seen at the first member.
struct Late<'a> {
    path: &'a Path,
    made: Option<io::Result<DirSink>>,
}

impl Late<'_> {
    fn sink(&mut self) -> io::Result<&mut DirSink> {
        let made = self.made.get_or_insert_with(|| DirSink::create(self.path));
        made.as_mut()
            .map_err(|error| io::Error::new(error.kind(), "there is no directory to unpack to"))
    }

    /// Removes it, if it was made; returns why not, if it could not be.
    fn remove(self) -> Option<ArchiveError> {
        match self.made? {
            Ok(_) => {
                // Staging is swept in any case; the first error is the one to report.
                let _ = remove::remove_all(self.path);
                None
            }
            Err(source) => Some(ArchiveError::Destination {
                path: self.path.to_owned(),
                source,
            }),
        }
    }
}

impl Sink for Late<'_> {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        self.sink()?.directory(path)
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.sink()?.file(path, executable, content)
    }
}

/// Passes members on without the first component of their path.
struct Stripped<'a> {
    inner: Noting<'a>,
    prefix: String,
    limits: &'a Limits,
    /// Whether a member did not begin with it.
    elsewhere: bool,
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
            Some(path) => self.inner.directory(&path),
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
        self.inner.file(&path, executable, content)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::noted::{MOST_KEPT, MOST_NAMES};
    use super::*;
    use crate::inventory::{Inventory, WHOLE_BYTES};

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
