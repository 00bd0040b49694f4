//! `EnvironmentKey`: what an environment is made of, as one name.

use std::fmt;
use std::path::{Path, PathBuf};

use pack_format::ArchiveDigest;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde::{Deserialize, Serialize};

use super::EnvironmentKind;
use crate::interpreter::Interpreter;

/// Name of an environment: SHA-256 over runtime, platform, and the content of everything that is installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvironmentKey(String);

impl EnvironmentKey {
    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Collects what a key is made of. Every part has its length before it, so that no two lists come to the same bytes.
pub(super) struct KeyParts(Vec<u8>);

impl KeyParts {
    pub(super) fn new(kind: EnvironmentKind, interpreter: &Interpreter) -> Self {
        let mut parts = Self(b"attune-environment-v1".to_vec());
        parts.add(kind.as_str());
        parts.add(&interpreter.version);
        parts.add(&interpreter.platform);
        parts.add(&interpreter.abi);
        // An environment links to its interpreter.
        parts.add(&interpreter.executable.display().to_string());
        parts
    }

    pub(super) fn add(&mut self, part: &str) {
        self.0.extend((part.len() as u64).to_be_bytes());
        self.0.extend(part.as_bytes());
    }

    /// A file, or every file of a directory, of the pack at `pack`.
    pub(super) fn add_files(&mut self, pack: &Path, path: &Path) -> Result<(), FsError> {
        let full = pack.join(path);
        if full.is_dir() {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&full).on("list", &full)? {
                names.push(entry.on("list", &full)?.file_name());
            }
            names.sort();
            let children: Vec<PathBuf> = names.iter().map(|name| path.join(name)).collect();
            return children
                .iter()
                .try_for_each(|child| self.add_files(pack, child));
        }
        self.add(&path.display().to_string());
        let bytes = std::fs::read(&full).on("read", &full)?;
        self.add(&ArchiveDigest::of(&bytes).to_string());
        Ok(())
    }

    pub(super) fn key(self) -> EnvironmentKey {
        let digest = ArchiveDigest::of(&self.0).to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        EnvironmentKey(hex.to_owned())
    }
}
