//! `/openapi.json`: the API of a registry, for programs that read such descriptions.
//!
//! The document is kept by hand (`openapi.json` beside this file); a test asks every operation of a server that runs.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::{Method, Request};

use crate::problem::Manner;
use crate::router::{Route, RouteFuture};
use crate::search::{json, only_read, refused};

/// What a registry answers beside its files: `OpenAPI` 3.1, without a place to ask.
pub const REGISTRY_API: &str = include_str!("openapi.json");

const PATH: &str = "/openapi.json";

/// Shows [`REGISTRY_API`], to everyone.
#[derive(Debug, Clone, Copy)]
pub struct OpenApiRoute;

impl Route for OpenApiRoute {
    fn name(&self) -> &'static str {
        "openapi"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        path == PATH
    }

    fn judges_callers(&self) -> bool {
        true
    }

    fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            match only_read(request.method()) {
                Ok(()) => json(REGISTRY_API.to_owned()),
                Err(problem) => refused(problem, Manner::Json),
            }
        })
    }
}
