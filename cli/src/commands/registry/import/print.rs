//! An import for people: each pack, and below it everything that is said about it.

use attune_indexer::import::index::IndexReport;
use attune_indexer::import::{ImportReport, ImportedPack, Note, Outcome};

use super::count_line;
use crate::report::sanitised;

pub(super) fn packs(report: &ImportReport) -> String {
    let mut text = String::new();
    for pack in &report.packs {
        text.push_str(&head(pack));
        text.push_str(&notes(&pack.notes));
    }
    text.push_str(&count_line(report.dry_run, &report.out, |outcome| {
        report.count(outcome)
    }));
    text
}

pub(super) fn index(report: &IndexReport) -> String {
    let mut text = String::new();
    for pack in &report.packs {
        text.push_str(&head(pack));
        text.push_str(&notes(&pack.notes));
    }
    text.push_str(&count_line(report.dry_run, &report.out, |outcome| {
        report.count(outcome)
    }));
    text
}

fn head(pack: &ImportedPack) -> String {
    let source = sanitised(&pack.source.display().to_string());
    let name = match (&pack.pack_ref, &pack.version) {
        (Some(pack_ref), Some(version)) => format!("{pack_ref}@{version} from {source}"),
        (Some(pack_ref), None) => format!("{pack_ref} from {source}"),
        _ => source,
    };
    match pack.result {
        Outcome::Imported => format!("✓ {name}\n"),
        Outcome::Unchanged => format!("= {name}\n"),
        Outcome::Refused => {
            let reason = pack.reason.as_deref().unwrap_or_default();
            let hint = pack.hint.as_deref().map_or_else(String::new, |hint| {
                format!("    hint: {}\n", sanitised(hint))
            });
            format!("✗ {name}: {}\n{hint}", sanitised(reason))
        }
    }
}

fn notes(notes: &[Note]) -> String {
    notes
        .iter()
        .map(|note| {
            format!(
                "    {:<8}  {}: {}\n",
                note.kind.describe(),
                sanitised(&note.subject),
                sanitised(&note.message)
            )
        })
        .collect()
}
