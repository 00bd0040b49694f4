//! Two states of a registry, and what the comparison says of them.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]

use pack_diff::registry::view::{PackView, entry};
use pack_diff::registry::{RegistryChangeKind, RegistryChanges, compare_packs};
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn version(number: &str) -> Value {
    json!({
        "version": number,
        "published_at": "2026-01-01T00:00:00Z",
        "archive": {"path": "a", "checksum": "sha256:aa", "size_bytes": 1},
        "tree": "sha256:bb",
        "install_sources": [{"type": "git", "url": "https://e.org/x", "ref": "v1", "checksum": "sha256:cc"}],
        "components": {"actions": [{"name": "x"}]},
    })
}

fn pack(versions: &[Value]) -> Value {
    json!({"format": 2, "ref": "slack", "versions": versions})
}

fn kinds(old: &Value, new: &Value) -> Vec<(RegistryChangeKind, Option<String>)> {
    let texts = (old.to_string(), new.to_string());
    let old: PackView<'_> = serde_json::from_str(&texts.0).unwrap();
    let new: PackView<'_> = serde_json::from_str(&texts.1).unwrap();
    let mut changes = RegistryChanges::default();
    compare_packs(&old, &new, &mut changes);
    changes
        .sorted()
        .into_iter()
        .map(|c| (c.kind, c.version))
        .collect()
}

fn changed(version: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut version = version.clone();
    change(&mut version);
    version
}

/// Versions come, go, are yanked and get other sources.
#[test]
fn versions_are_followed() {
    use RegistryChangeKind::{
        DetailsChanged, PublishedAtChanged, SourcesChanged, VersionAdded, VersionRemoved,
        VersionUnyanked, VersionYanked,
    };
    let one = version("1.0.0");
    let yanked = changed(&one, |v| {
        v["yanked"] = json!({"reason": "bad", "at": "2026-01-02T00:00:00Z"});
    });
    let moved = changed(&one, |v| v["install_sources"][0]["ref"] = "v1.0.0".into());
    let mirror = changed(&one, |v| {
        let source = json!({"type": "archive", "url": "https://m.org/x", "checksum": "sha256:dd"});
        v["install_sources"].as_array_mut().unwrap().push(source);
    });
    let later = changed(&one, |v| v["published_at"] = "2026-02-01T00:00:00Z".into());
    let words = changed(&one, |v| v["description"] = "other".into());
    let rows = [
        (&one, &yanked, VersionYanked),
        (&yanked, &one, VersionUnyanked),
        (&one, &moved, SourcesChanged),
        (&one, &mirror, SourcesChanged),
        (&one, &later, PublishedAtChanged),
        (&one, &words, DetailsChanged),
    ];
    for (old, new, kind) in rows {
        let found = kinds(
            &pack(std::slice::from_ref(old)),
            &pack(std::slice::from_ref(new)),
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, kind);
    }
    let two = version("2.0.0");
    let (few, many) = (pack(std::slice::from_ref(&one)), pack(&[two, one]));
    assert_eq!(
        kinds(&few, &many),
        [(VersionAdded, Some("2.0.0".to_owned()))]
    );
    assert_eq!(
        kinds(&many, &few),
        [(VersionRemoved, Some("2.0.0".to_owned()))]
    );
}

/// Whatever pins the bytes of a version may not change.
#[test]
fn rewritten_versions_are_found() {
    let one = version("1.0.0");
    let rows = [
        json!({"tree": "sha256:b0"}),
        json!({"archive": {"checksum": "sha256:a0"}}),
        json!({"install_sources": [{"type": "git", "url": "https://e.org/x", "ref": "v1", "checksum": "sha256:c0"}]}),
        json!({"install_sources": [{"type": "git", "url": "https://e.org/x", "ref": "v2", "checksum": "sha256:c0"}]}),
    ];
    for row in rows {
        let other = changed(&one, |v| {
            for (key, value) in row.as_object().unwrap() {
                v[key] = value.clone();
            }
        });
        let found = kinds(&pack(std::slice::from_ref(&one)), &pack(&[other]));
        assert_eq!(
            found,
            [(
                RegistryChangeKind::VersionRewritten,
                Some("1.0.0".to_owned())
            )],
            "{row}"
        );
    }
    // Letters of hex digits mean the same.
    let upper = changed(&one, |v| v["tree"] = "sha256:BB".into());
    let found = kinds(&pack(&[one]), &pack(&[upper]));
    assert_eq!(found[0].0, RegistryChangeKind::DetailsChanged);
}

/// Entries of an index hold one version: the next one takes its place, and the same one may not change.
#[test]
fn entries_of_an_index_are_followed() {
    let text = |version: &str, url: &str, digest: &str| {
        let entry = json!({"ref": "slack", "version": version,
            "install_sources": [{"type": "archive", "url": url, "checksum": digest}]});
        RawValue::from_string(entry.to_string()).unwrap()
    };
    let old = text("1.0.0", "https://e.org/a", "sha256:aa");
    let rows = [
        (
            text("1.1.0", "https://e.org/b", "sha256:bb"),
            RegistryChangeKind::NewestChanged,
        ),
        (
            text("1.0.0", "https://e.org/b", "sha256:aa"),
            RegistryChangeKind::SourcesChanged,
        ),
        (
            text("1.0.0", "https://e.org/a", "sha256:bb"),
            RegistryChangeKind::VersionRewritten,
        ),
        (
            text("1.0.0", "https://e.org/b", "sha256:bb"),
            RegistryChangeKind::VersionRewritten,
        ),
    ];
    for (new, kind) in rows {
        let mut changes = RegistryChanges::default();
        compare_packs(&entry(&old).unwrap(), &entry(&new).unwrap(), &mut changes);
        let found: Vec<_> = changes.sorted().into_iter().map(|c| c.kind).collect();
        assert_eq!(found, [kind], "{}", new.get());
    }
}
