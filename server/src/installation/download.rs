//! `packs/download`: packs into a folder of the caller's, verified as an installation would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use attune_installer::{
    Dependencies, DownloadRequest, DownloadedPack, Mismatch, Reporter, Source, SourceType,
};
use pack_client::{Registries, RegistryConfig};
use pack_format::PackRef;
use pack_format::git_ref::GitRef;
use pack_fs::durable;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::body::malformed;
use super::mirrors;
use super::sources::detected;
use super::whole::Whole;
use super::workshop::{Workshop, failed, reason};
use crate::jobs::Job;
use crate::problem::Problem;

/// Seconds one source may take.
const DEFAULT_TIMEOUT: u64 = 300;

/// Most seconds that a request may give.
pub(super) const MAX_TIMEOUT: u64 = 3600;

/// Most packs of a request.
pub(super) const MAX_PACKS: usize = 1000;

/// Which packs, and where to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DownloadRequest")]
pub(super) struct Request {
    /// Refs, git URLs, archive URLs, absolute paths.
    #[schemars(length(max = MAX_PACKS))]
    packs: Vec<String>,
    /// An absolute path; each pack becomes a folder in it.
    destination_dir: String,
    /// The one registry to ask.
    registry_url: Option<String>,
    /// Branch, tag or commit for repositories that name none.
    ref_spec: Option<String>,
    /// Seconds for each pack.
    #[schemars(range(min = 1, max = MAX_TIMEOUT), extend("default" = DEFAULT_TIMEOUT))]
    timeout: Option<Whole<u64>>,
    /// `false` needs `pack_registry.allow_insecure_tls`.
    #[schemars(extend("default" = true))]
    verify_ssl: Option<bool>,
}

/// Packs that are in the folder, and those that are not.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Downloads {
    total_count: usize,
    success_count: usize,
    failure_count: usize,
    downloaded_packs: Vec<Downloaded>,
    failed_packs: Vec<Failed>,
}

/// A pack that is in the folder.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Downloaded {
    /// As the request names it.
    source: String,
    #[schemars(with = "mirrors::SourceType")]
    source_type: SourceType,
    /// Its folder.
    pack_path: PathBuf,
    #[schemars(with = "String")]
    pack_ref: PackRef,
    pack_version: String,
    /// Of a repository.
    git_commit: Option<String>,
    /// Of an archive.
    checksum: Option<String>,
}

/// A source of which nothing came.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Failed {
    /// As the request names it.
    source: String,
    error: String,
}

/// What holds for every source of a request.
#[derive(Debug)]
struct Order {
    destination: PathBuf,
    git_ref: Option<GitRef>,
    registries: Vec<RegistryConfig>,
    timeout: Duration,
    verify_ssl: bool,
    job: Arc<Job>,
    /// Packs that were put in place already.
    taken: Mutex<BTreeSet<PackRef>>,
}

impl Request {
    /// Refuses what makes no sense, whatever the state of the server.
    pub(super) fn check(&self) -> Result<(), Problem> {
        seconds(self.timeout, DEFAULT_TIMEOUT)?;
        within(self.packs.len())?;
        git_ref(self.ref_spec.as_deref()).map(drop)
    }
}

/// Branch, tag or commit of a request.
pub(super) fn git_ref(text: Option<&str>) -> Result<Option<GitRef>, Problem> {
    let git_ref = text.map(str::parse).transpose();
    git_ref.map_err(|e| malformed(&format!("`ref_spec`: {e}")))
}

/// Downloads every pack; the failure of one is no other's.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    request: Request,
    job: Arc<Job>,
) -> Result<Downloads, Problem> {
    let timeout = seconds(request.timeout, DEFAULT_TIMEOUT)?;
    let git_ref = git_ref(request.ref_spec.as_deref())?;
    job.item(0, 1);
    Reporter::planned(&*job, request.packs.len());
    let order = order(workshop, &request, (git_ref, timeout, job)).map(Arc::new);
    let mut tasks = JoinSet::new();
    for (index, text) in request.packs.iter().cloned().enumerate() {
        let (workshop, order) = (Arc::clone(workshop), order.clone());
        tasks.spawn(async move {
            let outcome = match order {
                Ok(order) => one(&workshop, &order, &text).await,
                Err(refused) => Err(refused),
            };
            (index, text, outcome)
        });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_by_key(|(index, _, _)| *index);
    let (mut downloaded, mut failures) = (Vec::new(), Vec::new());
    for (_, source, outcome) in outcomes {
        match outcome {
            Ok(pack) => downloaded.push(pack),
            Err(error) => failures.push(Failed { source, error }),
        }
    }
    Ok(Downloads {
        total_count: downloaded.len() + failures.len(),
        success_count: downloaded.len(),
        failure_count: failures.len(),
        downloaded_packs: downloaded,
        failed_packs: failures,
    })
}

/// A number of seconds of a request.
pub(super) fn seconds(given: Option<Whole<u64>>, default: u64) -> Result<Duration, Problem> {
    match given.map_or(default, |given| given.0) {
        seconds @ 1..=MAX_TIMEOUT => Ok(Duration::from_secs(seconds)),
        _ => Err(malformed(&format!(
            "`timeout` is a number of seconds from 1 to {MAX_TIMEOUT}"
        ))),
    }
}

/// Holds the number of packs of a request to [`MAX_PACKS`].
pub(super) fn within(packs: usize) -> Result<(), Problem> {
    if packs <= MAX_PACKS {
        return Ok(());
    }
    let message = format!("a request may name at most {MAX_PACKS} packs");
    Err(malformed(&message))
}

fn order(
    workshop: &Workshop,
    request: &Request,
    (git_ref, timeout, job): (Option<GitRef>, Duration, Arc<Job>),
) -> Result<Order, String> {
    let destination = workshop.roots.admit(&request.destination_dir)?;
    let verify_ssl = request.verify_ssl.unwrap_or(true);
    let mut registries = workshop.asked(request.registry_url.as_deref())?;
    if !verify_ssl {
        if !workshop.options.allow_insecure_tls {
            return Err(
                "certificates are always checked here, unless an operator sets `pack_registry.allow_insecure_tls`".to_owned(),
            );
        }
        for registry in &mut registries {
            registry.tls.verify = false;
        }
    }
    durable::create_directories(&destination).map_err(|e| reason(&e))?;
    Ok(Order {
        destination,
        git_ref,
        registries,
        timeout,
        verify_ssl,
        job,
        taken: Mutex::default(),
    })
}

async fn one(
    workshop: &Arc<Workshop>,
    order: &Arc<Order>,
    text: &str,
) -> Result<Downloaded, String> {
    let said = |problem: Problem| problem.message().to_owned();
    let turn = workshop.turn().await.map_err(said)?;
    let (place, what) = (Arc::clone(workshop), text.to_owned());
    let own = Arc::clone(order);
    let fetching = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let until = Until {
            job: &own.job,
            latest: Instant::now() + own.timeout,
        };
        let fetched = fetch(&place, (&own, &until), &what);
        // Whatever stopping led to: that it was stopped explains it.
        if fetched.is_err() && until.is_late() {
            return Err(format!(
                "it did not arrive within {} s",
                own.timeout.as_secs()
            ));
        }
        fetched
    });
    let fetched = fetching.await.map_err(|_| said(failed()))??;
    let (own, source) = (Arc::clone(order), text.to_owned());
    let putting = tokio::task::spawn_blocking(move || put(&own, source, &fetched));
    putting.await.map_err(|_| said(failed()))?
}

/// A pack that arrived beside its destination.
struct Fetched {
    kind: SourceType,
    pack: DownloadedPack,
    /// Removed with everything that is still in it.
    _staging: TempDir,
}

/// A job's reporter for one source, which has so much time.
struct Until<'j> {
    job: &'j Job,
    latest: Instant,
}

impl Until<'_> {
    fn is_late(&self) -> bool {
        Instant::now() >= self.latest
    }
}

impl pack_client::Reporter for Until<'_> {
    fn warning(&self, text: &str) {
        self.job.warning(text);
    }

    fn download_started(&self, subject: &str, size_bytes: Option<u64>) {
        self.job.download_started(subject, size_bytes);
    }

    fn download_advanced(&self, subject: &str, bytes: u64) {
        self.job.download_advanced(subject, bytes);
    }

    fn download_restarted(&self, subject: &str) {
        self.job.download_restarted(subject);
    }

    fn download_finished(&self, subject: &str) {
        self.job.download_finished(subject);
    }

    fn is_cancelled(&self) -> bool {
        self.is_late() || self.job.is_cancelled()
    }
}

impl Reporter for Until<'_> {
    fn fetching_repository(&self, url: &str, by: &str) {
        self.job.fetching_repository(url, by);
    }

    fn staged(&self, subject: &str) {
        self.job.staged(subject);
    }
}

fn fetch(
    workshop: &Workshop,
    (order, until): (&Order, &Until<'_>),
    text: &str,
) -> Result<Fetched, String> {
    let source = detected(workshop, (text, order.git_ref.as_ref()))?;
    let is_listed = matches!(source, Source::Registry { .. });
    if !order.verify_ssl && matches!(source, Source::ArchiveUrl(_) | Source::Git { .. }) {
        return Err("certificates go unchecked for registries only".to_owned());
    }
    let staging = tempfile::Builder::new()
        .prefix(".attune-download-")
        .tempdir_in(&order.destination)
        .map_err(|e| format!("cannot write to the destination: {e}"))?;
    let configs = if is_listed {
        order.registries.clone()
    } else {
        Vec::new()
    };
    let registries: Registries = workshop.registries(configs, Some(order.timeout));
    let request = DownloadRequest {
        sources: vec![source.clone()],
        checksum: None,
        dependencies: Dependencies::Skip,
        mismatch: Mismatch::Refuse,
        archives: false,
    };
    let base = &workshop.options.packs_base_dir;
    let done = workshop
        .reporting(base, &order.job, until)
        .download(&request, &registries, &staging.path().join("packs"))
        .map_err(|e| reason(&e))?;
    let pack = done.packs.into_iter().next();
    Ok(Fetched {
        kind: source.kind(),
        pack: pack.ok_or_else(|| "nothing was found there".to_owned())?,
        _staging: staging,
    })
}

/// Gives a pack its name in the destination. An older download of the same pack goes in the same step.
fn put(order: &Order, source: String, fetched: &Fetched) -> Result<Downloaded, String> {
    let pack = &fetched.pack;
    let to = order.destination.join(pack.pack_ref.as_str());
    let mut taken = order.taken.lock().unwrap_or_else(PoisonError::into_inner);
    if taken.contains(&pack.pack_ref) {
        return Err(format!(
            "another source of this request is `{}` too",
            pack.pack_ref
        ));
    }
    let flags = match to.symlink_metadata() {
        Ok(_) if is_pack(&to, &pack.pack_ref) => RenameFlags::EXCHANGE,
        Ok(_) => {
            return Err(format!(
                "`{}` is in the way: it is no download of `{}`",
                to.display(),
                pack.pack_ref
            ));
        }
        Err(_) => RenameFlags::NOREPLACE,
    };
    renameat_with(CWD, &pack.path, CWD, &to, flags)
        .map_err(|e| format!("cannot move it to `{}`: {e}", to.display()))?;
    durable::sync_directory(&order.destination).map_err(|e| reason(&e))?;
    taken.insert(pack.pack_ref.clone());
    Ok(Downloaded {
        source,
        source_type: fetched.kind,
        pack_path: to,
        pack_ref: pack.pack_ref.clone(),
        pack_version: pack.version.to_string(),
        git_commit: pack.commit.clone(),
        checksum: pack.archive_digest.as_ref().map(ToString::to_string),
    })
}

/// Whether a directory, and no link to one, holds this pack.
fn is_pack(path: &Path, pack_ref: &PackRef) -> bool {
    let is_directory = path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let manifest = path.join("pack.yaml");
    let bytes = pack_fs::limited::read(&manifest, pack_format::limits::MAX_METADATA_BYTES);
    let found = bytes
        .ok()
        .and_then(|bytes| pack_format::manifest::Manifest::parse("pack.yaml", &bytes).ok());
    is_directory && found.is_some_and(|manifest| manifest.pack_ref == *pack_ref)
}
