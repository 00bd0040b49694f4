//! Bodies of requests and answers: JSON.

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::workshop::failed;
use crate::body::ResponseBody;
use crate::problem::Problem;

/// Largest body, in bytes (1 MiB): thousands of paths.
const MAX_BYTES: usize = 1024 * 1024;

/// What a request says.
pub(super) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Incoming,
) -> Result<T, Problem> {
    // SECURITY: a page of another site cannot send this type without asking first.
    let media_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next());
    if !media_type.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be `Content-Type: application/json`",
        ));
    }
    let collected = Limited::new(body, MAX_BYTES).collect().await;
    let bytes = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let message = format!("the body may have at most {MAX_BYTES} bytes");
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message);
        }
        malformed("the body broke off before its end")
    })?;
    let bytes = bytes.to_bytes();
    // A list of their values would be read as members, too.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(malformed("the body must be a JSON object"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| malformed(&format!("the body is not what is expected here: {error}")))
}

/// The same where nothing need be said: without a body and its type, what is said is nothing.
pub(super) async fn read_if_any<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: Incoming,
) -> Result<T, Problem> {
    if body.is_end_stream() {
        return Ok(T::default());
    }
    read(headers, body).await
}

/// A request that makes no sense, whatever the state of the server.
pub(super) fn malformed(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", message)
}

/// What every answer that is no refusal is in.
#[derive(Serialize)]
struct Envelope<'a, T> {
    data: &'a T,
}

/// `{"data": …}`, for nobody's cache.
pub(super) fn data<T: Serialize>(data: &T) -> Result<Response<ResponseBody>, Problem> {
    let mut text = serde_json::to_string(&Envelope { data }).map_err(|_| failed())?;
    text.push('\n');
    let mut response = Response::new(ResponseBody::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What is kept of the answer of a job.
pub(super) fn value<T: Serialize>(data: &T) -> Result<Value, Problem> {
    serde_json::to_value(data).map_err(|_| failed())
}
