//! `Spool`: bytes on their way in, hashed and counted as they arrive.
//!
//! Small bodies stay in memory, larger ones go to a file without a name: nothing to sweep after a crash,
//! and nobody else can change the bytes between their check and their use.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use pack_format::checksum::Algorithm;
use pack_format::{ArchiveDigest, Checksum};
use pack_fs::source_dir::open_regular;
use sha2::{Digest as _, Sha256};

/// Bodies up to this size stay in memory, in bytes (4 MiB, inclusive).
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// A body that is being received.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
    hasher: Sha256,
    size_bytes: u64,
}

/// A body that has arrived, whole and unchecked.
#[derive(Debug)]
pub struct Received {
    body: Body,
    digest: ArchiveDigest,
    size_bytes: u64,
    encoding: Option<String>,
}

#[derive(Debug)]
enum Body {
    Memory(Vec<u8>),
    File(File),
}

/// Bytes that can be read twice.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// Reading access to a body, from its start.
#[derive(Debug)]
pub enum BodyReader<'a> {
    /// In memory.
    Memory(Cursor<&'a [u8]>),
    /// In a file.
    File(&'a File),
}

impl Spool {
    /// A spool that keeps large bodies in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            memory: Vec::new(),
            file: None,
            hasher: Sha256::new(),
            size_bytes: 0,
        }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        if self.memory.len() + bytes.len() <= MEMORY_BYTES {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let mut file = tempfile::tempfile_in(&self.directory)?;
        file.write_all(&self.memory)?;
        file.write_all(bytes)?;
        self.memory = Vec::new();
        self.file = Some(file);
        Ok(())
    }

    pub(crate) fn finish(self) -> Received {
        Received {
            body: match self.file {
                Some(file) => Body::File(file),
                None => Body::Memory(self.memory),
            },
            digest: ArchiveDigest::from_bytes(self.hasher.finalize().into()),
            size_bytes: self.size_bytes,
            encoding: None,
        }
    }
}

impl Received {
    /// The same, with the content coding its server named.
    pub(crate) fn in_encoding(mut self, encoding: Option<String>) -> Self {
        self.encoding = encoding;
        self
    }

    /// The content coding a server says the bytes are in, though none was asked for. They are kept as they came:
    /// some servers say so of archives they do not touch.
    pub fn encoding(&self) -> Option<&str> {
        self.encoding.as_deref()
    }

    /// Takes the bytes of a file, at most `limit` of them; larger bodies are copied into `directory`.
    ///
    /// The file may change afterwards without harm: what was hashed is what will be read.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] above the limit, else whatever reading fails with.
    pub fn from_file(path: &Path, limit: u64, directory: &Path) -> io::Result<Self> {
        let mut file = open_regular(path)?;
        let metadata = file.metadata()?;
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        if metadata.len() > limit {
            return Err(too_large());
        }
        if let Ok(size) = usize::try_from(metadata.len())
            && size <= MEMORY_BYTES
        {
            let mut bytes = Vec::with_capacity(size + 1);
            file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > limit {
                return Err(too_large());
            }
            return Ok(Self {
                digest: ArchiveDigest::of(&bytes),
                size_bytes: bytes.len() as u64,
                body: Body::Memory(bytes),
                encoding: None,
            });
        }
        let mut spool = Spool::new(directory);
        let mut buffer = vec![0_u8; 256 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(spool.finish()),
                Ok(n) => {
                    spool.push(&buffer[..n])?;
                    if spool.size_bytes() > limit {
                        return Err(too_large());
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The bytes, from their start, for as long as the caller likes.
    ///
    /// # Errors
    /// If the file they are in cannot be rewound.
    pub fn into_body(self) -> io::Result<Box<dyn ReadSeek>> {
        Ok(match self.body {
            Body::Memory(bytes) => Box::new(Cursor::new(bytes)),
            Body::File(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(file)
            }
        })
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> ArchiveDigest {
        self.digest
    }

    /// How many there are.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The checksum of the bytes under an algorithm; SHA-256 is already known.
    ///
    /// # Errors
    /// Whatever reading fails with.
    pub fn checksum(&mut self, algorithm: Algorithm) -> io::Result<Checksum> {
        if algorithm == Algorithm::Sha256 {
            return Ok(self.digest.into());
        }
        Checksum::compute(algorithm, &mut self.reader()?)
    }

    /// Reading access, from the start.
    ///
    /// # Errors
    /// Whatever seeking fails with.
    pub fn reader(&mut self) -> io::Result<BodyReader<'_>> {
        match &mut self.body {
            Body::Memory(bytes) => Ok(BodyReader::Memory(Cursor::new(bytes))),
            Body::File(file) => {
                file.seek(SeekFrom::Start(0))?;
                Ok(BodyReader::File(file))
            }
        }
    }
}

impl Read for BodyReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(cursor) => cursor.read(buffer),
            Self::File(file) => file.read(buffer),
        }
    }
}

impl Seek for BodyReader<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Memory(cursor) => cursor.seek(position),
            Self::File(file) => file.seek(position),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides of the memory bound, and of the size limit, give the same bytes and digest.
    #[test]
    fn bodies_survive_either_way_of_keeping_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        for size in [0, MEMORY_BYTES, MEMORY_BYTES + 1] {
            let bytes = vec![7_u8; size];
            std::fs::write(&path, &bytes).unwrap();
            let limit = size as u64;
            let mut received = Received::from_file(&path, limit, dir.path()).unwrap();
            assert_eq!(received.digest(), ArchiveDigest::of(&bytes));
            let mut read = Vec::new();
            received.reader().unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
            if size > 0 {
                let error = Received::from_file(&path, limit - 1, dir.path()).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            }
        }
    }
}
