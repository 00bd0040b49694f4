//! `Project`: a file of wanted packs, `packs.yaml`, and the lock beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use attune_installer::{Lock, PacksFile, SourceRules};
use pack_format::PackRef;
use pack_fs::durable;

use crate::failure::{Code, Failure};

/// Where wanted packs stand unless `--file` says otherwise.
pub(super) const FILE: &str = "packs.yaml";

/// What is wanted, and what is locked.
#[derive(Debug)]
pub(super) struct Project {
    path: PathBuf,
    pub(super) wanted: PacksFile,
    pub(super) lock_path: PathBuf,
    /// Where the lock lies, absolute.
    directory: PathBuf,
    /// What the lock holds now.
    pub(super) lock: Option<Lock>,
    bytes: Option<Vec<u8>>,
}

impl Project {
    /// Reads `packs.yaml`, or the file that is named, and the lock beside it if there is one.
    pub(super) fn read(named: Option<&Path>, allow_http: bool) -> Result<Self, Failure> {
        let path = named.unwrap_or(Path::new(FILE)).to_owned();
        let name = path.display().to_string();
        let wanted = fs::read(&path).map_err(|e| {
            let hint = match named {
                None => "name packs, or write the wanted ones to `packs.yaml`: `packs: {slack: \"^2.1\"}`",
                Some(_) => "check the path",
            };
            Failure::text(Code::Usage, format!("cannot read `{name}`: {e}"), Some(hint))
        })?;
        let lock_path = path.with_extension("lock");
        let lock_name = lock_path.display().to_string();
        let bytes = match fs::read(&lock_path) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => {
                let message = format!("cannot read `{lock_name}`: {e}");
                return Err(Failure::text(Code::Failed, message, None));
            }
        };
        let directory = fs::canonicalize(durable::parent_of(&lock_path)).map_err(|e| {
            let message = format!("cannot find the directory of `{lock_name}`: {e}");
            Failure::text(Code::Failed, message, None)
        })?;
        let rules = SourceRules {
            directory: &directory,
            allow_http,
        };
        let wanted = PacksFile::parse(&name, &wanted, rules);
        let wanted = wanted.map_err(|e| Failure::new(Code::Usage, &e))?;
        let parse = |bytes| Lock::parse(&lock_name, bytes, &directory);
        let lock = (bytes.as_deref())
            .map(|bytes| parse(bytes).map_err(|e| Failure::new(Code::Failed, &e)))
            .transpose()?;
        Ok(Self {
            path,
            wanted,
            lock_path,
            directory,
            lock,
            bytes,
        })
    }

    /// The refs that are wanted.
    pub(super) fn refs(&self) -> Vec<PackRef> {
        self.wanted.packs.keys().cloned().collect()
    }

    /// The lock as it is, which must be there and be the answer to what is wanted.
    pub(super) fn locked(&self) -> Result<&Lock, Failure> {
        let (file, lock_name) = (self.path.display(), self.lock_path.display());
        let Some(lock) = &self.lock else {
            return Err(Failure::text(
                Code::Stale,
                format!("there is no `{lock_name}`"),
                Some("make it with `attune pack lock`"),
            ));
        };
        let stale = lock.stale(&self.wanted);
        if stale.is_empty() {
            return Ok(lock);
        }
        let head = format!("`{lock_name}` does not satisfy `{file}`");
        let message = super::lines_below(head, stale);
        Err(Failure::text(
            Code::Stale,
            message.trim_end(),
            Some("bring it up to date with `attune pack lock`"),
        ))
    }

    /// Writes a lock unless it is what the file holds already; says whether it was written.
    pub(super) fn write(&self, lock: &Lock) -> Result<bool, Failure> {
        let bytes = lock.to_bytes(&self.directory).map_err(|e| {
            Failure::text(Code::Failed, format!("cannot write the lock: {e}"), None)
        })?;
        if self.bytes.as_deref() == Some(&bytes) {
            return Ok(false);
        }
        durable::replace_file(&self.lock_path, &bytes)
            .map_err(|e| Failure::new(Code::Failed, &e))?;
        Ok(true)
    }
}
