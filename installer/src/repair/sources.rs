//! Trees anew from where they came from: the registry that lists them, then the place their record names.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;
use pack_client::{Candidate, ClientSettings, Registries};
use pack_format::git_ref::GitRef;
use pack_git::RepositoryUrl;
use url::Url;

use super::{Case, RepairError, RepairFailure};
use crate::bring::Place;
use crate::fetch::{Job, Mismatch};
use crate::install::direct_job;
use crate::installer::Installer;
use crate::record::{InstalledFrom, Record, SourceType};
use crate::session::Session;
use crate::source::Source;

/// Registries asked for packs at once.
const PARALLEL_LOOKUPS: usize = 16;

impl Installer<'_> {
    /// Fetches what a registry lists with the recorded version and files.
    pub(super) fn mend_from_registries(
        &self,
        session: &mut Session<'_>,
        cases: &mut [Case],
        registries: &Registries,
    ) -> Result<(), RepairError> {
        let pending: Vec<&mut Case> = cases
            .iter_mut()
            .filter(|case| case.is_pending() && case.record.registry.is_some())
            .collect();
        if pending.is_empty() || registries.is_empty() {
            return Ok(());
        }
        let records: Vec<&Record> = pending.iter().map(|case| &case.record).collect();
        let lookups = crate::runtime::block_on(self.reporter, || async {
            let asked = records.iter().map(|record| self.listed(record, registries));
            let stream = futures_util::stream::iter(asked).buffered(PARALLEL_LOOKUPS);
            stream.collect::<Vec<_>>().await
        });
        let lookups = lookups.map_err(RepairError::Runtime)?;
        let mut listed = Vec::new();
        let mut jobs = Vec::new();
        for (case, lookup) in pending.into_iter().zip(lookups) {
            match lookup {
                Ok(job) => {
                    listed.push(case);
                    jobs.push(job);
                }
                Err(failure) => case.failures.push(failure),
            }
        }
        self.take(session, listed, &jobs, registries.settings())
    }

    /// The job that brings a record's files from the registry that owns its ref.
    async fn listed(&self, record: &Record, registries: &Registries) -> Result<Job, RepairFailure> {
        let found = registries.find(&record.pack_ref, self.reporter).await?;
        let unlisted = || RepairFailure::Unlisted {
            subject: format!("{}@{}", record.pack_ref, record.version),
            searched: found.searched.clone(),
        };
        let (registry, listing) = found.owner.as_ref().ok_or_else(unlisted)?;
        let same = |candidate: &&Candidate| {
            candidate.version == record.version
                && candidate
                    .store_key
                    .is_none_or(|key| key == record.store_key)
        };
        let candidate = listing.candidates.iter().find(same).ok_or_else(unlisted)?;
        Ok(Job::Listed {
            registry: Arc::clone(registry),
            candidate: Box::new(candidate.clone()),
        })
    }

    /// Fetches from the places that records name.
    pub(super) fn mend_from_records(
        &self,
        session: &mut Session<'_>,
        cases: &mut [Case],
        client: &ClientSettings,
    ) -> Result<(), RepairError> {
        let mut direct = Vec::new();
        let mut jobs = Vec::new();
        for case in cases.iter_mut().filter(|case| case.is_pending()) {
            let record = &case.record;
            let source = recorded(&record.installed_from, client.allow_http);
            // A tree's own digest is compared in any case.
            let job = source.and_then(|source| direct_job(&source, record.archive_digest.clone()));
            if let Some(job) = job {
                direct.push(case);
                jobs.push(job);
            }
        }
        self.take(session, direct, &jobs, client)
    }

    /// Runs one job per case.
    fn take(
        &self,
        session: &mut Session<'_>,
        cases: Vec<&mut Case>,
        jobs: &[Job],
        client: &ClientSettings,
    ) -> Result<(), RepairError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let place = Place {
            staging: &session.new_yard()?,
            client,
            mismatch: Mismatch::Refuse,
            archives: None,
            stated_by: "record",
        };
        let outcomes = self.bring(jobs, place);
        for (case, outcome) in cases.into_iter().zip(outcomes) {
            match outcome {
                Ok(arrived) => case.accept(arrived.staged, &arrived.url),
                Err(failure) => case.failures.push(failure.into()),
            }
        }
        Ok(())
    }
}

/// The source a record names, exactly: a git source at its commit.
fn recorded(from: &InstalledFrom, allow_http: bool) -> Option<Source> {
    let url = Url::parse(&from.url).ok();
    let local: Option<PathBuf> = url
        .as_ref()
        .filter(|url| url.scheme() == "file")
        .and_then(|url| url.to_file_path().ok());
    match (from.kind, local) {
        (SourceType::Registry, _) => None,
        (SourceType::LocalDirectory, local) => local.map(Source::LocalDirectory),
        (SourceType::Archive | SourceType::LocalArchive, Some(path)) => {
            Some(Source::LocalArchive(path))
        }
        (SourceType::Archive | SourceType::LocalArchive, None) => url.map(Source::ArchiveUrl),
        (SourceType::Git, local) => Some(Source::Git {
            url: match local {
                Some(path) => RepositoryUrl::local(&path),
                None => RepositoryUrl::parse(&from.url, allow_http).ok()?,
            },
            git_ref: Some(from.commit.as_deref()?.parse::<GitRef>().ok()?),
            subdir: from.subdir.clone(),
        }),
    }
}

/// What it takes to mend a pack, for people.
pub(super) fn needs(record: &Record) -> String {
    let from = &record.installed_from;
    let digest = match (&record.archive_digest, &from.commit) {
        (Some(digest), _) => format!("archive with {digest}"),
        (None, Some(commit)) => format!("commit {commit}"),
        (None, None) => format!("files with tree digest {}", record.tree_digest),
    };
    match &record.registry {
        Some(registry) => format!(
            "{digest}, from `{}` or registry `{}`",
            from.url, registry.url
        ),
        None => format!("{digest}, from `{}`", from.url),
    }
}
