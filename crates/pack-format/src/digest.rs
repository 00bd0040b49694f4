//! Digests and checksums: what identifies bytes, trees and stored packs.
//!
//! Three digests that must never be mixed up are three types:
//!
//! * [`ArchiveDigest`]: SHA-256 of an archive file's bytes.
//! * [`TreeDigest`]: framed SHA-256 of a directory ("attune-pack-file-v1"), whatever archive carried it.
//! * [`StoreKey`]: SHA-256 over a tree digest and its executable paths; names a tree in a store.
//!
//! ```text
//! tree digest = SHA-256 of, for each file in byte order of its whole path:
//!     "attune-pack-file-v1"                 19 bytes, no terminator
//!     u64 big-endian  length of the path    relative, UTF-8, `/` between names
//!     path
//!     u64 big-endian  length of the content
//!     content
//! store key   = SHA-256 of
//!     "attune-store-key-v1"
//!     32 bytes of the tree digest
//!     for each executable path in byte order: u64 big-endian length, path
//! ```

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hint::Hint;
use crate::text::printable;

const FILE_FRAME: &[u8] = b"attune-pack-file-v1";
const STORE_KEY_FRAME: &[u8] = b"attune-store-key-v1";

/// Lower-case hexadecimal of `bytes`.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

/// The bytes of a hexadecimal text of either case, or `None`.
fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

/// A text that is no `sha256:` checksum of 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a checksum of the form `sha256:` and 64 hexadecimal digits", printable(.0))]
pub struct DigestError(String);

impl Hint for DigestError {
    fn hint(&self) -> Option<String> {
        Some("print it with `sha256sum FILE` and put `sha256:` before the digits".to_owned())
    }
}

macro_rules! sha256_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 32]);

        impl $name {
            /// The digest with these bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// 64 lower-case hexadecimal digits, without the algorithm.
            pub fn to_hex(&self) -> String {
                to_hex(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                let refuse = || DigestError(text.to_owned());
                let hex = text.strip_prefix("sha256:").ok_or_else(refuse)?;
                let bytes = from_hex(hex).ok_or_else(refuse)?;
                bytes.try_into().map(Self).map_err(|_| refuse())
            }
        }

        impl TryFrom<String> for $name {
            type Error = DigestError;

            fn try_from(text: String) -> Result<Self, DigestError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("sha256:{}", self.to_hex()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

sha256_type! {
    /// SHA-256 of an archive file's bytes, or of a document's.
    ArchiveDigest
}

sha256_type! {
    /// Framed SHA-256 of a pack directory; see the module for the framing.
    TreeDigest
}

sha256_type! {
    /// Name of a stored tree: its digest together with which of its files are executable.
    StoreKey
}

impl ArchiveDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl StoreKey {
    /// The key of a tree whose executable files are `executables`, in byte order.
    pub fn new<'a>(tree: &TreeDigest, executables: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(STORE_KEY_FRAME);
        hasher.update(tree.as_bytes());
        for path in executables {
            hasher.update((path.len() as u64).to_be_bytes());
            hasher.update(path.as_bytes());
        }
        Self(hasher.finalize().into())
    }
}

/// Computes a [`TreeDigest`] and a [`StoreKey`] from files given in byte order of their whole path.
#[derive(Debug, Default)]
pub struct TreeHasher {
    hasher: Sha256,
    last_path: Option<String>,
    executables: Vec<String>,
}

/// Why a file cannot be added to a tree digest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeHashError {
    /// Paths must ascend, so that one tree has one digest.
    #[error("`{path}` was added after `{last}`, out of byte order")]
    Order {
        /// The path that came too late.
        path: String,
        /// The path before it.
        last: String,
    },
    /// The content had another length than announced.
    #[error("`{path}` changed while it was read: {announced} bytes announced, {read} read")]
    Changed {
        /// The file.
        path: String,
        /// Bytes announced.
        announced: u64,
        /// Bytes read.
        read: u64,
    },
    /// The content could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl TreeHasher {
    /// A hasher of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one file whose content is at hand.
    ///
    /// # Errors
    /// [`TreeHashError::Order`] if `path` does not come after the one before it.
    pub fn file(
        &mut self,
        path: &str,
        executable: bool,
        content: &[u8],
    ) -> Result<(), TreeHashError> {
        self.begin(path, executable, content.len() as u64)?;
        self.hasher.update(content);
        Ok(())
    }

    /// Adds one file of `size_bytes` from a reader.
    ///
    /// # Errors
    /// [`TreeHashError`]; the hasher is of no use afterwards.
    pub fn stream(
        &mut self,
        path: &str,
        executable: bool,
        size_bytes: u64,
        content: &mut impl Read,
    ) -> Result<(), TreeHashError> {
        self.begin(path, executable, size_bytes)?;
        let mut buffer = vec![0_u8; 64 * 1024];
        let mut read = 0_u64;
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    read += n as u64;
                    self.hasher.update(&buffer[..n]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(TreeHashError::Read {
                        path: path.to_owned(),
                        source,
                    });
                }
            }
        }
        if read == size_bytes {
            return Ok(());
        }
        Err(TreeHashError::Changed {
            path: path.to_owned(),
            announced: size_bytes,
            read,
        })
    }

    fn begin(
        &mut self,
        path: &str,
        executable: bool,
        size_bytes: u64,
    ) -> Result<(), TreeHashError> {
        if let Some(last) = &self.last_path
            && last.as_str() >= path
        {
            return Err(TreeHashError::Order {
                path: path.to_owned(),
                last: last.clone(),
            });
        }
        self.hasher.update(FILE_FRAME);
        self.hasher.update((path.len() as u64).to_be_bytes());
        self.hasher.update(path.as_bytes());
        self.hasher.update(size_bytes.to_be_bytes());
        if executable {
            self.executables.push(path.to_owned());
        }
        self.last_path = Some(path.to_owned());
        Ok(())
    }

    /// The digest of the tree and the key it is stored under.
    pub fn finish(self) -> (TreeDigest, StoreKey) {
        let tree = TreeDigest(self.hasher.finalize().into());
        let key = StoreKey::new(&tree, self.executables.iter().map(String::as_str));
        (tree, key)
    }
}

/// Passes bytes through while computing their SHA-256 and length.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// Wraps `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            bytes: 0,
        }
    }

    /// The digest and number of the bytes read so far.
    pub fn finish(self) -> (ArchiveDigest, u64) {
        (ArchiveDigest(self.hasher.finalize().into()), self.bytes)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and digest, as published.
    const VECTORS: [(&[(&str, &str)], &str); 12] = [
        (
            &[],
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            &[("nested/file.txt", "fixture\n")],
            "e9837162383488cb9b187ea585ce8963634d7d04f75abeb0c43d5456de0d6b13",
        ),
        (
            &[("a", "bc"), ("d", "")],
            "7f18d427094fca66a97cb1874d39f74b85f32950840a7cf613022e56b017f3f6",
        ),
        (
            &[("a", "b"), ("cd", "")],
            "7c835229f87db5159ae767c7fe18ca95ca00910da5b5d8b2d2188346cff5cf13",
        ),
        (
            &[("a.txt", "first"), ("z.txt", "last")],
            "ca427e7c4daebdc0cb0f04df11ee68a2b2bfc1b8a6892d3fdaab82fdb4207c94",
        ),
        (
            &[("file1.txt", "content1"), ("subdir/file2.txt", "content2")],
            "a8b5103d3134c1385f9d89ae5deb9bb73d7a6432b2ca7158a52e1373ef6e93df",
        ),
        (
            &[("lib.py", "1"), ("lib/x", "2")],
            "9214e17817f04c6f29b88cbc1f1e3726a6b3df6aa2859f842742158be06fa1fd",
        ),
        (
            &[("a-b/f", "1"), ("a/f", "2")],
            "eda30d06c4537a5254ec1382ad23f52cb0f1856045ffb37b6d08097b0b1dd05a",
        ),
        (
            &[
                ("pack.yaml", "ref: demo\nversion: 1.0.0\n"),
                ("actions.md", "# actions\n"),
                ("actions/run.yaml", "ref: demo.run\n"),
            ],
            "fd556f57e1dd27f2b719e53406e0a3b04c4248d60519031c3414bb861c117ad0",
        ),
        (
            &[("\u{e9}.txt", "x")],
            "b578bfb89185d0cef566ba1f060e0a6ef19203d48b750a9e2eb098498f09724e",
        ),
        (
            &[("empty", "")],
            "b94fd743eb7227aae0b3ee485bb738ad50dc908fbffaf588f031a2c0adf5983b",
        ),
        (
            &[
                ("Z", "1"),
                ("a", "2"),
                ("\u{e9}", "3"),
                ("\u{1F600}", "4"),
                ("\u{FFFD}", "5"),
            ],
            "d2bef4b5af0883963751ce319343d1bd788a461d984587f4f3c01f6287565c93",
        ),
    ];

    fn tree(files: &[(&str, &str)]) -> String {
        let mut sorted = files.to_vec();
        sorted.sort_unstable();
        let mut hasher = TreeHasher::new();
        for (path, content) in sorted {
            hasher.file(path, false, content.as_bytes()).unwrap();
        }
        hasher.finish().0.to_hex()
    }

    /// Every published vector of the framing, in whole-path byte order.
    #[test]
    fn tree_digest_equals_the_published_vectors() {
        for (files, expected) in VECTORS {
            assert_eq!(tree(files), expected, "{files:?}");
        }
    }

    /// The execute bit is outside the tree digest and inside the store key.
    #[test]
    fn store_key_tells_executable_files_apart() {
        let build = |executable| {
            let mut hasher = TreeHasher::new();
            hasher.file("run.sh", executable, b"x").unwrap();
            hasher.finish()
        };
        assert_eq!(build(true).0, build(false).0);
        assert_ne!(build(true).1, build(false).1);
    }

    /// A wrong order or a changed length is an error, never a digest.
    #[test]
    fn tree_hasher_refuses_disorder_and_change() {
        let mut hasher = TreeHasher::new();
        hasher.file("b", false, b"").unwrap();
        assert!(hasher.file("a", false, b"").is_err());
        assert!(hasher.file("b", false, b"").is_err());
        assert!(hasher.stream("c", false, 3, &mut &b"xx"[..]).is_err());
    }
}
