//! The versions of one pack: listed, yanked, and still what they were.

use std::collections::BTreeMap;

use pack_format::Version;
use pack_format::text::printable;
use serde_json::Value;

use super::view::{PackView, VersionView};
use super::{RegistryChangeKind, RegistryChanges, Subject, because, digests};

/// Versions by what tells them apart: build metadata does not. Texts that are no version stand for themselves.
type Versions<'v, 'a> = BTreeMap<(Option<Version>, &'v str), &'v VersionView<'a>>;

pub(super) fn compare(
    pack_ref: &str,
    old: &PackView<'_>,
    new: &PackView<'_>,
    changes: &mut RegistryChanges,
) {
    if let ([before], [after]) = (old.versions.as_slice(), new.versions.as_slice())
        && before.published_at.is_none()
        && key(before) != key(after)
    {
        // An index lists one version of a pack: the next one takes the place of the last.
        let subject = Subject::pack(pack_ref);
        let message = format!(
            "`{}` is listed with {} instead of {}",
            printable(pack_ref),
            printable(&after.version),
            printable(&before.version)
        );
        let values = (
            Some(before.version.as_ref().into()),
            Some(after.version.as_ref().into()),
        );
        changes.push(RegistryChangeKind::NewestChanged, subject, message, values);
        return;
    }
    let (old, new) = (by_version(old), by_version(new));
    for (key, before) in &old {
        let subject = subject(pack_ref, before);
        let Some(after) = new.get(key) else {
            let message = format!("{} is no longer listed", shown(subject));
            let values = (Some(before.version.as_ref().into()), None);
            changes.push(RegistryChangeKind::VersionRemoved, subject, message, values);
            continue;
        };
        yank(subject, before, after, changes);
        published_at(subject, before, after, changes);
        digests::compare(subject, before, after, changes);
    }
    for (_, after) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        let subject = subject(pack_ref, after);
        let message = format!("{} is new", shown(subject));
        let values = (None, Some(after.version.as_ref().into()));
        changes.push(RegistryChangeKind::VersionAdded, subject, message, values);
    }
}

fn key<'v>(version: &'v VersionView<'_>) -> (Option<Version>, &'v str) {
    match version.version.parse() {
        Ok(parsed) => (Some(parsed), ""),
        Err(_) => (None, version.version.as_ref()),
    }
}

fn by_version<'v, 'a>(pack: &'v PackView<'a>) -> Versions<'v, 'a> {
    pack.versions.iter().map(|v| (key(v), v)).collect()
}

fn subject<'s>(pack_ref: &'s str, version: &'s VersionView<'_>) -> Subject<'s> {
    Subject {
        pack_ref: Some(pack_ref),
        version: Some(version.version.as_ref()),
    }
}

/// `slack@2.1.0`, for messages.
pub(super) fn shown(subject: Subject<'_>) -> String {
    format!(
        "`{}@{}`",
        printable(subject.pack_ref.unwrap_or_default()),
        printable(subject.version.unwrap_or_default())
    )
}

fn yank(
    subject: Subject<'_>,
    before: &VersionView<'_>,
    after: &VersionView<'_>,
    changes: &mut RegistryChanges,
) {
    let name = shown(subject);
    let (kind, message) = match (&before.yanked, &after.yanked) {
        (None, Some(now)) => (
            RegistryChangeKind::VersionYanked,
            format!("{name} is yanked{}", because(&now.reason)),
        ),
        (Some(_), None) => (
            RegistryChangeKind::VersionUnyanked,
            format!("{name} is no longer yanked"),
        ),
        (Some(was), Some(now)) if was != now => (
            RegistryChangeKind::YankReasonChanged,
            format!(
                "{name} is yanked for another reason{}",
                because(&now.reason)
            ),
        ),
        _ => return,
    };
    let reason = |version: &VersionView<'_>| {
        version
            .yanked
            .as_ref()
            .map(|yank| Value::from(yank.reason.as_ref()))
    };
    changes.push(kind, subject, message, (reason(before), reason(after)));
}

fn published_at(
    subject: Subject<'_>,
    before: &VersionView<'_>,
    after: &VersionView<'_>,
    changes: &mut RegistryChanges,
) {
    if let (Some(was), Some(is)) = (&before.published_at, &after.published_at)
        && was != is
    {
        let message = format!(
            "{} was published at {} instead of {}",
            shown(subject),
            printable(is),
            printable(was)
        );
        let values = (Some(was.as_ref().into()), Some(is.as_ref().into()));
        changes.push(
            RegistryChangeKind::PublishedAtChanged,
            subject,
            message,
            values,
        );
    }
}
