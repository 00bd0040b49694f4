//! Unpacking without the directory at the top of an archive.
//!
//! An archive of a registry has one top directory whose name is known. Leaving it out saves a directory
//! per pack, and making directories is what an installation on a disk waits for.

use std::io::{self, Read, Seek};
use std::path::Path;

use pack_archive::{ArchiveError, DirSink, MemberPath, Sink, read_archive};
use pack_format::Limits;
use pack_fs::remove;

/// Unpacks `archive` into the new directory `destination`, without the directory `top` if everything lies
/// below it, else as it is.
pub(super) fn unpack(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
    top: Option<&str>,
) -> Result<(), ArchiveError> {
    if let Some(top) = top
        && unpack_below(archive, destination, limits, top)?
    {
        return Ok(());
    }
    archive
        .rewind()
        .map_err(|source| ArchiveError::Read { source })?;
    pack_archive::unpack(archive, destination, limits).map(|_| ())
}

/// The same for `top` alone; false, and nothing at `destination`, if something lies elsewhere.
fn unpack_below(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
    top: &str,
) -> Result<bool, ArchiveError> {
    let inner = DirSink::create(destination).map_err(|source| ArchiveError::Destination {
        path: destination.to_owned(),
        source,
    })?;
    let mut sink = Stripped {
        inner,
        prefix: format!("{top}/"),
        limits,
        elsewhere: false,
    };
    let outcome = read_archive(archive, limits, &mut sink);
    let elsewhere = sink.elsewhere;
    let Err(failure) = outcome else {
        return Ok(true);
    };
    drop(sink);
    // Staging is swept in any case; the first error is the one to report.
    let _ = remove::remove_all(destination);
    if elsewhere { Ok(false) } else { Err(failure) }
}

/// Passes members on without the first component of their path.
struct Stripped<'a> {
    inner: DirSink,
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
