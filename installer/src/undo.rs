//! `Undo`: what a change has made so far, removed again unless the change is committed.

use std::fs;
use std::path::{Path, PathBuf};

use pack_fs::remove;

/// Removes what was registered when dropped, newest first.
#[derive(Debug)]
pub(crate) struct Undo {
    current: PathBuf,
    made: Vec<PathBuf>,
    staging: Option<PathBuf>,
    abandoned: bool,
}

impl Undo {
    /// Nothing to undo yet; `current` is the link that must never be left dangling.
    pub(crate) fn new(current: PathBuf) -> Self {
        Self {
            current,
            made: Vec::new(),
            staging: None,
            abandoned: false,
        }
    }

    /// The staging directory, which goes whether or not there is a commit.
    pub(crate) fn staging(&mut self, path: &Path) {
        self.staging = Some(path.to_owned());
    }

    /// Something that goes unless there is a commit.
    pub(crate) fn remove(&mut self, path: &Path) {
        self.made.push(path.to_owned());
    }

    /// The change is active: what it made stays.
    pub(crate) fn commit(&mut self) {
        self.made.clear();
    }

    /// Leaves everything as it is, as a cut would.
    pub(crate) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Whether the active generation is among what would be removed.
    fn is_active(&self, path: &Path) -> bool {
        let target = fs::read_link(&self.current).ok();
        target.is_some_and(|target| {
            self.current
                .parent()
                .map(|parent| parent.join(target))
                .as_deref()
                == Some(path)
        })
    }

    /// Moves a tree out of the store before it is taken apart: a half-removed one must not keep its name.
    fn discard(&self, path: &Path) {
        let aside = self.staging.as_deref().map(|staging| {
            let name = path.file_name().unwrap_or_default();
            staging.join(format!("undone-{}", name.to_string_lossy()))
        });
        let moved = aside.is_some_and(|aside| fs::rename(path, aside).is_ok());
        if !moved {
            // What cannot be removed is swept by the next change.
            let _ = remove::remove_all(path);
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if self.abandoned {
            return;
        }
        if !self.made.iter().any(|path| self.is_active(path)) {
            for path in self.made.iter().rev() {
                self.discard(path);
            }
        }
        if let Some(staging) = &self.staging {
            let _ = remove::remove_all(staging);
        }
    }
}
