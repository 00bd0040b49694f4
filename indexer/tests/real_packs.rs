//! Every real pack, judged; when `ATTUNE_TEST_REAL_PACKS` names their folder.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use attune_indexer::{BuildReport, build};
use pack_format::documents::PackDocument;
use pack_format::index;
use pack_format::url_policy::UrlPolicy;
use serde_json::Value;
use support::{options, snapshot};

/// The packs that are refused, and a part of the reason. Every other pack is accepted.
const REFUSED: [(&str, &str); 10] = [
    ("attune-splunk", "the ref `splunk` is claimed by"),
    ("st2x-splunk", "the ref `splunk` is claimed by"),
    ("attunesrc-core-20260204", "the ref `core` is claimed by"),
    ("st2core-core", "the ref `core` is claimed by"),
    (
        "st2fix-dummy_pack_10",
        "`core=0.2.0` is not a pack dependency",
    ),
    (
        "st2fix-dummy_pack_12",
        "`0.1.2.3.4` is not a SemVer version",
    ),
    ("st2fix-dummy_pack_14", "`dummy pack 14` is not a pack ref"),
    ("st2fix-dummy_pack_18", "`Dummy Pack 18` is not a pack ref"),
    // Not foreseen: both carry an empty `actions/invalid.yaml`, which is no component.
    (
        "st2fix-dummy_pack_4",
        "actions/invalid.yaml`, line 1: it is empty",
    ),
    (
        "st2fix-pack_invalid_requirements",
        "actions/invalid.yaml`, line 1: it is empty",
    ),
];

fn build_all(folder: &Path, out: &Path) -> BuildReport {
    let mut options = options(&[folder.join("packs")], out);
    options.skip_invalid = true;
    build(&options, |_| {}).unwrap()
}

/// 44 verdicts (42 of them as written down before the first run), digests as published, an index that obeys its rules.
#[test]
fn real_packs_get_their_verdicts_and_digests() {
    let Some(folder) = support::folder("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tree");
    let report = build_all(&folder, &out);
    let mut wrong = Vec::new();
    for verdict in &report.packs {
        let name = verdict
            .directory
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let expected = REFUSED.iter().find(|(refused, _)| *refused == name);
        let shown = match &verdict.outcome {
            Ok(word) => format!("accepted ({word})"),
            Err(error) => format!("refused: {error}"),
        };
        println!("{name:<50} {shown}");
        match (&verdict.outcome, expected) {
            (Ok(_), None) => {}
            (Err(error), Some((_, part))) if error.to_string().contains(part) => {}
            _ => wrong.push(format!("{name}: {shown}")),
        }
    }
    assert_eq!(report.packs.len(), 44);
    assert!(wrong.is_empty(), "{wrong:#?}");
    check_digests(&folder, &out, &report);
    check_index(&out, 44 - REFUSED.len());
}

fn check_digests(folder: &Path, out: &Path, report: &BuildReport) {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let published: BTreeMap<&str, &str> = manifest["packs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let digest = p["dataonly"]["attune_pack_file_v1"].as_str().unwrap();
            (p["name"].as_str().unwrap(), digest)
        })
        .collect();
    for verdict in &report.packs {
        let Some((pack_ref, version)) = &verdict.pack else {
            continue;
        };
        let name = verdict.directory.file_name().unwrap().to_str().unwrap();
        let document = std::fs::read(out.join(format!("packs/{pack_ref}.json"))).unwrap();
        let document: PackDocument = serde_json::from_slice(&document).unwrap();
        let built = document
            .versions
            .iter()
            .find(|v| v.version == *version)
            .unwrap();
        assert_eq!(built.tree.unwrap().to_string(), published[name], "{name}");
    }
}

fn check_index(out: &Path, packs: usize) {
    let bytes = std::fs::read(out.join("index.json")).unwrap();
    let read = index::read(&bytes, UrlPolicy::PUBLIC).unwrap();
    assert_eq!(read.problems, []);
    assert_eq!(index::violations(&read.index), Vec::<String>::new());
    assert_eq!(read.index.packs.len(), packs);
    assert_eq!(
        pack_format::canonical::to_bytes(&read.index).unwrap(),
        bytes
    );
}

/// A second build of the same packs writes no file, in the tree or beside it.
#[test]
fn second_build_of_real_packs_writes_nothing() {
    let Some(folder) = support::folder("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tree");
    build_all(&folder, &out);
    let before = snapshot(&out);
    let again = build_all(&folder, &out);
    assert_eq!(again.changes.files_written, 0);
    assert_eq!((again.changes.added, again.changes.updated), (0, 0));
    assert_eq!(snapshot(&out), before);
}
