//! An index of StackStorm Exchange alone: names, versions and components, and no bytes.
//!
//! Nothing in such an index vouches for the bytes of a pack: it has no checksums and no archives. Format 1 cannot
//! say that (a git source without a checksum breaks its rules), format 2 can: the result is a registry tree of
//! documents without archives, to browse and to search, and without an `index.json`. Installing a pack of the
//! tree is refused for want of a source that can be verified. Nobody is contacted.
//!
//! ```text
//! {"packs": {"<name>": {name, ref?, version, versions, description, author, email, keywords, repo_url,
//!                       python_versions, stackstorm_version, dependencies, contributors,
//!                       content: {actions: {count, resources: [name]}, …}}},
//!  "metadata": {"generated_ts": 1738…}}
//! ```

mod entry;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pack_format::documents::PackDocument;
use pack_format::index::{self, IndexError};
use pack_format::{Hint, PackRef, Timestamp};
use pack_fs::FsError;
use pack_fs::error::Context as _;
use registry_tree::assemble::Identity;
use registry_tree::{ReadError, TreeReader};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ImportedPack, Outcome};
use crate::facts;
use crate::lone_index::{self, Contents, Written};
use crate::publish_error::PublishError;

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct IndexImport<'a> {
    /// Index files.
    pub indexes: &'a [PathBuf],
    /// The registry tree to write.
    pub out: &'a Path,
    /// Its name.
    pub name: &'a str,
    /// Where it will be hosted, if that is known.
    pub base_url: Option<&'a str>,
    /// Say what would happen and write nothing.
    pub dry_run: bool,
    /// Import the good packs although others are refused.
    pub skip_invalid: bool,
    /// The present, for an index that does not say when it was made.
    pub now: Timestamp,
}

/// What an import did.
#[derive(Debug, Serialize)]
pub struct IndexReport {
    /// Whether it was only tried.
    pub dry_run: bool,
    /// The registry tree.
    pub out: PathBuf,
    /// Every pack, by name.
    pub packs: Vec<ImportedPack>,
    /// What holds for all of them.
    pub warnings: Vec<String>,
}

impl IndexReport {
    /// How many packs ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.packs.iter().filter(|p| p.result == outcome).count()
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexImportError {
    /// A file that is no such index.
    #[error("`{}` is no index of StackStorm Exchange: {reason}", path.display())]
    NoIndex {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file too large or not safe to read.
    #[error("`{}`", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Why.
        source: IndexError,
    },
    /// Packs were refused, so nothing was written.
    #[error(
        "{} of {} packs were refused; nothing was written",
        report.count(Outcome::Refused),
        report.packs.len()
    )]
    Refused {
        /// The verdicts.
        report: Box<IndexReport>,
    },
    /// The folder is there, with other contents.
    #[error("`{}` is not empty, and is not what this import would write", .0.display())]
    Exists(PathBuf),
    /// The tree that is there cannot be read.
    #[error(transparent)]
    Tree(#[from] ReadError),
    /// The tree cannot be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl IndexImportError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Publish(PublishError::Write(error)) if error.is_busy())
    }
}

impl Hint for IndexImportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoIndex { .. } => Some(
                "name a file with an object `packs` of packs by name, such as `v1/index.json`"
                    .to_owned(),
            ),
            Self::Text { .. } => None,
            Self::Refused { .. } => {
                Some("correct them, or pass `--skip-invalid` to import the others".to_owned())
            }
            Self::Exists(_) => {
                Some("nothing is overwritten; name an empty or a new folder".to_owned())
            }
            Self::Tree(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

#[derive(Deserialize)]
struct WireIndex {
    packs: Value,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    generated_ts: Option<i64>,
}

/// Imports indexes.
///
/// # Errors
/// [`IndexImportError`]. Where packs are refused and `skip_invalid` is not set, nothing is written and the report is
/// in the error.
pub fn import(request: &IndexImport<'_>) -> Result<IndexReport, IndexImportError> {
    let mut found: BTreeMap<PackRef, Vec<(usize, PackDocument)>> = BTreeMap::new();
    let mut packs = Vec::new();
    let mut latest = None;
    for path in request.indexes {
        let (wire, members) = read(path)?;
        let made = wire
            .metadata
            .and_then(|metadata| metadata.generated_ts)
            .map_or(request.now, Timestamp::from_unix);
        latest = latest.max(Some(made));
        for (name, value) in &members {
            let mut verdict = entry::verdict(path, name);
            match entry::document(name, value, made, &mut verdict) {
                Ok(document) => {
                    let same = found.entry(document.pack_ref.clone()).or_default();
                    same.push((packs.len(), document));
                }
                Err(reason) => entry::refuse(&mut verdict, reason),
            }
            packs.push(verdict);
        }
    }
    let documents = settle(found, &mut packs);
    packs.sort_by(|a, b| (&a.pack_ref, &a.source).cmp(&(&b.pack_ref, &b.source)));
    let mut report = IndexReport {
        dry_run: request.dry_run,
        out: request.out.to_owned(),
        packs,
        warnings: Vec::new(),
    };
    if report.count(Outcome::Refused) > 0 && !request.skip_invalid {
        return Err(IndexImportError::Refused {
            report: Box::new(report),
        });
    }
    report.warnings.push(
        "an index of StackStorm Exchange holds no checksums: the packs can be browsed and searched, not installed; \
         import checkouts to install them"
            .to_owned(),
    );
    let updated_at = latest.unwrap_or(request.now);
    if is_there(request.out, &documents)? {
        for pack in &mut report.packs {
            if pack.result == Outcome::Imported {
                pack.result = Outcome::Unchanged;
            }
        }
    } else if !request.dry_run {
        write(request, &documents, updated_at)?;
    }
    Ok(report)
}

fn read(path: &Path) -> Result<(WireIndex, Vec<(String, Value)>), IndexImportError> {
    let no_index = |reason: String| IndexImportError::NoIndex {
        path: path.to_owned(),
        reason,
    };
    let bytes = fs::read(path).on("read", path)?;
    let text = index::document_text(&bytes).map_err(|source| IndexImportError::Text {
        path: path.to_owned(),
        source,
    })?;
    let mut wire: WireIndex = serde_json::from_str(text).map_err(|e| no_index(e.to_string()))?;
    match std::mem::take(&mut wire.packs) {
        Value::Object(members) => Ok((wire, members.into_iter().collect())),
        Value::Array(_) => Err(no_index(
            "its `packs` are a list: it is an index of this program's own format".to_owned(),
        )),
        _ => Err(no_index("its `packs` are not an object".to_owned())),
    }
}

/// One document per ref; refs that several entries claim are refused.
fn settle(
    found: BTreeMap<PackRef, Vec<(usize, PackDocument)>>,
    packs: &mut [ImportedPack],
) -> Vec<PackDocument> {
    let mut documents = Vec::new();
    for (pack_ref, mut claims) in found {
        if claims.len() == 1 {
            documents.extend(claims.pop().map(|(_, document)| document));
            continue;
        }
        for (position, _) in claims {
            let reason = format!("several entries lead to the ref `{pack_ref}`");
            entry::refuse(&mut packs[position], reason);
        }
    }
    documents
}

/// Whether the tree is there with exactly these documents; a folder with anything else is an error.
fn is_there(out: &Path, documents: &[PackDocument]) -> Result<bool, IndexImportError> {
    let empty = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => true,
        Err(e) => return Err(FsError::new("list", out, e).into()),
    };
    if empty {
        return Ok(false);
    }
    let exists = || IndexImportError::Exists(out.to_owned());
    let listed = TreeReader::new(out).packs()?.ok_or_else(exists)?;
    let same = listed.packs.len() == documents.len()
        && documents.iter().all(|document| {
            let pointer = listed.packs.get(&document.pack_ref);
            facts::document_bytes(document)
                .is_ok_and(|(_, digest)| pointer.is_some_and(|p| p.document == digest))
        });
    if same { Ok(true) } else { Err(exists()) }
}

fn write(
    request: &IndexImport<'_>,
    documents: &[PackDocument],
    updated_at: Timestamp,
) -> Result<(), IndexImportError> {
    let identity = Identity {
        name: request.name.to_owned(),
        description: "Imported from an index of StackStorm Exchange: to browse and search, not to install from"
            .to_owned(),
        base_url: request.base_url.map(str::to_owned),
    };
    lone_index::write(
        &Contents {
            identity: &identity,
            documents,
            updated_at,
            index: None,
            command: "registry import",
            written: Written::Format2,
        },
        request.out,
    )?;
    Ok(())
}
