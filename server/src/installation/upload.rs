//! The body of `packs/upload`: an archive as it is, or in a form with `force` and `skip_tests`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyDataStream, BodyExt as _};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use pack_format::Limits;
use schemars::JsonSchema;
use tempfile::TempPath;

use super::body::malformed;
use crate::problem::Problem;

/// Where bodies are below a packs directory.
const FOLDER: &str = ".attune/uploads";

/// Most bytes of a field of a form that is no archive.
const MAX_FIELD_BYTES: u64 = 64;

/// Most bytes that a form adds to its archive.
const FORM_BYTES: u64 = 64 * 1024;

/// The fields of a form.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UploadRequest")]
#[expect(dead_code, reason = "a form is read field by field")]
pub(super) struct Request {
    /// A .tar.gz or .zip of at most 64 MiB.
    #[schemars(extend("format" = "binary"))]
    pack: String,
    /// Replace what is installed.
    #[serde(default)]
    force: bool,
    /// Run no tests.
    #[serde(default)]
    skip_tests: bool,
}

/// An archive that came, and what was said with it.
#[derive(Debug)]
pub(super) struct Upload {
    path: TempPath,
    pub(super) says: Says,
}

/// What is said of an archive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Says {
    pub(super) force: bool,
    pub(super) skip_tests: bool,
}

impl Upload {
    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the body of a request, up to the size that archives may have.
    pub(super) async fn receive(
        parts: &Parts,
        body: Incoming,
        base: &Path,
    ) -> Result<Self, Problem> {
        let limit = Limits::default().archive_bytes;
        let field = parts.headers.get(CONTENT_TYPE);
        let media_type = field.and_then(|v| v.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(media_type).ok();
        let allowed = limit + boundary.as_ref().map_or(0, |_| FORM_BYTES);
        if body.size_hint().lower() > allowed {
            return Err(too_large(limit));
        }
        match boundary {
            Some(boundary) => form(body, boundary, (base, limit)).await,
            None if is_archive(media_type) => {
                let says = Says::of(parts.uri.query())?;
                bare(body, says, (base, limit)).await
            }
            None => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send an archive as `application/gzip` or `application/zip`, or as the field `pack` of `multipart/form-data`",
            )),
        }
    }
}

fn is_archive(media_type: &str) -> bool {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    [
        "application/gzip",
        "application/x-gzip",
        "application/x-tar",
        "application/zip",
        "application/octet-stream",
    ]
    .iter()
    .any(|known| name.eq_ignore_ascii_case(known))
}

impl Says {
    /// What a query says; nothing else may be in it.
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut says = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            says.hear(&name, &value)?;
        }
        Ok(says)
    }

    fn hear(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let flag = match value {
            "true" => true,
            "false" => false,
            _ => return Err(malformed("`force` and `skip_tests` are `true` or `false`")),
        };
        match name {
            "force" => self.force = flag,
            "skip_tests" => self.skip_tests = flag,
            _ => {
                return Err(malformed(
                    "only `pack`, `force` and `skip_tests` are known here",
                ));
            }
        }
        Ok(())
    }
}

/// Removes bodies of a former server.
pub(super) fn sweep(base: &Path) -> io::Result<()> {
    match fs::remove_dir_all(base.join(FOLDER)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A file that grows up to a limit.
struct Growing {
    file: File,
    path: TempPath,
    left: u64,
    limit: u64,
}

impl Growing {
    fn new(base: &Path, limit: u64) -> Result<Self, Problem> {
        let folder: PathBuf = base.join(FOLDER);
        let made = fs::create_dir_all(&folder).and_then(|()| {
            let mut builder = tempfile::Builder::new();
            builder.prefix("u-").tempfile_in(&folder)
        });
        let (file, path) = made.map_err(|_| no_room())?.into_parts();
        Ok(Self {
            file,
            path,
            left: limit,
            limit,
        })
    }

    fn take(&mut self, bytes: &Bytes) -> Result<(), Problem> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| too_large(self.limit))?;
        // Some tens of KiB into the page cache: quicker than a thread.
        self.file.write_all(bytes).map_err(|_| no_room())
    }

    fn end(self, says: Says) -> Upload {
        Upload {
            path: self.path,
            says,
        }
    }
}

async fn bare(
    mut body: Incoming,
    says: Says,
    (base, limit): (&Path, u64),
) -> Result<Upload, Problem> {
    let mut growing = Growing::new(base, limit)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| cut())?;
        if let Ok(bytes) = frame.into_data() {
            growing.take(&bytes)?;
        }
    }
    Ok(growing.end(says))
}

async fn form(
    body: Incoming,
    boundary: String,
    (base, limit): (&Path, u64),
) -> Result<Upload, Problem> {
    let size = multer::SizeLimit::new()
        .whole_stream(limit + FORM_BYTES)
        .per_field(MAX_FIELD_BYTES)
        .for_field("pack", limit);
    let constraints = multer::Constraints::new().size_limit(size);
    let stream = BodyDataStream::new(body);
    let mut form = multer::Multipart::with_constraints(stream, boundary, constraints);
    let refuse = |error: multer::Error| refused(&error, limit);
    let (mut says, mut archive) = (Says::default(), None::<Growing>);
    while let Some(mut field) = form.next_field().await.map_err(refuse)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "pack" {
            says.hear(&name, &field.text().await.map_err(refuse)?)?;
            continue;
        }
        if archive.is_some() {
            return Err(malformed("the form has two fields `pack`"));
        }
        let growing = archive.insert(Growing::new(base, limit)?);
        while let Some(bytes) = field.chunk().await.map_err(refuse)? {
            growing.take(&bytes)?;
        }
    }
    let archive = archive.ok_or_else(|| malformed("the form has no field `pack`"))?;
    Ok(archive.end(says))
}

fn refused(error: &multer::Error, limit: u64) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded { field_name, .. }
            if field_name.as_deref() != Some("pack") =>
        {
            malformed("a field of the form other than `pack` is too long")
        }
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            too_large(limit)
        }
        multer::Error::StreamReadFailed(_) | multer::Error::IncompleteStream => cut(),
        error => malformed(&format!("the form is malformed: {error}")),
    }
}

fn cut() -> Problem {
    malformed("the body broke off before its end")
}

fn too_large(limit: u64) -> Problem {
    let message = format!("an archive may have at most {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

fn no_room() -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "no_room",
        "the server cannot keep the body; nothing was changed",
    )
}
