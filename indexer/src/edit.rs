//! `edit`: changes documents of a tree, and everything that follows from them.
//!
//! 1. Take the lock of the tree.
//! 2. Let the caller change documents; what it only looks at stays as it is.
//! 3. Stage the changed documents and their pages, the pages of their neighbours, and the lists; commit.
//!
//! An operation that changes nothing writes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pack_format::documents::PackDocument;
use pack_format::statistics::StatisticsDocument;
use pack_format::{Hint, PackRef, Timestamp};
use pack_fs::lock::Holder;
use rayon::prelude::*;
use registry_tree::assemble::Identity;
use registry_tree::{ReadError, TreeReader, TreeWriter, WriteError};

use crate::build::DEFAULT_NAME;
use crate::facts::Neighbours;
use crate::publish::{self, About, Publication, Scope};
use crate::publish_error::PublishError;
use crate::statistics::is_outdated;

/// Which tree to change, and as of when.
#[derive(Debug, Clone)]
pub struct EditOptions {
    /// The tree.
    pub tree: PathBuf,
    /// What others that wait for the tree are told, such as `pack yank`.
    pub purpose: &'static str,
    /// Base URL of archives in `index.json` when the tree knows none.
    pub development_url: String,
    /// When now is; times in the tree come from here.
    pub now: Timestamp,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
}

/// Why a tree was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no tree of format 2.
    #[error("`{}` is no registry tree: it has no `packs.json`", .0.display())]
    NotATree(PathBuf),
    /// The tree cannot be read.
    #[error("cannot continue the registry tree")]
    Tree(#[from] ReadError),
    /// The tree cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A page or document cannot be made.
    #[error(transparent)]
    Publish(PublishError),
}

impl From<PublishError> for EditError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Read(error) => Self::Tree(error),
            other => Self::Publish(other),
        }
    }
}

impl EditError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Write(error) if error.is_busy())
    }

    /// Whether a document is not what was pinned.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Tree(error) if error.is_mismatch())
    }
}

impl Hint for EditError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotATree(_) => Some("make one with `attune registry build`".to_owned()),
            Self::Tree(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
        }
    }
}

/// The documents of a tree, as far as they were asked for.
#[derive(Debug)]
pub struct Documents<'e> {
    reader: &'e TreeReader,
    publication: &'e Publication<'e>,
    touched: BTreeMap<PackRef, (Option<PackDocument>, PackDocument)>,
    erased: Vec<String>,
}

impl Documents<'_> {
    /// The packs the tree lists, sorted.
    pub fn refs(&self) -> impl Iterator<Item = &PackRef> {
        self.publication.known().keys()
    }

    /// The tree as it is.
    pub(crate) fn reader(&self) -> &TreeReader {
        self.reader
    }

    /// The packs that say another number of downloads than was counted.
    pub(crate) fn outdated(&self, counted: &StatisticsDocument) -> Vec<PackRef> {
        let known = self.publication.known().iter();
        known
            .filter(|(pack_ref, facts)| is_outdated(pack_ref, facts, counted))
            .map(|(pack_ref, _)| pack_ref.clone())
            .collect()
    }

    /// The document of a pack, to be looked at or changed; `None` if it is not listed.
    ///
    /// # Errors
    /// [`ReadError`] if it is listed and cannot be read.
    pub fn get(&mut self, pack_ref: &PackRef) -> Result<Option<&mut PackDocument>, ReadError> {
        if !self.touched.contains_key(pack_ref) {
            let Some(facts) = self.publication.known().get(pack_ref) else {
                return Ok(None);
            };
            let document = self.reader.pack(pack_ref, &facts.pointer)?;
            let before = Some(document.clone());
            self.touched.insert(pack_ref.clone(), (before, document));
        }
        Ok(self.touched.get_mut(pack_ref).map(|(_, after)| after))
    }

    /// Adds a pack, or replaces its document.
    ///
    /// # Errors
    /// [`ReadError`] if it is listed and cannot be read.
    pub fn insert(&mut self, document: PackDocument) -> Result<(), ReadError> {
        if let Some(listed) = self.get(&document.pack_ref)? {
            *listed = document;
            return Ok(());
        }
        self.touched
            .insert(document.pack_ref.clone(), (None, document));
        Ok(())
    }

    /// Removes the file at `path` and its twins once nothing names it any more.
    pub fn erase(&mut self, path: &str) {
        self.erased.push(path.to_owned());
    }

    fn changed(self) -> impl Iterator<Item = PackDocument> {
        self.touched
            .into_values()
            .filter(|(before, after)| before.as_ref() != Some(after))
            .map(|(_, after)| after)
    }
}

/// What an edit did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// Files that got new bytes.
    pub files_written: usize,
    /// What deserves attention, one sentence each.
    pub warnings: Vec<String>,
}

/// Changes the documents of a tree by `change`, and publishes what follows.
///
/// `change` also gets the writer, to place archives. `waiting` is called once if another process is changing the tree.
///
/// # Errors
/// That of `change`, or [`EditError`]; the tree still says what it said.
pub fn edit<T, E: From<EditError>>(
    options: &EditOptions,
    waiting: impl FnMut(&Holder),
    change: impl FnOnce(&mut Documents<'_>, &TreeWriter) -> Result<T, E>,
) -> Result<(T, Edited), E> {
    let reader = TreeReader::new(&options.tree);
    // Before the lock, which would make the state of a tree that is none.
    if reader.packs().map_err(EditError::from)?.is_none() {
        return Err(EditError::NotATree(options.tree.clone()).into());
    }
    let writer = TreeWriter::begin(
        &options.tree,
        options.purpose,
        options.lock_timeout,
        waiting,
    )
    .map_err(EditError::from)?;
    let publication = open(options, &reader, &writer)?;
    let mut documents = Documents {
        reader: &reader,
        publication: &publication,
        touched: BTreeMap::new(),
        erased: Vec::new(),
    };
    let result = change(&mut documents, &writer)?;
    let erased = std::mem::take(&mut documents.erased);
    let changed: Vec<PackDocument> = documents.changed().collect();
    // What a change that was cut has left half said is said in full by the next one, even by one that finds its wish fulfilled.
    let is_half = writer.follows_interruption() || publication.is_half();
    if changed.is_empty() && !writer.has_placed() && !is_half {
        erase(&writer, &erased)?;
        return Ok((result, Edited::default()));
    }
    let neighbours = Neighbours::of_known(publication.known());
    let staged: Result<Vec<_>, PublishError> = changed
        .par_iter()
        .map(|document| publication.stage(document, None, &neighbours))
        .collect();
    let scope = if is_half { Scope::Heal } else { Scope::Changed };
    let published = staged
        .and_then(|staged| publication.finish(staged, Vec::new(), scope))
        .map_err(EditError::from)?;
    erase(&writer, &erased)?;
    let edited = Edited {
        files_written: published.files_written,
        warnings: published.warnings,
    };
    Ok((result, edited))
}

fn erase(writer: &TreeWriter, paths: &[String]) -> Result<(), EditError> {
    let erased = paths.iter().try_for_each(|path| writer.erase(path));
    Ok(erased.map_err(WriteError::from)?)
}

fn open<'w>(
    options: &EditOptions,
    reader: &TreeReader,
    writer: &'w TreeWriter,
) -> Result<Publication<'w>, EditError> {
    // Again, now that nobody else changes them.
    let registry = reader.registry()?;
    let listed = reader.packs()?;
    let about = About {
        identity: Identity {
            name: registry
                .as_ref()
                .map_or_else(|| DEFAULT_NAME.to_owned(), |r| r.name.clone()),
            description: registry
                .as_ref()
                .map(|r| r.description.clone())
                .unwrap_or_default(),
            base_url: registry.and_then(|r| r.url),
        },
        development_url: options.development_url.clone(),
        now: options.now,
        listed,
        renderer: publish::renderer(&options.tree)?,
    };
    Ok(Publication::open(writer, about)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{BuildOptions, build};

    fn tree(place: &std::path::Path) -> PathBuf {
        for pack in ["a", "b"] {
            let directory = place.join("packs").join(pack);
            std::fs::create_dir_all(&directory).unwrap();
            let needs = if pack == "b" {
                "dependencies: [a]\n"
            } else {
                ""
            };
            let text = format!("ref: {pack}\nlabel: {pack}\nversion: \"1.0.0\"\n{needs}");
            std::fs::write(directory.join("pack.yaml"), text).unwrap();
        }
        let options = BuildOptions {
            inputs: vec![place.join("packs")],
            only: Vec::new(),
            patches: Vec::new(),
            out: place.join("tree"),
            name: None,
            base_url: Some("https://packs.example.org/".to_owned()),
            development_url: String::new(),
            skip_invalid: false,
            dev: false,
            now: Timestamp::from_unix(1000),
            templates: None,
            archive_time: 0,
            lock_timeout: Duration::ZERO,
        };
        build(&options, |_| {}).unwrap();
        options.out
    }

    fn options(tree: PathBuf) -> EditOptions {
        EditOptions {
            tree,
            purpose: "test",
            development_url: String::new(),
            now: Timestamp::from_unix(2000),
            lock_timeout: Duration::ZERO,
        }
    }

    /// A changed document reaches every list; one that was only looked at writes nothing.
    #[test]
    fn edit_publishes_what_changed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(tree(dir.path()));
        let a: PackRef = "a".parse().unwrap();
        let look = |documents: &mut Documents<'_>, _: &TreeWriter| {
            Ok::<_, EditError>(documents.get(&a)?.is_some())
        };
        assert_eq!(
            edit(&options, |_| {}, look).unwrap(),
            (true, Edited::default())
        );
        let own = |documents: &mut Documents<'_>, _: &TreeWriter| {
            if let Some(document) = documents.get(&a)? {
                document.owners = vec!["team".to_owned()];
            }
            Ok::<_, EditError>(())
        };
        let ((), edited) = edit(&options, |_| {}, own).unwrap();
        assert!(edited.files_written > 0);
        let reader = TreeReader::new(&options.tree);
        let listed = reader.packs().unwrap().unwrap();
        let document = reader.pack(&a, &listed.packs[&a]).unwrap();
        assert_eq!(document.owners, ["team"]);
        assert_eq!(
            reader.registry().unwrap().unwrap().updated_at,
            Timestamp::from_unix(2000)
        );
        assert_eq!(
            edit(&options, |_| {}, own).unwrap(),
            ((), Edited::default())
        );
    }

    /// What is no tree is refused, and nothing is made there.
    #[test]
    fn edit_of_no_tree_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path().join("tree"));
        let error = edit(&options, |_| {}, |_, _| Ok::<_, EditError>(())).unwrap_err();
        assert!(matches!(error, EditError::NotATree(_)), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
