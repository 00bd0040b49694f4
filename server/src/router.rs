//! Who answers a request: a dynamic route that claims its path, else the tree.
//!
//! Every request, whoever answers it, is first held to what HTTP requires of it, and every answer leaves
//! with the same security fields. The gate of a private registry stands before everything but routes that
//! judge their callers themselves, which they do before they read the body.

use crate::access::{self, Access, Callers, InForce, LivePolicy, keep_from_others, turn_away};
use crate::answer::{ANYONE, Question, Refusal, answer, failure};
use crate::body::ResponseBody;
use crate::cors::{self, is_preflight};
use crate::entry::Source;
use crate::operations::{X_REQUEST_ID, request_id};
use crate::options::ServeOptions;
use crate::problem::{Manner, Problem};
use crate::report::Answered;
use crate::statistics::{Delivery, Downloads};
use crate::tree::{Found, TreeFiles};
use crate::types::PAGE_POLICY;
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HOST, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, USER_AGENT,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// For a year.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// A future a [`Route`] answers with.
pub type RouteFuture<'a> = Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send + 'a>>;

/// Something that answers requests itself, such as `/search`, `/api/…` or a publish.
///
/// Routes come before the tree, in the order they were added. A [`Problem`] makes a uniform error answer.
pub trait Route: fmt::Debug + Send + Sync + 'static {
    /// Whether this route answers `method` on `path`, which is as it came: not decoded, without query.
    fn claims(&self, method: &Method, path: &str) -> bool;

    /// What its answers are counted under.
    fn name(&self) -> &'static str {
        "other"
    }

    /// Whether its requests count towards the rate of their sender.
    fn is_limited(&self) -> bool {
        true
    }

    /// Whether this route decides itself who may ask. If not, only readers may ask in a private registry.
    fn judges_callers(&self) -> bool {
        false
    }

    /// Answers. The declared length of the body is within the limit; one without a length is not checked
    /// and must be counted while it is read.
    fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> RouteFuture<'_>;
}

/// The tree and the routes in front of it.
#[derive(Debug)]
pub struct Router {
    tree: Arc<TreeFiles>,
    routes: Vec<Box<dyn Route>>,
    policy: Arc<LivePolicy>,
    callers: Option<Arc<Callers>>,
    downloads: Option<Arc<Downloads>>,
}

impl Router {
    /// Serves the files of `tree` and nothing else.
    pub fn new(tree: impl Into<Arc<TreeFiles>>) -> Self {
        Self {
            tree: tree.into(),
            routes: Vec::new(),
            policy: Arc::default(),
            callers: None,
            downloads: None,
        }
    }

    /// Adds a route behind those added before.
    #[must_use]
    pub fn route(mut self, route: impl Route) -> Self {
        self.routes.push(Box::new(route));
        self
    }

    /// Holds requests to `policy`; who may read a private registry is among `callers`.
    #[must_use]
    pub fn governed(mut self, policy: Arc<LivePolicy>, callers: Option<Arc<Callers>>) -> Self {
        self.policy = policy;
        self.callers = callers;
        self
    }

    /// Counts what is downloaded of the tree.
    #[must_use]
    pub fn counting(mut self, downloads: Arc<Downloads>) -> Self {
        self.downloads = Some(downloads);
        self
    }

    /// Answers a request. `is_refused`: its head came in a form that must not be obeyed.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_refused: bool,
        options: &ServeOptions,
    ) -> Response<ResponseBody> {
        let begun = Instant::now();
        let headers = request.headers();
        let in_force = self.policy.get();
        let asked = Asked {
            id: request_id(headers),
            client: in_force.policy.proxies.client(peer, headers),
            // After a body that nobody read the next request could be anything.
            has_body: headers.contains_key(TRANSFER_ENCODING) || !request.body().is_end_stream(),
            in_force,
        };
        let agent = headers.get(USER_AGENT).cloned();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (route, mut response, must_close) = match check(&request, is_refused, options) {
            Some(problem) => {
                let manner = Manner::of(uri.path(), headers);
                ("other", problem.respond(manner), true)
            }
            None => self.dispatch(request, &asked, options).await,
        };
        finish(&mut response, &method, must_close);
        let took = begun.elapsed();
        options.metrics.answered(route, response.status(), took);
        options.reporter.answered(&Answered {
            id: asked.id.to_str().unwrap_or_default(),
            client: asked.client,
            method: &method,
            path: uri.path(),
            status: response.status(),
            bytes: response.body().size_hint().exact(),
            route,
            agent: agent.as_ref().and_then(|agent| agent.to_str().ok()),
            took,
        });
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, asked.id);
        if options.tls.is_some() {
            headers.insert(STRICT_TRANSPORT_SECURITY, ONLY_TLS);
        }
        response
    }

    /// Who answered a request that is one, how, and whether the connection ends with it.
    async fn dispatch(
        &self,
        request: Request<Incoming>,
        asked: &Asked,
        options: &ServeOptions,
    ) -> (&'static str, Response<ResponseBody>, bool) {
        let (method, path) = (request.method(), request.uri().path());
        let mut routes = self.routes.iter();
        let route = routes.find(|route| route.claims(method, path));
        let name = route.map_or("tree", |route| route.name());
        if is_preflight(method, request.headers()) {
            return (name, cors::answer(), asked.has_body);
        }
        let judges = route.is_some_and(|route| route.judges_callers());
        let is_private = !judges && asked.in_force.policy.access == Access::Private;
        let is_limited = route.is_none_or(|route| route.is_limited());
        if let Err(problem) = self
            .admit(request.headers(), asked, (is_limited, is_private))
            .await
        {
            let manner = Manner::of(path, request.headers());
            return (name, turn_away(problem, manner), asked.has_body);
        }
        let (mut response, must_close) = match route {
            None => (
                self.answer_from_tree(&request, asked, options).await,
                asked.has_body,
            ),
            Some(route) => {
                let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
                (route.answer(request, asked.client).await, is_chunked)
            }
        };
        if is_private {
            keep_from_others(response.headers_mut());
        }
        (name, response, must_close)
    }

    /// Whether the client may ask more, and may ask here.
    async fn admit(
        &self,
        headers: &HeaderMap,
        asked: &Asked,
        (is_limited, is_private): (bool, bool),
    ) -> Result<(), Problem> {
        if is_limited {
            asked.in_force.limits.address(asked.client.ip())?;
        }
        if is_private {
            access::refuse(self.callers.as_deref(), headers, asked.client).await?;
        }
        Ok(())
    }

    async fn answer_from_tree(
        &self,
        request: &Request<Incoming>,
        asked: &Asked,
        options: &ServeOptions,
    ) -> Response<ResponseBody> {
        let question = Question {
            method: request.method(),
            path: request.uri().path(),
            headers: request.headers(),
        };
        let problem = match answer(&self.tree, question).await {
            Ok(response) => {
                let of = (request.method(), request.uri(), asked.client.ip());
                return match &self.downloads {
                    Some(downloads) => Delivery::watch(response, downloads, of),
                    None => response,
                };
            }
            Err(Refusal::Problem(problem)) => problem,
            Err(Refusal::Failed(error)) => {
                let id = asked.id.to_str().unwrap_or_default();
                options.reporter.file_failed(id, question.path, &error);
                failure(&error)
            }
        };
        let manner = Manner::of(question.path, question.headers);
        let is_missing = problem.status() == StatusCode::NOT_FOUND;
        let mut response = problem.respond(manner);
        match manner {
            // A page of another site may read documents, so it may also learn that one is missing.
            Manner::Json => drop(
                response
                    .headers_mut()
                    .insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE),
            ),
            Manner::Page if is_missing => self.put_page_of_missing(&mut response).await,
            Manner::Page => {}
        }
        response
    }

    /// Puts the tree's own page in place of the plain line, if it has one.
    async fn put_page_of_missing(&self, response: &mut Response<ResponseBody>) {
        if let Found::File(page) = self.tree.find("404.html").await
            && let Source::Memory(bytes) = &page.identity.source
        {
            *response.body_mut() = ResponseBody::from(bytes.clone());
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, page.kind.media_type.clone());
            headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        }
    }
}

impl From<TreeFiles> for Router {
    fn from(tree: TreeFiles) -> Self {
        Self::new(tree)
    }
}

impl From<Arc<TreeFiles>> for Router {
    fn from(tree: Arc<TreeFiles>) -> Self {
        Self::new(tree)
    }
}

/// What is known of a request before it is answered.
struct Asked {
    id: HeaderValue,
    /// The other end of the connection, or whom a trusted proxy names.
    client: SocketAddr,
    has_body: bool,
    in_force: Arc<InForce>,
}

/// What is wrong with a request, whoever would answer it.
fn check(request: &Request<Incoming>, is_refused: bool, options: &ServeOptions) -> Option<Problem> {
    let bad = |code, message: &str| Some(Problem::new(StatusCode::BAD_REQUEST, code, message));
    let headers = request.headers();
    if is_refused {
        return bad(
            "bad_framing",
            "the head of the request can be read in two ways",
        );
    }
    // RFC 9112 section 3.2: a request must name its host, once.
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return bad("bad_host", "a request needs exactly one `Host`");
    }
    if headers.contains_key(TRANSFER_ENCODING)
        && matches!(*request.method(), Method::GET | Method::HEAD)
    {
        return bad("unexpected_body", "a request to read has no body");
    }
    if declared_length(headers) > options.request_body_limit {
        let message = format!(
            "the body may have at most {} bytes",
            options.request_body_limit
        );
        return Some(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            message,
        ));
    }
    None
}

/// The length hyper has already checked; none is zero.
fn declared_length(headers: &HeaderMap) -> u64 {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length
        .and_then(|length| length.trim().parse().ok())
        .unwrap_or(0)
}

/// Adds what every answer has, and takes the body from an answer to HEAD.
fn finish(response: &mut Response<ResponseBody>, method: &Method, must_close: bool) {
    if *method == Method::HEAD {
        let length = response
            .body()
            .size_hint()
            .exact()
            .filter(|length| *length > 0);
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = ResponseBody::empty();
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if !headers.contains_key(REFERRER_POLICY) {
        headers.insert(REFERRER_POLICY, NO_REFERRER);
    }
    if must_close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
