//! The comparison for people: what breaks, what is new, what else changed, and the verdict.

use pack_diff::{Bump, PackDiff, Severity};

use super::files::FileChanges;
use super::side::Side;
use crate::report::sanitised;

/// Most files of one list that are named.
const MOST_FILES: usize = 20;

pub(super) fn table(
    old: &Side,
    new: &Side,
    diff: &PackDiff,
    files: Option<&FileChanges>,
) -> String {
    let (from, to) = (&old.document.version, &new.document.version);
    let mut text = if old.pack_ref == new.pack_ref {
        format!("{} {from} -> {to}\n", old.pack_ref)
    } else {
        format!("{} {from} -> {} {to}\n", old.pack_ref, new.pack_ref)
    };
    for (severity, title) in [
        (Severity::Breaking, "Breaking"),
        (Severity::Feature, "New"),
        (Severity::Neutral, "Changed"),
    ] {
        let changes: Vec<_> = diff.of(severity).collect();
        if !changes.is_empty() {
            text.push_str(&format!("\n{title} ({})\n", changes.len()));
        }
        for change in changes {
            text.push_str(&format!("  {}\n", sanitised(&change.message)));
        }
    }
    if let Some(files) = files.filter(|files| !files.is_empty()) {
        text.push_str(&file_lines(files));
    }
    text.push_str(&format!("\n{}\n", verdict(old, new, diff)));
    text
}

fn file_lines(files: &FileChanges) -> String {
    let mut text = format!(
        "\nFiles: {} added, {} removed, {} changed\n",
        files.added.len(),
        files.removed.len(),
        files.changed.len()
    );
    let added = files
        .added
        .iter()
        .map(|f| ('+', &f.path, bytes(f.size_bytes)));
    let removed = files
        .removed
        .iter()
        .map(|f| ('-', &f.path, bytes(f.size_bytes)));
    let changed = files.changed.iter().map(|f| {
        let mode = match f.executable {
            Some(true) => ", executable now",
            Some(false) => ", no longer executable",
            None => "",
        };
        let sizes = format!("{} -> {}{mode}", f.old_size_bytes, bytes(f.new_size_bytes));
        ('~', &f.path, sizes)
    });
    let lists: [Vec<_>; 3] = [added.collect(), removed.collect(), changed.collect()];
    for list in lists {
        for (sign, path, what) in list.iter().take(MOST_FILES) {
            text.push_str(&format!("  {sign} {} ({what})\n", sanitised(path)));
        }
        if let Some((sign, ..)) = list.get(MOST_FILES) {
            text.push_str(&format!("  {sign} and {} more\n", list.len() - MOST_FILES));
        }
    }
    text
}

fn bytes(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} byte{plural}")
}

/// The last line: the bump that is called for, and whether it is there.
fn verdict(old: &Side, new: &Side, diff: &PackDiff) -> String {
    let verdict = &diff.verdict;
    let to = &new.document.version;
    if diff.is_empty() {
        return "Nothing changed for users.".to_owned();
    }
    let needed = format!("The changes call for a {} version", verdict.required);
    let suggestion = format!("{} or later", verdict.suggested);
    match verdict.declared {
        None => format!(
            "{needed} ({suggestion}); {to} is older than {}: name the older version first.",
            old.document.version
        ),
        Some(Bump::None) => format!("✗ {needed} ({suggestion}); the version is the same."),
        Some(bump) if verdict.satisfied => format!("✓ {needed}; {to} is a {bump} one."),
        Some(bump) => format!("✗ {needed} ({suggestion}); {to} is only a {bump} one."),
    }
}
