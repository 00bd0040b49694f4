//! `registry merge`: several registry trees into one.
//!
//! A name that two trees list is one pack where both declare the same `repository`, or every version they
//! share has the same tree and they share one; else one shadows the other, which is refused unless it is
//! allowed. Histories of one pack are joined: each version once, and never with two contents. What the merged tree listed
//! before stays.

mod error;
mod joined;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::documents::{PackDocument, PackPointer, VersionDocument};
use pack_format::{ArchiveDigest, PackRef, Timestamp};
use pack_fs::FsError;
use pack_fs::lock::Holder;
use pack_fs::source_dir::open_regular;
use rayon::prelude::*;
use registry_tree::assemble::{self, Identity};
use registry_tree::{Phase, TreeReader, TreeWriter, layout};

pub use self::error::MergeTreesError;
use self::joined::{Joined, is_one_pack, repository};
use crate::build::DEFAULT_NAME;
use crate::facts::Neighbours;
use crate::icon;
use crate::publish::{self, About, Publication, Scope, Staged};

/// What to merge, and how.
#[derive(Debug, Clone)]
pub struct MergeTreesOptions {
    /// The trees; of what only one can say, the first one says it.
    pub inputs: Vec<PathBuf>,
    /// The tree to write.
    pub out: PathBuf,
    /// Name of the registry; that of the merged tree, else of the first input comes next.
    pub name: Option<String>,
    /// Where the merged tree will be hosted; what it says itself comes next.
    pub base_url: Option<String>,
    /// Base URL of archives in `index.json` when no base URL is known.
    pub development_url: String,
    /// Packs whose name may shadow the same name of later inputs; `None` for all of them.
    pub may_shadow: Option<BTreeSet<PackRef>>,
    /// When now is.
    pub now: Timestamp,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
}

/// A name that two inputs list for different packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowedPack {
    /// The name.
    pub pack_ref: PackRef,
    /// The tree whose pack stays.
    pub kept: PathBuf,
    /// The tree whose pack is left out.
    pub dropped: PathBuf,
}

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MergedTrees {
    /// Packs the merged tree lists.
    pub packs: u64,
    /// Versions it lists.
    pub versions: u64,
    /// Files that got new bytes.
    pub files_written: usize,
    /// What was left out, by name.
    pub shadowed: Vec<ShadowedPack>,
    /// What deserves attention, one sentence each.
    pub warnings: Vec<String>,
}

/// One input.
struct Input {
    root: PathBuf,
    reader: TreeReader,
    packs: BTreeMap<PackRef, PackPointer>,
}

/// Merges trees; `waiting` is called once if another process is changing the merged one.
///
/// # Errors
/// [`MergeTreesError`]; the merged tree still says what it said.
pub fn merge_trees(
    options: &MergeTreesOptions,
    waiting: impl FnMut(&Holder),
) -> Result<MergedTrees, MergeTreesError> {
    let inputs: Result<Vec<Input>, MergeTreesError> = options
        .inputs
        .iter()
        .map(|root| Input::open(root, &options.out))
        .collect();
    let inputs = inputs?;
    let out = TreeReader::new(&options.out);
    if out.packs()?.is_none() && is_occupied(&options.out) {
        return Err(MergeTreesError::Occupied(options.out.clone()));
    }
    let identity = identity(options, &inputs, &out)?;
    let writer = TreeWriter::begin(
        &options.out,
        "registry merge",
        options.lock_timeout,
        waiting,
    )?;
    // Again, now that nobody else changes it.
    let before = out.registry()?;
    let about = About {
        identity: identity.clone(),
        development_url: options.development_url.clone(),
        now: options.now,
        listed: out.packs()?,
        renderer: publish::renderer(&options.out)?,
    };
    let publication = Publication::open(&writer, about)?;
    let same_head = before.is_some_and(|before| {
        (before.name, before.description, before.url)
            == (identity.name, identity.description, identity.base_url)
    });
    let merge = Merge {
        options,
        inputs: &inputs,
        writer: &writer,
        publication: &publication,
        neighbours: Neighbours::of_known(publication.known()),
    };
    let refs: BTreeSet<&PackRef> = inputs.iter().flat_map(|input| input.packs.keys()).collect();
    let done: Result<Vec<_>, MergeTreesError> = refs
        .into_par_iter()
        .map(|pack_ref| merge.pack(pack_ref))
        .collect();
    let (staged, shadowed): (Vec<_>, Vec<_>) = done?.into_iter().unzip();
    let scope = if same_head {
        Scope::Changed
    } else {
        Scope::AllPages
    };
    let staged = staged.into_iter().flatten().collect();
    let published = publication.finish(staged, Vec::new(), scope)?;
    Ok(MergedTrees {
        packs: published.totals.0,
        versions: published.totals.1,
        files_written: published.files_written,
        shadowed: shadowed.into_iter().flatten().collect(),
        warnings: published.warnings,
    })
}

impl Input {
    fn open(root: &Path, out: &Path) -> Result<Self, MergeTreesError> {
        let same = |one: &Path, other: &Path| {
            let real = |path: &Path| path.canonicalize().ok();
            real(one).is_some() && real(one) == real(other)
        };
        if same(root, out) {
            return Err(MergeTreesError::IntoItself(root.to_owned()));
        }
        let reader = TreeReader::new(root);
        let packs = reader
            .packs()?
            .ok_or_else(|| MergeTreesError::NotATree(root.to_owned()))?;
        Ok(Self {
            root: root.to_owned(),
            reader,
            packs: packs.packs,
        })
    }
}

fn is_occupied(out: &Path) -> bool {
    fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some())
}

fn identity(
    options: &MergeTreesOptions,
    inputs: &[Input],
    out: &TreeReader,
) -> Result<Identity, MergeTreesError> {
    let registry = out.registry()?;
    let first = match inputs.first() {
        Some(first) => first.reader.registry()?,
        None => None,
    };
    let named = registry.as_ref().or(first.as_ref());
    let base_url = match &options.base_url {
        None => registry.as_ref().and_then(|r| r.url.clone()),
        Some(url) => {
            let slashed = format!("{}/", url.trim_end_matches('/'));
            let checked = assemble::HOSTING.check(&slashed);
            Some(checked.map_err(MergeTreesError::BaseUrl)?.to_string())
        }
    };
    Ok(Identity {
        name: options
            .name
            .clone()
            .or_else(|| named.map(|r| r.name.clone()))
            .unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        description: named.map(|r| r.description.clone()).unwrap_or_default(),
        base_url,
    })
}

struct Merge<'a> {
    options: &'a MergeTreesOptions,
    inputs: &'a [Input],
    writer: &'a TreeWriter,
    publication: &'a Publication<'a>,
    neighbours: Neighbours,
}

impl<'a> Merge<'a> {
    /// Stages a pack, unless it is as it was; also tells what it shadows.
    fn pack(
        &self,
        pack_ref: &PackRef,
    ) -> Result<(Option<Staged>, Vec<ShadowedPack>), MergeTreesError> {
        let mut joined: Option<Joined<'_>> = None;
        let mut shadowed = Vec::new();
        for input in self.inputs {
            let Some(pointer) = input.packs.get(pack_ref) else {
                continue;
            };
            let document = input.reader.pack(pack_ref, pointer)?;
            let Some(before) = &mut joined else {
                joined = Some(Joined::new(document, &input.root));
                continue;
            };
            if is_one_pack(&before.document, &document) {
                before.join(document, &input.root)?;
                continue;
            }
            self.refuse_shadowing(before, &document, &input.root)?;
            shadowed.push(ShadowedPack {
                pack_ref: pack_ref.clone(),
                kept: before.first.to_owned(),
                dropped: input.root.clone(),
            });
        }
        let Some(mut joined) = joined else {
            return Ok((None, shadowed));
        };
        let listed = self.publication.document(pack_ref)?;
        if let Some(listed) = &listed {
            joined.keep(listed, &self.options.out)?;
        }
        joined.settle();
        for version in &joined.document.versions {
            self.archive(&joined, version)?;
        }
        self.icons(&mut joined)?;
        if listed.as_ref() == Some(&joined.document) {
            return Ok((None, shadowed));
        }
        let staged = self
            .publication
            .stage(&joined.document, None, &self.neighbours)?;
        Ok((Some(staged), shadowed))
    }

    fn refuse_shadowing(
        &self,
        before: &Joined<'_>,
        document: &PackDocument,
        root: &Path,
    ) -> Result<(), MergeTreesError> {
        let pack_ref = &document.pack_ref;
        let allowed = self.options.may_shadow.as_ref();
        if allowed.is_none_or(|allowed| allowed.contains(pack_ref)) {
            return Ok(());
        }
        let said = |document: &PackDocument| {
            repository(document).map_or_else(
                || "declares no `repository`".to_owned(),
                |text| format!("declares `{}`", pack_format::text::printable(text)),
            )
        };
        Err(MergeTreesError::Shadowing {
            pack_ref: pack_ref.clone(),
            one: before.first.to_owned(),
            other: root.to_owned(),
            first: said(&before.document),
            second: said(document),
        })
    }

    /// Copies the icons that the merged tree lacks; a version loses one that this registry would not take.
    fn icons(&self, joined: &mut Joined<'a>) -> Result<(), MergeTreesError> {
        let document = &mut joined.document;
        for version in &mut document.versions {
            let root = joined.from.get(&version.version);
            let bytes = root.and_then(|root| icon::of_tree(root, &document.pack_ref, version));
            match (bytes, &version.icon) {
                (Some(bytes), Some(record)) => icon::put(self.writer, record, &bytes)?,
                _ => version.icon = None,
            }
        }
        Ok(())
    }

    /// Copies an archive that the merged tree lacks.
    fn archive(
        &self,
        joined: &Joined<'a>,
        version: &VersionDocument,
    ) -> Result<(), MergeTreesError> {
        let (Some(record), Some(root)) = (&version.archive, joined.from.get(&version.version))
        else {
            return Ok(());
        };
        // SECURITY: the path is the input's word, and is written to.
        let folder = format!("archives/{}/", joined.document.pack_ref);
        if !layout::is_inside(&record.path) || !record.path.starts_with(&folder) {
            return Err(MergeTreesError::Outside {
                root: root.to_path_buf(),
                pack_ref: joined.document.pack_ref.clone(),
                path: record.path.clone(),
            });
        }
        if self.writer.size_of(&record.path) == Some(record.size_bytes) {
            return Ok(());
        }
        let path = root.join(&record.path);
        let read = |path: &Path| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut open_regular(path)?, &mut bytes)?;
            Ok(bytes)
        };
        let bytes = read(&path).map_err(|e| FsError::new("read", &path, e))?;
        let computed = ArchiveDigest::of(&bytes);
        if computed != record.checksum {
            return Err(MergeTreesError::Archive {
                path,
                expected: record.checksum,
                computed,
            });
        }
        let staged = self.writer.stage(&bytes)?;
        self.writer.place(Phase::Object, &record.path, staged);
        Ok(())
    }
}
