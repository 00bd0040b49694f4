//! The body of a request: to a file without a name, counted, and compared with the digest its sender says.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use registry_tree::layout;
use sha2::{Digest as _, Sha256};

use super::target::{Target, Verb};
use super::{PublishOptions, failed};
use crate::problem::Problem;

/// Largest body that is no archive, in bytes (64 KiB).
const MAX_JSON_BYTES: u64 = 64 * 1024;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What came. The file has no name: nothing is left of it, however the server ends.
#[derive(Debug)]
pub(super) struct Received {
    file: File,
    length: u64,
}

impl Received {
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Problem> {
        let mut file = &self.file;
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        file.rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .map_err(|_| failed())?;
        Ok(bytes)
    }
}

/// Reads the body of a request that its sender may make.
pub(super) async fn body(
    parts: &Parts,
    mut body: Incoming,
    target: &Target,
    options: &PublishOptions,
) -> Result<Received, Problem> {
    let is_archive = target.verb == Verb::Publish;
    refuse_codings(&parts.headers)?;
    let limit = if is_archive {
        options.rules.get().policy.publish.max_archive_bytes
    } else {
        MAX_JSON_BYTES
    };
    let declared = hyper::body::Body::size_hint(&body).exact();
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let state = layout::state_directory(&options.tree);
    let no_room = |error| {
        options.reporter.body_not_kept(&state, &error);
        no_room()
    };
    let mut received = Received {
        file: tempfile::tempfile_in(&state).map_err(no_room)?,
        length: 0,
    };
    let mut hash = Sha256::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "body_cut",
                "the body broke off before its end",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        received.length += data.len() as u64;
        if received.length > limit {
            return Err(too_large(limit));
        }
        hash.update(&data);
        // Some tens of KiB into the page cache: quicker than a thread.
        received.file.write_all(&data).map_err(no_room)?;
    }
    agrees(&parts.headers, &hash.finalize())?;
    Ok(received)
}

/// A body that is coded would have to be decoded before it is known how large it is.
fn refuse_codings(headers: &HeaderMap) -> Result<(), Problem> {
    let coding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if coding.is_none_or(|coding| coding.eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send the body as it is, without a content coding",
    ))
}

/// Compares what came with `Content-Digest` (RFC 9530), if that is given for SHA-256.
fn agrees(headers: &HeaderMap, digest: &[u8]) -> Result<(), Problem> {
    let said = headers.get(CONTENT_DIGEST).and_then(|value| {
        let mut members = value.to_str().ok()?.split(',');
        members.find_map(|member| {
            let text = member.trim().strip_prefix("sha-256=:")?;
            text.strip_suffix(':').map(str::to_owned)
        })
    });
    let found = STANDARD.encode(digest);
    match said {
        Some(said) if said != found => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "digest_mismatch",
            format!(
                "the body is not what its `Content-Digest` says\n  said   {said}\n  found  {found}"
            ),
        )),
        _ => Ok(()),
    }
}

fn too_large(limit: u64) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body may have at most {limit} bytes"),
    )
}

fn no_room() -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "no_room",
        "the server cannot keep the body; nothing was changed",
    )
}
