//! `changes`: what several people want of one tree, by one commit.
//!
//! 1. Each wish is judged under the lock of the tree, against what the wishes before it made of the documents:
//!    whose pack it is, whether the version is taken, what the operator demands.
//! 2. What stands is committed together, so that fifty publishers cost little more than one.
//!
//! A wish that is refused changes nothing and stops no other.

use pack_diff::{Change as DiffChange, PackDiff, Severity, Verdict};
use pack_format::documents::{ArchiveRecord, FORMAT, PackDocument, VersionDocument};
use pack_format::text::printable;
use pack_format::{ArchiveDigest, Hint, PackRef, TreeDigest, Version};
use pack_fs::FsError;
use pack_fs::lock::Holder;
use registry_tree::{Phase, ReadError, TreeWriter};

use crate::edit::{self, Documents, EditError, EditOptions, Edited};
use crate::icon;
use crate::upload::Upload;
use crate::withdraw::{self, WithdrawError, Withdrawal};

/// What a registry says of a version without a licence.
const NO_LICENSE: &str = "NOASSERTION";

/// Who wants something, and how far that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The name owners are known by.
    pub name: String,
    /// Whether they may change what is somebody else's.
    pub is_admin: bool,
    /// Whether the operator named the ref when the right was given, and did not just allow all refs. Who has such a
    /// right may go on with a pack that nobody owns.
    pub is_named: bool,
}

/// What the operator demands of what is published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishPolicy {
    /// Whether a version must name its licence.
    pub require_license: bool,
    /// Whether a version must raise its number as far as its changes call for.
    pub require_honest_version: bool,
}

/// What somebody wants.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// A new version.
    Publish(Box<Upload>, PublishPolicy),
    /// To hide a version or a pack, or to show it again.
    Withdraw(Withdrawal),
    /// One more owner.
    AddOwner(String),
    /// One owner less.
    RemoveOwner(String),
}

/// A wish about one pack.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose.
    pub by: Authority,
    /// The pack.
    pub pack_ref: PackRef,
    /// What it is.
    pub change: Change,
}

/// A wish that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Granted {
    /// The version is published.
    Published(Published),
    /// It was already, with the same files: nothing changed.
    AlreadyPublished(Published),
    /// What was to be said is said; `changed`: it was not so before.
    Withdrawn {
        /// Whether it was not so before.
        changed: bool,
    },
    /// The owners are these now.
    Owners(Vec<String>),
}

/// A published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// When.
    pub at: pack_format::Timestamp,
    /// Its archive.
    pub archive: Option<ArchiveRecord>,
    /// Digest of its tree.
    pub tree: Option<TreeDigest>,
    /// Whether nobody had published the pack before.
    pub is_first: bool,
}

/// Why a wish was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The pack is somebody else's.
    #[error(
        "`{pack_ref}` is not a pack of `{}`\n  owners  {}", printable(.name), named(.owners)
    )]
    NotOwner {
        /// The pack.
        pack_ref: PackRef,
        /// Who asked.
        name: String,
        /// Whose it is.
        owners: Vec<String>,
    },
    /// The version has other bytes.
    #[error(
        "`{pack_ref}@{version}` is already published with different contents\n  published  {published}\n  new        {new}"
    )]
    Conflict {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Digest of the published archive.
        published: ArchiveDigest,
        /// Digest of the archive that came.
        new: ArchiveDigest,
    },
    /// The version is only listed, with sources elsewhere.
    #[error("`{pack_ref}@{version}` is already listed, without an archive of this registry")]
    Listed {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
    },
    /// Nobody is to get this version any more.
    #[error("`{pack_ref}@{version}` was taken down")]
    TakenDown {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
    },
    /// The operator demands a licence.
    #[error("`{pack_ref}@{version}` names no licence, and this registry demands one")]
    NoLicense {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
    },
    /// The operator demands honest versions.
    #[error(
        "`{pack_ref}@{version}` breaks users of `{old}`, which its version does not say:{}", told(.breaking)
    )]
    TooSmall {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// The version before it.
        old: Version,
        /// The smallest honest version.
        suggested: Version,
        /// What breaks.
        breaking: Vec<DiffChange>,
    },
    /// The pack is not there.
    #[error("the registry lists no pack `{pack_ref}`")]
    NoPack {
        /// The pack.
        pack_ref: PackRef,
    },
    /// Somebody must own it.
    #[error("`{pack_ref}` would belong to nobody")]
    LastOwner {
        /// The pack.
        pack_ref: PackRef,
    },
    /// It cannot be hidden or shown.
    #[error(transparent)]
    Withdraw(#[from] WithdrawError),
}

impl Hint for ChangeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotOwner {
                pack_ref, owners, ..
            } if owners.is_empty() => Some(format!(
                "ask an administrator of the registry for a token with `--refs {pack_ref}`, or to run `attune pack owner add {pack_ref} NAME`"
            )),
            Self::NotOwner { pack_ref, .. } => Some(format!(
                "ask an owner, or an administrator of the registry, to run `attune pack owner add {pack_ref} NAME`"
            )),
            Self::Conflict { .. } | Self::Listed { .. } => Some(
                "a published version never changes; raise `version` in `pack.yaml` and publish again"
                    .to_owned(),
            ),
            Self::TakenDown { .. } => {
                Some("publish what may be published under a new version".to_owned())
            }
            Self::NoLicense { .. } => {
                Some("name it in `pack.yaml`, such as `license: Apache-2.0`".to_owned())
            }
            Self::TooSmall { suggested, .. } => {
                Some(format!("publish it as {suggested}, or undo what breaks"))
            }
            Self::NoPack { .. } => Some("check the spelling, and the registry".to_owned()),
            Self::LastOwner { .. } => Some("add another owner first".to_owned()),
            Self::Withdraw(error) => error.hint(),
        }
    }
}

fn named(owners: &[String]) -> String {
    if owners.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = owners.iter().map(|owner| printable(owner)).collect();
    shown.join(", ")
}

fn told(breaking: &[DiffChange]) -> String {
    let lines = breaking.iter().take(5);
    lines
        .map(|change| format!("\n  {}", change.message))
        .collect()
}

/// What became of each wish, in their order.
pub type Outcomes = Vec<Result<Granted, ChangeError>>;

/// Grants what can be granted of `wishes`, in their order, by one commit. `dry_run`: judges only.
///
/// `waiting` is called once if another process is changing the tree.
///
/// # Errors
/// [`EditError`]; then none was granted, and the tree says what it said.
pub fn apply(
    options: &EditOptions,
    wishes: &[Wish],
    dry_run: bool,
    waiting: impl FnMut(&Holder),
) -> Result<(Outcomes, Edited), EditError> {
    let change = |documents: &mut Documents<'_>, writer: &TreeWriter| {
        let mut batch = Batch {
            options,
            documents,
            writer,
            dry_run,
        };
        wishes
            .iter()
            .map(|wish| match batch.grant(wish) {
                Ok(granted) => Ok(Ok(granted)),
                Err(Trouble::Refused(error)) => Ok(Err(*error)),
                Err(Trouble::Tree(error)) => Err(error),
            })
            .collect::<Result<Outcomes, EditError>>()
    };
    edit::edit(options, waiting, change)
}

/// Why a wish was not granted: for a reason of its own, or one that stops the batch.
enum Trouble {
    Refused(Box<ChangeError>),
    Tree(EditError),
}

impl From<ChangeError> for Trouble {
    fn from(error: ChangeError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<WithdrawError> for Trouble {
    fn from(error: WithdrawError) -> Self {
        match error {
            WithdrawError::Edit(error) => Self::Tree(error),
            WithdrawError::Log(error) => Self::from(error),
            refused => ChangeError::from(refused).into(),
        }
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<FsError> for Trouble {
    fn from(error: FsError) -> Self {
        Self::Tree(EditError::Write(error.into()))
    }
}

struct Batch<'b, 'e> {
    options: &'b EditOptions,
    documents: &'b mut Documents<'e>,
    writer: &'b TreeWriter,
    dry_run: bool,
}

impl Batch<'_, '_> {
    fn grant(&mut self, wish: &Wish) -> Result<Granted, Trouble> {
        let listed = self.documents.get(&wish.pack_ref)?.cloned();
        if let Some(document) = &listed {
            authorise(document, &wish.by)?;
        }
        match (&wish.change, listed) {
            (Change::Publish(upload, policy), listed) => {
                self.publish(listed, upload, *policy, &wish.by)
            }
            (_, None) => Err(ChangeError::NoPack {
                pack_ref: wish.pack_ref.clone(),
            }
            .into()),
            (Change::Withdraw(withdrawal), Some(mut document)) => {
                let before = document.clone();
                if self.dry_run {
                    withdraw::apply(&mut document, withdrawal, self.options)?;
                } else {
                    withdraw::within(self.documents, &wish.pack_ref, withdrawal, self.options)?;
                    document = self
                        .documents
                        .get(&wish.pack_ref)?
                        .cloned()
                        .unwrap_or(document);
                }
                Ok(Granted::Withdrawn {
                    changed: before != document,
                })
            }
            (Change::AddOwner(name), Some(mut document)) => {
                if !document.owners.contains(name) {
                    document.owners.push(name.clone());
                    document.owners.sort_unstable();
                }
                self.keep_owners(document)
            }
            (Change::RemoveOwner(name), Some(mut document)) => {
                document.owners.retain(|owner| owner != name);
                if document.owners.is_empty() {
                    return Err(ChangeError::LastOwner {
                        pack_ref: wish.pack_ref.clone(),
                    }
                    .into());
                }
                self.keep_owners(document)
            }
        }
    }

    fn keep_owners(&mut self, document: PackDocument) -> Result<Granted, Trouble> {
        let owners = document.owners.clone();
        if !self.dry_run {
            self.documents.insert(document)?;
        }
        Ok(Granted::Owners(owners))
    }

    fn publish(
        &mut self,
        listed: Option<PackDocument>,
        upload: &Upload,
        policy: PublishPolicy,
        by: &Authority,
    ) -> Result<Granted, Trouble> {
        let is_first = listed.is_none();
        let mut document = listed.unwrap_or_else(|| PackDocument {
            format: FORMAT,
            pack_ref: upload.pack_ref.clone(),
            deprecated: None,
            owners: vec![by.name.clone()],
            downloads: None,
            versions: Vec::new(),
        });
        let version = &upload.document.version;
        if let Some(old) = document.versions.iter().find(|v| v.version == *version) {
            return Ok(Granted::AlreadyPublished(same(old, upload)?));
        }
        demand(&document, upload, policy)?;
        let mut fresh = upload.document.clone();
        fresh.published_at = self.options.now;
        fresh.published_by = Some(by.name.clone());
        let published = published(&fresh, is_first);
        if !self.dry_run {
            if let Some(archive) = &fresh.archive {
                let staged = self.writer.stage(&upload.bytes)?;
                self.writer.place(Phase::Object, &archive.path, staged);
            }
            if let (Some(record), Some(bytes)) = (&fresh.icon, &upload.icon) {
                icon::put(self.writer, record, bytes)?;
            }
            document.versions.push(fresh);
            document.versions.sort_by(|a, b| b.version.cmp(&a.version));
            self.documents.insert(document)?;
        }
        Ok(Granted::Published(published))
    }
}

fn published(document: &VersionDocument, is_first: bool) -> Published {
    Published {
        at: document.published_at,
        archive: document.archive.clone(),
        tree: document.tree,
        is_first,
    }
}

/// The published version, if it is what came.
fn same(old: &VersionDocument, upload: &Upload) -> Result<Published, ChangeError> {
    let (pack_ref, version) = (upload.pack_ref.clone(), old.version.clone());
    if old.taken_down.is_some() {
        return Err(ChangeError::TakenDown { pack_ref, version });
    }
    let Some(archive) = &old.archive else {
        return Err(ChangeError::Listed { pack_ref, version });
    };
    // Compressed by something else, it is still the same pack.
    if old.store_key.is_some() && old.store_key == upload.document.store_key {
        return Ok(published(old, false));
    }
    Err(ChangeError::Conflict {
        pack_ref,
        version,
        published: archive.checksum,
        new: upload.checksum,
    })
}

fn authorise(document: &PackDocument, by: &Authority) -> Result<(), ChangeError> {
    let is_owner = document.owners.contains(&by.name);
    if by.is_admin || is_owner || (document.owners.is_empty() && by.is_named) {
        return Ok(());
    }
    Err(ChangeError::NotOwner {
        pack_ref: document.pack_ref.clone(),
        name: by.name.clone(),
        owners: document.owners.clone(),
    })
}

/// What the operator demands of a new version.
fn demand(
    document: &PackDocument,
    upload: &Upload,
    policy: PublishPolicy,
) -> Result<(), ChangeError> {
    let new = &upload.document;
    if policy.require_license && new.license == NO_LICENSE {
        return Err(ChangeError::NoLicense {
            pack_ref: upload.pack_ref.clone(),
            version: new.version.clone(),
        });
    }
    let before = document
        .versions
        .iter()
        .filter(|v| v.version < new.version && v.taken_down.is_none());
    let Some(old) = before.max_by(|a, b| a.version.cmp(&b.version)) else {
        return Ok(());
    };
    let PackDiff { changes, verdict } = pack_diff::compare(old, new);
    let Verdict {
        satisfied,
        suggested,
        ..
    } = verdict;
    let breaking: Vec<DiffChange> = changes
        .into_iter()
        .filter(|change| change.severity == Severity::Breaking)
        .collect();
    if !policy.require_honest_version || satisfied || breaking.is_empty() {
        return Ok(());
    }
    Err(ChangeError::TooSmall {
        pack_ref: upload.pack_ref.clone(),
        version: new.version.clone(),
        old: old.version.clone(),
        suggested,
        breaking,
    })
}
