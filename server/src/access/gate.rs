//! The gate of a private registry: nothing of it is told to those without a token.

use std::net::SocketAddr;

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::{Callers, forbidden};
use crate::body::ResponseBody;
use crate::problem::{Manner, Problem};
use crate::types::{IMMUTABLE, PAGE_POLICY, REVALIDATED};

/// Makes a browser ask for a password.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"private registry\", charset=\"UTF-8\"");

const KEPT_BY_ONE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const REVALIDATED_BY_ONE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Refuses a request of a private registry whose sender may not read.
pub(crate) async fn refuse(
    callers: Option<&Callers>,
    headers: &HeaderMap,
    client: SocketAddr,
) -> Result<(), Problem> {
    match callers {
        Some(callers) => callers.reader(headers, client.ip()).await.map(drop),
        None => Err(forbidden(
            "this registry is private, and has nobody who may read it".to_owned(),
        )),
    }
}

/// What is told to those who are not let in.
pub(crate) fn turn_away(problem: Problem, manner: Manner) -> Response<ResponseBody> {
    let is_unknown = problem.status() == StatusCode::UNAUTHORIZED;
    let mut response = problem.respond(manner);
    if is_unknown {
        let headers = response.headers_mut();
        headers.append(WWW_AUTHENTICATE, CHALLENGE);
        if manner == Manner::Page {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            );
            headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
            *response.body_mut() = ResponseBody::from(registry_pages::PRIVATE.to_owned());
        }
    }
    response
}

/// Keeps what one reader was sent out of caches that serve others.
pub(crate) fn keep_from_others(headers: &mut HeaderMap) {
    if let Some(caching) = headers.get_mut(CACHE_CONTROL) {
        if *caching == IMMUTABLE {
            *caching = KEPT_BY_ONE;
        } else if *caching == REVALIDATED {
            *caching = REVALIDATED_BY_ONE;
        }
    }
}
