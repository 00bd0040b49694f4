//! The rules of the published format 1, checked on what is about to be written.

use serde_json::Value;
use url::Url;

use super::Index;
use crate::checksum::Algorithm;
use crate::entry::IndexEntry;
use crate::source::InstallSource;
use crate::text::printable;

/// The rule a source without https breaks; the one that an index for development may break.
pub const SOURCE_NOT_HTTPS: &str = "an install source is not https";

/// The rules of the published format that `index` breaks, one sentence each; empty for a valid index.
pub fn violations(index: &Index) -> Vec<String> {
    let mut broken = Vec::new();
    if index.registry_name.trim().is_empty() {
        broken.push("`registry_name` is empty".to_owned());
    }
    if !index.registry_url.starts_with("https://") {
        broken.push(format!(
            "`registry_url` `{}` is not https",
            printable(&index.registry_url)
        ));
    }
    for pair in index.packs.windows(2) {
        if pair[0].pack_ref >= pair[1].pack_ref {
            broken.push(format!(
                "`{}` and `{}` are not in order",
                pair[0].pack_ref, pair[1].pack_ref
            ));
        }
    }
    for entry in &index.packs {
        let name = &entry.pack_ref;
        broken.extend(
            entry_violations(entry)
                .into_iter()
                .map(|what| format!("`{name}`: {what}")),
        );
    }
    broken
}

/// The rules one entry breaks.
pub fn entry_violations(entry: &IndexEntry) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, what: &str| {
        if !holds {
            broken.push(what.to_owned());
        }
    };
    rule(!entry.label.trim().is_empty(), "`label` is empty");
    rule(!entry.author.trim().is_empty(), "`author` is empty");
    rule(!entry.license.trim().is_empty(), "`license` is empty");
    let version = entry.version.as_semver();
    rule(
        version.pre.is_empty() || version.build.is_empty(),
        "`version` has both a pre-release and build metadata",
    );
    rule(
        entry
            .repository
            .as_deref()
            .is_none_or(|url| url.starts_with("https://")),
        "`repository` is not https",
    );
    rule(
        entry.homepage.as_deref().is_none_or(is_web_url),
        "`homepage` is not an absolute http or https URL",
    );
    rule(is_unique(&entry.keywords), "`keywords` repeats an item");
    rule(
        is_unique(&entry.runtime_deps),
        "`runtime_deps` repeats an item",
    );
    let contents = &entry.contents;
    for list in [
        &contents.actions,
        &contents.sensors,
        &contents.triggers,
        &contents.rules,
        &contents.workflows,
    ] {
        let names: Vec<&str> = list.iter().map(|item| item.name.as_str()).collect();
        rule(
            names.iter().all(|n| !n.is_empty()),
            "a component has no name",
        );
        rule(is_unique(&names), "a component is listed twice");
    }
    broken.extend(
        entry
            .meta
            .iter()
            .filter(|(name, value)| !is_valid_meta(name, value))
            .map(|(name, _)| format!("`meta.{name}` has the wrong type")),
    );
    broken.extend(source_violations(&entry.install_sources));
    broken
}

/// The rules the install sources of an entry break.
fn source_violations(sources: &[InstallSource]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, what: &str| {
        if !holds {
            broken.push(what.to_owned());
        }
    };
    rule(!sources.is_empty(), "`install_sources` is empty");
    for source in sources {
        rule(source.url().is_https(), SOURCE_NOT_HTTPS);
        rule(
            source
                .checksum()
                .is_some_and(|c| c.algorithm() == Algorithm::Sha256),
            "an install source has no sha256 checksum",
        );
        if let InstallSource::Git {
            git_ref, subdir, ..
        } = source
        {
            rule(git_ref.is_some(), "a git source has no `ref`");
            rule(
                subdir.is_none(),
                "a git source has a `subdir`, which format 1 cannot say",
            );
        }
    }
    broken
}

fn is_unique<T: Ord>(items: &[T]) -> bool {
    let set: std::collections::BTreeSet<&T> = items.iter().collect();
    set.len() == items.len()
}

/// Whether a text is an absolute http or https URL, as `homepage` must be.
///
/// Query and fragment are fine: the URL is for people, nothing is fetched from it.
pub fn is_web_url(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && text.contains("://"))
        && !text.chars().any(char::is_whitespace)
}

/// Whether a member of `meta` has the type its name promises; other names are free.
///
/// Existing clients refuse the whole index over one wrong type.
pub fn is_valid_meta(name: &str, value: &Value) -> bool {
    match name {
        "category" => value.is_string(),
        "downloads" | "stars" => value.is_u64(),
        "tested_attune_versions" => value.as_array().is_some_and(|items| {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.len() == items.len() && is_unique(&texts)
        }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What existing clients read with a fixed type must have it; what they do not know is free.
    #[test]
    fn meta_members_have_the_types_clients_expect() {
        let good = [
            ("category", json!("chat")),
            ("stars", json!(12)),
            ("tested_attune_versions", json!(["1.0.0", "1.1.0"])),
            ("anything", json!({"else": null})),
        ];
        let bad = [
            ("category", json!(1)),
            ("stars", json!("12")),
            ("downloads", json!(-1)),
            ("downloads", json!(1.5)),
            ("tested_attune_versions", json!("1.0.0")),
            ("tested_attune_versions", json!(["1.0.0", 1])),
            ("tested_attune_versions", json!(["1.0.0", "1.0.0"])),
        ];
        for (name, value) in good {
            assert!(is_valid_meta(name, &value), "{name}: {value}");
        }
        for (name, value) in bad {
            assert!(!is_valid_meta(name, &value), "{name}: {value}");
        }
    }

    /// Pages for people: http is fine, anything that is no absolute web address is not.
    #[test]
    fn web_urls_are_absolute() {
        for good in ["https://e.org", "http://e.org/a?b#c"] {
            assert!(is_web_url(good), "{good}");
        }
        for bad in [
            "not a url",
            "e.org",
            "/docs",
            "https:e.org",
            "mailto:a@e.org",
            "https://e.org/a b",
            "",
        ] {
            assert!(!is_web_url(bad), "{bad}");
        }
    }
}
