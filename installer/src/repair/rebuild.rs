//! A tree made anew from files that the store has.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};

use pack_archive::{DirSink, Gate};
use pack_format::ArchiveDigest;
use pack_fs::{FsError, SourceDir};

use super::Case;
use crate::installer::Installer;
use crate::inventory::{Inventory, ListedFile, read_listing};
use crate::layout::Layout;
use crate::record::Record;
use crate::session::{Session, own_children};
use crate::stage::StagedPack;
use crate::verify::has_content;

/// What reports call the store as a source.
const STORE: &str = "the store";

impl Installer<'_> {
    /// Makes trees anew where every byte is still in the store: in the tree itself, or in another one.
    pub(super) fn mend_from_store(
        &self,
        session: &mut Session<'_>,
        cases: &mut [Case],
    ) -> Result<(), FsError> {
        if !cases.iter().any(Case::is_pending) {
            return Ok(());
        }
        let others = places(&self.layout)?;
        for case in cases.iter_mut().filter(|case| case.is_pending()) {
            let destination = session.new_staging("m-")?.join("pack");
            let Some(files) = self.files_of(&case.record) else {
                continue;
            };
            // What the store cannot give is asked of others; why it cannot was said by `verify`.
            if let Some(staged) = self.rebuild(&case.record, &files, &others, &destination) {
                case.good = Some((staged, STORE.to_owned()));
            }
        }
        Ok(())
    }

    /// What the tree of a record should hold.
    fn files_of(&self, record: &Record) -> Option<Vec<ListedFile>> {
        let tree = Inventory::take(&self.layout.stored(&record.store_key)).ok();
        let intact = tree.filter(|found| found.key == record.store_key);
        intact
            .map(|found| found.files)
            .or_else(|| read_listing(&self.layout.listing(&record.store_key)))
    }

    fn rebuild(
        &self,
        record: &Record,
        files: &[ListedFile],
        others: &Places,
        destination: &Path,
    ) -> Option<StagedPack> {
        let own = self.layout.stored(&record.store_key);
        let mut gate = Gate::new(&self.limits);
        let mut sink = DirSink::create(destination).ok()?;
        for file in files {
            // SECURITY: whoever owns the store can have edited the listing.
            let path = gate.admit_file(file.path.as_bytes(), file.size_bytes);
            let path = path.ok()?;
            let other = others.get(&file.sha256).into_iter().flatten();
            let content = [(own.clone(), file.path.clone())]
                .iter()
                .chain(other)
                .find_map(|(tree, name)| open_if(tree, name, file))?;
            sink.copy(&path, file.executable, (&content, file.size_bytes))
                .ok()?;
        }
        drop(sink);
        // The key is computed from what was written, so nothing above need be trusted.
        StagedPack::read(destination, STORE)
            .ok()
            .filter(|staged| staged.inventory.key == record.store_key)
    }
}

/// Opens a file of a tree if it has the bytes of a listing.
fn open_if(tree: &Path, name: &str, file: &ListedFile) -> Option<File> {
    let mut opened = SourceDir::open(tree).ok()?.file(name).ok()?;
    let good = has_content(&mut opened, file).ok()?;
    opened.rewind().ok()?;
    good.then_some(opened)
}

/// Trees and the names of files in them, by what the files hold.
type Places = BTreeMap<ArchiveDigest, Vec<(PathBuf, String)>>;

/// Where the trees of the store have which bytes, as their listings say.
fn places(layout: &Layout) -> Result<Places, FsError> {
    let mut places = Places::new();
    for listing in own_children(&layout.listings())? {
        let Some(stem) = listing.file_stem() else {
            continue;
        };
        let tree = layout.store().join(stem);
        for file in read_listing(&listing).unwrap_or_default() {
            let there = places.entry(file.sha256).or_default();
            there.push((tree.clone(), file.path));
        }
    }
    Ok(places)
}
