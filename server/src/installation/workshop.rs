//! Where the work of requests is done: on threads of their own, a few at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune_installer::{ChangeSettings, Installer, Reporter};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use pack_client::{ClientSettings, Registries, RegistryConfig, Silent};
use pack_format::manifest::Manifest;
use pack_format::{Hint, PackRef, error_chain, limits};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::indices::{Index, Indices};
use super::options::InstallationOptions;
use super::paths::Roots;
use super::projection;
use super::vault::Vault;
use crate::clock::now;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::state::State;

/// The registry of the platform, which is asked where none is configured.
const DEFAULT_REGISTRY: &str = "https://registry.attune.io/index.json";

/// Pieces of work at once.
const AT_ONCE: usize = 4;

/// Requests that make no jobs and may wait for their turn or have it.
const MOST_REQUESTS: usize = 64;

/// Longest wait of a job for another one, or another process, that changes the same packs. It can be called off.
const LOCK_TIMEOUT: Duration = Duration::from_hours(1);

static REPORTER: Silent = Silent;

/// Everything that requests are worked on with.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) options: InstallationOptions,
    pub(super) roots: Roots,
    pub(super) indices: Indices,
    pub(super) vault: Arc<Vault>,
    places: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    /// Held by whoever brings the database up to date.
    pub(super) recording: Mutex<()>,
    /// Held by whoever changes the configuration of a pack.
    pub(super) configuring: Mutex<()>,
}

impl Workshop {
    pub(super) fn new(options: InstallationOptions, indices: Indices, vault: Arc<Vault>) -> Self {
        let mut folders = options.roots.clone();
        folders.push(options.packs_base_dir.clone());
        Self {
            options,
            roots: Roots::new(folders),
            indices,
            vault,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            requests: Arc::new(Semaphore::new(MOST_REQUESTS)),
            recording: Mutex::default(),
            configuring: Mutex::default(),
        }
    }

    /// Lets a request in, unless too many wait already.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let entered = Arc::clone(&self.requests).try_acquire_owned();
        entered.map_err(|_| {
            let message = "too many requests wait for their turn";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
                .with(RETRY_AFTER, HeaderValue::from_static("5"))
        })
    }

    /// Waits for a turn; it lasts as long as the permit is held.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = Arc::clone(&self.places).acquire_owned().await;
        turn.map_err(|_| failed())
    }

    /// Does `work` when it is its turn.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let workshop = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&workshop)
        });
        done.await.map_err(|_| failed())
    }

    /// For a change of the packs in `base` that `job` makes, hears of, and can be called off by.
    pub(super) fn installer<'j>(&self, base: &Path, job: &'j Job) -> Installer<'j> {
        self.reporting(base, job, job)
    }

    /// The same with another reporter.
    pub(super) fn reporting<'r>(
        &self,
        base: &Path,
        job: &Job,
        reporter: &'r dyn Reporter,
    ) -> Installer<'r> {
        let mut change = ChangeSettings::new(now(), job.account(), job.command());
        change.lock_timeout = LOCK_TIMEOUT;
        change.retention = self.options.retention;
        Installer::new(base, change, reporter)
            .with_policy(self.options.policy.clone())
            .with_git(self.options.git.clone())
    }

    /// Writes to the database what is active of these packs, whoever made it so. Whoever writes last has seen what was
    /// active last.
    pub(super) async fn record(
        &self,
        database: &State,
        base: &Path,
        refs: Vec<PackRef>,
    ) -> Result<(), String> {
        let _alone = self.recording.lock().await;
        let place = base.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            let installed = reader(&place).list().map_err(|e| reason(&e))?;
            let of = |pack_ref: PackRef| match installed.packs.get(&pack_ref) {
                Some(record) => Ok((pack_ref, Some(projection::of(&place, record)?))),
                None => Ok((pack_ref, None)),
            };
            refs.into_iter().map(of).collect::<Result<Vec<_>, String>>()
        });
        let packs = read.await.map_err(|e| e.to_string())??;
        let base = base.display().to_string();
        for (pack_ref, pack) in packs {
            let written = match pack {
                Some(pack) => database.register(&pack, now()).await,
                None => database.unregister(&base, pack_ref.as_str()).await,
            };
            written.map_err(|e| reason(&e))?;
        }
        Ok(())
    }

    /// These registries, talked to for at most `timeout` per document.
    pub(super) fn registries(
        &self,
        configs: Vec<RegistryConfig>,
        timeout: Option<Duration>,
    ) -> Registries {
        let mut client = ClientSettings {
            now: now(),
            ..self.options.client.clone()
        };
        if let Some(timeout) = timeout {
            client.timeout = client.timeout.min(timeout);
        }
        Registries::new(configs, client)
    }

    /// The registries that are asked where a request names none: those of the configuration and those that are managed.
    pub(super) fn configured(&self) -> Vec<RegistryConfig> {
        let mut configs = self.options.registries.clone();
        configs.extend(self.indices.all().iter().map(Index::config));
        configs
    }

    /// The registry a request names, else those of the configuration, else the platform's.
    pub(super) fn asked(&self, url: Option<&str>) -> Result<Vec<RegistryConfig>, String> {
        let configured = self.configured();
        let Some(url) = url else {
            return Ok(if configured.is_empty() {
                vec![RegistryConfig::new(DEFAULT_REGISTRY)]
            } else {
                configured
            });
        };
        if let Some(known) = configured.iter().find(|config| config.url == url) {
            return Ok(vec![known.clone()]);
        }
        if let Some(path) = local(url)? {
            self.roots.admit(&path)?;
        } else if !url.contains("://") {
            return Err("a registry is named by its URL".to_owned());
        }
        Ok(vec![RegistryConfig::new(url)])
    }

    /// The packs directory a request names.
    pub(super) fn base(&self, named: Option<&str>) -> Result<PathBuf, String> {
        named.map_or_else(
            || Ok(self.options.packs_base_dir.clone()),
            |text| self.roots.admit(text),
        )
    }

    /// The pack in the directory a request names: its path without links, and its manifest.
    pub(super) fn pack(&self, text: &str) -> Result<(PathBuf, Manifest), String> {
        let directory = self.roots.admit(text)?;
        let path = directory.join("pack.yaml");
        match path.symlink_metadata() {
            Err(e) if is_absent(&e) => return Err("pack.yaml not found".to_owned()),
            Ok(found) if !found.is_file() => {
                return Err("pack.yaml is no regular file".to_owned());
            }
            Ok(_) | Err(_) => {}
        }
        let bytes = pack_fs::limited::read(&path, limits::MAX_METADATA_BYTES)
            .map_err(|e| format!("Failed to read pack.yaml: {e}"))?;
        let manifest = Manifest::parse("pack.yaml", &bytes)
            .map_err(|e| format!("Failed to parse pack.yaml: {}", reason(&e)))?;
        Ok((directory, manifest))
    }
}

/// For looking at the packs in `base`.
pub(super) fn reader(base: &Path) -> Installer<'static> {
    Installer::new(base, ChangeSettings::new(now(), "", ""), &REPORTER)
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The path that a source or the URL of a registry names on this machine.
pub(super) fn local(text: &str) -> Result<Option<String>, String> {
    if text.starts_with('/') {
        return Ok(Some(text.to_owned()));
    }
    if !text.starts_with("file:") {
        return Ok(None);
    }
    let path = url::Url::parse(text)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .and_then(|path| path.to_str().map(str::to_owned));
    path.map(Some).ok_or_else(|| {
        let text = pack_format::text::printable(text);
        format!("`{text}` is not a file URL with an absolute path")
    })
}

/// An error with its causes and its advice, on one line.
pub(super) fn reason<E: std::error::Error + Hint>(error: &E) -> String {
    let mut text = error_chain(error);
    if let Some(hint) = error.hint() {
        text.push_str(&format!("; {hint}"));
    }
    text
}

pub(super) fn failed() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the server failed; what it was doing is undone",
    )
}
