//! `/health/live` and `/health/ready`: for those who start, watch and replace servers. They need no token.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::body::ResponseBody;
use crate::problem::Manner;
use crate::router::{Route, RouteFuture};
use crate::search::only_read;
use crate::state::SharedState;
use crate::tree::{Found, TreeFiles};

const LIVE: &str = "/health/live";
const READY: &str = "/health/ready";

/// Says whether the server runs, and whether it can answer.
#[derive(Debug)]
pub struct HealthRoute {
    tree: Arc<TreeFiles>,
    state: Option<Arc<SharedState>>,
}

impl HealthRoute {
    /// Ready while `tree` can be read and the database, if there is one, answers.
    pub fn new(tree: Arc<TreeFiles>, state: Option<Arc<SharedState>>) -> Self {
        Self { tree, state }
    }

    /// What is not well, by part.
    async fn troubles(&self) -> Vec<&'static str> {
        let mut troubles = Vec::new();
        let is_there = |found| matches!(found, Found::File(_));
        if self.tree.is_registry()
            && !is_there(self.tree.find("registry.json").await)
            && !is_there(self.tree.find("index.json").await)
        {
            troubles.push("tree");
        }
        if let Some(state) = &self.state {
            let answers = match state.existing().await {
                Ok(Some(state)) => state.answers().await,
                other => other.map(drop),
            };
            if answers.is_err() {
                troubles.push("database");
            }
        }
        troubles
    }

    async fn respond(&self, path: &str) -> Response<ResponseBody> {
        let troubles = if path == READY {
            self.troubles().await
        } else {
            Vec::new()
        };
        let (status, body) = if troubles.is_empty() {
            (StatusCode::OK, json!({"status": "ok"}))
        } else {
            let body = json!({"status": "unavailable", "failing": troubles});
            (StatusCode::SERVICE_UNAVAILABLE, body)
        };
        let mut response = Response::new(ResponseBody::from(format!("{body}\n")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Route for HealthRoute {
    fn name(&self) -> &'static str {
        "health"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        path == LIVE || path == READY
    }

    fn judges_callers(&self) -> bool {
        true
    }

    fn is_limited(&self) -> bool {
        false
    }

    fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            match only_read(request.method()) {
                Ok(()) => self.respond(request.uri().path()).await,
                Err(problem) => problem.respond(Manner::Json),
            }
        })
    }
}
