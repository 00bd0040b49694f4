//! A file of the tree with its twins, loaded so that they belong together.
//!
//! Twins and the file are separate names on disk, and a tree is rewritten while it is served. The
//! contract with the writer of trees: a file and its twins carry the same modification time to the
//! nanosecond, and every rewrite of changed bytes carries a new one. The renames may then come in any
//! order. A twin with another time belongs to other bytes, older or newer, and is not used: the client
//! gets the file itself. Times and bytes are taken from the same open file, never from a name twice.

use crate::beneath::Root;
use crate::conditional::Validators;
use crate::encoding::Coding;
use crate::heat::Heat;
use crate::kernel_copy::KernelCopy;
use crate::stamp::Stamp;
use crate::types::{Kind, caching_of, kind_of};
use bytes::Bytes;
use hyper::header::HeaderValue;
use rustix::fs::fstat;
use sha2::{Digest, Sha256};
use std::ffi::CString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest file kept in memory, in bytes, inclusive (4 MiB). Larger ones are read for each response.
const MAX_KEPT_BYTES: u64 = 4 * 1024 * 1024;

/// Largest file whose tag is made of its bytes, in bytes, inclusive (256 KiB). Such files always are in memory;
/// larger ones only while there is [room](LargeFiles).
const MAX_SMALL_BYTES: u64 = 256 * 1024;

/// Bytes of large files in memory at most (128 MiB): twice what a cache keeps, so that as much again may be on its way
/// to clients that read slowly.
const MOST_LARGE_BYTES: usize = 128 * 1024 * 1024;

/// Files of up to this many bytes, inclusive, have no twins: a tree has them above 1 KB, and below that
/// a coding saves no packet.
const MAX_PLAIN_BYTES: u64 = 1000;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// A file as it was at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The file's full name, for asking the kernel whether it is still this one.
    pub(crate) absolute: CString,
    pub(crate) kind: &'static Kind,
    pub(crate) caching: HeaderValue,
    pub(crate) last_modified: Option<HeaderValue>,
    /// The file itself.
    pub(crate) identity: Representation,
    twins: [Option<Representation>; 2],
    /// Whether a further change might not be noticed, so that it must be loaded again for the next request.
    is_racy: bool,
    pub(crate) heat: Heat,
}

/// Room in memory for files that need not be there.
#[derive(Debug)]
pub(crate) struct LargeFiles(Arc<Semaphore>);

impl Default for LargeFiles {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_LARGE_BYTES)))
    }
}

impl LargeFiles {
    /// Room for `size` bytes, if there is some.
    fn room(&self, size: u64) -> Option<OwnedSemaphorePermit> {
        let size = u32::try_from(size).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(size).ok()
    }
}

/// Bytes that hold their room for as long as anybody has them.
struct Roomed {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Roomed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// One sequence of bytes that answers for a file: itself or a twin.
#[derive(Debug, Clone)]
pub(crate) struct Representation {
    pub(crate) coding: Option<Coding>,
    pub(crate) stamp: Stamp,
    pub(crate) validators: Validators,
    pub(crate) source: Source,
    /// Made once the file is asked for again and again.
    copy: OnceLock<Option<Arc<KernelCopy>>>,
}

/// Where the bytes of a representation are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// All of them, at most [`MAX_KEPT_BYTES`].
    Memory(Bytes),
    /// In the file they were described from. It is sent from here by the request that loaded it, so that
    /// a file rewritten all the time is served all the same.
    Open(Arc<File>),
    /// In a file to be opened again: a cache must not hold handles.
    Closed,
}

impl Entry {
    /// Loads the file `name` of the tree at `root`. Blocks.
    pub(crate) fn load(
        root: &Path,
        absolute: CString,
        name: &str,
        large: &LargeFiles,
    ) -> io::Result<Self> {
        let mut attempt = 1;
        let (root, identity) = loop {
            let root = Root::open(root)?;
            let (file, stamp) = root.file(name)?;
            match Representation::read(file, stamp, None, large) {
                Ok(identity) => break (root, identity),
                Err(error) if error.kind() == io::ErrorKind::Interrupted && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let kind = kind_of(name);
        let main = identity.stamp;
        let twins = Coding::ALL.map(|coding| {
            if !may_have_twins(kind, &main) {
                return None;
            }
            let (file, stamp) = root.file(&format!("{name}{}", coding.suffix())).ok()?;
            let belongs = stamp.is_twin_of(&main);
            belongs
                .then(|| Representation::read(file, stamp, Some(coding), large).ok())
                .flatten()
        });
        let modified = identity.validators.modified;
        Ok(Self {
            absolute,
            kind,
            caching: caching_of(name),
            last_modified: modified
                .and_then(|time| HeaderValue::try_from(httpdate::fmt_http_date(time)).ok()),
            identity,
            twins,
            is_racy: main.is_racy(SystemTime::now()),
            heat: Heat::default(),
        })
    }

    /// Whether it says for further requests too what it says now, and all of it that should be is in memory.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        let may_be_kept = |one: &Representation| {
            one.stamp.size() > MAX_KEPT_BYTES || matches!(one.source, Source::Memory(_))
        };
        !self.is_racy && may_be_kept(&self.identity) && self.twins.iter().flatten().all(may_be_kept)
    }

    /// Whether a twin of this file would be used.
    pub(crate) fn may_have_twins(&self) -> bool {
        may_have_twins(self.kind, &self.identity.stamp)
    }

    /// The twin in `coding`, if there was one that belongs to the file.
    pub(crate) fn twin(&self, coding: Coding) -> Option<&Representation> {
        self.twins
            .iter()
            .flatten()
            .find(|twin| twin.coding == Some(coding))
    }

    /// What the kernel has of `chosen`, if the file is asked for again and again.
    pub(crate) fn copy_of(&self, chosen: &Representation) -> Option<Arc<KernelCopy>> {
        let Source::Memory(bytes) = &chosen.source else {
            return None;
        };
        if !self.heat.is_warm() {
            return None;
        }
        let copy = chosen.copy.get_or_init(|| KernelCopy::of(bytes));
        copy.clone()
    }

    /// The same without open files, to be kept.
    pub(crate) fn closed(&self) -> Self {
        let mut kept = self.clone();
        for one in kept.twins.iter_mut().flatten().chain([&mut kept.identity]) {
            if let Source::Open(_) = one.source {
                one.source = Source::Closed;
            }
        }
        kept
    }

    /// Bytes of memory this holds, about.
    pub(crate) fn cost(&self) -> usize {
        let twins = self.twins.iter().flatten();
        let kept = twins.chain([&self.identity]).map(|one| match &one.source {
            Source::Memory(bytes) => bytes.len(),
            Source::Open(_) | Source::Closed => 0,
        });
        size_of::<Self>() + self.absolute.as_bytes().len() + kept.sum::<usize>()
    }
}

fn may_have_twins(kind: &Kind, main: &Stamp) -> bool {
    kind.has_twins && main.size() > MAX_PLAIN_BYTES
}

impl Representation {
    fn read(
        file: File,
        stamp: Stamp,
        coding: Option<Coding>,
        large: &LargeFiles,
    ) -> io::Result<Self> {
        let bytes = contents(&file, &stamp, large)?;
        // A small file is tagged by its bytes: the same on every instance that serves the tree. A large one, which may
        // be in memory the next time and not now, by its state, at any time.
        let digest = match &bytes {
            Some(bytes) if stamp.size() <= MAX_SMALL_BYTES => Sha256::digest(bytes),
            _ => Sha256::digest(stamp.bytes()),
        };
        let mut etag = String::with_capacity(40);
        etag.push('"');
        for byte in &digest[..16] {
            let _ = write!(etag, "{byte:02x}");
        }
        etag.push_str(coding.map_or("", Coding::suffix));
        etag.push('"');
        Ok(Self {
            coding,
            stamp,
            validators: Validators {
                etag: HeaderValue::try_from(etag).map_err(io::Error::other)?,
                modified: stamp.modified(SystemTime::now()),
            },
            source: bytes.map_or_else(|| Source::Open(Arc::new(file)), Source::Memory),
            copy: OnceLock::new(),
        })
    }
}

/// All bytes of a file that is to be in memory. A file that changed meanwhile is [`io::ErrorKind::Interrupted`]: some of
/// the bytes may be of its former state.
fn contents(file: &File, stamp: &Stamp, large: &LargeFiles) -> io::Result<Option<Bytes>> {
    let room = if stamp.size() <= MAX_SMALL_BYTES {
        None
    } else {
        match large.room(stamp.size()) {
            Some(room) if stamp.size() <= MAX_KEPT_BYTES => Some(room),
            _ => return Ok(None),
        }
    };
    let mut bytes = Vec::with_capacity(usize::try_from(stamp.size()).unwrap_or(0));
    file.take(stamp.size()).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != stamp.size() || !Stamp::new(&fstat(file)?).has_bytes_of(stamp) {
        return Err(io::Error::new(
            io::ErrorKind::Interrupted,
            "the file changes while it is read",
        ));
    }
    Ok(Some(match room {
        None => bytes.into(),
        Some(room) => Bytes::from_owner(Roomed { bytes, _room: room }),
    }))
}
