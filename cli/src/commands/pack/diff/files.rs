//! `FileChanges`: which files two versions do not share.

use std::collections::BTreeMap;

use attune_indexer::PackFileRecord;
use serde::Serialize;

/// Files by what happened to them, each list in byte order of the paths.
#[derive(Debug, Default, Serialize)]
pub(super) struct FileChanges {
    pub(super) added: Vec<OneSize>,
    pub(super) removed: Vec<OneSize>,
    pub(super) changed: Vec<TwoSizes>,
}

/// A file of one side.
#[derive(Debug, Serialize)]
pub(super) struct OneSize {
    pub(super) path: String,
    pub(super) size_bytes: u64,
}

/// A file of both sides with other bytes or another execute bit.
#[derive(Debug, Serialize)]
pub(super) struct TwoSizes {
    pub(super) path: String,
    pub(super) old_size_bytes: u64,
    pub(super) new_size_bytes: u64,
    /// The new execute bit, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) executable: Option<bool>,
}

impl FileChanges {
    pub(super) fn between(old: &[PackFileRecord], new: &[PackFileRecord]) -> Self {
        let by_path = |files| -> BTreeMap<&str, &PackFileRecord> {
            let files: &[PackFileRecord] = files;
            files
                .iter()
                .map(|file| (file.path.as_str(), file))
                .collect()
        };
        let (old, new) = (by_path(old), by_path(new));
        let mut changes = Self::default();
        for (path, file) in &old {
            match new.get(path) {
                None => changes.removed.push(one(file)),
                Some(other) if file != other => changes.changed.push(TwoSizes {
                    path: (*path).to_owned(),
                    old_size_bytes: file.size_bytes,
                    new_size_bytes: other.size_bytes,
                    executable: (file.executable != other.executable).then_some(other.executable),
                }),
                Some(_) => {}
            }
        }
        let fresh = new.iter().filter(|(path, _)| !old.contains_key(*path));
        changes.added = fresh.map(|(_, file)| one(file)).collect();
        changes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

fn one(file: &PackFileRecord) -> OneSize {
    OneSize {
        path: file.path.clone(),
        size_bytes: file.size_bytes,
    }
}
