//! What every request and every answer has, whoever answers: what is demanded, added, counted and told.

use crate::access::InForce;
use crate::body::ResponseBody;
use crate::operations::{X_REQUEST_ID, request_id};
use crate::options::ServeOptions;
use crate::problem::Problem;
use crate::report::Answered;
use hyper::body::{Body, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    TRANSFER_ENCODING, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// For a year.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// What is known of a request before it is answered.
pub(crate) struct Asked {
    pub(crate) id: HeaderValue,
    /// The other end of the connection, or whom a trusted proxy names.
    pub(crate) client: SocketAddr,
    pub(crate) has_body: bool,
    pub(crate) in_force: Arc<InForce>,
}

impl Asked {
    pub(crate) fn of(
        request: &Request<Incoming>,
        peer: SocketAddr,
        in_force: Arc<InForce>,
    ) -> Self {
        let headers = request.headers();
        Self {
            id: request_id(headers),
            client: in_force.policy.proxies.client(peer, headers),
            // After a body that nobody read the next request could be anything.
            has_body: headers.contains_key(TRANSFER_ENCODING) || !request.body().is_end_stream(),
            in_force,
        }
    }
}

/// What is told of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) agent: Option<&'a HeaderValue>,
}

impl<'a> From<&'a Request<Incoming>> for Head<'a> {
    fn from(request: &'a Request<Incoming>) -> Self {
        Self {
            method: request.method(),
            path: request.uri().path(),
            agent: request.headers().get(USER_AGENT),
        }
    }
}

/// Adds what every answer has, counts it and tells of it.
pub(crate) fn complete(
    (route, mut response, must_close): (&'static str, Response<ResponseBody>, bool),
    head: Head<'_>,
    asked: Asked,
    (begun, options): (Instant, &ServeOptions),
) -> Response<ResponseBody> {
    finish(&mut response, head.method, must_close);
    let took = begun.elapsed();
    options.metrics.answered(route, response.status(), took);
    options.reporter.answered(&Answered {
        id: asked.id.to_str().unwrap_or_default(),
        client: asked.client,
        method: head.method,
        path: head.path,
        status: response.status(),
        bytes: response.body().size_hint().exact(),
        route,
        agent: head.agent.and_then(|agent| agent.to_str().ok()),
        took,
    });
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, asked.id);
    if options.tls.is_some() {
        headers.insert(STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
    response
}

/// What is wrong with a request, whoever would answer it.
pub(crate) fn check(
    request: &Request<Incoming>,
    is_refused: bool,
    options: &ServeOptions,
) -> Option<Problem> {
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
