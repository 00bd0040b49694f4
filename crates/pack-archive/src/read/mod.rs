//! Reading: from the bytes of an archive to the members a sink receives.
//!
//! 1. Refuse a file larger than [`Limits::archive_bytes`].
//! 2. Tell the kind by content.
//! 3. Decode it to the last byte: the end of the last member is not the end of the checks.

mod gzip;
mod pax;
mod tar;
mod zip;

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use pack_format::Limits;
use pack_format::digest::to_hex;

use crate::cap::Source;
use crate::error::ArchiveError;
use crate::gate::{Gate, Summary};
use crate::sink::{Sink, fill};

/// The file is read in pieces of this size.
pub(crate) const BUFFER_BYTES: usize = 64 * 1024;

/// The kinds of archive a pack may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// A tar archive without compression.
    Tar,
    /// A tar archive in gzip.
    TarGz,
    /// A zip archive.
    Zip,
}

impl ArchiveKind {
    /// How many bytes from the start [`ArchiveKind::detect`] wants to see.
    pub const HEAD_BYTES: usize = tar::BLOCK_BYTES;

    /// The kind of the archive that starts with `head`, by content alone.
    ///
    /// Tar has no magic number of its own in every dialect: there the checksum of the first header decides.
    pub fn detect(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"\x1f\x8b") {
            return Some(Self::TarGz);
        }
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return Some(Self::Zip);
        }
        let block = head.first_chunk::<{ tar::BLOCK_BYTES }>()?;
        tar::is_header(block).then_some(Self::Tar)
    }

    /// The usual end of a file name, without the leading dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::Zip => "zip",
        }
    }

    /// The kind that the end of a file name or URL path promises, if any.
    ///
    /// Content decides what an archive is; whoever has a name as well can refuse one that lies.
    pub fn promised_by(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let ends = |suffixes: &[&str]| suffixes.iter().any(|s| lower.ends_with(s));
        match () {
            () if ends(&[".tar.gz", ".tgz"]) => Some(Self::TarGz),
            () if ends(&[".zip"]) => Some(Self::Zip),
            () if ends(&[".tar"]) => Some(Self::Tar),
            () => None,
        }
    }
}

/// Reads `archive` from its first byte to its last and passes each member to `sink`.
///
/// Members reach the sink in the order of the file, while later ones are still unread: what a sink
/// did counts only once this returns `Ok`.
///
/// # Errors
/// [`ArchiveError`]; the first one ends the reading.
pub fn read_archive(
    archive: &mut (impl Read + Seek),
    limits: &Limits,
    sink: &mut dyn Sink,
) -> Result<Summary, ArchiveError> {
    let unreadable = |e| ArchiveError::unwrap_io(e, |source| ArchiveError::Read { source });
    let mut source = Source::new(archive);
    let (archive_bytes, head) = look(&mut source).map_err(unreadable)?;
    let mut gate = Gate::new(limits);
    gate.check_archive(archive_bytes)?;
    match ArchiveKind::detect(&head) {
        Some(ArchiveKind::Tar) => tar::read(
            &mut BufReader::with_capacity(BUFFER_BYTES, source),
            &mut gate,
            sink,
        )?,
        Some(ArchiveKind::TarGz) => tar::read(&mut gzip::GzipReader::new(source), &mut gate, sink)?,
        Some(ArchiveKind::Zip) => zip::read(source, archive_bytes, &mut gate, sink)?,
        None => {
            return Err(ArchiveError::Unsupported {
                found: describe(&head),
            });
        }
    }
    Ok(gate.summary())
}

/// The size of the file and its first block; leaves the file at its start.
fn look(source: &mut Source<'_>) -> io::Result<(u64, Vec<u8>)> {
    let bytes = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    let mut head = vec![0; ArchiveKind::HEAD_BYTES];
    let filled = fill(source, &mut head)?;
    head.truncate(filled);
    source.seek(SeekFrom::Start(0))?;
    Ok((bytes, head))
}

fn describe(head: &[u8]) -> String {
    let start = head.trim_ascii_start();
    if head.is_empty() {
        "nothing, the file is empty".to_owned()
    } else if start.starts_with(b"<") {
        "`<`, like a web page".to_owned()
    } else {
        format!("the bytes `{}`", to_hex(&head[..head.len().min(8)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content decides; a name only promises.
    #[test]
    fn archive_kind_is_told_by_content() {
        assert_eq!(
            ArchiveKind::detect(b"\x1f\x8b\x08"),
            Some(ArchiveKind::TarGz)
        );
        assert_eq!(ArchiveKind::detect(b"PK\x03\x04"), Some(ArchiveKind::Zip));
        assert_eq!(ArchiveKind::detect(b"PK\x05\x06"), Some(ArchiveKind::Zip));
        for other in [&b""[..], b"PK", b"<!doctype html>", &[0; 512], &[b'0'; 512]] {
            assert_eq!(ArchiveKind::detect(other), None);
        }
        let mut header = ::tar::Header::new_ustar();
        header.set_cksum();
        assert_eq!(
            ArchiveKind::detect(header.as_bytes()),
            Some(ArchiveKind::Tar)
        );
        assert_eq!(
            ArchiveKind::promised_by("a-1.0.0.TGZ"),
            Some(ArchiveKind::TarGz)
        );
        assert_eq!(ArchiveKind::promised_by("tar.gz/0123abc"), None);
    }

    /// A file that is no archive is described, not guessed at.
    #[test]
    fn foreign_content_is_refused_with_a_description() {
        let text = |content: &[u8]| {
            let mut sink = crate::gate::tests::Nowhere;
            read_archive(&mut io::Cursor::new(content), &Limits::default(), &mut sink)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text(b"<!doctype html>"),
            "it is no gzip-compressed tar and no zip archive: it starts with `<`, like a web page"
        );
        assert_eq!(
            text(b""),
            "it is no gzip-compressed tar and no zip archive: it starts with nothing, the file is empty"
        );
        assert_eq!(
            text(b"BZh9"),
            "it is no gzip-compressed tar and no zip archive: it starts with the bytes `425a6839`"
        );
    }

    /// The size of the file itself is a limit.
    #[test]
    fn archive_size_limit_is_inclusive() {
        let archive = crate::ArchiveBuilder::new("a-1.0.0", 0).finish().unwrap();
        let read = |archive_bytes| {
            let limits = Limits {
                archive_bytes,
                ..Limits::default()
            };
            read_archive(
                &mut io::Cursor::new(&archive),
                &limits,
                &mut crate::gate::tests::Nowhere,
            )
        };
        assert!(read(archive.len() as u64).is_ok());
        assert!(matches!(
            read(archive.len() as u64 - 1),
            Err(ArchiveError::Limit { .. })
        ));
    }
}
