//! Publishing: changes of a tree over HTTP, by whoever has a token for them.
//!
//! ```text
//! PUT    /api/v1/packs/<ref>/<version>             the archive      201, or 200 if it is published already
//! POST   /api/v1/packs/<ref>/<version>/yank        {"reason"}       200
//! POST   /api/v1/packs/<ref>/<version>/unyank                       200
//! POST   /api/v1/packs/<ref>/<version>/takedown    {"reason"}       200
//! POST   /api/v1/packs/<ref>/deprecate             {"reason", "successor"}
//! POST   /api/v1/packs/<ref>/undeprecate
//! GET    /api/v1/packs/<ref>/owners
//! PUT    /api/v1/packs/<ref>/owners/<name>         DELETE likewise
//! ```
//!
//! 1. `access/callers.rs` and [`rights`]: who asks, before a byte of the body is read.
//! 2. [`receive`]: the body, counted and hashed, to a file without a name.
//! 3. `Upload::read`: the policy of extraction and the rules of `pack check`; one archive at a time in memory.
//!    With [`origin`], where git has the same files.
//! 4. [`queue`]: one commit for all who wait; the answer follows it.
//!
//! Every change is in the audit log before it is done.

mod origin;
mod queue;
mod receive;
mod rights;
mod target;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune_indexer::changes::{Change, ChangeError, Granted, Wish};
use attune_indexer::edit::EditError;
use attune_indexer::upload::Upload;
use attune_indexer::withdraw::{WithdrawError, Withdrawal};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use pack_format::source::WireSource;
use pack_format::{Hint, error_chain};
use registry_tree::layout;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::queue::Queue;
use self::receive::Received;
pub use self::target::is_account_name;
use self::target::{Target, Verb};
use crate::access::{Caller, Callers, LivePolicy};
use crate::body::ResponseBody;
use crate::clock::now;
use crate::problem::{Manner, Problem};
use crate::report::Reporter;
use crate::router::{Route, RouteFuture};
use crate::state::{AuditEntry, Outcome, State, StateError};

/// What an operator decides about publishing.
#[derive(Debug, Clone)]
pub struct PublishOptions {
    /// The tree.
    pub tree: PathBuf,
    /// Base URL of archives in `index.json` when the tree knows none.
    pub development_url: String,
    /// What is demanded of what is published.
    pub rules: Arc<LivePolicy>,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
    /// Told what goes wrong.
    pub reporter: Arc<dyn Reporter>,
}

/// The route of changes.
#[derive(Debug)]
pub struct Publishing {
    options: PublishOptions,
    callers: Arc<Callers>,
    queue: Queue,
    /// How many archives may be in memory at once.
    checks: Arc<Semaphore>,
}

impl Publishing {
    /// Takes changes of a tree from `callers`.
    pub fn new(options: PublishOptions, callers: Arc<Callers>) -> Self {
        Self {
            queue: Queue::start(&options),
            callers,
            checks: Arc::new(Semaphore::new(1)),
            options,
        }
    }

    async fn change(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<ResponseBody>, Problem> {
        let caller = self.callers.of(request.headers(), client.ip()).await?;
        let (parts, body) = request.into_parts();
        rights::refuse_pages(&parts.headers)?;
        let target = Target::parse(&parts.method, parts.uri.path())?;
        caller.may(&target)?;
        if target.verb == Verb::ListOwners {
            return self.owners(&target).await;
        }
        let is_dry_run = target::is_dry_run(parts.uri.query())?;
        let received = receive::body(&parts, body, &target, &self.options).await?;
        let origin = origin::of(parts.uri.query().unwrap_or_default())?;
        let (change, warnings) = self.judge(&target, received, origin).await?;
        let wish = Wish {
            by: caller.authority(&target),
            pack_ref: target.pack_ref.clone(),
            change,
        };
        let granted = if is_dry_run {
            self.queue.ask(wish, true).await
        } else {
            self.logged(&caller, client, &target, wish).await
        };
        Ok(respond(&target, granted?, &warnings, is_dry_run))
    }

    /// Makes a change of what came.
    async fn judge(
        &self,
        target: &Target,
        received: Received,
        origin: Option<WireSource>,
    ) -> Result<(Change, Vec<Value>), Problem> {
        if target.verb != Verb::Publish {
            return Ok((target.withdrawal(&received)?, Vec::new()));
        }
        let permit = Arc::clone(&self.checks).acquire_owned().await;
        let target = target.clone();
        let policy = self.options.rules.get().policy.publish.policy;
        let judged = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut upload = Upload::read(received.bytes()?)
                .map_err(|e| refusal(StatusCode::UNPROCESSABLE_ENTITY, "invalid_pack", &e))?;
            target.is_what_came(&upload)?;
            origin::add(&mut upload, origin)?;
            let warnings = upload
                .warnings
                .iter()
                .map(|warning| json!(warning))
                .collect();
            Ok((Change::Publish(Box::new(upload), policy), warnings))
        });
        judged.await.unwrap_or_else(|_| Err(failed()))
    }

    /// Does a change, with a line in the log that is durable before it is.
    async fn logged(
        &self,
        caller: &Caller,
        client: SocketAddr,
        target: &Target,
        wish: Wish,
    ) -> Result<Granted, Problem> {
        let state = self.callers.state().await?;
        let entry = AuditEntry {
            at: now(),
            token: caller.token.id.clone(),
            account: caller.token.account.clone(),
            address: client.ip().to_string(),
            action: target.verb.action().to_owned(),
            pack: target.pack_ref.to_string(),
            version: target
                .version
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            outcome: String::new(),
            detail: detail(target, &wish.change),
        };
        let begun = state.audit_begin(&entry).await.map_err(unwritten)?;
        let granted = self.queue.ask(wish, false).await;
        let outcome = match &granted {
            Ok(_) => Outcome::Done,
            Err(problem) => Outcome::Refused(problem.message().to_owned()),
        };
        // What was done stays done although the log cannot say so; its line stays `begun`.
        let _ = state.audit_end(&begun, &outcome).await;
        let _ = state.token_used(&caller.token.id, now()).await;
        granted
    }

    async fn owners(&self, target: &Target) -> Result<Response<ResponseBody>, Problem> {
        let tree = self.options.tree.clone();
        let pack_ref = target.pack_ref.clone();
        let read = tokio::task::spawn_blocking(move || {
            let reader = registry_tree::TreeReader::new(&tree);
            let listed = reader.packs()?;
            let pointer = listed
                .as_ref()
                .and_then(|listed| listed.packs.get(&pack_ref));
            pointer
                .map(|pointer| reader.pack(&pack_ref, pointer))
                .transpose()
        });
        let Ok(Ok(document)) = read.await else {
            return Err(failed());
        };
        let document = document.ok_or_else(|| {
            let error = ChangeError::NoPack {
                pack_ref: target.pack_ref.clone(),
            };
            problem_of(&error)
        })?;
        let body = json!({ "ref": target.pack_ref, "owners": document.owners });
        Ok(json_response(StatusCode::OK, &body))
    }
}

impl Route for Publishing {
    fn name(&self) -> &'static str {
        "publish"
    }

    fn claims(&self, method: &Method, path: &str) -> bool {
        target::is_of_publishing(method, path)
    }

    fn judges_callers(&self) -> bool {
        true
    }

    fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            match self.change(request, client).await {
                Ok(response) => response,
                Err(problem) => problem.respond(Manner::Json),
            }
        })
    }
}

/// Where the state of a tree is kept, unless the configuration names another database.
pub fn state_file(tree: &Path) -> PathBuf {
    State::file_of(&layout::state_directory(tree))
}

fn detail(target: &Target, change: &Change) -> String {
    match change {
        Change::Publish(upload, _) => upload.checksum.to_string(),
        Change::Withdraw(
            Withdrawal::Yank { reason, .. }
            | Withdrawal::TakeDown { reason, .. }
            | Withdrawal::Deprecate { reason, .. },
        ) => reason.clone(),
        _ => target.owner.clone().unwrap_or_default(),
    }
}

fn respond(
    target: &Target,
    granted: Granted,
    warnings: &[Value],
    is_dry_run: bool,
) -> Response<ResponseBody> {
    let mut body = json!({ "ref": target.pack_ref });
    if let Some(version) = &target.version {
        body["version"] = json!(version);
    }
    let mut status = StatusCode::OK;
    match granted {
        Granted::Published(published) | Granted::AlreadyPublished(published) if is_dry_run => {
            body["archive"] = json!(published.archive);
            body["warnings"] = json!(warnings);
        }
        Granted::Published(published) => {
            status = StatusCode::CREATED;
            body["created"] = json!(true);
            body["first"] = json!(published.is_first);
            body["published_at"] = json!(published.at);
            body["archive"] = json!(published.archive);
            body["tree"] = json!(published.tree);
            body["warnings"] = json!(warnings);
        }
        Granted::AlreadyPublished(published) => {
            body["created"] = json!(false);
            body["published_at"] = json!(published.at);
            body["archive"] = json!(published.archive);
            body["tree"] = json!(published.tree);
            body["warnings"] = json!(warnings);
        }
        Granted::Withdrawn { changed } => body["changed"] = json!(changed),
        Granted::Owners(owners) => body["owners"] = json!(owners),
        _ => {}
    }
    if is_dry_run {
        body["dry_run"] = json!(true);
    }
    json_response(status, &body)
}

fn json_response(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(format!("{body}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal with everything the error says, advice included.
fn refusal<E: std::error::Error + Hint>(
    status: StatusCode,
    code: &'static str,
    error: &E,
) -> Problem {
    let problem = Problem::new(status, code, error_chain(error));
    match error.hint() {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

fn problem_of(error: &ChangeError) -> Problem {
    let (status, code) = match error {
        ChangeError::NotOwner { .. } => (StatusCode::FORBIDDEN, "not_owner"),
        ChangeError::Conflict { .. } | ChangeError::Listed { .. } => {
            (StatusCode::CONFLICT, "already_published")
        }
        ChangeError::TakenDown { .. } | ChangeError::Withdraw(WithdrawError::TakenDown { .. }) => {
            (StatusCode::CONFLICT, "taken_down")
        }
        ChangeError::NoPack { .. }
        | ChangeError::Withdraw(WithdrawError::NoPack { .. } | WithdrawError::NoVersion { .. }) => {
            (StatusCode::NOT_FOUND, "not_listed")
        }
        ChangeError::NoLicense { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "no_license"),
        ChangeError::TooSmall { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "version_too_small"),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
    };
    refusal(status, code, error)
}

/// The tree could not be changed, for nobody in the batch.
fn unchanged(error: &EditError) -> Problem {
    if error.is_busy() {
        return busy("another process is changing the registry");
    }
    let status = match error {
        EditError::NotATree(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    // The paths of the server are its operator's business; the log tells them.
    Problem::new(
        status,
        "registry_unchanged",
        "the registry could not be changed, and is as it was",
    )
    .with_hint("ask the registry's operator; the server's log says why")
}

fn busy(message: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        .with(RETRY_AFTER, HeaderValue::from_static("5"))
}

fn failed() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the server failed; nothing was changed",
    )
}

fn unwritten(_: StateError) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "state_unavailable",
        "the server's database cannot be used; nothing was changed",
    )
}
