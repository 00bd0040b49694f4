//! `Pack`: a pack as a list of files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pack_archive::ArchiveBuilder;
use pack_format::digest::TreeHasher;
use pack_format::{StoreKey, TreeDigest};

#[derive(Debug, Clone)]
pub(crate) struct Pack {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) needs: Vec<String>,
    pub(crate) files: BTreeMap<String, (bool, Vec<u8>)>,
}

impl Pack {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let pack = Self {
            name: name.to_owned(),
            version: version.to_owned(),
            needs: Vec::new(),
            files: BTreeMap::new(),
        };
        pack.file(
            "actions/run.sh",
            true,
            &format!("#!/bin/sh\necho {name} {version}\n"),
        )
        .file("README.md", false, &format!("# {name}\n"))
        .manifest()
    }

    pub(crate) fn file(mut self, path: &str, executable: bool, content: &str) -> Self {
        self.files
            .insert(path.to_owned(), (executable, content.as_bytes().to_vec()));
        self
    }

    pub(crate) fn needs(mut self, need: &str) -> Self {
        self.needs.push(need.to_owned());
        self.manifest()
    }

    fn manifest(self) -> Self {
        let mut text = format!(
            "ref: {}\nlabel: {} pack\ndescription: Does {} things\nversion: {}\nauthor: Tester\nkeywords: [testing]\n",
            self.name, self.name, self.name, self.version
        );
        if !self.needs.is_empty() {
            text.push_str("dependencies:\n  packs:\n");
            for need in &self.needs {
                writeln!(text, "    - \"{need}\"").unwrap();
            }
        }
        self.file("pack.yaml", false, &text)
    }

    pub(crate) fn archive(&self) -> Vec<u8> {
        self.archive_below(&format!("{}-{}", self.name, self.version))
    }

    pub(crate) fn archive_below(&self, top: &str) -> Vec<u8> {
        let mut builder = ArchiveBuilder::new(top, 0);
        for (path, (executable, content)) in &self.files {
            builder.file(path, *executable, content).unwrap();
        }
        builder.finish().unwrap()
    }

    pub(crate) fn digests(&self) -> (TreeDigest, StoreKey) {
        let mut hasher = TreeHasher::new();
        for (path, (executable, content)) in &self.files {
            hasher.file(path, *executable, content).unwrap();
        }
        hasher.finish()
    }

    pub(crate) fn write(&self, root: &Path) {
        for (path, (executable, content)) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}
