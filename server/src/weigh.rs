//! The head of an answer from the tree: preconditions, ranges and the fields that describe a file.

use crate::answer::{ANYONE, Question};
use crate::body::ResponseBody;
use crate::conditional::{Verdict, evaluate, permits_range};
use crate::entry::{Entry, Representation, Source};
use crate::problem::Problem;
use crate::range::{Selected, select};
use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderValue, LAST_MODIFIED, RANGE, VARY,
};
use hyper::{HeaderMap, Method, Response, StatusCode};
use std::ops::Range;

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Fields of an answer, so that their table is made once.
const MOST_FIELDS: usize = 12;

/// How a file answers a question.
pub(crate) enum Weighed {
    Answered(Response<ResponseBody>),
    /// With a part of it, or all, that is not in memory.
    ToBeRead {
        range: Range<u64>,
        is_part: bool,
    },
}

pub(crate) fn weigh(
    entry: &Entry,
    chosen: &Representation,
    question: Question<'_>,
) -> Result<Weighed, Problem> {
    match evaluate(question.headers, &chosen.validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(Weighed::Answered(not_modified(entry, chosen))),
        Verdict::Failed => {
            let message = "the file is not in the state the request asks for";
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                message,
            ));
        }
    }
    let part = requested_part(chosen, question)?;
    let is_part = part.is_some();
    let range = part.unwrap_or(0..chosen.stamp.size());
    let body = match &chosen.source {
        _ if question.method == Method::HEAD => ResponseBody::empty(),
        Source::Memory(bytes) => ResponseBody::copied(slice(bytes, &range), entry.copy_of(chosen)),
        Source::Open(_) | Source::Closed => return Ok(Weighed::ToBeRead { range, is_part }),
    };
    let mut response = with_body(body, (entry, chosen), &range, is_part);
    if question.method == Method::HEAD {
        let length = HeaderValue::from(range.end - range.start);
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    Ok(Weighed::Answered(response))
}

pub(crate) fn with_body(
    body: ResponseBody,
    (entry, chosen): (&Entry, &Representation),
    range: &Range<u64>,
    is_part: bool,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    describe(response.headers_mut(), entry, chosen);
    if is_part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let size = chosen.stamp.size();
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        response
            .headers_mut()
            .extend(HeaderValue::try_from(text).map(|value| (CONTENT_RANGE, value)));
    }
    response
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
    headers.reserve(MOST_FIELDS);
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
    response.headers_mut().reserve(MOST_FIELDS);
    validate(response.headers_mut(), entry, chosen);
    response
}
