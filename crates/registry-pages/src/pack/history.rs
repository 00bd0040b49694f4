//! The table of versions, the dependencies and the files of a pack.

use std::borrow::Cow;
use std::collections::BTreeSet;

use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::statistics::PackDownloads;
use serde::Serialize;

use crate::limits::{MAX_LINKED_PACKS, MAX_NAMES, MAX_VERSIONS, first};
use crate::pack::changes::{Meaning, Step};
use crate::pack::install::Download;
use crate::pack::origin::Origin;
use crate::pack::references::{Reference, References};
use crate::site::Site;
use crate::text::{Moment, clean, grouped, size, slug};

/// One version in the table.
#[derive(Debug, Serialize)]
pub(crate) struct VersionRow<'a> {
    pub(crate) id: String,
    pub(crate) version: String,
    published: Moment,
    size: Option<String>,
    files: u64,
    downloads: Option<String>,
    /// Whether it is the version the page describes.
    current: bool,
    prerelease: bool,
    /// `yanked` or `taken down`.
    withdrawn: Option<&'static str>,
    yank_reason: Cow<'a, str>,
    /// What was corrected, and why.
    corrections: Vec<String>,
    /// What it means to those who had the version before.
    meaning: Option<Meaning>,
    download: Option<Download>,
    origin: Option<Origin<'a>>,
}

/// The newest versions, and how many the table leaves out.
pub(crate) fn versions<'a>(
    site: &Site,
    document: &'a PackDocument,
    current: &VersionDocument,
    steps: &[Step<'_>],
) -> (Vec<VersionRow<'a>>, usize) {
    let rows = document.versions.iter().take(MAX_VERSIONS);
    let omitted = document.versions.len().saturating_sub(MAX_VERSIONS);
    (
        rows.map(|v| VersionRow::new((site, document.downloads.as_ref()), v, current, steps))
            .collect(),
        omitted,
    )
}

/// The anchor of a version, on the page of its pack and on that of its changes.
pub(crate) fn version_anchor(version: &VersionDocument) -> String {
    format!("v-{}", slug(&version.version.to_string()))
}

impl<'a> VersionRow<'a> {
    fn new(
        (site, downloads): (&Site, Option<&PackDownloads>),
        version: &'a VersionDocument,
        current: &VersionDocument,
        steps: &[Step<'_>],
    ) -> Self {
        let text = version.version.to_string();
        let step = steps.iter().find(|step| step.is_of(version));
        Self {
            id: version_anchor(version),
            meaning: step.map(Step::meaning),
            published: version.published_at.into(),
            size: version.archive.as_ref().map(|a| size(a.size_bytes)),
            files: version.file_count,
            downloads: downloads
                .and_then(|all| all.versions.get(&version.version))
                .map(|count| grouped(*count)),
            current: std::ptr::eq(version, current),
            prerelease: version.version.is_prerelease(),
            withdrawn: match (&version.taken_down, &version.yanked) {
                (Some(_), _) => Some("taken down"),
                (None, Some(_)) => Some("yanked"),
                (None, None) => None,
            },
            yank_reason: version
                .yanked
                .as_ref()
                .map(|y| clean(&y.reason))
                .unwrap_or_default(),
            corrections: version
                .patches
                .iter()
                .take(MAX_NAMES)
                .map(|note| {
                    let (field, reason) = (clean(&note.field), clean(&note.reason));
                    format!("`{field}` was corrected: {reason}")
                })
                .collect(),
            download: version
                .archive
                .as_ref()
                .and_then(|a| Download::new(site, a)),
            origin: Origin::of(version),
            version: text,
        }
    }
}

/// A pack that is needed, and which of its versions will do.
#[derive(Debug, Serialize)]
pub(crate) struct Need {
    pack: Reference,
    constraint: String,
}

/// The packs a version needs.
pub(crate) fn needs(version: &VersionDocument, references: &References<'_>) -> Vec<Need> {
    let (packs, _) = first(version.pack_dependencies(), MAX_LINKED_PACKS);
    packs
        .iter()
        .map(|d| Need {
            pack: references.pack(&d.pack_ref),
            constraint: match d.constraint.as_str() {
                "*" => "any version".to_owned(),
                text => pretty_range(text),
            },
        })
        .collect()
}

/// What must be on the host: platform and language versions.
pub(crate) fn requirements(version: &VersionDocument) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let ranges = version.dependencies.as_ref().map(|d| {
        [
            ("Attune", &d.attune_version),
            ("Python", &d.python_version),
            ("Node.js", &d.nodejs_version),
        ]
    });
    for (name, range) in ranges.into_iter().flatten() {
        found.extend(
            range
                .as_deref()
                .map(|r| format!("{name} {}", pretty_range(r))),
        );
    }
    found.extend(
        first(&version.runtime_deps, MAX_NAMES)
            .0
            .iter()
            .map(|r| pretty_range(r)),
    );
    // `Python ≥ 3.9` and `python3 ≥ 3.9` say one thing.
    let mut said = BTreeSet::new();
    found.retain(|need| said.insert(bare(need)));
    found
}

/// A requirement as it is told apart from others.
fn bare(need: &str) -> String {
    let lower = need.to_lowercase().replace("node.js", "nodejs");
    match lower.split_once(' ') {
        Some((name, range)) => format!("{} {range}", name.trim_end_matches('3')),
        None => lower,
    }
}

/// `>=3.9` as `≥ 3.9`.
fn pretty_range(range: &str) -> String {
    let spaced = clean(range).replace(">=", " ≥ ").replace("<=", " ≤ ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
