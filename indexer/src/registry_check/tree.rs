//! A registry of format 2: what lists its packs, and each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use pack_check::Diagnostic;
use pack_format::documents::{PackDependency, PackPointer, PacksDocument, RegistryDocument};
use pack_format::{ArchiveDigest, PackRef, Version};
use rayon::prelude::*;
use registry_pages::{PackList, Site, feeds};
use registry_tree::assemble::Totals;
use registry_tree::layout;

use crate::facts::Neighbours;

use super::change_log;
use super::context::Context;
use super::document::{self, ArchiveBase, Kept, archive_base};
use super::index::Entries;
use super::rules;

/// What a tree lists: what may lie in its folders.
pub(super) struct Listed {
    pub(super) packs: BTreeMap<PackRef, PackPointer>,
    /// Archives, with the sizes they should have.
    pub(super) archives: BTreeMap<String, u64>,
    /// Files of the search index, with the digests they should have; `None` where that cannot be told.
    pub(super) search: Option<BTreeMap<String, ArchiveDigest>>,
    /// Feeds, badges, icons and maps, with the digests they should have.
    pub(super) views: BTreeMap<String, ArchiveDigest>,
    /// Pages that list packs, but for the first; `None` where that cannot be told.
    pub(super) lists: Option<BTreeSet<String>>,
    /// Files of the record of changes; `None` where that cannot be told.
    pub(super) changes: Option<BTreeSet<String>>,
    /// Folder of the host that the tree is put into, with a slash behind; empty for its root.
    pub(super) host_folder: String,
    /// Whether some document could not be read, so that more archives may belong.
    pub(super) incomplete: bool,
}

/// Checks what `registry.json` and `packs.json` list; `None` if they do not tell.
pub(super) fn check(context: &Context<'_>, index: Option<&[u8]>) -> Option<Listed> {
    if index.is_none() {
        context.breach(rules::FILE_MISSING, layout::INDEX, "it is not there");
    }
    let index = index.and_then(|bytes| Entries::read(context, layout::INDEX, bytes));
    let registry: Option<RegistryDocument> = context
        .document(layout::REGISTRY)
        .and_then(|bytes| document::parse(context, layout::REGISTRY, &bytes));
    let packs: PacksDocument = context
        .document(layout::PACKS)
        .and_then(|bytes| document::parse(context, layout::PACKS, &bytes))?;
    let base = base(context, registry.as_ref());
    let kept: Vec<(&PackRef, Option<Kept>)> = packs
        .packs
        .par_iter()
        .map(|(pack_ref, pointer)| {
            let kept = document::check(context, pack_ref, pointer, &base, index.as_ref());
            (pack_ref, kept)
        })
        .collect();
    let incomplete = kept.iter().any(|(_, kept)| kept.is_none());
    if let Some(registry) = &registry {
        times(context, registry, &packs, index.as_ref());
        if !incomplete {
            counts(context, registry, &kept);
        }
    }
    if let Some(index) = &index {
        index.only_listed(context, |pack_ref| packs.packs.contains_key(pack_ref));
    }
    neighbours(context, &packs, &kept);
    let search = (!incomplete).then(|| search(&kept));
    let list = (!incomplete).then(|| list(&kept));
    let lists = list.as_ref().map(lists);
    let views = views(&kept, registry.as_ref().zip(list.as_ref()));
    let archives = kept.into_iter().filter_map(|(_, kept)| kept);
    Some(Listed {
        archives: archives.flat_map(|kept| kept.archives).collect(),
        packs: packs.packs,
        search,
        views,
        lists,
        changes: change_log::check(context),
        host_folder: registry.as_ref().map_or_else(String::new, host_folder),
        incomplete,
    })
}

fn host_folder(registry: &RegistryDocument) -> String {
    let url = registry
        .url
        .as_deref()
        .and_then(|url| url::Url::parse(url).ok());
    url.map_or_else(String::new, |url| {
        url.path().trim_start_matches('/').to_owned()
    })
}

/// What lists say of these packs.
fn list(kept: &[(&PackRef, Option<Kept>)]) -> PackList {
    let summaries = kept
        .iter()
        .filter_map(|(_, kept)| kept.as_ref()?.summary.clone());
    PackList::new(summaries.collect())
}

/// The views that documents alone tell, of each pack and of the registry that lists all of them.
fn views(
    kept: &[(&PackRef, Option<Kept>)],
    all: Option<(&RegistryDocument, &PackList)>,
) -> BTreeMap<String, ArchiveDigest> {
    let packs = kept.iter().filter_map(|(_, kept)| kept.as_ref());
    let packs = packs.flat_map(|kept| kept.views.iter().cloned());
    let registry = all.into_iter().flat_map(|(registry, list)| {
        let site = Site {
            base_url: registry.url.clone(),
            install_registry_hint: registry.url.clone(),
            registry: registry.clone(),
        };
        feeds::of_registry(&site, list)
    });
    let registry = registry.map(|(path, bytes)| (path, ArchiveDigest::of(&bytes)));
    packs.chain(registry).collect()
}

/// The pages that list these packs.
fn lists(list: &PackList) -> BTreeSet<String> {
    let pages = (2..=list.pages()).map(PackList::page_path);
    let groups = list.groups().iter();
    let groups = groups.flat_map(|group| (1..=group.pages()).map(|page| group.path(page)));
    pages.chain(groups).collect()
}

/// The files of the search index of these packs.
fn search(kept: &[(&PackRef, Option<Kept>)]) -> BTreeMap<String, ArchiveDigest> {
    let known = || {
        kept.iter()
            .filter_map(|(r, kept)| Some((*r, kept.as_ref()?)))
    };
    let needing = known().map(|(r, kept)| (r, kept.needs.as_slice()));
    let neighbours = Neighbours::of(needing);
    let records = known().filter_map(|(r, kept)| Some((r, kept.search.as_ref()?.indexed())));
    let expected = Mutex::new(BTreeMap::new());
    let dependents = |pack_ref: &PackRef| neighbours.dependents(pack_ref).len() as u64;
    let Ok(()) = pack_search::files(&records.collect(), dependents, |file| {
        let digest = ArchiveDigest::of(&file.bytes);
        let mut expected = expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.insert(file.path, digest);
        Ok::<(), std::convert::Infallible>(())
    });
    expected
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Checks what packs say of each other.
fn neighbours(context: &Context<'_>, packs: &PacksDocument, kept: &[(&PackRef, Option<Kept>)]) {
    let versions: BTreeMap<&PackRef, &[Version]> = kept
        .iter()
        .filter_map(|(pack_ref, kept)| Some((*pack_ref, kept.as_ref()?.versions.as_slice())))
        .collect();
    let mut unlisted = Unlisted::default();
    for (pack_ref, kept) in kept.iter().filter_map(|(r, k)| Some((r, k.as_ref()?))) {
        let file = layout::pack_document(pack_ref);
        for (field, needed) in &kept.dependencies {
            let lists = packs.packs.contains_key(&needed.pack_ref);
            dependency(
                context,
                (&file, field),
                needed,
                (lists, &mut unlisted),
                &versions,
            );
        }
        if let Some(successor) = &kept.successor
            && !packs.packs.contains_key(successor)
        {
            let message = format!("`{successor}` is not listed");
            context.add(
                Diagnostic::new(rules::SUCCESSOR_UNKNOWN, &file, message)
                    .in_field("deprecated.successor"),
            );
        }
    }
    unlisted.tell(context);
}

/// Where the archives are, as far as that can be told.
fn base(context: &Context<'_>, registry: Option<&RegistryDocument>) -> ArchiveBase {
    let here = || ArchiveBase::Here(String::new());
    let Some(registry) = registry else {
        return here();
    };
    archive_base(&registry.archive_base_url).unwrap_or_else(|reason| {
        let message = format!("`{}`: {reason}", registry.archive_base_url);
        context.add(
            Diagnostic::new(rules::DOCUMENT_INVALID, layout::REGISTRY, message)
                .in_field("archive_base_url"),
        );
        here()
    })
}

fn times(
    context: &Context<'_>,
    registry: &RegistryDocument,
    packs: &PacksDocument,
    index: Option<&Entries<'_>>,
) {
    let expected = registry.updated_at;
    let others = [
        (layout::PACKS, "updated_at", Some(packs.updated_at)),
        (
            layout::INDEX,
            "last_updated",
            index.and_then(|index| index.last_updated),
        ),
    ];
    for (file, field, time) in others {
        let Some(found) = time.filter(|time| *time != expected) else {
            continue;
        };
        let message = format!(
            "`registry.json` tells another time\n  expected  {expected}\n  found     {found}"
        );
        context.add(Diagnostic::new(rules::TIME_MISMATCH, file, message).in_field(field));
    }
}

fn counts(context: &Context<'_>, registry: &RegistryDocument, kept: &[(&PackRef, Option<Kept>)]) {
    let mut totals = Totals::default();
    for kept in kept.iter().filter_map(|(_, kept)| kept.as_ref()) {
        totals.add(kept.versions.len() as u64, kept.counts.iter().copied());
    }
    let wrong = |field: String, expected: u64, found: u64| {
        if expected != found {
            let message = format!("it counts wrongly\n  expected  {expected}\n  found     {found}");
            context.add(
                Diagnostic::new(rules::COUNT_WRONG, layout::REGISTRY, message).in_field(&field),
            );
        }
    };
    wrong("pack_count".to_owned(), totals.packs, registry.pack_count);
    wrong(
        "version_count".to_owned(),
        totals.versions,
        registry.version_count,
    );
    let kinds: BTreeSet<&String> = totals
        .components
        .keys()
        .chain(registry.component_counts.keys())
        .collect();
    for kind in kinds {
        let of = |counts: &BTreeMap<String, u64>| counts.get(kind).copied().unwrap_or_default();
        let (expected, found) = (of(&totals.components), of(&registry.component_counts));
        wrong(format!("component_counts.{kind}"), expected, found);
    }
}

/// Packs that are needed and not listed, each with what needs it.
#[derive(Default)]
pub(super) struct Unlisted(BTreeMap<PackRef, Vec<(String, String)>>);

impl Unlisted {
    /// Tells each missing pack once, where it is needed first.
    pub(super) fn tell(self, context: &Context<'_>) {
        for (pack_ref, mut needing) in self.0 {
            needing.sort();
            let Some((file, field)) = needing.first() else {
                continue;
            };
            let others = match needing.len() - 1 {
                0 => String::new(),
                1 => ", and once more".to_owned(),
                more => format!(", and {more} times more"),
            };
            let message =
                format!("`{pack_ref}` is needed here{others}, and this registry does not list it");
            context.add(
                Diagnostic::new(rules::DEPENDENCY_UNKNOWN, file, message)
                    .in_field(field)
                    .with_hint("installers look for it in their other registries"),
            );
        }
    }
}

/// Checks that a dependency can be met by what the registry lists; one on a pack that it does not list goes
/// to `unlisted`.
pub(super) fn dependency(
    context: &Context<'_>,
    (file, field): (&str, &str),
    needed: &PackDependency,
    (lists, unlisted): (bool, &mut Unlisted),
    versions: &BTreeMap<&PackRef, &[Version]>,
) {
    let PackDependency {
        pack_ref,
        constraint,
    } = needed;
    if !lists {
        let place = (file.to_owned(), field.to_owned());
        unlisted.0.entry(pack_ref.clone()).or_default().push(place);
        return;
    }
    let Some(listed) = versions.get(pack_ref) else {
        return;
    };
    if !listed.iter().any(|version| constraint.matches(version)) {
        let listed: Vec<String> = listed.iter().take(5).map(ToString::to_string).collect();
        let message = format!(
            "`{needed}` is needed, and none of {} will do",
            listed.join(", ")
        );
        context.add(Diagnostic::new(rules::DEPENDENCY_UNSATISFIED, file, message).in_field(field));
    }
}
