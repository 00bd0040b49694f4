//! The gate of a private registry: nothing of it is told to those without a token.

use std::net::SocketAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Response, StatusCode};
use sha2::{Digest as _, Sha256};

use super::{Callers, forbidden};
use crate::body::ResponseBody;
use crate::problem::{Manner, Problem};
use crate::types::{IMMUTABLE, REVALIDATED};

/// Makes a browser ask for a password.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"private registry\", charset=\"UTF-8\"");

const KEPT_BY_ONE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const REVALIDATED_BY_ONE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// SECURITY: the page of those who are turned away may load nothing, which it could not anyway; its own style is known
/// by its digest.
static OWN_STYLE: LazyLock<HeaderValue> = LazyLock::new(|| {
    let (_, style) = registry_pages::PRIVATE
        .split_once("<style>")
        .unwrap_or_default();
    let (style, _) = style.split_once("</style>").unwrap_or_default();
    HeaderValue::try_from(policy_of(style))
        .unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The policy of a page that loads nothing and has this style in it.
pub(crate) fn policy_of(style: &str) -> String {
    let digest = STANDARD.encode(Sha256::digest(style));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

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
            headers.insert(CONTENT_SECURITY_POLICY, OWN_STYLE.clone());
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
