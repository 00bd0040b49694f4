//! Superseded documents: kept for a day, so that a reader with an old `packs.json` still finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pack_format::Timestamp;
use pack_fs::{FsError, durable, remove};

use crate::layout;
use crate::writer::TreeWriter;

/// How long a superseded document stays, in seconds (24 hours).
const KEEP_SECONDS: i64 = 24 * 60 * 60;

/// What was superseded and since when, and the file that says so.
fn noted(root: &Path) -> (PathBuf, BTreeMap<String, i64>) {
    let path = layout::state_directory(root).join("superseded.json");
    let noted = fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    (path, noted)
}

/// Paths of documents and archives of the tree at `root` that are pinned no more and stay for a day.
pub fn superseded(root: &Path) -> BTreeSet<String> {
    noted(root).1.into_keys().collect()
}

impl TreeWriter {
    /// Notes that `superseded` are pinned no more as of `now`, and removes what was noted a day ago,
    /// twins included. `is_current` tells the documents that are pinned.
    ///
    /// To be called after the commit that superseded them.
    ///
    /// # Errors
    /// [`FsError`]. Documents that stay too long do no harm.
    pub fn retire(
        &self,
        superseded: &[String],
        is_current: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<(), FsError> {
        let (path, noted) = noted(self.root());
        if superseded.is_empty() && noted.is_empty() {
            return Ok(());
        }
        let mut waiting = noted.clone();
        for name in superseded {
            waiting.entry(name.clone()).or_insert(now.as_unix());
        }
        waiting.retain(|name, _| !is_current(name));
        let due: Vec<String> = waiting
            .iter()
            .filter(|(_, since)| now.as_unix() - **since >= KEEP_SECONDS)
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            for suffix in ["", ".gz", ".zst"] {
                remove::remove_all(&self.root().join(format!("{name}{suffix}")))?;
            }
            waiting.remove(&name);
        }
        if waiting == noted {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&waiting).unwrap_or_default();
        durable::replace_file(&path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::writer::Phase;

    /// A superseded document stays a day; one that is pinned again stays for good.
    #[test]
    fn superseded_documents_go_after_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let writer = TreeWriter::begin(&root, "test", Duration::ZERO, |_| {}).unwrap();
        for name in ["docs/a.json", "docs/b.json"] {
            writer.put_text(Phase::Object, name, b"{}").unwrap();
        }
        writer.commit().unwrap();
        let names = ["docs/a.json".to_owned(), "docs/b.json".to_owned()];
        let none = |_: &str| false;
        let at = Timestamp::from_unix;
        writer.retire(&names, none, at(0)).unwrap();
        writer.retire(&[], none, at(KEEP_SECONDS - 1)).unwrap();
        assert!(writer.has("docs/a.json"));
        let pinned = |path: &str| path == "docs/b.json";
        writer.retire(&[], pinned, at(KEEP_SECONDS)).unwrap();
        assert!(!writer.has("docs/a.json"));
        assert!(writer.has("docs/b.json"));
    }
}
