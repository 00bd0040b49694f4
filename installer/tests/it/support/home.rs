//! `Home`: a packs directory and what is done to it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attune_installer::{
    ChangeSettings, DetectOptions, Failpoints, InstallError, InstallReport, InstallRequest,
    Installer, Replace, Source,
};
use pack_client::{ClientSettings, Registries, RegistryConfig};
use pack_format::{ArchiveDigest, Timestamp};
use tempfile::TempDir;

/// Keeps warnings.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) warnings: Mutex<Vec<String>>,
    pub(crate) restarts: AtomicUsize,
}

impl pack_client::Reporter for Log {
    fn download_restarted(&self, _: &str) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    fn warning(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

impl attune_installer::Reporter for Log {}

pub(crate) struct Home {
    dir: Option<TempDir>,
    pub(crate) base: PathBuf,
    pub(crate) log: Log,
    pub(crate) now: i64,
    pub(crate) failpoints: Failpoints,
    pub(crate) lock_timeout: Duration,
    pub(crate) replace: Replace,
    pub(crate) dependencies: attune_installer::Dependencies,
    pub(crate) checksum: Option<pack_format::Checksum>,
    registries: Vec<RegistryConfig>,
    tune: fn(&mut ClientSettings),
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("packs");
        let mut home = Self::at(base);
        home.dir = Some(dir);
        home
    }

    pub(crate) fn at(base: PathBuf) -> Self {
        Self {
            dir: None,
            base,
            log: Log::default(),
            now: 1_800_000_000,
            failpoints: Failpoints::default(),
            lock_timeout: Duration::from_mins(1),
            replace: Replace::Keep,
            dependencies: attune_installer::Dependencies::Install,
            checksum: None,
            registries: Vec::new(),
            tune: |_| {},
        }
    }

    pub(crate) fn registry(mut self, url: &str) -> Self {
        self.registries.push(RegistryConfig::new(url));
        self
    }

    pub(crate) fn config(mut self, config: RegistryConfig) -> Self {
        self.registries.push(config);
        self
    }

    /// Changes how registries are talked to.
    pub(crate) fn tune(mut self, tune: fn(&mut ClientSettings)) -> Self {
        self.tune = tune;
        self
    }

    pub(crate) fn installer(&self, command: &str) -> Installer<'_> {
        let mut settings = ChangeSettings::new(Timestamp::from_unix(self.now), "tester", command);
        settings.failpoints = self.failpoints.clone();
        settings.lock_timeout = self.lock_timeout;
        Installer::new(&self.base, settings, &self.log)
    }

    pub(crate) fn registries(&self) -> Registries {
        let mut settings = ClientSettings::new(Timestamp::from_unix(self.now));
        settings.cache_directory = Some(self.base.join(".attune/cache"));
        settings.retry_pause = Duration::ZERO;
        settings.retry_pause_max = Duration::ZERO;
        (self.tune)(&mut settings);
        Registries::new(self.registries.clone(), settings)
    }

    pub(crate) fn install(&self, sources: &[&str]) -> Result<InstallReport, InstallError> {
        let request = InstallRequest {
            sources: sources
                .iter()
                .map(|text| Source::detect(text, &DetectOptions::default()).unwrap())
                .collect(),
            checksum: self.checksum.clone(),
            dependencies: self.dependencies,
            replace: self.replace,
            mismatch: attune_installer::Mismatch::Refuse,
        };
        let command = format!("pack install {}", sources.join(" "));
        self.installer(&command)
            .install(&request, &self.registries())
    }

    /// `ref@version` of everything that is installed.
    pub(crate) fn packs(&self) -> Vec<String> {
        let state = self.installer("").list().unwrap();
        state
            .packs
            .values()
            .map(|record| format!("{}@{}", record.pack_ref, record.version))
            .collect()
    }

    /// What a user of a pack reads.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.base.join(path)).ok()
    }

    /// Asserts that everything installed is as it was installed.
    #[track_caller]
    pub(crate) fn verify_clean(&self) {
        for pack in self.installer("").verify(&[]).unwrap() {
            assert!(pack.problems.is_empty(), "{pack:?}");
        }
    }

    /// Every path below the packs directory with its mode and contents, but the cache and the lock.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        walk(&self.base, &self.base, &mut found);
        found
    }

    /// Asserts that installing is refused, changes nothing, and says `expected` somewhere in its chain.
    #[track_caller]
    pub(crate) fn refuses(&self, sources: &[&str], expected: &str) -> InstallError {
        let before = self.snapshot();
        let error = self.install(sources).unwrap_err();
        let text = chain(&error);
        assert!(text.contains(expected), "{text}");
        let after = self.snapshot();
        for (path, content) in &after {
            // The frame of an empty packs directory may come into being.
            let frame = content.starts_with("directory")
                && path.starts_with(".attune")
                && path.matches('/').count() < 2;
            assert!(
                frame || before.get(path) == Some(content),
                "{path} is new or other"
            );
        }
        for path in before.keys() {
            assert!(after.contains_key(path), "{path} is gone");
        }
        error
    }
}

/// An error with its causes, as one text.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if matches!(name.as_str(), ".attune/cache" | ".attune/lock") {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode();
        let content = if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if metadata.is_dir() {
            walk(root, &path, found);
            format!("directory {mode:o}")
        } else {
            format!("{mode:o} {}", ArchiveDigest::of(&fs::read(&path).unwrap()))
        };
        found.insert(name, content);
    }
}
