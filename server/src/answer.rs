//! Answers a GET or HEAD for a file of the tree; there is no other method.
//!
//! 1. The path names a file (`path.rs`), which is found as it is now (`tree.rs`).
//! 2. The client's preferred twin is chosen, if it belongs to the file.
//! 3. Preconditions are weighed against that twin (`conditional.rs`).
//! 4. A range, of the file itself only, selects a part (`range.rs`).
//! 5. Bytes come from memory, or are streamed from the file that step 1 described.

use crate::body::ResponseBody;
use crate::encoding::{Coding, accepted};
use crate::entry::{Entry, Representation};
use crate::path::{PathError, TreePath};
use crate::problem::Problem;
use crate::tree::{Found, TreeFiles};
use crate::weigh::{Weighed, weigh, with_body};
use hyper::header::{ALLOW, CACHE_CONTROL, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::io;
use std::sync::Arc;
use std::time::Instant;

pub(crate) const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// What is asked of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    /// The path as it came.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

impl<'a> Question<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            path: request.uri().path(),
            headers: request.headers(),
        }
    }
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
        PathError::Refused => absent(question.path),
    })?;
    let name = path.as_str();
    let mut found = tree.find(name).await;
    loop {
        let entry = match found {
            Found::File(entry) => entry,
            Found::Folder => return Ok(redirect(question.path)),
            Found::Absent => return Err(absent(question.path).into()),
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

/// The answer to `question` if nothing has to be waited for: the file is in memory, and as it was when it was read. `now` is
/// a moment ago at most.
pub(crate) fn answer_at_once(
    tree: &TreeFiles,
    question: Question<'_>,
    now: Instant,
) -> Option<Response<ResponseBody>> {
    let path = TreePath::parse(question.path).ok()?;
    let entry = tree.find_known(path.as_str(), now)?;
    let coding = if entry.may_have_twins() {
        accepted(question.headers).next()
    } else {
        None
    };
    let chosen = match coding {
        None => &entry.identity,
        // It may have come since.
        Some(coding) => entry.twin(coding)?,
    };
    match weigh(&entry, chosen, question) {
        Ok(Weighed::Answered(response)) => Some(response),
        Ok(Weighed::ToBeRead { .. }) | Err(_) => None,
    }
}

/// The response for `chosen`, or `None` if its file was replaced before it could be opened.
async fn respond(
    tree: &Arc<TreeFiles>,
    entry: &Entry,
    chosen: &Representation,
    name: &str,
    question: Question<'_>,
) -> Result<Option<Response<ResponseBody>>, Refusal> {
    match weigh(entry, chosen, question)? {
        Weighed::Answered(response) => Ok(Some(response)),
        Weighed::ToBeRead { range, is_part } => {
            let stream = tree.stream(name, chosen, range.clone()).await;
            let stream = stream.map_err(Refusal::Failed)?;
            Ok(stream.map(|stream| {
                let body = ResponseBody::file(stream);
                with_body(body, (entry, chosen), &range, is_part)
            }))
        }
    }
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

/// A file that there is not, or an operation: no tree has a folder `api`.
fn absent(path: &str) -> Problem {
    let problem = |message| Problem::new(StatusCode::NOT_FOUND, "not_found", message);
    if path.starts_with("/api/") {
        return problem("this server has no such operation")
            .with_hint("`/openapi.json` says which there are");
    }
    problem("there is no such file in this registry")
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
