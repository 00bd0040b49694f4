//! What changed from one version of a pack to the next, for those who use it.

use std::borrow::Cow;

use pack_diff::{Bump, PackDiff, Severity};
use pack_format::documents::{PackDocument, VersionDocument};
use serde::Serialize;

use crate::limits::{MAX_CHANGES, MAX_COMPARED, MAX_VERSIONS, first};
use crate::pack::history::version_anchor;
use crate::site::{Frame, Place, Site};
use crate::text::{Moment, clean, counted};

/// A version beside the one before it.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    new: &'a VersionDocument,
    old: &'a VersionDocument,
    diff: PackDiff,
}

/// The newest versions, each compared with the one before it.
pub(crate) fn steps(document: &PackDocument) -> Vec<Step<'_>> {
    // What was taken down has nothing to be compared.
    let there = document.versions.iter().filter(|v| v.taken_down.is_none());
    let versions: Vec<&VersionDocument> = there.take(MAX_COMPARED + 1).collect();
    let pairs = versions.windows(2).filter_map(|pair| match pair {
        [new, old] => Some(Step {
            new,
            old,
            diff: pack_diff::compare(old, new),
        }),
        _ => None,
    });
    pairs.collect()
}

/// What a step means, in a word.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Meaning {
    word: String,
    /// Colour of the word.
    class: &'static str,
    /// Whether the version number promises less change than there is.
    undeclared: bool,
    anchor: String,
}

impl Step<'_> {
    pub(crate) fn is_of(&self, version: &VersionDocument) -> bool {
        std::ptr::eq(self.new, version)
    }

    pub(crate) fn meaning(&self) -> Meaning {
        let count = |severity| self.diff.of(severity).count() as u64;
        let (word, class) = match (count(Severity::Breaking), count(Severity::Feature)) {
            (0, 0) if self.diff.is_empty() => ("nothing changed".to_owned(), ""),
            (0, 0) => ("compatible".to_owned(), "good"),
            (0, new) => (format!("compatible, {new} new"), "good"),
            (breaking, _) => (format!("{breaking} breaking"), "bad"),
        };
        Meaning {
            word,
            class,
            undeclared: !self.diff.verdict.satisfied,
            anchor: version_anchor(self.new),
        }
    }
}

/// What the page of changes shows.
#[derive(Debug, Serialize)]
pub(crate) struct ChangesView<'a> {
    frame: Frame,
    pack_ref: &'a str,
    label: Cow<'a, str>,
    /// Way to the page of the pack.
    back: &'static str,
    /// Every version, newest first, to choose others; none in the tree, which cannot compare any two.
    choices: Vec<String>,
    steps: Vec<StepView>,
    /// Whether there are older versions that are not compared.
    is_cut: bool,
}

#[derive(Debug, Serialize)]
struct StepView {
    version: String,
    before: String,
    published: Moment,
    meaning: Meaning,
    verdict: String,
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    title: &'static str,
    changes: Vec<String>,
    omitted: usize,
}

impl<'a> ChangesView<'a> {
    /// `None` where there is nothing to compare.
    pub(crate) fn of(site: &Site, document: &'a PackDocument, steps: &[Step<'_>]) -> Option<Self> {
        let newest = document.newest()?;
        if steps.is_empty() {
            return None;
        }
        let pack_ref = document.pack_ref.as_str();
        let place = Place {
            root: "../../../".to_owned(),
            path: &format!("packs/{pack_ref}/changes/"),
            twin: Some(&format!("packs/{pack_ref}.json")),
        };
        let title = format!("Changes of {}", newest.label);
        Some(Self {
            frame: site.frame(&place, &title, &newest.description),
            pack_ref,
            label: clean(&newest.label),
            back: "../index.html",
            choices: Vec::new(),
            steps: steps.iter().map(StepView::new).collect(),
            is_cut: document.versions.len() > steps.len() + 1,
        })
    }
}

impl<'a> ChangesView<'a> {
    /// Any two versions of a pack, for its address `diff`.
    pub(crate) fn between(
        site: &Site,
        document: &'a PackDocument,
        (old, new): (&VersionDocument, &'a VersionDocument),
    ) -> Self {
        let pack_ref = document.pack_ref.as_str();
        let place = Place {
            root: "../../".to_owned(),
            path: &format!("packs/{pack_ref}/diff"),
            twin: None,
        };
        let title = format!("{pack_ref} {} and {}", old.version, new.version);
        let step = Step {
            new,
            old,
            diff: pack_diff::compare(old, new),
        };
        let versions = document.versions.iter().take(MAX_VERSIONS);
        Self {
            frame: site.frame(&place, &title, ""),
            pack_ref,
            label: clean(&new.label),
            back: "index.html",
            choices: versions.map(|v| v.version.to_string()).collect(),
            steps: vec![StepView::new(&step)],
            is_cut: false,
        }
    }
}

impl StepView {
    fn new(step: &Step<'_>) -> Self {
        let groups = [
            (Severity::Breaking, "Breaking"),
            (Severity::Feature, "New"),
            (Severity::Neutral, "Other"),
        ];
        Self {
            version: step.new.version.to_string(),
            before: step.old.version.to_string(),
            published: step.new.published_at.into(),
            meaning: step.meaning(),
            verdict: verdict(step),
            groups: groups
                .into_iter()
                .filter_map(|(severity, title)| Group::new(&step.diff, severity, title))
                .collect(),
        }
    }
}

impl Group {
    fn new(diff: &PackDiff, severity: Severity, title: &'static str) -> Option<Self> {
        let messages: Vec<&str> = diff.of(severity).map(|c| c.message.as_str()).collect();
        let (shown, omitted) = first(&messages, MAX_CHANGES);
        (!shown.is_empty()).then(|| Self {
            title,
            changes: shown.iter().map(|m| clean(m).into_owned()).collect(),
            omitted,
        })
    }
}

/// What the changes call for, and whether the version says so.
fn verdict(step: &Step<'_>) -> String {
    let verdict = &step.diff.verdict;
    let breaking = step.diff.of(Severity::Breaking).count() as u64;
    let meaning = match (breaking, verdict.required) {
        (_, Bump::None) => "Nothing that users notice has changed.".to_owned(),
        (0, _) => format!("What worked with {} goes on working.", step.old.version),
        (count, _) => format!("{} may need your attention.", counted(count, "change")),
    };
    if verdict.satisfied {
        return meaning;
    }
    format!(
        "{meaning} The number promises less: {} would be {}.",
        if breaking > 0 { "honest" } else { "right" },
        verdict.suggested
    )
}
