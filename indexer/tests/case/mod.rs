//! One registry in a folder of its own: packs, tree, and what a build of it must give.

#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses a part; a step that fails fails its test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use attune_indexer::{BuildError, BuildOptions, BuildReport, build};
use pack_format::documents::PackDocument;
use tempfile::TempDir;

use crate::support::{options, snapshot, write_pack};

pub(crate) struct Case {
    dir: TempDir,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn packs(&self) -> PathBuf {
        self.dir.path().join("packs")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    pub(crate) fn pack(&self, directory: &str, pack_ref: &str, version: &str, extra: &str) {
        write_pack(&self.packs().join(directory), pack_ref, version, extra);
    }

    pub(crate) fn options(&self) -> BuildOptions {
        options(&[self.packs()], &self.out())
    }

    pub(crate) fn build(&self) -> BuildReport {
        build(&self.options(), |_| {}).unwrap()
    }

    /// Changes one byte of a file of the tree, whose time stays.
    pub(crate) fn damage(&self, path: &str) {
        let path = self.out().join(path);
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    }

    pub(crate) fn document(&self, pack_ref: &str) -> PackDocument {
        let bytes = fs::read(self.out().join(format!("packs/{pack_ref}.json"))).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    pub(crate) fn versions(&self, pack_ref: &str) -> Vec<String> {
        self.document(pack_ref)
            .versions
            .iter()
            .map(|v| v.version.to_string())
            .collect()
    }

    /// Builds, expects refusal of every pack that `parts` names, and that the tree did not change.
    pub(crate) fn refused(&self, parts: &[&str]) {
        let before = snapshot(&self.out());
        let error = build(&self.options(), |_| {}).unwrap_err();
        let BuildError::Refused { report } = &error else {
            panic!("{error}");
        };
        let reasons: Vec<String> = report
            .packs
            .iter()
            .filter_map(|v| v.outcome.as_ref().err())
            .map(ToString::to_string)
            .collect();
        assert_eq!(reasons.len(), parts.len(), "{reasons:#?}");
        for (reason, part) in reasons.iter().zip(parts) {
            assert!(reason.contains(part), "`{reason}` does not say `{part}`");
        }
        assert_eq!(snapshot(&self.out()), before);
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Builds whatever comes of it.
    pub(crate) fn build_anyway(&self) {
        let _ = build(&self.options(), |_| {});
    }
}
