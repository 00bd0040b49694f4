//! Whether a version is still what it was: its digests and its sources.
//!
//! A version was rewritten if something that pins its bytes was replaced:
//!
//! 1. its tree digest or store key, or the digest of the registry's own archive;
//! 2. the checksum of a source with the same URL;
//! 3. all its archive digests, where nothing says that the tree is the same.
//!
//! A mirror more, a moved URL or a commit in place of a tag are other sources of the same bytes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::versions::shown;
use super::view::{SourceView, VersionView};
use super::{RegistryChangeKind, RegistryChanges, Subject};

pub(super) fn compare(
    subject: Subject<'_>,
    before: &VersionView<'_>,
    after: &VersionView<'_>,
    changes: &mut RegistryChanges,
) {
    let mut rewritten = Vec::new();
    let own = |version: &VersionView<'_>| version.archive.as_ref().map(|a| lower(&a.checksum));
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(lower);
    let pins = [
        ("tree digest", text(&before.tree), text(&after.tree)),
        ("store key", text(&before.store_key), text(&after.store_key)),
        ("archive digest", own(before), own(after)),
    ];
    let mut same_tree = false;
    for (what, was, is) in pins {
        let (Some(was), Some(is)) = (was, is) else {
            continue;
        };
        if was != is {
            rewritten.push((what.to_owned(), was, is));
        } else if what != "archive digest" {
            same_tree = true;
        }
    }
    for source in &before.install_sources {
        let same_place = |other: &&SourceView<'_>| {
            (&other.kind, &other.url, &other.subdir) == (&source.kind, &source.url, &source.subdir)
        };
        let Some(other) = after.install_sources.iter().find(same_place) else {
            continue;
        };
        if let (Some(was), Some(is)) = (text(&source.checksum), text(&other.checksum))
            && was != is
        {
            let url = pack_format::text::printable(&source.url);
            rewritten.push((format!("checksum of `{url}`"), was, is));
        }
    }
    let (was, is) = (archives(before), archives(after));
    if rewritten.is_empty()
        && !same_tree
        && was.is_disjoint(&is)
        && let (Some(was), Some(is)) = (was.first(), is.first())
    {
        rewritten.push(("archive digest".to_owned(), was.clone(), is.clone()));
    }
    if rewritten.is_empty() && sources(before) != sources(after) {
        let message = format!("{} has other sources", shown(subject));
        let values = (Some(sources(before)), Some(sources(after)));
        changes.push(RegistryChangeKind::SourcesChanged, subject, message, values);
    }
    for (what, was, is) in rewritten {
        let message = format!(
            "{}: its {what} is another one\n  old  {was}\n  new  {is}",
            shown(subject)
        );
        let values = (Some(was.into()), Some(is.into()));
        changes.push(
            RegistryChangeKind::VersionRewritten,
            subject,
            message,
            values,
        );
    }
}

/// Hex digits mean the same in both cases.
fn lower(text: &str) -> String {
    pack_format::text::printable(&text.to_ascii_lowercase())
}

/// Digests of all archives of a version.
fn archives(version: &VersionView<'_>) -> BTreeSet<String> {
    let own = version
        .archive
        .as_ref()
        .map(|archive| lower(&archive.checksum));
    let others = version
        .install_sources
        .iter()
        .filter(|source| source.kind == "archive")
        .filter_map(|source| Some(lower(source.checksum.as_deref()?)));
    own.into_iter().chain(others).collect()
}

/// The sources as texts, sorted.
fn sources(version: &VersionView<'_>) -> Value {
    let texts: BTreeSet<String> = version
        .install_sources
        .iter()
        .map(|source| {
            let optional = |sign: &str, text: &Option<std::borrow::Cow<'_, str>>| {
                text.as_ref()
                    .map_or_else(String::new, |t| format!("{sign}{t}"))
            };
            format!(
                "{} {}{}{}{}",
                source.kind,
                source.url,
                optional("@", &source.git_ref),
                optional("//", &source.subdir),
                optional(" ", &source.checksum)
            )
        })
        .collect();
    texts.into_iter().collect()
}
