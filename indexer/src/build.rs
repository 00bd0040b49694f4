//! `build`: one run of the indexer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::statistics::StatisticsDocument;
use pack_format::{PackRef, Timestamp};
use pack_fs::lock::Holder;
use rayon::prelude::*;
use registry_pages::Renderer;
use registry_tree::assemble::{self, Identity};
use registry_tree::{TreeReader, TreeWriter, layout};

use crate::cache::{self, BuildCache, CachedPack, Seen, absolute};
use crate::checkout::Checkouts;
use crate::claim::{self, Claim};
use crate::error::BuildError;
use crate::facts::PackFacts;
use crate::group::{Bench, Done};
use crate::history::Refusal;
use crate::inputs::{self, InputError, Inputs};
use crate::operator_file::OperatorFile;
use crate::others::Other;
use crate::pack::PackError;
use crate::patch::{self, file::FiledPatch};
use crate::publish::{self, About, Publication, Scope, Staged};
use crate::publish_error::PublishError;
use crate::report::BuildReport;
use crate::statistics::is_outdated;
use crate::templates;

/// Name of a registry nobody has named.
pub(crate) const DEFAULT_NAME: &str = "Attune Pack Registry";

/// What to build, and how.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Packs and folders of packs.
    pub inputs: Vec<PathBuf>,
    /// Of these, build only the packs in these directories; empty means all.
    pub only: Vec<PathBuf>,
    /// Files of patches to what is published ([`crate::patch`]).
    pub patches: Vec<PathBuf>,
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
    /// Folder of templates in place of built-in ones, from now on; `None` leaves those in force.
    pub templates: Option<PathBuf>,
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
    let mut patches = Vec::new();
    for path in &options.patches {
        patches.extend(patch::file::read(path)?);
    }
    let writer = TreeWriter::begin(
        &options.out,
        "registry build",
        options.lock_timeout,
        waiting,
    )?;
    let run = Run::open(options, (operator, patches), &writer)?;
    run.run(&inputs)
}

/// The tree and its state, which are no packs even when they lie among them.
fn tree_places(out: &Path) -> Vec<PathBuf> {
    let state = layout::state_directory(out);
    let tree = state.with_extension("");
    [out.canonicalize().unwrap_or(tree), state].into()
}

fn renderer(options: &BuildOptions) -> Result<Renderer, PublishError> {
    match &options.templates {
        Some(folder) => Ok(Renderer::with(templates::of_folder(folder)?)?),
        None => publish::renderer(&options.out),
    }
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

struct Run<'a> {
    options: &'a BuildOptions,
    operator: OperatorFile,
    patches: Vec<FiledPatch>,
    /// What was counted, where the tree knows.
    statistics: Option<StatisticsDocument>,
    writer: &'a TreeWriter,
    publication: Publication<'a>,
    base_url: Option<String>,
    settings: String,
    /// What the last build saw.
    cache: BuildCache,
}

/// What all groups of a run did.
#[derive(Default)]
struct Work {
    staged: Vec<Staged>,
    seen: Vec<Seen>,
    archives: BTreeSet<String>,
    replaced: Vec<String>,
}

impl<'a> Run<'a> {
    fn open(
        options: &'a BuildOptions,
        (operator, patches): (OperatorFile, Vec<FiledPatch>),
        writer: &'a TreeWriter,
    ) -> Result<Self, BuildError> {
        let reader = TreeReader::new(&options.out);
        let state = layout::state_directory(&options.out);
        let (listed, cache) = rayon::join(|| reader.packs(), || BuildCache::read(&state));
        let listed = listed?;
        let registry = reader.registry()?;
        let statistics = reader.statistics()?;
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
            base_url: base_url.clone(),
        };
        let renderer = renderer(options)?;
        let settings = format!(
            "{identity:?} {} {} {operator:?} {}",
            options.development_url,
            options.archive_time,
            publish::fingerprint(&renderer)
        );
        let about = About {
            identity,
            development_url: options.development_url.clone(),
            now: options.now,
            listed,
            renderer,
        };
        let publication = Publication::open(writer, about)?;
        Ok(Self {
            options,
            operator,
            patches,
            statistics,
            writer,
            publication,
            base_url,
            settings,
            cache,
        })
    }

    fn run(mut self, inputs: &Inputs) -> Result<BuildReport, BuildError> {
        let cache = std::mem::take(&mut self.cache);
        let same_settings = cache.settings == self.settings;
        let mut refusals = Vec::new();
        let groups = self.groups(inputs, &cache, &mut refusals)?;
        let mut report = BuildReport {
            base_url: self.base_url.clone(),
            ..BuildReport::default()
        };
        for directory in &inputs.without_manifest {
            report.warnings.push(format!(
                "`{}` has no `pack.yaml`; it was passed over",
                directory.display()
            ));
        }
        let visit_all = self.operator.present && !same_settings;
        let done = self.work(groups, visit_all)?;
        let work = collect(done, refusals, &mut report);
        {
            let listed = self.listed(&work.staged);
            report.warnings.extend(self.operator.warnings(&listed));
            report.warnings.extend(self.idle_patches(&listed));
        }
        if report.changes.refused > 0 && !self.options.skip_invalid {
            return Err(BuildError::Refused {
                report: Box::new(report),
            });
        }
        let scope = match (same_settings, self.options.only.is_empty()) {
            (false, _) => Scope::AllPages,
            (true, true) => Scope::Heal,
            (true, false) => Scope::Changed,
        };
        if scope != Scope::Changed {
            self.missing_archives(&work, &mut report);
        }
        let templates = self.publication.templates().clone();
        let (published, seen) = rayon::join(
            || self.publication.finish(work.staged, work.replaced, scope),
            || remember(cache, work.seen, (self.options, &self.settings), inputs),
        );
        let published = published?;
        if self.options.templates.is_some() {
            templates::keep(&self.options.out, &templates).map_err(PublishError::from)?;
        }
        report.changes.files_written = published.files_written;
        report.warnings.extend(published.warnings);
        report.totals = published.totals;
        cache::write(&layout::state_directory(&self.options.out), seen)?;
        Ok(report)
    }

    /// The claims of the directories to look at, by the pack they claim.
    fn groups(
        &self,
        inputs: &Inputs,
        cache: &BuildCache,
        refusals: &mut Vec<Refusal>,
    ) -> Result<BTreeMap<PackRef, Vec<Claim>>, BuildError> {
        let directories = self.selected(inputs)?;
        let checkouts = Checkouts::default();
        let claims: Vec<Result<Claim, Refusal>> = directories
            .par_iter()
            .with_max_len(1)
            .map(|directory| Claim::of(directory, &self.settings, cache, &checkouts))
            .collect();
        let mut standing = Vec::new();
        for claim in claims {
            match claim {
                Ok(claim) => standing.push(claim),
                Err(refusal) => refusals.push(refusal),
            }
        }
        let mut groups: BTreeMap<PackRef, Vec<Claim>> = BTreeMap::new();
        for claim in self.heed_the_others(standing, inputs, cache, refusals) {
            let group = groups.entry(claim.pack_ref().clone()).or_default();
            group.push(claim);
        }
        Ok(groups)
    }

    /// Works on all groups; `visit_all`: what the operator says may concern packs without a directory.
    fn work(
        &self,
        mut groups: BTreeMap<PackRef, Vec<Claim>>,
        visit_all: bool,
    ) -> Result<Vec<Done>, BuildError> {
        let expected = claim::expected(self.publication.known(), &groups);
        let listed = self.publication.known().keys().filter(|_| visit_all);
        let patched = self.patches.iter().map(|filed| &filed.patch.pack_ref);
        let counted = self.publication.known().iter().filter(|(pack_ref, facts)| {
            let statistics = self.statistics.as_ref();
            statistics.is_some_and(|s| is_outdated(pack_ref, facts, s))
        });
        let counted = counted.map(|(pack_ref, _)| pack_ref);
        let named = self.operator.packs.keys().chain(patched).chain(counted);
        let visited: BTreeSet<PackRef> = named.chain(listed).cloned().collect();
        for pack_ref in &visited {
            groups.entry(pack_ref.clone()).or_default();
        }
        let bench = Bench {
            writer: self.writer,
            publication: &self.publication,
            operator: &self.operator,
            patches: &self.patches,
            statistics: self.statistics.as_ref(),
            expected: &expected,
            settings: &self.settings,
            now: self.options.now,
            archive_time: self.options.archive_time,
            dev: self.options.dev,
        };
        let groups: Vec<(PackRef, Vec<Claim>)> = groups.into_iter().collect();
        groups
            .into_par_iter()
            // One pack at a time, so that no thread is left with many while the others wait.
            .with_max_len(1)
            .map(|(pack_ref, claims)| bench.work(&pack_ref, claims, visited.contains(&pack_ref)))
            .collect()
    }

    /// The facts of every pack the tree will list.
    fn listed<'s>(&'s self, staged: &'s [Staged]) -> BTreeMap<&'s PackRef, &'s PackFacts> {
        let mut listed: BTreeMap<_, _> = self.publication.known().iter().collect();
        listed.extend(staged.iter().filter_map(Staged::facts));
        listed
    }

    /// Patches of what the tree does not list.
    fn idle_patches(&self, listed: &BTreeMap<&PackRef, &PackFacts>) -> Vec<String> {
        let is_idle = |filed: &&FiledPatch| {
            let facts = listed.get(&filed.patch.pack_ref);
            let version = filed.patch.version.as_ref();
            facts.is_none_or(|facts| version.is_some_and(|v| facts.version(v).is_none()))
        };
        let idle = self.patches.iter().filter(is_idle);
        idle.map(|FiledPatch { patch, place }| match &patch.version {
            Some(version) => format!(
                "{place}: the registry has no `{}@{version}`",
                patch.pack_ref
            ),
            None => format!("{place}: the registry has no pack `{}`", patch.pack_ref),
        })
        .collect()
    }

    /// Names archives that listed versions pin and the tree does not have whole.
    fn missing_archives(&self, work: &Work, report: &mut BuildReport) {
        let listed = self.listed(&work.staged);
        let archives = listed
            .values()
            .flat_map(|facts| &facts.versions)
            .filter_map(|version| version.archive.as_ref())
            .filter(|archive| !work.archives.contains(&archive.path));
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
        claims: Vec<Claim>,
        inputs: &Inputs,
        cache: &BuildCache,
        refusals: &mut Vec<Refusal>,
    ) -> Vec<Claim> {
        if self.options.only.is_empty() {
            return claims;
        }
        let selected: BTreeSet<&PathBuf> = claims.iter().map(|claim| &claim.directory).collect();
        let others: Vec<Other> = inputs
            .packs
            .par_iter()
            .filter(|directory| !selected.contains(*directory))
            .filter_map(|directory| Other::of(directory, cache))
            .collect();
        let mut kept = Vec::new();
        for claim in claims {
            let belongs = self.operator.same_pack(claim.pack_ref());
            match others.iter().find(|other| other.contradicts(&claim, belongs)) {
                None => kept.push(claim),
                Some(other) => refusals.push((
                    claim.directory.clone(),
                    PackError::Identity(
                        format!(
                            "the ref `{}` is claimed by `{}` and `{}`, which do not belong together",
                            claim.pack_ref(),
                            claim.directory.display(),
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
        // Most often the packs are named as they were found; only else does each path have to be resolved.
        let wanted: BTreeSet<PathBuf> = self.options.only.iter().map(|d| absolute(d)).collect();
        let named = inputs.packs.iter().map(|pack| (absolute(pack), pack));
        let named: BTreeMap<PathBuf, &PathBuf> =
            named.filter(|(path, _)| wanted.contains(path)).collect();
        let mut resolved: Option<BTreeMap<PathBuf, &PathBuf>> = None;
        let mut selected = Vec::new();
        for directory in &self.options.only {
            if let Some(pack) = named.get(&absolute(directory)) {
                selected.push((*pack).clone());
                continue;
            }
            let resolved = resolved.get_or_insert_with(|| {
                let packs = inputs.packs.iter();
                packs
                    .filter_map(|pack| Some((pack.canonicalize().ok()?, pack)))
                    .collect()
            });
            let found = directory.canonicalize().ok().and_then(|d| resolved.get(&d));
            match found {
                Some(pack) => selected.push((*pack).clone()),
                None => {
                    return Err(InputError::NotAmongInputs {
                        directory: directory.clone(),
                    });
                }
            }
        }
        Ok(selected)
    }
}

/// Puts what the groups did into the report, and the rest together.
fn collect(done: Vec<Done>, mut refusals: Vec<Refusal>, report: &mut BuildReport) -> Work {
    let mut work = Work::default();
    let mut twins = Vec::new();
    for group in done {
        for (directory, cached) in group.unchanged {
            report.unchanged(directory, cached);
        }
        for (seen, outcome) in group.built {
            report.note(&seen, outcome);
            work.seen.push(seen);
        }
        refusals.extend(group.refusals);
        twins.extend(group.twins);
        work.staged.extend(group.staged);
        work.archives.extend(group.archives);
        work.replaced.extend(group.replaced);
    }
    report.twins(twins, &mut refusals);
    report.refused(refusals);
    work
}

/// Writes down what was seen, for the next build.
fn remember(
    mut cache: BuildCache,
    seen: Vec<Seen>,
    (options, settings): (&BuildOptions, &str),
    inputs: &Inputs,
) -> Option<Vec<u8>> {
    settings.clone_into(&mut cache.settings);
    if options.only.is_empty() {
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
    cache.bytes()
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
