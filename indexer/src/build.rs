//! `build`: one run of the indexer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::documents::{ArchiveRecord, PackDocument, PacksDocument, VersionDocument};
use pack_format::{PackRef, StoreKey, Timestamp, Version};
use pack_fs::FsError;
use pack_fs::lock::Holder;
use rayon::prelude::*;
use registry_tree::assemble::{self, Identity};
use registry_tree::{ReadError, TreeReader, TreeWriter, layout};

use crate::cache::{BuildCache, CachedPack, Seen};
use crate::checkout::Checkouts;
use crate::error::BuildError;
use crate::history::{self, Candidate, Merge, Refusal};
use crate::inputs::{self, InputError, Inputs};
use crate::operator_file::OperatorFile;
use crate::others::Other;
use crate::pack::{self, Built, Looked, PackError, Workshop};
use crate::publish::{self, Packs, Publication};
use crate::report::{BuildReport, Verdict};

/// Name of a registry nobody has named.
pub(crate) const DEFAULT_NAME: &str = "Attune Pack Registry";

/// What to build, and how.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Packs and folders of packs.
    pub inputs: Vec<PathBuf>,
    /// Of these, build only the packs in these directories; empty means all.
    pub only: Vec<PathBuf>,
    /// The tree to write.
    pub out: PathBuf,
    /// Name of the registry; the operator's file and the tree come next.
    pub name: Option<String>,
    /// Where the tree will be hosted; the operator's file and the tree come next.
    pub base_url: Option<String>,
    /// Base URL of archives in `index.json` when no base URL is known.
    pub development_url: String,
    /// Publish the good packs although others are refused.
    pub skip_invalid: bool,
    /// Let a published version change its contents.
    pub dev: bool,
    /// When now is; times in the tree come from here.
    pub now: Timestamp,
    /// Modification time inside archives, seconds since 1970.
    pub archive_time: u64,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
}

/// Builds the tree, or finds that nothing is to be done.
///
/// `waiting` is called once if another process is changing the tree.
///
/// # Errors
/// [`BuildError`]; the tree still says what it said.
pub fn build(
    options: &BuildOptions,
    waiting: impl FnMut(&Holder),
) -> Result<BuildReport, BuildError> {
    let inputs = inputs::find(&options.inputs, &tree_places(&options.out))?;
    inputs::refuse_tree_inside_pack(&inputs.packs, &options.out)?;
    let operator = match &inputs.operator_file {
        Some(path) => OperatorFile::read(path)?,
        None => OperatorFile::default(),
    };
    let writer = TreeWriter::begin(
        &options.out,
        "registry build",
        options.lock_timeout,
        waiting,
    )?;
    let run = Run::open(options, operator, &writer)?;
    run.run(&inputs)
}

/// The tree and its state, which are no packs even when they lie among them.
fn tree_places(out: &Path) -> Vec<PathBuf> {
    let state = layout::state_directory(out);
    let tree = state.with_extension("");
    [out.canonicalize().unwrap_or(tree), state].into()
}

/// Whether a directory that is no registry yet holds somebody's files: an interrupted first build
/// leaves objects, or nothing.
fn has_foreign_files(out: &Path) -> bool {
    let objects = ["archives", "docs", "assets"];
    if objects.iter().any(|name| out.join(name).is_dir()) {
        return false;
    }
    std::fs::read_dir(out).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name() != ".staging" && entry.file_name() != "lost+found")
    })
}

/// The documents of every pack a tree lists.
pub(crate) fn listed_documents(
    reader: &TreeReader,
    listed: Option<&PacksDocument>,
) -> Result<BTreeMap<PackRef, PackDocument>, ReadError> {
    let Some(listed) = listed else {
        return Ok(BTreeMap::new());
    };
    let pointers: Vec<_> = listed.packs.iter().collect();
    pointers
        .par_iter()
        .map(|(pack_ref, pointer)| Ok(((*pack_ref).clone(), reader.pack(pack_ref, pointer)?)))
        .collect()
}

struct Run<'a> {
    options: &'a BuildOptions,
    operator: OperatorFile,
    writer: &'a TreeWriter,
    reader: TreeReader,
    listed: Option<PacksDocument>,
    identity: Identity,
    settings: String,
    state: PathBuf,
}

impl<'a> Run<'a> {
    fn open(
        options: &'a BuildOptions,
        operator: OperatorFile,
        writer: &'a TreeWriter,
    ) -> Result<Self, BuildError> {
        let reader = TreeReader::new(&options.out);
        let registry = reader.registry()?;
        let listed = reader.packs()?;
        if registry.is_none() && listed.is_none() && has_foreign_files(&options.out) {
            return Err(BuildError::NotATree(options.out.clone()));
        }
        let given = options
            .base_url
            .clone()
            .or_else(|| operator.base_url.clone());
        let base_url = match given {
            Some(url) => Some(checked_base_url(&url)?),
            None => registry.as_ref().and_then(|r| r.url.clone()),
        };
        let identity = Identity {
            name: options
                .name
                .clone()
                .or_else(|| operator.name.clone())
                .or_else(|| registry.as_ref().map(|r| r.name.clone()))
                .unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            description: operator
                .description
                .clone()
                .or_else(|| registry.map(|r| r.description))
                .unwrap_or_default(),
            base_url,
        };
        let settings = format!(
            "{identity:?} {} {} {operator:?} {}",
            options.development_url,
            options.archive_time,
            publish::fingerprint()
        );
        Ok(Self {
            options,
            operator,
            writer,
            listed,
            identity,
            settings,
            state: layout::state_directory(&options.out),
            reader,
        })
    }

    fn run(&self, inputs: &Inputs) -> Result<BuildReport, BuildError> {
        let directories = self.selected(inputs)?;
        let cache = BuildCache::read(&self.state);
        let same_settings = cache.settings == self.settings;
        let documents = self.documents()?;
        let (candidates, mut refusals) = self.candidates(&directories, &cache, &documents);
        let candidates = self.heed_the_others(candidates, inputs, &cache, &mut refusals);
        let settled = history::settle(candidates, &self.operator, &mut refusals);
        let mut report = BuildReport {
            base_url: self.identity.base_url.clone(),
            ..BuildReport::default()
        };
        for directory in &inputs.without_manifest {
            report.warnings.push(format!(
                "`{}` has no `pack.yaml`; it was passed over",
                directory.display()
            ));
        }
        let visit_all = self.operator.present && !same_settings;
        let built = self.by_ref(settled.candidates, &documents, visit_all, &mut report);
        let merged = self.merge(built, documents, &mut refusals, &mut report);
        report.twins(settled.twins, &mut refusals);
        report
            .warnings
            .extend(self.operator.warnings(&merged.documents));
        self.finish_verdicts(refusals, &mut report);
        if report.changes.refused > 0 && !self.options.skip_invalid {
            return Err(BuildError::Refused {
                report: Box::new(report),
            });
        }
        let publication = Publication {
            writer: self.writer,
            reader: &self.reader,
            identity: &self.identity,
            development_url: &self.options.development_url,
            now: self.options.now,
            listed: self.listed.as_ref(),
        };
        let seen: Vec<Seen> = merged.built.iter().map(Seen::of).collect();
        self.missing_archives(&merged, &mut report);
        let published = publication.publish(Packs {
            documents: merged.documents,
            touched: merged.touched,
            built: merged.built,
            needed_before: merged.needed_before,
            all_pages: !same_settings,
        })?;
        report.changes.files_written = published.files_written;
        report.warnings.extend(published.warnings);
        report.totals = published.totals;
        self.remember(cache, seen, inputs)?;
        Ok(report)
    }

    /// Names archives that listed versions pin and the tree does not have whole.
    fn missing_archives(&self, merged: &Merged, report: &mut BuildReport) {
        let staged: BTreeSet<&str> = merged
            .built
            .iter()
            .filter_map(|pack| pack.document.archive.as_ref())
            .map(|archive| archive.path.as_str())
            .collect();
        let archives = merged
            .documents
            .values()
            .flat_map(|document| &document.versions)
            .filter_map(|version| version.archive.as_ref())
            .filter(|archive| !staged.contains(archive.path.as_str()));
        for archive in archives {
            if self.writer.size_of(&archive.path) != Some(archive.size_bytes) {
                report.warnings.push(format!(
                    "`{}` is missing or cut short; restore it from a copy of the tree",
                    archive.path
                ));
            }
        }
    }

    /// Refuses a selected pack that another directory of the same inputs contradicts: what `only`
    /// leaves unbuilt still counts.
    fn heed_the_others(
        &self,
        candidates: Vec<Candidate>,
        inputs: &Inputs,
        cache: &BuildCache,
        refusals: &mut Vec<Refusal>,
    ) -> Vec<Candidate> {
        if self.options.only.is_empty() {
            return candidates;
        }
        let selected: BTreeSet<PathBuf> = candidates
            .iter()
            .map(|c| c.directory().to_owned())
            .collect();
        let others: Vec<Other> = inputs
            .packs
            .iter()
            .filter(|directory| !selected.contains(*directory))
            .filter_map(|directory| Other::of(directory, cache))
            .collect();
        let mut kept = Vec::new();
        for candidate in candidates {
            let belongs = self
                .operator
                .packs
                .get(candidate.pack_ref())
                .is_some_and(|p| p.same_pack);
            match others.iter().find(|other| other.contradicts(&candidate, belongs)) {
                None => kept.push(candidate),
                Some(other) => refusals.push((
                    candidate.directory().to_owned(),
                    PackError::Identity(
                        format!(
                            "the ref `{}` is claimed by `{}` and `{}`, which do not belong together",
                            candidate.pack_ref(),
                            candidate.directory().display(),
                            other.directory.display()
                        ),
                        "build without `--only` to see both, then rename one or raise its version",
                    ),
                )),
            }
        }
        kept
    }

    /// The packs to look at: all, or the ones `only` names.
    fn selected(&self, inputs: &Inputs) -> Result<Vec<PathBuf>, InputError> {
        if self.options.only.is_empty() {
            return Ok(inputs.packs.clone());
        }
        let resolved: BTreeMap<PathBuf, &PathBuf> = inputs
            .packs
            .iter()
            .filter_map(|pack| Some((pack.canonicalize().ok()?, pack)))
            .collect();
        self.options
            .only
            .iter()
            .map(|directory| {
                let found = directory.canonicalize().ok().and_then(|d| resolved.get(&d));
                found
                    .map(|pack| (*pack).clone())
                    .ok_or_else(|| InputError::NotAmongInputs {
                        directory: directory.clone(),
                    })
            })
            .collect()
    }

    /// The documents of every pack the tree lists.
    fn documents(&self) -> Result<BTreeMap<PackRef, PackDocument>, BuildError> {
        Ok(listed_documents(&self.reader, self.listed.as_ref())?)
    }

    fn candidates(
        &self,
        directories: &[PathBuf],
        cache: &BuildCache,
        documents: &BTreeMap<PackRef, PackDocument>,
    ) -> (Vec<Candidate>, Vec<Refusal>) {
        let published =
            |pack_ref: &PackRef, version: &Version| -> Option<(StoreKey, ArchiveRecord)> {
                let listed = documents
                    .get(pack_ref)?
                    .versions
                    .iter()
                    .find(|v| v.version == *version)?;
                Some((listed.store_key?, listed.archive.clone()?))
            };
        let workshop = Workshop {
            writer: self.writer,
            now: self.options.now,
            archive_time: self.options.archive_time,
            dev: self.options.dev,
            published: &published,
        };
        let checkouts = Checkouts::default();
        let results: Vec<Result<Candidate, Refusal>> = directories
            .par_iter()
            .map(|directory| {
                let looked = pack::look(directory, &self.settings, cache, &checkouts);
                let candidate = match looked {
                    Ok(Looked::Unchanged(cached))
                        if published(&cached.pack_ref, &cached.version).is_some_and(
                            |(key, archive)| {
                                key == cached.store_key
                                    && self.writer.size_of(&archive.path)
                                        == Some(archive.size_bytes)
                            },
                        ) =>
                    {
                        Ok(Candidate::Unchanged(directory.clone(), cached))
                    }
                    Ok(Looked::Unchanged(_)) => pack::look(
                        directory,
                        &self.settings,
                        &BuildCache::default(),
                        &checkouts,
                    )
                    .and_then(|looked| self.build_one(&workshop, directory, looked)),
                    Ok(looked) => self.build_one(&workshop, directory, looked),
                    Err(error) => Err(error),
                };
                candidate.map_err(|error| (directory.clone(), error))
            })
            .collect();
        let mut candidates = Vec::new();
        let mut refusals = Vec::new();
        for result in results {
            match result {
                Ok(candidate) => candidates.push(candidate),
                Err(refusal) => refusals.push(refusal),
            }
        }
        (candidates, refusals)
    }

    #[expect(clippy::unused_self, reason = "reads as a step of the run")]
    fn build_one(
        &self,
        workshop: &Workshop<'_>,
        directory: &Path,
        looked: Looked,
    ) -> Result<Candidate, PackError> {
        match looked {
            Looked::Unchanged(cached) => Ok(Candidate::Unchanged(directory.to_owned(), cached)),
            Looked::Changed(opened) => Ok(Candidate::Built(Box::new(
                workshop.build(directory, *opened)?,
            ))),
        }
    }

    /// The packs whose documents are to be merged, with what was built of each.
    fn by_ref(
        &self,
        candidates: Vec<Candidate>,
        documents: &BTreeMap<PackRef, PackDocument>,
        visit_all: bool,
        report: &mut BuildReport,
    ) -> BTreeMap<PackRef, Vec<Built>> {
        // What the operator says applies to packs without a directory too, and so does what is no
        // longer said.
        let listed = documents.keys().filter(|_| visit_all);
        let mut built: BTreeMap<PackRef, Vec<Built>> = self
            .operator
            .packs
            .keys()
            .chain(listed)
            .map(|pack_ref| (pack_ref.clone(), Vec::new()))
            .collect();
        for candidate in candidates {
            match candidate {
                Candidate::Unchanged(directory, cached) => {
                    report.changes.unchanged += 1;
                    report.packs.push(Verdict {
                        directory,
                        pack: Some((cached.pack_ref, cached.version)),
                        outcome: Ok("unchanged"),
                    });
                }
                Candidate::Built(pack) => {
                    built.entry(pack.pack_ref.clone()).or_default().push(*pack);
                }
            }
        }
        built
    }

    fn merge(
        &self,
        built: BTreeMap<PackRef, Vec<Built>>,
        mut documents: BTreeMap<PackRef, PackDocument>,
        refusals: &mut Vec<Refusal>,
        report: &mut BuildReport,
    ) -> Merged {
        let touched: BTreeSet<PackRef> = built.keys().cloned().collect();
        let needed_before = touched
            .iter()
            .filter_map(|pack_ref| documents.get(pack_ref)?.newest())
            .flat_map(VersionDocument::pack_dependencies)
            .map(|needed| needed.pack_ref.clone())
            .collect();
        let mut kept = Vec::new();
        for (pack_ref, packs) in built {
            let merge = Merge {
                dev: self.options.dev,
                now: self.options.now,
                additions: self.operator.additions(&pack_ref),
            };
            let (document, outcomes) =
                merge.document(&pack_ref, documents.remove(&pack_ref), &packs);
            if !document.versions.is_empty() {
                documents.insert(pack_ref.clone(), document);
            }
            for (pack, outcome) in packs.into_iter().zip(outcomes) {
                match outcome {
                    Ok(outcome) => {
                        report.note(&pack, outcome);
                        kept.push(pack);
                    }
                    Err(error) => refusals.push((pack.directory.clone(), error)),
                }
            }
        }
        Merged {
            documents,
            touched,
            needed_before,
            built: kept,
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a step of the run")]
    fn finish_verdicts(&self, refusals: Vec<Refusal>, report: &mut BuildReport) {
        report.changes.refused = refusals.len();
        report
            .packs
            .extend(refusals.into_iter().map(|(directory, error)| Verdict {
                directory,
                pack: None,
                outcome: Err(error),
            }));
        report.packs.sort_by(|a, b| a.directory.cmp(&b.directory));
    }

    fn remember(
        &self,
        mut cache: BuildCache,
        seen: Vec<Seen>,
        inputs: &Inputs,
    ) -> Result<(), FsError> {
        cache.settings.clone_from(&self.settings);
        if self.options.only.is_empty() {
            cache.keep_only(&inputs.packs);
        }
        for seen in seen {
            cache.remember(&seen.directory, &seen.fingerprint, |text| {
                CachedPack::new(
                    text,
                    seen.pack_ref,
                    seen.version,
                    seen.store_key,
                    seen.repository,
                )
            });
        }
        cache.write(&self.state)
    }
}

struct Merged {
    documents: BTreeMap<PackRef, PackDocument>,
    touched: BTreeSet<PackRef>,
    needed_before: BTreeSet<PackRef>,
    built: Vec<Built>,
}

/// The URL with a trailing slash.
fn checked_base_url(url: &str) -> Result<String, BuildError> {
    let with_slash = if url.ends_with('/') {
        url.to_owned()
    } else {
        format!("{url}/")
    };
    assemble::HOSTING
        .check(&with_slash)
        .map(|checked| checked.to_string())
        .map_err(BuildError::BaseUrl)
}
