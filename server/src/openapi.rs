//! `/openapi.json`: what a server answers, for programs that read such descriptions, and `/api`, the same for people.
//!
//! Of a registry it is kept by hand (`openapi.json` beside this file); of the installation API it is made from the table
//! of its operations. Tests ask every operation of a server that runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Method, Request, Response};
use registry_pages::{ApiPage, Renderer};
use serde_json::{Map, Value, json};

use crate::access::policy_of;
use crate::body::ResponseBody;
use crate::forms::Forms;
use crate::installation;
use crate::pages::Pages;
use crate::problem::{Manner, Problem, ProblemForm};
use crate::router::{Route, RouteFuture};
use crate::search::{html, json as json_response, no_page, only_read, refused};

/// What a registry answers beside its files: `OpenAPI` 3.1, without a place to ask.
const REGISTRY_API: &str = include_str!("openapi.json");

const PATH: &str = "/openapi.json";
/// Where people read it.
const PAGE: &str = "/api";

/// What every server answers, whatever its role.
const OPERATIONS: [&str; 5] = ["/health/live", "/health/ready", "/metrics", PATH, PAGE];

/// Shows what a server answers, to everyone.
#[derive(Debug)]
pub struct OpenApiRoute {
    document: Value,
    /// The document as it is sent.
    text: String,
    pages: Arc<Pages>,
    /// The page, and what it was made with.
    page: Mutex<Option<(Arc<Renderer>, ApiPage)>>,
}

impl OpenApiRoute {
    /// Of a server that has the role of a registry, offers the installation API, or both.
    pub fn new(pages: Arc<Pages>, is_registry: bool, is_installation: bool) -> Self {
        let document = document(is_registry, is_installation);
        Self {
            text: document.to_string(),
            document,
            pages,
            page: Mutex::default(),
        }
    }

    fn page(&self) -> Result<Response<ResponseBody>, Problem> {
        let renderer = self.pages.renderer();
        let mut known = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let page = match known.take() {
            Some((with, page)) if Arc::ptr_eq(&with, &renderer) => page,
            _ => renderer.api(&self.document).map_err(|_| no_page())?,
        };
        let mut response = html(page.html.clone());
        if let Ok(policy) = HeaderValue::try_from(policy_of(&page.style)) {
            let headers = response.headers_mut();
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        *known = Some((renderer, page));
        Ok(response)
    }
}

fn document(is_registry: bool, is_installation: bool) -> Value {
    let mut document: Value = serde_json::from_str(REGISTRY_API).unwrap_or_default();
    let mut forms = Forms::new();
    forms.answers.subschema_for::<ProblemForm>();
    if !is_installation {
        join(&mut document, "/components/schemas", forms.into_schemas());
        return document;
    }
    document["info"]["title"] = json!("Attune");
    document["info"]["summary"] =
        json!("Installing packs over HTTP, and the registry this server hosts.");
    if !is_registry {
        document["info"]["description"] = json!("Every error has the same form.");
        document["info"]["summary"] = json!("Installing packs over HTTP.");
        document["tags"] = json!([]);
        if let Some(paths) = document["paths"].as_object_mut() {
            paths.retain(|path, _| OPERATIONS.contains(&path.as_str()));
        }
    }
    let paths = installation::paths(&mut forms);
    join(&mut document, "/paths", paths);
    join(&mut document, "/components/schemas", forms.into_schemas());
    for (name, text) in [
        ("Failed", "The server failed."),
        ("BadGateway", "A registry failed."),
    ] {
        let mut response = document["components"]["responses"]["NotFound"].clone();
        response["description"] = json!(text);
        document["components"]["responses"][name] = response;
    }
    document
}

/// Puts more in front of what a document has at a place, which stays as it is.
fn join(document: &mut Value, place: &str, mut more: Map<String, Value>) {
    if let Some(Value::Object(known)) = document.pointer_mut(place) {
        more.append(known);
        *known = more;
    }
}

impl Route for OpenApiRoute {
    fn name(&self) -> &'static str {
        "openapi"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        path == PATH || path == PAGE
    }

    fn judges_callers(&self) -> bool {
        true
    }

    fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            let is_page = request.uri().path() == PAGE;
            let manner = if is_page { Manner::Page } else { Manner::Json };
            let answer = only_read(request.method()).and_then(|()| {
                if is_page {
                    return self.page();
                }
                Ok(json_response(self.text.clone()))
            });
            answer.unwrap_or_else(|problem| refused(problem, manner))
        })
    }
}
