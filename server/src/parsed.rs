//! `ParsedFiles`: JSON files of the tree, parsed once for as long as they stay the same.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use pack_format::Timestamp;
use pack_format::documents::{FORMAT, RegistryDocument};
use registry_pages::Site;
use serde::de::DeserializeOwned;

use crate::answer::failure;
use crate::entry::{Entry, Source};
use crate::problem::Problem;
use crate::stamp::Stamp;
use crate::tree::{Found, TreeFiles};

/// Text of the parsed files that are kept, in bytes; parsed they take about ten times as much.
const MAX_KEPT_BYTES: u64 = 2 * 1024 * 1024;

/// Largest file that is read, in bytes (inclusive).
const MAX_READ_BYTES: u64 = 16 * 1024 * 1024;

/// The files of one tree.
#[derive(Debug)]
pub(crate) struct ParsedFiles {
    tree: Arc<TreeFiles>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: BTreeMap<String, (Stamp, Arc<dyn Any + Send + Sync>)>,
    bytes: u64,
}

impl ParsedFiles {
    pub(crate) fn new(tree: Arc<TreeFiles>) -> Self {
        Self {
            tree,
            kept: Mutex::default(),
        }
    }

    /// The content of a file; `None` where there is no such file, or it is no such content.
    pub(crate) async fn get<T>(&self, path: &str) -> Result<Option<Arc<T>>, Problem>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let entry = match self.tree.find(path).await {
            Found::File(entry) => entry,
            Found::Folder | Found::Absent => return Ok(None),
            Found::Failed(error) => return Err(failure(&error)),
        };
        let stamp = entry.identity.stamp;
        if let Some(known) = self.known(path, stamp) {
            return Ok(known.downcast().ok());
        }
        let Some(bytes) = self.read(path, entry).await? else {
            return Ok(None);
        };
        let Ok(content) = serde_json::from_slice::<T>(&bytes) else {
            return Ok(None);
        };
        let content = Arc::new(content);
        self.keep(path, stamp, content.clone());
        Ok(Some(content))
    }

    /// The bytes of a file; `None` where there is none, or it has more than 16 MiB.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Problem> {
        match self.tree.find(path).await {
            Found::File(entry) => self.read(path, entry).await,
            Found::Folder | Found::Absent => Ok(None),
            Found::Failed(error) => Err(failure(&error)),
        }
    }

    fn known(&self, path: &str, stamp: Stamp) -> Option<Arc<dyn Any + Send + Sync>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, content) = kept.files.get(path)?;
        (*known == stamp).then(|| Arc::clone(content))
    }

    fn keep(&self, path: &str, stamp: Stamp, content: Arc<dyn Any + Send + Sync>) {
        if stamp.size() > MAX_KEPT_BYTES {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += stamp.size();
        if kept.bytes > MAX_KEPT_BYTES {
            // What is asked often is back soon.
            kept.files.clear();
            kept.bytes = stamp.size();
        }
        kept.files.insert(path.to_owned(), (stamp, content));
    }

    async fn read(&self, path: &str, entry: Arc<Entry>) -> Result<Option<Vec<u8>>, Problem> {
        if entry.identity.stamp.size() > MAX_READ_BYTES {
            return Ok(None);
        }
        let entry = match &entry.identity.source {
            Source::Memory(bytes) => return Ok(Some(bytes.to_vec())),
            Source::Open(_) => entry,
            // Larger files come with their handle only when they are looked up anew.
            Source::Closed => match self.tree.find_anew(path).await {
                Found::File(entry) => entry,
                Found::Folder | Found::Absent => return Ok(None),
                Found::Failed(error) => return Err(failure(&error)),
            },
        };
        let Source::Open(file) = &entry.identity.source else {
            return Ok(None);
        };
        let (file, size) = (Arc::clone(file), entry.identity.stamp.size());
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
            file.read_exact_at(&mut bytes, 0).map(|()| bytes)
        });
        let read = read.await.unwrap_or_else(|e| Err(io::Error::other(e)));
        read.map(Some).map_err(|error| failure(&error))
    }

    /// The registry the pages belong to; a lone index says nothing of itself here.
    pub(crate) async fn site(&self) -> Result<Site, Problem> {
        let registry = self.get::<RegistryDocument>("registry.json").await?;
        let registry = registry.map_or_else(unnamed, |registry| (*registry).clone());
        Ok(Site {
            base_url: registry.url.clone(),
            install_registry_hint: None,
            registry,
        })
    }
}

fn unnamed() -> RegistryDocument {
    RegistryDocument {
        format: FORMAT,
        name: "Packs".to_owned(),
        description: String::new(),
        url: None,
        archive_base_url: "./".to_owned(),
        updated_at: Timestamp::from_unix(0),
        pack_count: 0,
        version_count: 0,
        component_counts: BTreeMap::new(),
        capabilities: Vec::new(),
    }
}
