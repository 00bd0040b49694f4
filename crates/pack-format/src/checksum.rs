//! `Checksum`: the text form `algorithm:hex` of the wire formats.
//!
//! `sha256`, `sha512`, `sha1` and `md5` are verified; only the first two are ever written.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::{ArchiveDigest, TreeDigest, to_hex};
use crate::hint::Hint;
use crate::text::printable;

/// A hash function a checksum may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, the default.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1: verified with a warning, never written.
    Sha1,
    /// MD5: verified with a warning, never written.
    Md5,
}

impl Algorithm {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Sha1 => "sha1",
            Self::Md5 => "md5",
        }
    }

    /// Whether collisions are out of reach today.
    pub fn is_strong(self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha512)
    }

    fn hex_digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
            Self::Sha1 => 40,
            Self::Md5 => 32,
        }
    }
}

/// A checksum: an algorithm and lower-case hexadecimal digits of the right number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

/// A text that is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a checksum: {reason}", printable(.text))]
pub struct ChecksumError {
    text: String,
    reason: &'static str,
}

impl Hint for ChecksumError {
    fn hint(&self) -> Option<String> {
        Some(
            "write `sha256:` and 64 hexadecimal digits, as `sha256sum FILE` prints them".to_owned(),
        )
    }
}

impl Checksum {
    /// Which hash function it names.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digits alone.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The checksum of a reader's bytes under `algorithm`.
    ///
    /// # Errors
    /// Whatever reading fails with.
    pub fn compute(algorithm: Algorithm, content: &mut impl Read) -> io::Result<Self> {
        fn run<D: sha2::Digest>(content: &mut impl Read) -> io::Result<String> {
            let mut hasher = D::new();
            let mut buffer = vec![0_u8; 64 * 1024];
            loop {
                match content.read(&mut buffer) {
                    Ok(0) => return Ok(to_hex(&hasher.finalize())),
                    Ok(n) => hasher.update(&buffer[..n]),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let hex = match algorithm {
            Algorithm::Sha256 => run::<sha2::Sha256>(content)?,
            Algorithm::Sha512 => run::<sha2::Sha512>(content)?,
            Algorithm::Sha1 => run::<sha1::Sha1>(content)?,
            Algorithm::Md5 => run::<md5::Md5>(content)?,
        };
        Ok(Self { algorithm, hex })
    }

    /// The digest of an archive this checksum states, if it is SHA-256.
    pub fn as_archive_digest(&self) -> Option<ArchiveDigest> {
        (self.algorithm == Algorithm::Sha256)
            .then(|| self.to_string().parse().ok())
            .flatten()
    }

    /// The digest of a tree this checksum states, if it is SHA-256.
    pub fn as_tree_digest(&self) -> Option<TreeDigest> {
        (self.algorithm == Algorithm::Sha256)
            .then(|| self.to_string().parse().ok())
            .flatten()
    }
}

impl From<ArchiveDigest> for Checksum {
    fn from(digest: ArchiveDigest) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: digest.to_hex(),
        }
    }
}

impl From<TreeDigest> for Checksum {
    fn from(digest: TreeDigest) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: digest.to_hex(),
        }
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let refuse = |reason| {
            Err(ChecksumError {
                text: text.to_owned(),
                reason,
            })
        };
        let Some((name, hex)) = text.split_once(':') else {
            return refuse("the algorithm and a colon are missing");
        };
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            "sha1" => Algorithm::Sha1,
            "md5" => Algorithm::Md5,
            _ => return refuse("the algorithm is none of sha256, sha512, sha1, md5"),
        };
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return refuse("it holds a character that is no hexadecimal digit");
        }
        if hex.len() != algorithm.hex_digits() {
            return refuse("it has the wrong number of hexadecimal digits");
        }
        Ok(Self {
            algorithm,
            hex: hex.to_ascii_lowercase(),
        })
    }
}

impl TryFrom<String> for Checksum {
    type Error = ChecksumError;

    fn try_from(text: String) -> Result<Self, ChecksumError> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parsing lower-cases, printing is the inverse, and each malformed text says what is wrong.
    #[test]
    fn checksum_text_round_trips_and_refuses() {
        let hex = "AB".repeat(32);
        let checksum: Checksum = format!("SHA256:{hex}").parse().unwrap();
        assert_eq!(
            checksum.to_string(),
            format!("sha256:{}", hex.to_lowercase())
        );
        for bad in [
            "",
            "sha256:",
            "none",
            "crc32:00000000",
            "sha256:zz",
            &format!("sha512:{hex}"),
        ] {
            assert!(bad.parse::<Checksum>().is_err(), "{bad} was taken");
        }
    }

    /// One known answer per algorithm.
    #[test]
    fn compute_equals_known_answers() {
        let rows = [
            (
                Algorithm::Sha256,
                "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3",
            ),
            (Algorithm::Md5, "6cd3556deb0da54bca060b4c39479839"),
            (Algorithm::Sha1, "943a702d06f34599aee1f8da8ef9f7296031d699"),
        ];
        for (algorithm, hex) in rows {
            let checksum = Checksum::compute(algorithm, &mut &b"Hello, world!"[..]).unwrap();
            assert_eq!(checksum.hex(), hex);
        }
    }
}
