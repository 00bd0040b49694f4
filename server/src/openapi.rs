//! `/openapi.json`: what a server answers, for programs that read such descriptions.
//!
//! Of a registry it is kept by hand (`openapi.json` beside this file); of the installation API it is made from the table
//! of its operations. Tests ask every operation of a server that runs.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::installation::paths_and_schemas;
use crate::problem::Manner;
use crate::router::{Route, RouteFuture};
use crate::search::{json as json_response, only_read, refused};

/// What a registry answers beside its files: `OpenAPI` 3.1, without a place to ask.
pub const REGISTRY_API: &str = include_str!("openapi.json");

const PATH: &str = "/openapi.json";

/// What every server answers, whatever its role.
const OPERATIONS: [&str; 4] = ["/health/live", "/health/ready", "/metrics", PATH];

/// Shows what a server answers, to everyone.
#[derive(Debug, Clone)]
pub struct OpenApiRoute {
    document: String,
}

impl OpenApiRoute {
    /// Of a server that has the role of a registry, offers the installation API, or both.
    pub fn new(is_registry: bool, is_installation: bool) -> Self {
        if !is_installation {
            return Self {
                document: REGISTRY_API.to_owned(),
            };
        }
        let mut document: Value = serde_json::from_str(REGISTRY_API).unwrap_or_default();
        document["info"]["title"] = json!("Attune");
        document["info"]["summary"] =
            json!("Installing packs over HTTP, and the registry this server hosts.");
        if !is_registry {
            document["info"]["summary"] = json!("Installing packs over HTTP.");
            document["tags"] = json!([]);
            if let Some(paths) = document["paths"].as_object_mut() {
                paths.retain(|path, _| OPERATIONS.contains(&path.as_str()));
            }
        }
        let (paths, schemas) = paths_and_schemas();
        for (place, more) in [("/paths", paths), ("/components/schemas", schemas)] {
            if let Some(Value::Object(known)) = document.pointer_mut(place) {
                known.extend(more);
            }
        }
        for (name, text) in [
            ("Failed", "The server failed."),
            ("BadGateway", "A registry failed."),
        ] {
            let mut response = document["components"]["responses"]["NotFound"].clone();
            response["description"] = json!(text);
            document["components"]["responses"][name] = response;
        }
        Self {
            document: document.to_string(),
        }
    }
}

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
                Ok(()) => json_response(self.document.clone()),
                Err(problem) => refused(problem, Manner::Json),
            }
        })
    }
}
