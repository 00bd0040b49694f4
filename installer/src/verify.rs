//! `verify`: reads everything and names every file that is not as it was installed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pack_format::{Hint, PackRef, Version};
use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde::Serialize;

use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::inventory::{Inventory, ListedFile, read_listing};
use crate::layout::Layout;
use crate::record::{Record, State};
use crate::state::{self, StateError};

/// What verifying one pack gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedPack {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// Number of files that were read.
    pub files: usize,
    /// Everything that is wrong; empty is good.
    pub problems: Vec<Problem>,
}

/// One thing that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// A file with other bytes.
    Changed {
        /// Relative to the pack.
        path: String,
    },
    /// A file that is gone.
    Missing {
        /// Relative to the pack.
        path: String,
    },
    /// A file or other thing that was not installed.
    Extra {
        /// Relative to the pack.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A file with other permissions.
    Mode {
        /// Relative to the pack.
        path: String,
        /// What it has, in octal.
        found: String,
        /// What it should have, in octal.
        expected: &'static str,
    },
    /// The tree as a whole is another one, and no listing says why.
    Digest {
        /// Store key of the record.
        expected: String,
        /// Store key of what is there.
        computed: String,
    },
    /// A link that leads elsewhere, or is no link.
    Link {
        /// Where.
        path: String,
        /// Where it should lead.
        expected: String,
    },
    /// There is no tree.
    NoTree {
        /// Where it should be.
        path: String,
    },
    /// Something cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { path } => write!(f, "changed: {path}"),
            Self::Missing { path } => write!(f, "missing: {path}"),
            Self::Extra { path, kind } => write!(f, "extra {kind}: {path}"),
            Self::Mode {
                path,
                found,
                expected,
            } => write!(f, "mode {found} instead of {expected}: {path}"),
            Self::Digest { expected, computed } => {
                write!(
                    f,
                    "contents differ: expected {expected}, computed {computed}"
                )
            }
            Self::Link { path, expected } => write!(f, "not a link to {expected}: {path}"),
            Self::NoTree { path } => write!(f, "missing tree: {path}"),
            Self::Unreadable { reason } => write!(f, "unreadable: {reason}"),
        }
    }
}

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Not there.
    #[error("`{pack_ref}` is not installed")]
    NotInstalled {
        /// Which.
        pack_ref: PackRef,
    },
}

impl Hint for VerifyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::NotInstalled { .. } => {
                Some("see what is there with `attune pack list`".to_owned())
            }
        }
    }
}

impl Classify for VerifyError {
    fn class(&self) -> FailureClass {
        FailureClass::Failed
    }
}

impl Installer<'_> {
    /// Reads the trees of `refs`, or of everything that is installed, and compares them with their records.
    ///
    /// # Errors
    /// [`VerifyError`] if there is nothing to compare; what is wrong with a pack is in its report.
    pub fn verify(&self, refs: &[PackRef]) -> Result<Vec<VerifiedPack>, VerifyError> {
        let state = state::current(&self.layout)?;
        let mut records: Vec<&Record> = Vec::new();
        for pack_ref in refs {
            let record = state.packs.get(pack_ref);
            records.push(record.ok_or_else(|| VerifyError::NotInstalled {
                pack_ref: pack_ref.clone(),
            })?);
        }
        if refs.is_empty() {
            records = state.packs.values().collect();
        }
        Ok(records
            .into_iter()
            .map(|record| verify_pack(&self.layout, &state, record))
            .collect())
    }
}

fn verify_pack(layout: &Layout, state: &State, record: &Record) -> VerifiedPack {
    let mut problems = Vec::new();
    let pack_ref = &record.pack_ref;
    let in_generation = layout.generation(state.generation).join(pack_ref.as_str());
    check_link(
        &layout.pack(pack_ref),
        &Layout::pack_target(pack_ref),
        &mut problems,
    );
    check_link(
        &in_generation,
        &Layout::stored_target(&record.store_key),
        &mut problems,
    );
    let root = layout.stored(&record.store_key);
    let files = if root.is_dir() {
        let listing = read_listing(&layout.listing(&record.store_key));
        check_tree(&root, record, listing, &mut problems)
    } else {
        problems.push(Problem::NoTree {
            path: root.display().to_string(),
        });
        0
    };
    VerifiedPack {
        pack_ref: pack_ref.clone(),
        version: record.version.clone(),
        files,
        problems,
    }
}

fn check_link(path: &Path, target: &Path, problems: &mut Vec<Problem>) {
    if !fs::read_link(path).is_ok_and(|found| found == target) {
        problems.push(Problem::Link {
            path: path.display().to_string(),
            expected: target.display().to_string(),
        });
    }
}

/// Compares contents, then names, kinds and modes; returns the number of files read.
fn check_tree(
    root: &Path,
    record: &Record,
    listing: Option<Vec<ListedFile>>,
    problems: &mut Vec<Problem>,
) -> usize {
    let mut scan = Scan::default();
    if let Err(error) = scan.directory(root, "") {
        problems.push(unreadable(&error));
    }
    problems.append(&mut scan.strangers);
    let inventory = Inventory::take(root);
    let intact = matches!(&inventory, Ok(found) if found.key == record.store_key);
    let Some(listing) = listing else {
        if !intact {
            let computed = inventory.map_or_else(|e| e.to_string(), |found| found.key.to_string());
            problems.push(Problem::Digest {
                expected: record.store_key.to_string(),
                computed,
            });
        }
        return scan.modes.len();
    };
    let before = problems.len();
    compare(root, &listing, &mut scan.modes.clone(), problems);
    if !intact && problems.len() == before && problems.is_empty() {
        problems.push(Problem::Digest {
            expected: record.store_key.to_string(),
            computed: inventory.map_or_else(|e| e.to_string(), |found| found.key.to_string()),
        });
    }
    scan.modes.len()
}

/// Every listed file against what is there; what is left over was not installed.
fn compare(
    root: &Path,
    listing: &[ListedFile],
    found: &mut BTreeMap<String, u32>,
    problems: &mut Vec<Problem>,
) {
    for file in listing {
        let path = file.path.clone();
        let Some(mode) = found.remove(&path) else {
            problems.push(Problem::Missing { path });
            continue;
        };
        match is_as_listed(&root.join(&path), file) {
            Ok(true) => {}
            Ok(false) => problems.push(Problem::Changed { path: path.clone() }),
            Err(error) => problems.push(unreadable(&error)),
        }
        let (expected, bits) = if file.executable {
            ("755", 0o755)
        } else {
            ("644", 0o644)
        };
        if mode != bits {
            problems.push(Problem::Mode {
                path,
                found: format!("{mode:o}"),
                expected,
            });
        }
    }
    problems.extend(found.keys().map(|path| Problem::Extra {
        path: path.clone(),
        kind: "file",
    }));
}

fn is_as_listed(path: &Path, file: &ListedFile) -> Result<bool, FsError> {
    let opened = fs::File::open(path).on("open", path)?;
    if opened.metadata().on("look at", path)?.len() != file.size_bytes {
        return Ok(false);
    }
    let mut reader = pack_format::digest::HashingReader::new(opened);
    io::copy(&mut reader, &mut io::sink()).on("read", path)?;
    Ok(reader.finish().0 == file.sha256)
}

fn unreadable(error: &FsError) -> Problem {
    let cause = std::error::Error::source(error).map_or_else(String::new, |c| format!(": {c}"));
    Problem::Unreadable {
        reason: format!("{error}{cause}"),
    }
}

/// Everything below a directory, whatever it is.
#[derive(Default)]
struct Scan {
    /// Permission bits of regular files.
    modes: BTreeMap<String, u32>,
    /// What no pack holds.
    strangers: Vec<Problem>,
}

impl Scan {
    fn directory(&mut self, directory: &Path, prefix: &str) -> Result<(), FsError> {
        for entry in fs::read_dir(directory).on("list", directory)? {
            let entry = entry.on("list", directory)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let relative = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).on("look at", &path)?;
            let stranger = |kind| Problem::Extra {
                path: relative.clone(),
                kind,
            };
            if name == ".git" {
                self.strangers.push(stranger("git directory"));
            } else if metadata.is_dir() {
                self.directory(&path, &relative)?;
            } else if metadata.is_file() {
                self.modes
                    .insert(relative, metadata.permissions().mode() & 0o7777);
            } else if metadata.is_symlink() {
                self.strangers.push(stranger("link"));
            } else {
                self.strangers.push(stranger("special file"));
            }
        }
        Ok(())
    }
}
