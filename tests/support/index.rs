//! Index files for tests, and the rules every written one obeys.

use std::fs;

use pack_format::index;
use pack_format::url_policy::UrlPolicy;
use serde_json::{Value, json};

use super::Place;

/// An index with these entries, as loose as older tools wrote it.
pub(crate) fn index(name: &str, entries: &[Value]) -> String {
    json!({
        "packs": entries,
        "registry_name": name,
        "registry_url": "https://packs.example.org/",
        "version": "1.0",
        "last_updated": "2026-01-01T00:00:00Z",
    })
    .to_string()
}

/// A valid entry; its archive's checksum depends on what it says.
pub(crate) fn entry(pack_ref: &str, version: &str, repository: &str) -> Value {
    let text = format!("{pack_ref}{version}{repository}");
    let checksum = pack_format::ArchiveDigest::of(text.as_bytes()).to_string();
    json!({
        "ref": pack_ref,
        "label": pack_ref,
        "description": "d",
        "version": version,
        "author": "a",
        "license": "MIT",
        "repository": repository,
        "install_sources": [{
            "type": "archive",
            "url": format!("https://example.org/{pack_ref}-{version}.tar.gz"),
            "checksum": checksum,
        }],
    })
}

/// The index in `bytes`, which must obey every rule of the published format and be in its one written form.
#[track_caller]
pub(crate) fn conforming(bytes: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(bytes).unwrap();
    let members: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "registry_name",
            "registry_url",
            "version",
            "last_updated",
            "packs"
        ]
    );
    let read = index::read(bytes, UrlPolicy::PUBLIC).unwrap();
    assert_eq!(read.problems, []);
    assert_eq!(index::violations(&read.index), Vec::<String>::new());
    let written = pack_format::canonical::to_bytes(&read.index).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(bytes)
    );
    for pack in value["packs"].as_array().unwrap() {
        entry_conforms(pack);
    }
    value
}

/// What readers that know no more than the published schema check.
#[track_caller]
fn entry_conforms(pack: &Value) {
    const REQUIRED: [&str; 10] = [
        "ref",
        "label",
        "description",
        "version",
        "author",
        "license",
        "keywords",
        "runtime_deps",
        "install_sources",
        "contents",
    ];
    const OPTIONAL: [&str; 6] = [
        "use_case",
        "email",
        "homepage",
        "repository",
        "dependencies",
        "meta",
    ];
    let members: Vec<&str> = pack
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members[..10], REQUIRED);
    assert!(
        members[10..].iter().all(|m| OPTIONAL.contains(m)),
        "{members:?}"
    );
    let kinds: Vec<&String> = pack["contents"].as_object().unwrap().keys().collect();
    assert_eq!(
        kinds,
        ["actions", "sensors", "triggers", "rules", "workflows"]
    );
    for list in pack["contents"].as_object().unwrap().values() {
        for item in list.as_array().unwrap() {
            assert!(
                item["name"].is_string() && item["description"].is_string(),
                "{item}"
            );
        }
    }
    for source in pack["install_sources"].as_array().unwrap() {
        let members: Vec<&String> = source.as_object().unwrap().keys().collect();
        if source["type"] == "git" {
            assert_eq!(members, ["type", "url", "ref", "checksum"]);
        } else {
            assert_eq!(members, ["type", "url", "checksum"]);
        }
        let checksum = source["checksum"].as_str().unwrap();
        assert!(
            checksum.starts_with("sha256:") && checksum.len() == 71,
            "{checksum}"
        );
    }
}

/// Writes an index of these entries.
pub(crate) fn write(place: &Place, file: &str, name: &str, entries: &[Value]) {
    fs::write(place.path(file), index(name, entries)).unwrap();
}

/// The index in a file, which must obey the rules.
#[track_caller]
pub(crate) fn read(place: &Place, file: &str) -> Value {
    conforming(&fs::read(place.path(file)).unwrap())
}

/// `ref@version` of each entry.
pub(crate) fn versions(index: &Value) -> Vec<String> {
    let packs = index["packs"].as_array().unwrap().iter();
    packs
        .map(|p| {
            format!(
                "{}@{}",
                p["ref"].as_str().unwrap(),
                p["version"].as_str().unwrap()
            )
        })
        .collect()
}
