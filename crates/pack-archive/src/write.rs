//! `ArchiveBuilder`: a `.tar.gz` whose bytes depend on the tree alone.
//!
//! ```text
//! gzip header: no name, no time, system 255
//! <top>/                      0755, the only directory listed: every reader makes the others
//! <top>/<path>                0644 or 0755, in byte order of the paths
//! ...
//! two blocks of zeros         no padding to a record
//! ```
//!
//! Owners are 0 without names, every time is the one given, headers are POSIX ustar; a PAX header
//! precedes a member only if its path does not fit. Tars of up to [`MAX_TAR_IN_MEMORY_BYTES`] are
//! compressed in one go with libdeflate, larger ones as they grow with zlib-rs, both at level 2 and
//! in pinned versions; which of the two depends on the size of the tar, so on the tree, alone.

use std::cell::RefCell;
use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use libdeflater::{CompressionLvl, Compressor};
use pack_format::{Hint, Limits};
use tar::{EntryType, Header};

use crate::error::ArchiveError;
use crate::gate::Gate;
use crate::member_path::{MemberPath, PathFault};

/// Largest tar that is held in memory, in bytes (32 MiB, inclusive).
pub const MAX_TAR_IN_MEMORY_BYTES: usize = 32 * 1024 * 1024;

/// Pieces a larger tar is compressed in: always the same ones, so that the bytes are the same.
const PIECE_BYTES: usize = 1024 * 1024;

/// Level 6, the usual one, takes 1.8 times as long for packs and makes their archives 3 % smaller.
const LEVEL: i32 = 2;
const BLOCK_BYTES: usize = 512;
const END_BYTES: usize = 2 * BLOCK_BYTES;

/// Largest time a ustar header can hold: 11 octal digits.
const MAX_MTIME_SECONDS: u64 = 0o77_777_777_777;

/// System byte of a gzip header that names no system.
const UNKNOWN_SYSTEM: u8 = 255;

/// Why an archive could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Paths must ascend, so that one tree has one archive.
    #[error("`{path}` was added after `{last}`, out of byte order")]
    Order {
        /// The path that came too late.
        path: String,
        /// The path before it.
        last: String,
    },
    /// A path must be in its shortest spelling, by which it is sorted.
    #[error("`{path}` is another spelling of `{normal}`")]
    Spelling {
        /// The path as given.
        path: String,
        /// The path as a reader sees it.
        normal: String,
    },
    /// A reader would refuse the archive.
    #[error(transparent)]
    Refused(#[from] ArchiveError),
    /// The compressor failed.
    #[error("cannot compress the archive")]
    Compress {
        /// The cause.
        source: io::Error,
    },
}

impl Hint for BuildError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(error) => error.hint(),
            Self::Order { .. } | Self::Spelling { .. } | Self::Compress { .. } => None,
        }
    }
}

/// Builds one `.tar.gz`.
pub struct ArchiveBuilder {
    top: String,
    /// What all headers share: times and owners, and the mode of most members.
    blank: Header,
    gate: Gate,
    /// The tar, or as much of it as is not compressed yet.
    tar: Vec<u8>,
    /// The compressor of a tar beyond [`MAX_TAR_IN_MEMORY_BYTES`].
    stream: Option<GzEncoder<Vec<u8>>>,
    last: Option<String>,
}

impl std::fmt::Debug for ArchiveBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveBuilder")
            .field("top", &self.top)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl ArchiveBuilder {
    /// An archive whose single top directory is `top`, usually `<ref>-<version>`.
    ///
    /// `mtime_seconds` since 1970 is the time of every member; what ustar cannot hold becomes its maximum.
    pub fn new(top: &str, mtime_seconds: u64) -> Self {
        Self {
            top: top.to_owned(),
            blank: blank(mtime_seconds),
            gate: Gate::new(&Limits::default()),
            tar: SCRATCH.with_borrow_mut(|scratch| std::mem::take(&mut scratch.tar)),
            stream: None,
            last: None,
        }
    }

    /// Adds the file `path` below the top directory. Files come in byte order of their whole paths.
    ///
    /// # Errors
    /// [`BuildError`]; the builder is of no use afterwards.
    pub fn file(&mut self, path: &str, executable: bool, content: &[u8]) -> Result<(), BuildError> {
        if let Some(last) = &self.last
            && last.as_str() >= path
        {
            return Err(BuildError::Order {
                path: path.to_owned(),
                last: last.clone(),
            });
        }
        self.begin()?;
        let text = format!("{}/{path}", self.top);
        let member = self
            .gate
            .admit_file(text.as_bytes(), content.len() as u64)?;
        check_spelling(&text, &member)?;
        self.header(&text, EntryType::Regular, executable, content.len() as u64)?;
        self.append(content)?;
        self.last = Some(path.to_owned());
        Ok(())
    }

    /// The finished archive.
    ///
    /// # Errors
    /// [`BuildError`]; [`ArchiveError::Limit`] if it is larger than a reader would take.
    pub fn finish(mut self) -> Result<Vec<u8>, BuildError> {
        self.begin()?;
        self.append(&[0; END_BYTES])?;
        let bytes = match self.stream.take() {
            None => compress(&self.tar),
            Some(mut stream) => stream.write_all(&self.tar).and_then(|()| stream.finish()),
        };
        let bytes = bytes.map_err(|source| BuildError::Compress { source })?;
        if self.tar.capacity() <= MAX_KEPT_BYTES {
            self.tar.clear();
            SCRATCH.with_borrow_mut(|scratch| scratch.tar = self.tar);
        }
        self.gate.check_archive(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// Adds the top directory before anything else.
    fn begin(&mut self) -> Result<(), BuildError> {
        if self.gate.summary().entries == 0 {
            // The root is no top directory.
            let top = self.gate.admit_directory(self.top.as_bytes())?;
            let top = top.ok_or_else(|| self.gate.refuse(self.top.as_bytes(), PathFault::Empty))?;
            check_spelling(&self.top, &top)?;
            self.header(&format!("{top}/"), EntryType::Directory, true, 0)?;
        }
        Ok(())
    }

    fn header(
        &mut self,
        path: &str,
        kind: EntryType,
        executable: bool,
        size_bytes: u64,
    ) -> Result<(), BuildError> {
        let mut header = self.blank.clone();
        if !set_path(&mut header, path) {
            let records = path_record(path);
            self.gate
                .charge((records.len().next_multiple_of(BLOCK_BYTES) + BLOCK_BYTES) as u64)?;
            let mut described = self.blank.clone();
            set_name(&mut described, "././@PaxHeader");
            described.set_entry_type(EntryType::XHeader);
            described.set_size(records.len() as u64);
            described.set_cksum();
            self.tar.extend_from_slice(described.as_bytes());
            self.tar.extend_from_slice(&records);
            pad(&mut self.tar);
            set_name(&mut header, path);
        }
        header.set_entry_type(kind);
        if executable {
            header.set_mode(0o755);
        }
        header.set_size(size_bytes);
        header.set_cksum();
        self.tar.extend_from_slice(header.as_bytes());
        Ok(())
    }

    /// Adds content and its padding, and compresses what no longer fits in memory.
    fn append(&mut self, content: &[u8]) -> Result<(), BuildError> {
        self.tar.extend_from_slice(content);
        pad(&mut self.tar);
        if self.stream.is_none() && self.tar.len() > MAX_TAR_IN_MEMORY_BYTES {
            let header = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
            self.stream = Some(header.write(Vec::new(), Compression::new(LEVEL.unsigned_abs())));
        }
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let whole = self.tar.len() - self.tar.len() % PIECE_BYTES;
        for piece in self.tar[..whole].chunks_exact(PIECE_BYTES) {
            stream
                .write_all(piece)
                .map_err(|source| BuildError::Compress { source })?;
        }
        self.tar.drain(..whole);
        Ok(())
    }
}

fn check_spelling(text: &str, path: &MemberPath) -> Result<(), BuildError> {
    if text == path.as_str() {
        return Ok(());
    }
    Err(BuildError::Spelling {
        path: text.to_owned(),
        normal: path.to_string(),
    })
}

/// Largest buffer a thread keeps between archives, in bytes (4 MiB).
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What one archive can leave to the next on its thread: fresh memory costs more than filling it.
struct Scratch {
    tar: Vec<u8>,
    compressed: Vec<u8>,
    compressor: Option<Compressor>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        tar: Vec::new(),
        compressed: Vec::new(),
        compressor: CompressionLvl::new(LEVEL).ok().map(Compressor::new),
    });
}

fn compress(tar: &[u8]) -> io::Result<Vec<u8>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let Some(compressor) = &mut scratch.compressor else {
            return Err(io::Error::other("level 2 is not supported"));
        };
        let bound = compressor.gzip_compress_bound(tar.len());
        if scratch.compressed.len() < bound {
            scratch.compressed.resize(bound, 0);
        }
        let length = compressor
            .gzip_compress(tar, &mut scratch.compressed)
            .map_err(io::Error::other)?;
        let bytes = scratch.compressed[..length].to_vec();
        if scratch.compressed.capacity() > MAX_KEPT_BYTES {
            scratch.compressed = Vec::new();
        }
        Ok(bytes)
    })
}

/// A header without name, kind and size.
fn blank(mtime_seconds: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime_seconds.min(MAX_MTIME_SECONDS));
    header
}

/// Sets name and prefix; `false`, and nothing, if the path does not fit.
fn set_path(header: &mut Header, path: &str) -> bool {
    // What fits into the name goes there as it is; the library would first take it apart and put it together again.
    if path.len() <= header.as_old().name.len() {
        set_name(header, path);
        return true;
    }
    header.set_path(path).is_ok()
}

/// Puts as much of `name` as fits into the name field.
fn set_name(header: &mut Header, name: &str) {
    let field = &mut header.as_old_mut().name;
    let length = name.floor_char_boundary(field.len());
    field[..length].copy_from_slice(&name.as_bytes()[..length]);
}

/// `<length> path=<path>\n`, where the length counts itself.
fn path_record(path: &str) -> Vec<u8> {
    let rest = " path=\n".len() + path.len();
    let digits = |n: usize| n.to_string().len();
    let mut length = rest + digits(rest);
    length = rest + digits(length);
    format!("{length} path={path}\n").into_bytes()
}

fn pad(tar: &mut Vec<u8>) {
    tar.resize(tar.len().next_multiple_of(BLOCK_BYTES), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of a record counts its own digits, at every change of their number.
    #[test]
    fn path_record_counts_itself() {
        for n in 1..1100 {
            let record = path_record(&"p".repeat(n));
            let text = std::str::from_utf8(&record).unwrap();
            assert_eq!(text.split_once(' ').unwrap().0, record.len().to_string());
        }
    }

    /// Disorder is an error, and so is what a reader would refuse.
    #[test]
    fn builder_refuses_disorder_and_unreadable_members() {
        let mut builder = ArchiveBuilder::new("a-1.0.0", 0);
        builder.file("b", false, b"").unwrap();
        assert_eq!(
            builder.file("a", false, b"").unwrap_err().to_string(),
            "`a` was added after `b`, out of byte order"
        );
        assert!(builder.file("b", false, b"").is_err());
        assert_eq!(
            ArchiveBuilder::new("a-1.0.0", 0)
                .file("x/../y", false, b"")
                .unwrap_err()
                .to_string(),
            "member 2 `a-1.0.0/x/../y` leaves the pack directory"
        );
        for top in ["", ".", "..", "./a", "a/", "/a"] {
            assert!(ArchiveBuilder::new(top, 0).finish().is_err(), "{top}");
        }
        let mut builder = ArchiveBuilder::new("a-1.0.0", 0);
        assert_eq!(
            builder.file("x//y", false, b"").unwrap_err().to_string(),
            "`a-1.0.0/x//y` is another spelling of `a-1.0.0/x/y`"
        );
    }
}
