//! Answers a GET or HEAD for a file of the tree; there is no other method.
//!
//! 1. The path names a file (`path.rs`), which is found as it is now (`tree.rs`).
//! 2. The client's preferred twin is chosen, if it belongs to the file.
//! 3. Preconditions are weighed against that twin (`conditional.rs`).
//! 4. A range, of the file itself only, selects a part (`range.rs`).
//! 5. Bytes come from memory, or are streamed from the file that step 1 described.

use crate::body::ResponseBody;
use crate::conditional::{Verdict, evaluate, permits_range};
use crate::encoding::{Coding, accepted};
use crate::entry::{Entry, Representation, Source};
use crate::path::{PathError, TreePath};
use crate::problem::Problem;
use crate::range::{Selected, select};
use crate::tree::{Found, TreeFiles};
use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderValue, LAST_MODIFIED, LOCATION, RANGE, RETRY_AFTER, VARY,
};
use hyper::{HeaderMap, Method, Response, StatusCode};
use std::io;
use std::ops::Range;
use std::sync::Arc;

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
pub(crate) const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// What is asked of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    /// The path as it came.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// Why there is no answer from the tree.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The client is told what and why.
    Problem(Problem),
    /// The system failed; the operator is told, the client only that it did.
    Failed(io::Error),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Answers `question` from `tree`.
pub(crate) async fn answer(
    tree: &Arc<TreeFiles>,
    question: Question<'_>,
) -> Result<Response<ResponseBody>, Refusal> {
    if !matches!(*question.method, Method::GET | Method::HEAD) {
        let message = "files of a registry can only be read";
        let problem = Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        );
        return Err(problem
            .with(ALLOW, HeaderValue::from_static("GET, HEAD"))
            .into());
    }
    let path = TreePath::parse(question.path).map_err(|error| match error {
        PathError::Malformed => {
            Problem::new(StatusCode::BAD_REQUEST, "bad_path", "the path is not valid")
        }
        PathError::Refused => not_found(),
    })?;
    let name = path.as_str();
    let mut found = tree.find(name).await;
    loop {
        let entry = match found {
            Found::File(entry) => entry,
            Found::Folder => return Ok(redirect(question.path)),
            Found::Absent => return Err(not_found().into()),
            Found::Failed(error) => return Err(Refusal::Failed(error)),
        };
        let (entry, coding) = negotiate(tree, entry, name, question.headers).await;
        let chosen = coding
            .and_then(|coding| entry.twin(coding))
            .unwrap_or(&entry.identity);
        if let Some(response) = respond(tree, &entry, chosen, name, question).await? {
            return Ok(response);
        }
        // What was known of the file no longer holds. What is found now has its own handle.
        found = tree.find_anew(name).await;
    }
}

/// Picks the best coding there is a twin for.
async fn negotiate(
    tree: &Arc<TreeFiles>,
    mut entry: Arc<Entry>,
    name: &str,
    headers: &HeaderMap,
) -> (Arc<Entry>, Option<Coding>) {
    if entry.may_have_twins() {
        for coding in accepted(headers) {
            if entry.twin(coding).is_none()
                && let Some(later) = tree.with_late_twin(&entry, name, coding).await
            {
                entry = later;
            }
            if entry.twin(coding).is_some() {
                return (entry, Some(coding));
            }
        }
    }
    (entry, None)
}

/// The response for `chosen`, or `None` if its file was replaced before it could be opened.
async fn respond(
    tree: &Arc<TreeFiles>,
    entry: &Entry,
    chosen: &Representation,
    name: &str,
    question: Question<'_>,
) -> Result<Option<Response<ResponseBody>>, Refusal> {
    match evaluate(question.headers, &chosen.validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(Some(not_modified(entry, chosen))),
        Verdict::Failed => {
            let message = "the file is not in the state the request asks for";
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                message,
            )
            .into());
        }
    }
    let size = chosen.stamp.size();
    let part = requested_part(chosen, question)?;
    let range = part.clone().unwrap_or(0..size);
    let body = if question.method == Method::HEAD {
        ResponseBody::empty()
    } else if let Source::Memory(bytes) = &chosen.source {
        ResponseBody::from(slice(bytes, &range))
    } else {
        match tree.stream(name, chosen, range.clone()).await {
            Ok(Some(stream)) => ResponseBody::file(stream),
            Ok(None) => return Ok(None),
            Err(error) => return Err(Refusal::Failed(error)),
        }
    };
    let mut response = Response::new(body);
    describe(response.headers_mut(), entry, chosen);
    if question.method == Method::HEAD {
        let length = HeaderValue::from(range.end - range.start);
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    if part.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        response
            .headers_mut()
            .extend(HeaderValue::try_from(text).map(|value| (CONTENT_RANGE, value)));
    }
    Ok(Some(response))
}

/// The part a GET asks for. A twin has no parts: its bytes are not the file's, and a client that puts
/// parts together must be able to rely on that.
fn requested_part(
    chosen: &Representation,
    question: Question<'_>,
) -> Result<Option<Range<u64>>, Problem> {
    let Some(value) = question.headers.get(RANGE) else {
        return Ok(None);
    };
    let is_eligible = question.method == Method::GET && chosen.coding.is_none();
    if !is_eligible || !permits_range(question.headers, &chosen.validators) {
        return Ok(None);
    }
    let size = chosen.stamp.size();
    match select(value.as_bytes(), size) {
        Selected::Whole => Ok(None),
        Selected::Part(range) => Ok(Some(range)),
        Selected::Unsatisfiable => {
            let message = format!("the range lies outside the file of {size} bytes");
            let problem = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range_not_satisfiable",
                message,
            );
            Err(match HeaderValue::try_from(format!("bytes */{size}")) {
                Ok(value) => problem.with(CONTENT_RANGE, value),
                Err(_) => problem,
            })
        }
    }
}

fn slice(bytes: &bytes::Bytes, range: &Range<u64>) -> bytes::Bytes {
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return bytes::Bytes::new();
    };
    bytes.slice(start..end)
}

fn describe(headers: &mut HeaderMap, entry: &Entry, chosen: &Representation) {
    headers.reserve(12);
    headers.insert(CONTENT_TYPE, entry.kind.media_type.clone());
    validate(headers, entry, chosen);
    if let Some(modified) = &entry.last_modified {
        headers.insert(LAST_MODIFIED, modified.clone());
    }
    match chosen.coding {
        Some(coding) => headers.insert(CONTENT_ENCODING, coding.header()),
        None => headers.insert(ACCEPT_RANGES, BYTES),
    };
    if let Some(policy) = &entry.kind.policy {
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
    }
    if entry.kind.is_attachment {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
}

/// The fields a 200 and a 304 have in common.
fn validate(headers: &mut HeaderMap, entry: &Entry, chosen: &Representation) {
    headers.insert(ETAG, chosen.validators.etag.clone());
    headers.insert(CACHE_CONTROL, entry.caching.clone());
    if entry.kind.has_twins {
        headers.insert(VARY, BY_ENCODING);
    }
    if entry.kind.is_shared {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
    }
}

fn not_modified(entry: &Entry, chosen: &Representation) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    validate(response.headers_mut(), entry, chosen);
    response
}

/// Sends the client to the same path with a slash.
///
/// SECURITY: relative to the path alone. A `Host` field is the client's word, and an answer built from it
/// would be cached for others. The leading `./` keeps a name with a colon from being read as a scheme.
fn redirect(path: &str) -> Response<ResponseBody> {
    let last = path.rsplit('/').next().unwrap_or(path);
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(HeaderValue::try_from(format!("./{last}/")).map(|value| (LOCATION, value)));
    response
}

fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is no such file in this registry",
    )
}

/// What the client is told when the system fails: to come back, where that may help.
pub(crate) fn failure(error: &io::Error) -> Problem {
    use rustix::io::Errno;

    match Errno::from_io_error(error) {
        // Out of file handles or memory; or no tree at the moment, which is being replaced.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOENT) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the registry cannot answer at the moment",
        )
        .with(RETRY_AFTER, HeaderValue::from_static("1")),
        _ => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "the file could not be read",
        ),
    }
}
