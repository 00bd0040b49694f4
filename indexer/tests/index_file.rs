//! Properties of merging and updating index files.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use attune_indexer::index_file::merge::{MergeOptions, MergeOutput, Merged, OnShadow, Overwrite};
use attune_indexer::index_file::text::{Given, IndexText, Invalid};
use pack_format::index;
use pack_format::url_policy::UrlPolicy;
use pack_format::{Timestamp, Version};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

/// Versions whose order as texts is not their order.
const VERSIONS: [&str; 8] = [
    "1.0.0-alpha",
    "1.0.0-rc.2",
    "1.0.0-rc.10",
    "1.0.0",
    "1.9.0",
    "1.10.0",
    "9.0.0",
    "10.0.0",
];

/// What an entry says depends on its ref and version alone.
fn entry(name: &str, version: &str) -> String {
    let checksum = pack_format::ArchiveDigest::of(format!("{name}{version}").as_bytes());
    format!(
        r#"{{"ref":"{name}","version":"{version}","repository":"https://e.org/{name}","install_sources":[{{"type":"archive","url":"https://e.org/{name}-{version}.tar.gz","checksum":"{checksum}"}}]}}"#
    )
}

fn input(name: &str, packs: &BTreeMap<String, &str>) -> IndexText {
    // In the wrong order, as a tool may have written it.
    let entries: Vec<String> = packs
        .iter()
        .rev()
        .map(|(name, version)| entry(name, version))
        .collect();
    let text = format!(
        r#"{{"registry_name":"R","registry_url":"https://e.org/","last_updated":"2026-01-01","packs":[{}]}}"#,
        entries.join(",")
    );
    IndexText::new(name.to_owned(), text.into_bytes())
}

fn run(inputs: &[IndexText], output: &Path) -> Merged {
    let options = MergeOptions {
        output: output.to_owned(),
        overwrite: Overwrite::Replace,
        on_shadow: OnShadow::Newest,
        invalid: Invalid::Refuse,
        given: Given::default(),
        now: Timestamp::from_unix(1_700_000_000),
        lock_timeout: Duration::ZERO,
    };
    MergeOutput::open(&options, || {})
        .unwrap()
        .merge(inputs)
        .unwrap()
}

fn packs() -> impl Strategy<Value = BTreeMap<String, &'static str>> {
    let name = "[a-d]{1,2}";
    let version = any::<Pick>().prop_map(|pick| *pick.get(&VERSIONS));
    proptest::collection::btree_map(name, version, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// In any order the same bytes: of each ref the newest version by precedence, sorted, valid, counted.
    #[test]
    fn merge_is_the_newest_of_each_in_any_order(
        sets in proptest::collection::vec(packs(), 1..4),
        turn in any::<Pick>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut expected: BTreeMap<String, Version> = BTreeMap::new();
        for (name, version) in sets.iter().flatten() {
            let version: Version = version.parse().unwrap();
            let best = expected.entry(name.clone()).or_insert_with(|| version.clone());
            *best = best.clone().max(version);
        }
        let mut inputs: Vec<IndexText> =
            sets.iter().enumerate().map(|(i, set)| input(&format!("{i}.json"), set)).collect();
        let output = dir.path().join("merged.json");
        let merged = run(&inputs, &output);
        let total: usize = sets.iter().map(BTreeMap::len).sum();
        prop_assert_eq!(merged.total_loaded, total);
        prop_assert_eq!(merged.unique_packs, expected.len());
        prop_assert_eq!(merged.shadowed.len(), total - expected.len());
        prop_assert!(merged.warnings.iter().all(|w| w.contains("pre-release")), "{:?}", merged.warnings);
        let bytes = fs::read(&output).unwrap();
        let read = index::read(&bytes, UrlPolicy::PUBLIC).unwrap();
        prop_assert_eq!(index::violations(&read.index), Vec::<String>::new());
        let found: BTreeMap<String, Version> = read
            .index
            .packs
            .iter()
            .map(|pack| (pack.pack_ref.to_string(), pack.version.clone()))
            .collect();
        prop_assert_eq!(found, expected);
        inputs.rotate_left(turn.index(sets.len()));
        prop_assert!(!run(&inputs, &output).written);
        // Merging what was merged changes nothing.
        let again = [IndexText::read(&output).unwrap()];
        prop_assert!(!run(&again, &output).written);
        prop_assert_eq!(fs::read(&output).unwrap(), bytes);
    }
}
