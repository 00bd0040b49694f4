//! What a request is about: verb, pack, version, owner.

use attune_indexer::changes::Change;
use attune_indexer::upload::Upload;
use attune_indexer::withdraw::Withdrawal;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};
use pack_format::text::printable;
use pack_format::{PackRef, Version};
use serde::Deserialize;

use super::receive::Received;
use crate::problem::Problem;
use crate::state::Scope;

const PREFIX: &str = "/api/v1/packs/";

/// What stands where versions do, and is none.
const BESIDE_VERSIONS: [&str; 3] = ["deprecate", "undeprecate", "owners"];

/// Longest name of an account, in bytes.
const MAX_ACCOUNT_BYTES: usize = 64;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Publish,
    Yank,
    Unyank,
    TakeDown,
    Deprecate,
    Undeprecate,
    ListOwners,
    AddOwner,
    RemoveOwner,
}

impl Verb {
    /// Its name in the audit log.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Yank => "yank",
            Self::Unyank => "unyank",
            Self::TakeDown => "takedown",
            Self::Deprecate => "deprecate",
            Self::Undeprecate => "undeprecate",
            Self::ListOwners => "owners",
            Self::AddOwner => "owner-add",
            Self::RemoveOwner => "owner-remove",
        }
    }

    /// What a token must allow.
    pub(super) fn scope(self) -> Scope {
        match self {
            Self::Publish | Self::AddOwner | Self::RemoveOwner => Scope::Publish,
            Self::Yank | Self::Unyank | Self::Deprecate | Self::Undeprecate => Scope::Yank,
            Self::TakeDown => Scope::Admin,
            Self::ListOwners => Scope::Read,
        }
    }

    /// Of a method and the parts of a path behind the prefix.
    fn of(method: &Method, parts: &[&str]) -> Option<Self> {
        Some(match (method, parts) {
            (&Method::PUT, [_, version]) if !BESIDE_VERSIONS.contains(version) => Self::Publish,
            (&Method::POST, [_, _, "yank"]) => Self::Yank,
            (&Method::POST, [_, _, "unyank"]) => Self::Unyank,
            (&Method::POST, [_, _, "takedown"]) => Self::TakeDown,
            (&Method::POST, [_, "deprecate"]) => Self::Deprecate,
            (&Method::POST, [_, "undeprecate"]) => Self::Undeprecate,
            (&Method::GET, [_, "owners"]) => Self::ListOwners,
            (&Method::PUT, [_, "owners", _]) => Self::AddOwner,
            (&Method::DELETE, [_, "owners", _]) => Self::RemoveOwner,
            _ => return None,
        })
    }
}

fn parts(path: &str) -> Option<Vec<&str>> {
    Some(path.strip_prefix(PREFIX)?.split('/').collect())
}

/// Whether a request is about publishing, or changes what only others of its kind do; reads that are none may be others'.
pub(super) fn is_of_publishing(method: &Method, path: &str) -> bool {
    let Some(parts) = parts(path) else {
        return false;
    };
    let reads = matches!(*method, Method::GET | Method::HEAD);
    Verb::of(method, &parts).is_some() || (!reads && !methods(&parts).is_empty())
}

/// The methods that mean something for a path.
fn methods(parts: &[&str]) -> Vec<Method> {
    let all = [Method::GET, Method::PUT, Method::POST, Method::DELETE];
    let known = all.into_iter();
    known
        .filter(|method| Verb::of(method, parts).is_some())
        .collect()
}

fn other_method(parts: &[&str]) -> Problem {
    let methods = methods(parts);
    let allowed: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let allowed = allowed.join(", ");
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("this takes {allowed}"),
    );
    match HeaderValue::try_from(allowed) {
        Ok(field) => problem.with(ALLOW, field),
        Err(_) => problem,
    }
}

/// What a request is about.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) verb: Verb,
    pub(super) pack_ref: PackRef,
    pub(super) version: Option<Version>,
    pub(super) owner: Option<String>,
}

/// Whether a change is only judged. What is neither true nor false is refused: it must not be taken for its absence.
pub(super) fn is_dry_run(query: Option<&str>) -> Result<bool, Problem> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut said = false;
    for (_, value) in pairs.filter(|(name, _)| name == "dry_run") {
        said = match &*value {
            "true" => true,
            "false" => false,
            _ => {
                let message = "`dry_run` is `true` or `false`".to_owned();
                return Err(wrong("bad_request", message));
            }
        };
    }
    Ok(said)
}

/// What the body of a change may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    reason: String,
    successor: Option<PackRef>,
}

impl Target {
    pub(super) fn parse(method: &Method, path: &str) -> Result<Self, Problem> {
        let parts = parts(path).unwrap_or_default();
        let Some(verb) = Verb::of(method, &parts) else {
            return Err(other_method(&parts));
        };
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        let pack_ref = part(0)
            .parse()
            .map_err(|e| wrong("invalid_ref", format!("`{}`: {e}", printable(part(0)))))?;
        let has_version = matches!(
            verb,
            Verb::Publish | Verb::Yank | Verb::Unyank | Verb::TakeDown
        );
        let version = has_version
            .then(|| {
                // A plus in a path is a plus; some clients encode it.
                let text = part(1).replace("%2B", "+").replace("%2b", "+");
                text.parse::<Version>()
                    .map_err(|e| wrong("invalid_version", format!("`{}`: {e}", printable(&text))))
            })
            .transpose()?;
        let owner = matches!(verb, Verb::AddOwner | Verb::RemoveOwner)
            .then(|| owner(part(2)))
            .transpose()?;
        Ok(Self {
            verb,
            pack_ref,
            version,
            owner,
        })
    }

    /// That an archive holds what its address says.
    pub(super) fn is_what_came(&self, upload: &Upload) -> Result<(), Problem> {
        let version = &upload.document.version;
        if upload.pack_ref == self.pack_ref
            && self.version.as_ref().map(ToString::to_string) == Some(version.to_string())
        {
            return Ok(());
        }
        let asked = self.version.as_ref().map(ToString::to_string);
        Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "identity_mismatch",
            format!(
                "the archive holds another pack or version\n  address  {}@{}\n  archive  {}@{version}",
                self.pack_ref,
                asked.unwrap_or_default(),
                upload.pack_ref
            ),
        ))
    }

    /// The change a request without an archive asks for.
    pub(super) fn withdrawal(&self, received: &Received) -> Result<Change, Problem> {
        let said = self.said(received)?;
        let version = self.version.clone();
        let withdrawal = match (self.verb, version) {
            (Verb::Yank, Some(version)) => Withdrawal::Yank {
                version,
                reason: said.reason,
            },
            (Verb::Unyank, Some(version)) => Withdrawal::Unyank { version },
            (Verb::TakeDown, version) => Withdrawal::TakeDown {
                version,
                reason: said.reason,
            },
            (Verb::Deprecate, _) => Withdrawal::Deprecate {
                reason: said.reason,
                successor: said.successor,
            },
            (Verb::AddOwner, _) => {
                return Ok(Change::AddOwner(self.owner.clone().unwrap_or_default()));
            }
            (Verb::RemoveOwner, _) => {
                return Ok(Change::RemoveOwner(self.owner.clone().unwrap_or_default()));
            }
            _ => Withdrawal::Undeprecate,
        };
        Ok(Change::Withdraw(withdrawal))
    }

    fn said(&self, received: &Received) -> Result<Said, Problem> {
        let bytes = received.bytes()?;
        let said = if bytes.is_empty() {
            Said::default()
        } else if !bytes.trim_ascii_start().starts_with(b"{") {
            // A list of their values would be read as members, too.
            return Err(wrong(
                "invalid_body",
                "the body must be a JSON object".to_owned(),
            ));
        } else {
            serde_json::from_slice(&bytes)
                .map_err(|e| wrong("invalid_body", format!("the body: {e}")))?
        };
        let needs_reason = matches!(self.verb, Verb::Yank | Verb::TakeDown);
        if needs_reason && said.reason.trim().is_empty() {
            return Err(wrong(
                "invalid_body",
                "say why: `{\"reason\": \"…\"}`".to_owned(),
            ));
        }
        Ok(said)
    }
}

/// Whether a text can be the name of somebody who has tokens and owns packs.
pub fn is_account_name(text: &str) -> bool {
    let is_usual = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@');
    !text.is_empty() && text.len() <= MAX_ACCOUNT_BYTES && text.bytes().all(is_usual)
}

fn owner(text: &str) -> Result<String, Problem> {
    if is_account_name(text) {
        return Ok(text.to_owned());
    }
    Err(wrong(
        "invalid_owner",
        format!(
            "`{}` is no name of an owner: use at most {MAX_ACCOUNT_BYTES} letters, digits, `-`, `_`, `.` and `@`",
            printable(text)
        ),
    ))
}

fn wrong(code: &'static str, message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, message)
}
