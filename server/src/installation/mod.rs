//! The installation API: what the command line does to packs, over HTTP (`docs/adr/0012`).
//!
//! ```text
//! target.rs      which operation a request means, and who may ask for it
//! body.rs        JSON in and out                      options.rs     what the operator says
//! login.rs password.rs                                accounts and their tokens
//! workshop.rs    what work is done with               paths.rs       which paths are followed
//! jobs.rs        requests that become jobs            recovery.rs    what the start of a server finds
//! projection.rs  the database and what is on disk     page.rs        lists in pages
//! packs.rs       what is installed                    config.rs      what is wanted of it
//! cache.rs       what is kept of registries
//! indices.rs browse.rs                                registries that are managed, and what they list
//! vault.rs       secrets that must come out again    openapi.rs     the API for programs that read such descriptions
//! mirrors.rs     forms of what other crates write into answers
//! activate.rs    making packs active                  install.rs (upload.rs) register.rs update.rs rollback.rs
//! sources.rs     what texts mean                      tests.rs download.rs dependencies.rs build_envs.rs   more work
//! ```
//! A request is judged in this order: operation, token, role, body. Nothing of a body is read before its sender
//! is known, but of a login, whose senders are counted.

mod activate;
mod body;
mod browse;
mod build_envs;
mod cache;
mod config;
mod dependencies;
mod download;
mod indices;
mod install;
mod jobs;
mod login;
mod mirrors;
mod openapi;
mod options;
mod packs;
mod page;
mod password;
mod paths;
mod projection;
mod recovery;
mod register;
mod rollback;
mod sources;
mod target;
mod tests;
mod update;
mod upload;
mod vault;
mod whole;
mod workshop;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::jobs::JobsEnd;
pub(crate) use self::openapi::paths;
pub use self::options::{FirstAccount, InstallationOptions};
pub use self::projection::{Compared, compare_projection};
pub use self::vault::{SecretKey, VaultError};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use self::indices::Indices;
use self::login::{Logins, Logout, Whoami, unusable};
use self::target::{Operation, Target};
use self::vault::Vault;
use self::workshop::Workshop;
use crate::access::{Caller, Callers, forbidden};
use crate::body::ResponseBody;
use crate::clock::now;
use crate::jobs::{Jobs, Order};
use crate::problem::{Manner, Problem};
use crate::router::{Route, RouteFuture};
use crate::state::{Account, Role, SharedState, StateError};

/// The route of the API.
#[derive(Debug)]
pub struct Installation {
    callers: Arc<Callers>,
    logins: Logins,
    workshop: Arc<Workshop>,
    jobs: Arc<Jobs>,
    has_accounts: bool,
}

/// Why the API cannot be offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallationError {
    /// The database cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The key of secrets cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The address or the password of the first account will not do.
    #[error("the first account needs {0}")]
    FirstAccount(&'static str),
    /// No random bytes.
    #[error("the password cannot be hashed")]
    Password,
}

impl pack_format::Hint for InstallationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::Vault(error) => error.hint(),
            Self::FirstAccount(_) => {
                Some("set `ATTUNE_ADMIN_EMAIL` and `ATTUNE_ADMIN_PASSWORD`".to_owned())
            }
            Self::Password => None,
        }
    }
}

impl Installation {
    /// Opens the database and makes the first administrator, if nobody can log in yet and one is named.
    ///
    /// # Errors
    /// [`InstallationError`].
    pub async fn open(
        mut options: InstallationOptions,
        callers: Arc<Callers>,
        state: &SharedState,
    ) -> Result<Self, InstallationError> {
        let state = state.open().await?;
        if let Some(first) = options.first_account.take()
            && !state.has_accounts().await?
        {
            let email = first.email.trim().to_lowercase();
            if !email.contains('@') || email.len() > 254 {
                return Err(InstallationError::FirstAccount("an e-mail address"));
            }
            if !(options::MIN_PASSWORD..=password::MAX_BYTES).contains(&first.password.len()) {
                return Err(InstallationError::FirstAccount(
                    "a password of at least 8 characters",
                ));
            }
            let account = Account {
                email,
                role: Role::Administrator,
                password_hash: password::hashed(&first.password)
                    .map_err(|_| InstallationError::Password)?,
            };
            state.create_account(&account, now()).await?;
        }
        let limits = options.jobs;
        let vault = Arc::new(Vault::open(&options.secret_key)?);
        let indices = Indices::open(Arc::clone(&vault), state).await?;
        let workshop = Arc::new(Workshop::new(options, indices, vault));
        let place = workshop.options.packs_base_dir.display().to_string();
        recovery::run(&workshop, state, &place).await?;
        Ok(Self {
            callers,
            logins: Logins::new(),
            jobs: Arc::new(Jobs::new(state.clone(), place, limits)),
            workshop,
            has_accounts: state.has_accounts().await?,
        })
    }

    /// Whether anybody could log in when it was opened.
    pub fn has_accounts(&self) -> bool {
        self.has_accounts
    }

    async fn perform(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<ResponseBody>, Problem> {
        let target = Target::of(request.method(), request.uri().path())?;
        let (parts, body) = request.into_parts();
        if target.operation == Operation::Login {
            self.logins.may_try(client.ip())?;
            let credentials = body::read(&parts.headers, body).await?;
            let state = self.callers.state().await?;
            let login = self.logins.login(credentials, client.ip(), state).await?;
            return body::data(&login);
        }
        let caller = self.callers.of(&parts.headers, client.ip()).await?;
        let role = admitted(&caller, target.operation)?;
        match target.operation {
            Operation::Logout => body::data(&self.logout(&caller).await?),
            Operation::Whoami => body::data(&whoami(&caller, role)),
            Operation::Dependencies => {
                let _entered = self.workshop.enter()?;
                let request = body::read(&parts.headers, body).await?;
                body::data(&dependencies::run(&self.workshop, request).await?)
            }
            Operation::Tests => {
                let state = self.callers.state().await?;
                let asked = (target.name.as_str(), parts.uri.query());
                body::data(&tests::list(&self.workshop, state, asked).await?)
            }
            Operation::LatestTest => {
                let state = self.callers.state().await?;
                body::data(&tests::latest(&self.workshop, state, &target.name).await?)
            }
            Operation::ListJobs => body::data(&self.list_jobs(parts.uri.query()).await?),
            Operation::ShowJob => body::data(&self.show_job(&target.name).await?),
            Operation::CancelJob => body::data(&self.cancel_job(&target.name, &caller).await?),
            Operation::JobEvents => self.job_events(&target.name, &parts.headers).await,
            Operation::ListPacks | Operation::ShowPack | Operation::Components => {
                self.packs(&target, &parts).await
            }
            Operation::ChangePack | Operation::ShowConfig => {
                self.config(&target, (&parts, body)).await
            }
            Operation::CacheUsage => body::data(&self.cache_usage().await?),
            operation if operation.is_of_indices() => self.indices(&target, (&parts, body)).await,
            _ => self.work(&target, &caller, (&parts, body)).await,
        }
    }

    /// What takes a while.
    async fn work(
        &self,
        target: &Target,
        caller: &Caller,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Response<ResponseBody>, Problem> {
        let headers = &parts.headers;
        let workshop = Arc::clone(&self.workshop);
        let order = |operation, base| Order::of(&caller.token.account, operation, self.base(base));
        let how = (headers, StatusCode::OK);
        match target.operation {
            Operation::Download => {
                let request: download::Request = body::read(headers, body).await?;
                request.check()?;
                let order = order("packs/download", None);
                self.perform_job(order, how, |job| async move {
                    download::run(&workshop, request, job).await
                })
                .await
            }
            Operation::BuildEnvs => {
                let request: build_envs::Request = body::read(headers, body).await?;
                request.check()?;
                let order = order("packs/build-envs", request.packs_base_dir.as_deref());
                self.perform_job(order, how, |job| async move {
                    build_envs::run(&workshop, request, job).await
                })
                .await
            }
            Operation::RegisterBatch => {
                let request: register::Request = body::read(headers, body).await?;
                request.check()?;
                let state = self.callers.state().await?.clone();
                let order = order("packs/register-batch", request.packs_base_dir.as_deref());
                self.perform_job(order, how, |job| async move {
                    register::run(&workshop, request, (job, state)).await
                })
                .await
            }
            Operation::Uninstall => self.uninstall(target, caller, parts).await,
            Operation::PruneCache | Operation::ClearCache => {
                self.prune_cache(target, caller, (parts, body)).await
            }
            Operation::Rollback | Operation::Test | Operation::Update => {
                self.change_installed(target, caller, (parts, body)).await
            }
            _ => self.change(target, caller, (parts, body)).await,
        }
    }

    /// What takes a while and is about one pack that is installed.
    async fn change_installed(
        &self,
        target: &Target,
        caller: &Caller,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Response<ResponseBody>, Problem> {
        let headers = &parts.headers;
        let workshop = Arc::clone(&self.workshop);
        let state = self.callers.state().await?.clone();
        let pack_ref = tests::named(&target.name)?;
        let order = |operation, base| Order::of(&caller.token.account, operation, base);
        let how = (headers, StatusCode::OK);
        match target.operation {
            Operation::Rollback => {
                let request: rollback::Request = body::read_if_any(headers, body).await?;
                let what = (self.place(request.packs_base_dir.as_deref())?, pack_ref);
                let order = order("packs/rollback", what.0.clone());
                let work = |job| async move { rollback::run(&workshop, what, (job, state)).await };
                self.perform_job(order, how, work).await
            }
            Operation::Update => {
                let request: update::Request = body::read_if_any(headers, body).await?;
                let task = request.task(&workshop, pack_ref)?;
                let order = order("packs/update", task.base.clone());
                let work = |job| async move { update::run(&workshop, task, (job, state)).await };
                self.perform_job(order, how, work).await
            }
            Operation::Test => {
                let request: tests::Request = body::read_if_any(headers, body).await?;
                request.check()?;
                let base = self.place(request.packs_base_dir.as_deref())?;
                let order = order("packs/test", base.clone());
                let what = (base, pack_ref, request);
                let work = |job| async move { tests::run(&workshop, what, (job, state)).await };
                self.perform_job(order, how, work).await
            }
            _ => Err(workshop::failed()),
        }
    }

    /// What takes a while and makes one pack active.
    async fn change(
        &self,
        target: &Target,
        caller: &Caller,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Response<ResponseBody>, Problem> {
        let headers = &parts.headers;
        let workshop = Arc::clone(&self.workshop);
        let state = self.callers.state().await?.clone();
        let (operation, status, task) = match target.operation {
            Operation::Install => {
                let request: install::Install = body::read(headers, body).await?;
                ("packs/install", StatusCode::OK, request.task(&workshop)?)
            }
            Operation::Register => {
                let request: install::Register = body::read(headers, body).await?;
                (
                    "packs/register",
                    StatusCode::CREATED,
                    request.task(&workshop)?,
                )
            }
            Operation::Upload => {
                let _entered = self.workshop.enter()?;
                let base = &self.workshop.options.packs_base_dir;
                let upload = upload::Upload::receive(parts, body, base).await?;
                ("packs/upload", StatusCode::CREATED, upload.task(&workshop))
            }
            _ => return Err(workshop::failed()),
        };
        let order = Order::of(&caller.token.account, operation, task.base.clone());
        let work = |job| async move { install::run(&workshop, task, (job, state)).await };
        self.perform_job(order, (headers, status), work).await
    }

    /// The packs directory that a request names.
    fn place(&self, named: Option<&str>) -> Result<PathBuf, Problem> {
        let found = self.workshop.base(named);
        found.map_err(|error| body::malformed(&error))
    }

    /// The packs directory that a request is about, if it may be; else the server's own, where its items fail.
    fn base(&self, named: Option<&str>) -> PathBuf {
        let found = self.workshop.base(named);
        found.unwrap_or_else(|_| self.workshop.options.packs_base_dir.clone())
    }

    async fn logout(&self, caller: &Caller) -> Result<Logout, Problem> {
        let state = self.callers.state().await?;
        let revoked = state.revoke_token(&caller.token.id, now()).await;
        revoked.map_err(unusable)?;
        Ok(Logout { success: true })
    }
}

/// The caller's role, if it is enough.
fn admitted(caller: &Caller, operation: Operation) -> Result<Role, Problem> {
    let role = Role::of(&caller.token.scopes);
    match role {
        Some(role) if role >= operation.least() => Ok(role),
        _ => {
            let has = role.map_or("no role here", Role::as_str);
            Err(forbidden(format!(
                "this needs the role {}, and the token has {has}",
                operation.least()
            )))
        }
    }
}

fn whoami(caller: &Caller, role: Role) -> Whoami {
    Whoami {
        email: caller.token.account.clone(),
        role,
        token_id: caller.token.id.clone(),
        expires_at: caller.token.expires_at,
    }
}

impl Route for Installation {
    fn claims(&self, _: &Method, path: &str) -> bool {
        target::is_of_installation(path)
    }

    fn name(&self) -> &'static str {
        "installation"
    }

    fn judges_callers(&self) -> bool {
        true
    }

    fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            match self.perform(request, client).await {
                Ok(response) => response,
                Err(problem) => problem.respond(Manner::Json),
            }
        })
    }
}
