//! Error answers: one JSON shape for programs, a page or a line of text for people.

use crate::body::ResponseBody;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request that could not be answered as asked.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    fields: Vec<(HeaderName, HeaderValue)>,
}

/// What programs are told of a problem: `{"error","message","status","code"}`, and the fields of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemForm {
    /// What the status means.
    error: String,
    /// One sentence, for people.
    message: String,
    /// The status of the answer.
    status: u16,
    /// For programs; never changes.
    code: String,
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    about: String,
    /// The same as `error`.
    title: String,
    /// The same as `message`.
    detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    hint: Option<String>,
}

/// How a client wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// [`ProblemForm`].
    Json,
    /// For a browser.
    Page,
}

impl Manner {
    /// What the client of this request wants: JSON, unless it takes HTML and asks for no document.
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_document =
            extension.eq_ignore_ascii_case("json") || path == "/api" || path.starts_with("/api/");
        let accepts = |media_type: &str| {
            let mut values = headers
                .get_all(ACCEPT)
                .iter()
                .filter_map(|value| value.to_str().ok());
            values.any(|value| value.to_ascii_lowercase().contains(media_type))
        };
        if is_document || !accepts("text/html") || accepts("application/json") {
            Self::Json
        } else {
            Self::Page
        }
    }
}

impl Problem {
    /// A problem with `status`. `code` is for programs, such as `not_found`, and never changes;
    /// `message` is one lower-case sentence without a full stop.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
            fields: Vec::new(),
        }
    }

    /// Adds a header field to the answer.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Adds advice: what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is said.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer. Problems are never cached: the file may be there the next moment.
    pub fn respond(self, manner: Manner) -> Response<ResponseBody> {
        let (text, media_type) = match manner {
            Manner::Json => (format!("{}\n", self.json()), "application/json"),
            Manner::Page => (self.text(), "text/plain; charset=utf-8"),
        };
        let mut response = Response::new(ResponseBody::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.fields {
            headers.append(name, value);
        }
        response
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// What programs are told.
    pub(crate) fn form(&self) -> ProblemForm {
        ProblemForm {
            error: self.title().to_owned(),
            message: self.message.clone(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            about: "about:blank".to_owned(),
            title: self.title().to_owned(),
            detail: self.message.clone(),
            hint: self.hint.clone(),
        }
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.form()).unwrap_or_default()
    }

    fn text(&self) -> String {
        format!(
            "{} {}: {}\n",
            self.status.as_u16(),
            self.title(),
            self.message
        )
    }
}
