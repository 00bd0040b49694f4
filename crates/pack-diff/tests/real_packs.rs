//! Histories of real manifests, when `ATTUNE_TEST_REAL_PACKS` names their folder.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::path::PathBuf;

use pack_diff::compare;
use pack_format::documents::VersionDocument;
use pack_format::manifest::Manifest;

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where material is"
)]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("ATTUNE_TEST_REAL_PACKS").map(PathBuf::from);
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(folder.is_some() || !ci, "ATTUNE_TEST_REAL_PACKS is not set");
    folder
}

fn document(bytes: &[u8]) -> Option<VersionDocument> {
    let manifest = Manifest::parse("pack.yaml", bytes).ok()?;
    let empty = serde_json::json!({
        "version": manifest.version.to_string(), "published_at": "2026-01-01T00:00:00Z",
        "label": manifest.label, "author": manifest.author, "license": manifest.license,
        "file_count": 0, "unpacked_bytes": 0, "components": {},
    });
    Some(VersionDocument {
        configuration: manifest.configuration,
        dependencies: manifest.dependencies,
        python: manifest.python,
        nodejs: manifest.nodejs,
        runtime_deps: manifest.runtime_deps,
        description: manifest.description,
        keywords: manifest.keywords,
        email: manifest.email,
        ..serde_json::from_value(empty).unwrap()
    })
}

/// Every manifest of a history can be compared with every other, and both directions see as much.
#[test]
fn histories_of_real_manifests_compare_in_both_directions() {
    let Some(folder) = folder() else {
        println!("skipped: ATTUNE_TEST_REAL_PACKS is not set");
        return;
    };
    let (mut pairs, mut changes) = (0, 0);
    for pack in fs::read_dir(folder.join("manifest-history")).unwrap() {
        let documents: Vec<VersionDocument> = fs::read_dir(pack.unwrap().path())
            .unwrap()
            .filter_map(|file| document(&fs::read(file.unwrap().path()).unwrap()))
            .collect();
        for a in &documents {
            assert!(compare(a, a).is_empty());
            for b in &documents {
                let (forth, back) = (compare(a, b), compare(b, a));
                assert_eq!(forth.changes.len(), back.changes.len());
                pairs += 1;
                changes += forth.changes.len();
            }
        }
    }
    println!("{pairs} pairs, {changes} changes");
    assert!(pairs > 1000 && changes > 1000);
}
