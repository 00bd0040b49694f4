//! `TestRegistry`: a registry tree of both formats, written by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pack_format::documents::{
    ArchiveRecord, Components, FORMAT, PackDocument, PackPointer, PacksDocument, RegistryDocument,
    VersionDocument, Yank,
};
use pack_format::entry::Dependencies;
use pack_format::{ArchiveDigest, PackRef, Timestamp, canonical};
use serde_json::json;
use tempfile::TempDir;

use super::Pack;

pub(crate) struct TestRegistry {
    dir: TempDir,
    versions: BTreeMap<String, Vec<VersionDocument>>,
    entries: BTreeMap<String, serde_json::Value>,
    base_url: String,
}

impl TestRegistry {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            versions: BTreeMap::new(),
            entries: BTreeMap::new(),
            base_url: "https://packs.example.org/".to_owned(),
        }
    }

    /// A registry with these packs, ready for use.
    pub(crate) fn with(packs: &[Pack]) -> Self {
        let mut registry = Self::new();
        for pack in packs {
            registry.add(pack);
        }
        registry.publish();
        registry
    }

    pub(crate) fn base_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.base_url);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    pub(crate) fn archive_path(name: &str, version: &str) -> String {
        format!("archives/{name}/{name}-{version}.tar.gz")
    }

    pub(crate) fn add(&mut self, pack: &Pack) {
        self.add_as(pack, &pack.name.clone(), &pack.version.clone());
    }

    /// Lists a pack under another identity than its manifest has.
    pub(crate) fn add_as(&mut self, pack: &Pack, name: &str, version: &str) {
        let archive = pack.archive();
        let path = Self::archive_path(name, version);
        let target = self.path().join(&path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, &archive).unwrap();
        let (tree, store_key) = pack.digests();
        let digest = ArchiveDigest::of(&archive);
        let needs: Vec<_> = pack.needs.iter().map(|n| n.parse().unwrap()).collect();
        let document = VersionDocument {
            version: version.parse().unwrap(),
            published_at: Timestamp::from_unix(1_700_000_000),
            published_by: None,
            yanked: None,
            taken_down: None,
            label: format!("{name} pack"),
            description: format!("Does {name} things"),
            use_case: None,
            author: "Tester".to_owned(),
            email: None,
            license: "MIT".to_owned(),
            homepage: None,
            repository: None,
            keywords: vec!["testing".to_owned()],
            runtime_deps: Vec::new(),
            dependencies: (!needs.is_empty()).then(|| Dependencies {
                packs: needs,
                ..Dependencies::default()
            }),
            python: None,
            nodejs: None,
            archive: Some(ArchiveRecord {
                path: path.clone(),
                checksum: digest,
                size_bytes: archive.len() as u64,
            }),
            icon: None,
            install_sources: Vec::new(),
            given_sources: Vec::new(),
            patches: Vec::new(),
            tree: Some(tree),
            store_key: Some(store_key),
            file_count: pack.files.len() as u64,
            unpacked_bytes: 0,
            components: Components::default(),
            configuration: Vec::new(),
            meta: BTreeMap::new(),
        };
        let versions = self.versions.entry(name.to_owned());
        versions.or_default().push(document);
        self.entries.insert(
            name.to_owned(),
            json!({
                "ref": name, "label": format!("{name} pack"), "description": format!("Does {name} things"),
                "version": version, "author": "Tester", "license": "MIT", "keywords": ["testing"],
                "runtime_deps": [], "contents": {},
                "install_sources": [{"type": "archive", "url": format!("{}{path}", self.base_url), "checksum": digest.to_string()}],
                "dependencies": {"packs": pack.needs},
            }),
        );
    }

    pub(crate) fn yank(&mut self, name: &str, version: &str) {
        for document in self.versions.get_mut(name).unwrap() {
            if document.version.to_string() == version {
                document.yanked = Some(Yank {
                    reason: "broken".to_owned(),
                    at: Timestamp::from_unix(1_700_000_001),
                    on_tree: false,
                });
            }
        }
    }

    /// Changes what a version's document says.
    pub(crate) fn tamper(&mut self, name: &str, change: impl FnOnce(&mut VersionDocument)) {
        change(self.versions.get_mut(name).unwrap().last_mut().unwrap());
    }

    /// Writes the documents.
    pub(crate) fn publish(&mut self) {
        let now = Timestamp::from_unix(1_700_000_000);
        let mut packs = BTreeMap::new();
        fs::create_dir_all(self.path().join("docs")).unwrap();
        for (name, versions) in &mut self.versions {
            versions.sort_by(|a, b| b.version.cmp(&a.version));
            let pack_ref: PackRef = name.parse().unwrap();
            let document = PackDocument {
                format: FORMAT,
                pack_ref: pack_ref.clone(),
                deprecated: None,
                owners: Vec::new(),
                downloads: None,
                versions: versions.clone(),
            };
            let bytes = canonical::to_bytes(&document).unwrap();
            let digest = ArchiveDigest::of(&bytes);
            let newest = document.newest().unwrap();
            let pointer = PackPointer {
                version: newest.version.clone(),
                published_at: now,
                document: digest,
            };
            fs::write(
                self.dir.path().join(pointer.document_path(&pack_ref)),
                &bytes,
            )
            .unwrap();
            packs.insert(pack_ref, pointer);
        }
        let registry = RegistryDocument {
            format: FORMAT,
            name: "Test Registry".to_owned(),
            description: String::new(),
            url: None,
            archive_base_url: "./".to_owned(),
            updated_at: now,
            pack_count: packs.len() as u64,
            version_count: 0,
            component_counts: BTreeMap::new(),
            capabilities: Vec::new(),
        };
        let index = json!({
            "registry_name": "Test Registry", "registry_url": self.base_url, "version": "1.0",
            "last_updated": now.to_string(), "packs": self.entries.values().collect::<Vec<_>>(),
        });
        let write = |name: &str, bytes: Vec<u8>| fs::write(self.path().join(name), bytes).unwrap();
        write("index.json", canonical::to_bytes(&index).unwrap());
        let document = PacksDocument {
            format: FORMAT,
            updated_at: now,
            packs,
        };
        write("packs.json", canonical::to_bytes(&document).unwrap());
        write("registry.json", canonical::to_bytes(&registry).unwrap());
    }

    /// Leaves the index alone: format 1.
    pub(crate) fn forget_format_2(&self) {
        for name in ["registry.json", "packs.json"] {
            fs::remove_file(self.path().join(name)).unwrap();
        }
    }
}
