//! `/search` for people and `/api/v1/search` for programs, answered from the files of the tree's search index.
//!
//! ```text
//! question.rs  what the address asks        answer.rs  hits, and what is shown of their packs
//! ```

mod answer;
mod question;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderValue,
};
use hyper::{Method, Request, Response, StatusCode};

use crate::answer::ANYONE;
use crate::body::ResponseBody;
use crate::pages::Pages;
use crate::parsed::ParsedFiles;
use crate::problem::{Manner, Problem};
use crate::router::{Route, RouteFuture};
use crate::tree::TreeFiles;
use crate::types::PAGE_POLICY;

use self::answer::{Answer, answer};
use self::question::Question;

/// Where people search.
const PAGE: &str = "/search";
/// Where programs search.
const API: &str = "/api/v1/search";

/// Answers searches in a tree that has a search index.
#[derive(Debug)]
pub struct SearchRoute {
    files: ParsedFiles,
    pages: Arc<Pages>,
}

impl SearchRoute {
    /// Searches `tree` as it is at each question.
    pub fn new(tree: Arc<TreeFiles>, pages: Arc<Pages>) -> Self {
        Self {
            files: ParsedFiles::new(tree),
            pages,
        }
    }

    async fn respond(
        &self,
        request: &Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Problem> {
        only_read(request.method())?;
        let question = Question::of(request.uri().query().unwrap_or_default())?;
        let answer = answer(&self.files, &question).await?;
        if request.uri().path() == API {
            return Ok(json(answer.json(&question)));
        }
        self.page(&question, answer).await
    }

    async fn page(
        &self,
        question: &Question,
        answer: Answer,
    ) -> Result<Response<ResponseBody>, Problem> {
        let site = self.files.site().await?;
        let page = self
            .pages
            .renderer()
            .found(&site, &answer.for_page(question));
        Ok(html(page.map_err(|_| no_page())?))
    }
}

/// A page that was made for this request.
pub(crate) fn html(page: Vec<u8>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(bytes::Bytes::from(page)));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A document that was made for this request; pages of other sites may read it.
pub(crate) fn json(text: String) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
    response
}

/// What is wrong with a question, as its client wants to be told.
pub(crate) fn refused(problem: Problem, manner: Manner) -> Response<ResponseBody> {
    let mut response = problem.respond(manner);
    if matches!(manner, Manner::Json) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
    }
    response
}

/// Refuses what is no question.
pub(crate) fn only_read(method: &Method) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let allowed = HeaderValue::from_static("GET, HEAD");
    let message = "this address can only be asked";
    let refused = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    );
    Err(refused.with(ALLOW, allowed))
}

/// What is said when a template fails.
pub(crate) fn no_page() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        "the page could not be made",
    )
}

impl Route for SearchRoute {
    fn name(&self) -> &'static str {
        "search"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        path == PAGE || path == API
    }

    fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            let manner = Manner::of(request.uri().path(), request.headers());
            let answered = self.respond(&request).await;
            answered.unwrap_or_else(|problem| refused(problem, manner))
        })
    }
}
