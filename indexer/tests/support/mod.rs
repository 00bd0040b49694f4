//! What the tests of the indexer share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each test binary uses a part; a step that fails fails its test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attune_indexer::BuildOptions;
use pack_format::{ArchiveDigest, Timestamp};

/// The folder a test variable names; says so when it is not set.
pub(crate) fn folder(variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let folder = std::env::var_os(variable).map(PathBuf::from);
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    if folder.is_none() {
        println!("skipped: {variable} is not set");
    }
    folder
}

/// Options of a hosted registry at a fixed time.
pub(crate) fn options(inputs: &[PathBuf], out: &Path) -> BuildOptions {
    BuildOptions {
        inputs: inputs.to_vec(),
        only: Vec::new(),
        patches: Vec::new(),
        out: out.to_owned(),
        name: Some("Test Registry".to_owned()),
        base_url: Some("https://packs.example.org/".to_owned()),
        development_url: "http://127.0.0.1:8470/".to_owned(),
        skip_invalid: false,
        dev: false,
        now: Timestamp::from_unix(1_700_000_000),
        templates: None,
        archive_time: 0,
        lock_timeout: Duration::ZERO,
    }
}

/// Writes a small valid pack, with `extra` lines in its manifest.
pub(crate) fn write_pack(directory: &Path, pack_ref: &str, version: &str, extra: &str) {
    fs::create_dir_all(directory.join("actions")).unwrap();
    fs::write(
        directory.join("pack.yaml"),
        format!("ref: {pack_ref}\nlabel: {pack_ref}\nversion: \"{version}\"\n{extra}"),
    )
    .unwrap();
    fs::write(
        directory.join("actions/run.yaml"),
        format!(
            "ref: {pack_ref}.run\ndescription: Runs\nrunner_type: shell\nentry_point: run.sh\n"
        ),
    )
    .unwrap();
    fs::write(directory.join("actions/run.sh"), "#!/bin/sh\necho ok\n").unwrap();
    fs::write(directory.join("README.md"), format!("# {pack_ref}\n")).unwrap();
}

/// Every file below a directory with its digest and inode; empty if there is none.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<String, (String, u64, i64)> {
    let mut files = BTreeMap::new();
    collect(root, root, &mut files);
    files
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, (String, u64, i64)>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let digest = ArchiveDigest::of(&fs::read(&path).unwrap()).to_string();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            files.insert(name, (digest, metadata.ino(), metadata.mtime_nsec()));
        }
    }
}

/// The bytes alone: what must be equal between trees in different places.
pub(crate) fn bytes_of(root: &Path) -> BTreeMap<String, String> {
    snapshot(root)
        .into_iter()
        .map(|(name, (digest, ..))| (name, digest))
        .collect()
}
