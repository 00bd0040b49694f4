//! Who answers a request: a dynamic route that claims its path, else the tree.
//!
//! Every request, whoever answers it, is first held to what HTTP requires of it, and every answer leaves
//! with the same security fields. The gate of a private registry stands before everything but routes that
//! judge their callers themselves, which they do before they read the body.

use crate::access::{self, Access, Callers, LivePolicy, keep_from_others, turn_away};
use crate::answer::{ANYONE, Question, Refusal, answer, answer_at_once, failure};
use crate::body::ResponseBody;
use crate::cors::{self, is_preflight};
use crate::entry::Source;
use crate::exchange::{Asked, Head, check, complete};
use crate::options::ServeOptions;
use crate::problem::{Manner, Problem};
use crate::statistics::{Delivery, Downloads};
use crate::tree::{Found, TreeFiles};
use crate::types::PAGE_POLICY;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY, CONTENT_TYPE, TRANSFER_ENCODING,
    USER_AGENT,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

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

    /// The answer to a request if nothing has to be waited for and nobody is turned away: a file of a public registry that
    /// is in memory. Nearly all requests are of this kind; for all others nothing is done here.
    pub(crate) fn answer_at_once(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
        is_refused: bool,
        options: &ServeOptions,
    ) -> Option<Response<ResponseBody>> {
        let begun = Instant::now();
        let (method, path) = (request.method(), request.uri().path());
        if !matches!(*method, Method::GET | Method::HEAD)
            || check(request, is_refused, options).is_some()
            || self.routes.iter().any(|route| route.claims(method, path))
        {
            return None;
        }
        let asked = Asked::of(request, peer, self.policy.get());
        if asked.in_force.policy.access == Access::Private {
            return None;
        }
        let question = Question::of(request);
        let response = answer_at_once(&self.tree, question, begun)?;
        // Who asks too much is told so where all are who are refused.
        asked.in_force.limits.address(asked.client.ip()).ok()?;
        let response = self.watched(response, request, &asked);
        let answered = ("tree", response, asked.has_body);
        Some(complete(answered, request.into(), asked, (begun, options)))
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
        let asked = Asked::of(&request, peer, self.policy.get());
        let agent = request.headers().get(USER_AGENT).cloned();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let answered = match check(&request, is_refused, options) {
            Some(problem) => {
                let manner = Manner::of(uri.path(), request.headers());
                ("other", problem.respond(manner), true)
            }
            None => self.dispatch(request, &asked, options).await,
        };
        let head = Head {
            method: &method,
            path: uri.path(),
            agent: agent.as_ref(),
        };
        complete(answered, head, asked, (begun, options))
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
        let question = Question::of(request);
        let problem = match answer(&self.tree, question).await {
            Ok(response) => return self.watched(response, request, asked),
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

    /// Has a download counted once it is one.
    fn watched(
        &self,
        response: Response<ResponseBody>,
        request: &Request<Incoming>,
        asked: &Asked,
    ) -> Response<ResponseBody> {
        let of = (request.method(), request.uri(), asked.client.ip());
        match &self.downloads {
            Some(downloads) => Delivery::watch(response, downloads, of),
            None => response,
        }
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
