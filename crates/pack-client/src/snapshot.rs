//! `Snapshot`: the documents of a registry as bytes, for whoever compares or checks whole registries.
//!
//! Nothing is parsed but what says where the rest is. A lone index on this machine may be larger here than
//! anywhere else: it is looked at once, not kept.

use std::collections::BTreeMap;

use pack_format::documents::PackPointer;
use pack_format::{Limits, PackRef};

use crate::documents::{Documents, Freshness, read_file};
use crate::location::Location;
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;
use crate::settings::{ClientSettings, RegistryConfig};
use crate::tree;

/// Which format is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotFormat {
    /// Format 2 where it is there, else format 1.
    Best,
    /// `index.json`, whatever else is there.
    Index,
}

/// A registry whose documents can be read.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it is.
    pub location: String,
    /// What it is.
    pub content: SnapshotContent,
    documents: Documents,
}

/// What a registry gave.
#[derive(Debug)]
pub enum SnapshotContent {
    /// Format 2: what it says of itself, and what pins the document of each pack.
    Tree {
        /// Name people see.
        name: String,
        /// Where it says it is hosted.
        url: Option<String>,
        /// By ref.
        packs: BTreeMap<PackRef, PackPointer>,
    },
    /// Format 1: the bytes of the index, unread.
    Index(Vec<u8>),
}

impl Snapshot {
    /// Opens a registry.
    ///
    /// # Errors
    /// [`RegistryError`], also when the wanted format is not there.
    pub async fn open(
        config: &RegistryConfig,
        settings: &ClientSettings,
        format: SnapshotFormat,
        reporter: &dyn Reporter,
    ) -> Result<Self, RegistryError> {
        let location = Location::parse(&config.url, settings.allow_http)?;
        let policy = location.policy(settings.allow_http);
        let documents = Documents::at(&location, policy, settings, config)?;
        let (Location::Web { tree, index, .. } | Location::Directory { tree, index, .. }) =
            &location;
        let opened = if *tree && format == SnapshotFormat::Best {
            tree::open(&documents, &location, policy, reporter).await?
        } else {
            None
        };
        let content = if let Some(tree) = opened {
            SnapshotContent::Tree {
                name: tree.name,
                url: tree.url,
                packs: tree.packs.packs,
            }
        } else {
            let bytes = match &documents {
                Documents::Files { root } => {
                    read_file(&root.join(index), Limits::default().unpacked_bytes)?
                }
                Documents::Web { .. } => {
                    documents
                        .get(index, Freshness::Revalidated, reporter)
                        .await?
                }
            };
            SnapshotContent::Index(bytes.ok_or_else(|| RegistryError::Nothing {
                url: location.display_url(),
                index: index.clone(),
            })?)
        };
        Ok(Self {
            location: location.display_url(),
            content,
            documents,
        })
    }

    /// The bytes of a pack's document, which are the ones `pointer` pins.
    ///
    /// # Errors
    /// [`RegistryError`], also when they are not.
    pub async fn document(
        &self,
        pack_ref: &PackRef,
        pointer: &PackPointer,
        reporter: &dyn Reporter,
    ) -> Result<Vec<u8>, RegistryError> {
        let path = pointer.document_path(pack_ref);
        self.documents
            .pinned(&path, &pointer.document, reporter)
            .await
    }

    /// A document's name for messages.
    pub fn describe(&self, path: &str) -> String {
        self.documents.describe(path)
    }
}
