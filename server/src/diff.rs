//! What changed between any two versions of a pack: `/packs/<ref>/diff?from=…&to=…` for people,
//! `/api/v1/packs/<ref>/diff` for programs. Neighbours are compared in the tree.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use pack_diff::PackDiff;
use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::{PackRef, Version};
use serde::Serialize;

use crate::body::ResponseBody;
use crate::pages::Pages;
use crate::parsed::ParsedFiles;
use crate::problem::{Manner, Problem};
use crate::router::{Route, RouteFuture};
use crate::search::{html, json, no_page, only_read, refused};
use crate::tree::TreeFiles;

/// Versions that an error names (inclusive).
const MAX_NAMED: usize = 20;

/// Compares versions of the packs of a tree.
#[derive(Debug)]
pub struct DiffRoute {
    files: ParsedFiles,
    pages: Arc<Pages>,
}

/// The document for programs.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a PackRef,
    from: &'a Version,
    to: &'a Version,
    #[serde(flatten)]
    diff: PackDiff,
}

/// The pack a path asks about, and whether a program asks.
fn asked(path: &str) -> Option<(PackRef, bool)> {
    let (rest, program) = match path.strip_prefix("/api/v1/packs/") {
        Some(rest) => (rest, true),
        None => (path.strip_prefix("/packs/")?, false),
    };
    Some((rest.strip_suffix("/diff")?.parse().ok()?, program))
}

impl DiffRoute {
    /// Compares what `tree` lists at each question.
    pub fn new(tree: Arc<TreeFiles>, pages: Arc<Pages>) -> Self {
        Self {
            files: ParsedFiles::new(tree),
            pages,
        }
    }

    async fn respond(
        &self,
        request: &Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Problem> {
        only_read(request.method())?;
        let unknown = || missing("there is no such pack in this registry".to_owned());
        let (pack_ref, program) = asked(request.uri().path()).ok_or_else(unknown)?;
        let document = self
            .files
            .get::<PackDocument>(&format!("packs/{pack_ref}.json"))
            .await?
            .ok_or_else(unknown)?;
        let query = request.uri().query().unwrap_or_default();
        let from = version(&document, query, "from")?;
        let to = version(&document, query, "to")?;
        if program {
            let document = Document {
                pack_ref: &pack_ref,
                from: &from.version,
                to: &to.version,
                diff: pack_diff::compare(from, to),
            };
            // Texts and numbers are always JSON.
            let text = serde_json::to_string(&document).unwrap_or_default();
            return Ok(json(format!("{text}\n")));
        }
        let site = self.files.site().await?;
        let page = self
            .pages
            .renderer()
            .comparison(&site, &document, (from, to));
        Ok(html(page.map_err(|_| no_page())?))
    }
}

/// The version that a parameter names.
fn version<'d>(
    document: &'d PackDocument,
    query: &str,
    name: &str,
) -> Result<&'d VersionDocument, Problem> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let given = pairs.find(|(key, _)| key == name).map(|(_, value)| value);
    let wanted: Version = given.and_then(|value| value.parse().ok()).ok_or_else(|| {
        let message = format!("`{name}` must be a version, such as `1.2.3`");
        Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", message)
    })?;
    let mut versions = document.versions.iter();
    versions.find(|v| v.version == wanted).ok_or_else(|| {
        let listed = document.versions.iter().take(MAX_NAMED);
        let listed: Vec<String> = listed.map(|v| v.version.to_string()).collect();
        let pack_ref = &document.pack_ref;
        missing(format!(
            "`{pack_ref}` has no version `{wanted}`; it has {}",
            listed.join(", ")
        ))
    })
}

fn missing(message: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", message)
}

impl Route for DiffRoute {
    fn name(&self) -> &'static str {
        "diff"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        asked(path).is_some()
    }

    fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            let manner = Manner::of(request.uri().path(), request.headers());
            let answered = self.respond(&request).await;
            answered.unwrap_or_else(|problem| refused(problem, manner))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two addresses per pack, and no other.
    #[test]
    fn asked_names_a_pack() {
        let pack_ref: PackRef = "slack".parse().unwrap();
        assert_eq!(asked("/packs/slack/diff"), Some((pack_ref.clone(), false)));
        assert_eq!(asked("/api/v1/packs/slack/diff"), Some((pack_ref, true)));
        for other in [
            "/packs/slack/",
            "/packs/diff",
            "/packs//diff",
            "/packs/a/b/diff",
            "/packs/../diff",
            "/diff",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
    }
}
