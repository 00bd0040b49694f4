//! What every part of a check shares: the registry, what was found so far, what was looked at.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pack_check::{Diagnostic, Findings, Rule};
use pack_format::limits::{MAX_DOCUMENT_BYTES, MAX_INDEX_FILE_BYTES};
use registry_tree::layout;

use super::rules;
use super::source::RegistrySource;
use super::{CheckOptions, LookedAt, RegistryCheckError, RegistryChecked};

/// A check under way.
pub(super) struct Context<'a> {
    pub(super) source: &'a dyn RegistrySource,
    pub(super) options: CheckOptions,
    pub(super) packs: AtomicU64,
    pub(super) versions: AtomicU64,
    pub(super) archives: AtomicU64,
    pub(super) archive_bytes: AtomicU64,
    pub(super) git_sources: AtomicU64,
    pub(super) files: Mutex<Option<u64>>,
    findings: Mutex<Findings>,
    mismatch: AtomicBool,
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl<'a> Context<'a> {
    pub(super) fn new(source: &'a dyn RegistrySource, options: CheckOptions) -> Self {
        Self {
            source,
            options,
            packs: AtomicU64::new(0),
            versions: AtomicU64::new(0),
            archives: AtomicU64::new(0),
            archive_bytes: AtomicU64::new(0),
            git_sources: AtomicU64::new(0),
            files: Mutex::new(None),
            findings: Mutex::new(Findings::default()),
            mismatch: AtomicBool::new(false),
        }
    }

    pub(super) fn add(&self, diagnostic: Diagnostic) {
        if rules::is_verification(diagnostic.rule) {
            self.mismatch.store(true, Ordering::Relaxed);
        }
        self.findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(diagnostic);
    }

    /// Adds a breach by the whole of `file`.
    pub(super) fn breach(&self, rule: Rule, file: &str, message: impl Into<String>) {
        self.add(Diagnostic::new(rule, file, message));
    }

    /// Whether there is a `registry.json`.
    pub(super) fn is_tree(&self, registry: &str) -> Result<bool, RegistryCheckError> {
        match self.source.file(layout::REGISTRY, MAX_DOCUMENT_BYTES) {
            Ok(file) => Ok(file.is_some()),
            Err(reason) => Err(RegistryCheckError::Unreadable {
                registry: registry.to_owned(),
                file: layout::REGISTRY.to_owned(),
                reason,
            }),
        }
    }

    /// The bytes of the index; `None` where there is none.
    pub(super) fn index_bytes(
        &self,
        registry: &str,
        file: &str,
    ) -> Result<Option<Vec<u8>>, RegistryCheckError> {
        self.read(file, MAX_INDEX_FILE_BYTES)
            .map_err(|reason| RegistryCheckError::Unreadable {
                registry: registry.to_owned(),
                file: file.to_owned(),
                reason,
            })
    }

    /// The bytes of a document, which must be there; what is wrong with it is told.
    pub(super) fn document(&self, path: &str) -> Option<Vec<u8>> {
        match self.read(path, MAX_DOCUMENT_BYTES) {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => {
                self.breach(rules::FILE_MISSING, path, "it is not there");
                None
            }
            Err(reason) => {
                self.breach(rules::FILE_UNREADABLE, path, reason);
                None
            }
        }
    }

    /// The bytes of a file; `None` where there is none.
    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
        let Some(body) = self.source.file(path, limit)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        body.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| e.to_string())?;
        if bytes.len() as u64 > limit {
            return Err(format!("it is larger than {limit} bytes"));
        }
        Ok(Some(bytes))
    }

    pub(super) fn finish(self, format: u32) -> RegistryChecked {
        let findings = self.findings.into_inner();
        RegistryChecked {
            checked: findings.unwrap_or_else(PoisonError::into_inner).finish(),
            looked_at: LookedAt {
                format,
                packs: self.packs.into_inner(),
                versions: self.versions.into_inner(),
                archives: self.archives.into_inner(),
                archive_bytes: self.archive_bytes.into_inner(),
                git_sources: self.git_sources.into_inner(),
                files: self
                    .files
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner),
            },
            mismatch: self.mismatch.into_inner(),
        }
    }
}
