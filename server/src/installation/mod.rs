//! The installation API: what the command line does to packs, over HTTP (`docs/adr/0012`).
//!
//! ```text
//! target.rs      which operation a request means, and who may ask for it
//! body.rs        JSON in and out                      options.rs     what the operator says
//! login.rs password.rs                                accounts and their tokens
//! workshop.rs    what work is done with               paths.rs       which paths are followed
//! download.rs dependencies.rs build_envs.rs register.rs                         the work
//! ```
//! A request is judged in this order: operation, token, role, body. Nothing of a body is read before its sender
//! is known, but of a login, whose senders are counted.

mod body;
mod build_envs;
mod dependencies;
mod download;
mod login;
mod options;
mod password;
mod paths;
mod register;
mod target;
mod workshop;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

pub use self::options::{FirstAccount, InstallationOptions};

use self::login::{Logins, unusable};
use self::target::Operation;
use self::workshop::Workshop;
use crate::access::{Caller, Callers, forbidden};
use crate::body::ResponseBody;
use crate::clock::now;
use crate::problem::{Manner, Problem};
use crate::router::{Route, RouteFuture};
use crate::state::{Account, Role, SharedState, StateError};

/// The route of the API.
#[derive(Debug)]
pub struct Installation {
    callers: Arc<Callers>,
    logins: Logins,
    workshop: Arc<Workshop>,
    has_accounts: bool,
}

/// Why the API cannot be offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallationError {
    /// The database cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
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
        Ok(Self {
            callers,
            logins: Logins::new(),
            workshop: Arc::new(Workshop::new(options)),
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
        let operation = Operation::of(request.method(), request.uri().path())?;
        let (parts, body) = request.into_parts();
        if operation == Operation::Login {
            self.logins.may_try(client.ip())?;
            let credentials = body::read(&parts.headers, body).await?;
            let state = self.callers.state().await?;
            let login = self.logins.login(credentials, client.ip(), state).await?;
            return Ok(body::data(&login));
        }
        let caller = self.callers.of(&parts.headers, client.ip()).await?;
        let role = admitted(&caller, operation)?;
        let value = match operation {
            Operation::Login => Value::Null,
            Operation::Logout => self.logout(&caller).await?,
            Operation::Whoami => whoami(&caller, role),
            _ => self.work(operation, &caller, (&parts, body)).await?,
        };
        Ok(body::data(&value))
    }

    /// What takes a while.
    async fn work(
        &self,
        operation: Operation,
        caller: &Caller,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Value, Problem> {
        let _entered = self.workshop.enter()?;
        let user = caller.token.account.clone();
        match operation {
            Operation::Download => {
                let request = body::read(&parts.headers, body).await?;
                download::run(&self.workshop, request).await
            }
            Operation::Dependencies => {
                let request = body::read(&parts.headers, body).await?;
                dependencies::run(&self.workshop, request).await
            }
            Operation::BuildEnvs => {
                let request = body::read(&parts.headers, body).await?;
                build_envs::run(&self.workshop, request, user).await
            }
            Operation::RegisterBatch => {
                let request = body::read(&parts.headers, body).await?;
                let state = self.callers.state().await?;
                register::run(&self.workshop, request, (user, state)).await
            }
            Operation::Login | Operation::Logout | Operation::Whoami => Err(workshop::failed()),
        }
    }

    async fn logout(&self, caller: &Caller) -> Result<Value, Problem> {
        let state = self.callers.state().await?;
        let revoked = state.revoke_token(&caller.token.id, now()).await;
        revoked.map_err(unusable)?;
        Ok(json!({ "success": true }))
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

fn whoami(caller: &Caller, role: Role) -> Value {
    json!({
        "email": caller.token.account,
        "role": role,
        "token_id": caller.token.id,
        "expires_at": caller.token.expires_at,
    })
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
