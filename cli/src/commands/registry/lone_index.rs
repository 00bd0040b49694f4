//! A lone `index.json`, hosted like a tree: its documents and pages are made in a temporary folder, and
//! made again when the file changes.

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
    seen: Option<SystemTime>,
}

impl Materialised {
    /// Makes the tree of the index at `path`.
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|e| {
            Failure::text(
                Code::Failed,
                format!("cannot make a temporary folder: {e}"),
                None,
            )
        })?;
        let made = Self {
            index: path.to_owned(),
            seen: modified(path),
            folder,
        };
        made.make()?;
        Ok(made)
    }

    /// Where the tree is.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn make(&self) -> Result<Vec<String>, Failure> {
        lone_index::materialise(&self.index, &self.root(), UrlPolicy::LOCAL)
            .map_err(|e| Failure::new(Code::Failed, &e))
    }

    /// Makes the tree again whenever the file changes; never ends.
    pub(crate) async fn follow(&self, report: Report) {
        let mut seen = self.seen;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = modified(&self.index);
            if now == seen {
                continue;
            }
            seen = now;
            match self.make() {
                Ok(warnings) => warnings
                    .iter()
                    .for_each(|w| report.warning(&report::sanitised(w))),
                // The last good state stays up while the file is being mended.
                Err(failure) => report.failure(&failure),
            }
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|m| m.modified()).ok()
}
