//! A lone `index.json`, hosted like a tree: its documents and pages are made in a temporary folder, and
//! made again when the file changes.
//!
//! ```text
//! FOLDER/tree-1 tree-2 …     one tree per state of the file
//! FOLDER/tree -> tree-2      what is hosted; repointed atomically
//! ```
//!
//! A tree of its own per state: a pack that left the file leaves no page behind, and no reader sees half
//! of each.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use attune_indexer::lone_index;
use pack_format::url_policy::UrlPolicy;
use tempfile::TempDir;

use crate::failure::{Code, Failure};
use crate::report::{self, Report};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A tree made of an index, removed when dropped.
#[derive(Debug)]
pub(crate) struct Materialised {
    index: PathBuf,
    folder: TempDir,
    report: Report,
    seen: Option<Stamp>,
}

impl Materialised {
    /// Makes the first tree of the index at `path`.
    pub(crate) fn new(path: &Path, report: Report) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|e| {
            Failure::text(
                Code::Failed,
                format!("cannot make a temporary folder: {e}"),
                None,
            )
        })?;
        let made = Self {
            index: path.to_owned(),
            // Before the file is read: a change in between is seen twice rather than never.
            seen: Stamp::of(path),
            folder,
            report,
        };
        made.make(1)?;
        Ok(made)
    }

    /// Where the tree is.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Makes the tree of that number and hosts it.
    fn make(&self, number: u64) -> Result<(), Failure> {
        let name = format!("tree-{number}");
        let tree = self.folder.path().join(&name);
        let warnings = lone_index::materialise(&self.index, &tree, UrlPolicy::LOCAL)
            .map_err(|e| Failure::new(Code::Failed, &e))?;
        for warning in warnings {
            self.report.warning(&report::sanitised(&warning));
        }
        self.host(&name).map_err(|e| {
            Failure::text(
                Code::Failed,
                format!("cannot host `{}`: {e}", tree.display()),
                None,
            )
        })
    }

    /// Repoints the link to the tree `name`; trees before the last go.
    fn host(&self, name: &str) -> io::Result<()> {
        let next = self.folder.path().join("next");
        let last = fs::read_link(self.root()).ok();
        if next.is_symlink() {
            fs::remove_file(&next)?;
        }
        symlink(name, &next)?;
        fs::rename(&next, self.root())?;
        for entry in fs::read_dir(self.folder.path())? {
            let entry = entry?;
            let tree = entry.path().with_extension("");
            // A request that has just begun may still read the last one.
            let in_use = tree.file_name().is_some_and(|found| {
                found == name || last.as_ref().is_some_and(|last| last.as_os_str() == found)
            });
            if !in_use && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes the tree again whenever the file changes; never ends.
    pub(crate) async fn follow(&self) {
        let mut seen = self.seen;
        let mut number = 1;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = Stamp::of(&self.index);
            if now == seen {
                continue;
            }
            seen = now;
            number += 1;
            // The last good state stays up while the file is being mended.
            if let Err(failure) = self.make(number) {
                self.report.failure(&failure);
            }
        }
    }
}

/// What tells two states of a file apart; a copy with kept times changes at least its inode or length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }
}
