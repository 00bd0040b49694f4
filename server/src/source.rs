//! The files of a version, as pages for people: `/source?pack=…&version=…&file=…`, read from its archive at each
//! question (`docs/adr/0014`).

use std::net::SocketAddr;
use std::sync::Arc;

use attune_indexer::source_files::SourceFiles;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::{PackRef, error_chain};
use registry_pages::SourcePage;
use tokio::sync::Semaphore;

use crate::body::ResponseBody;
use crate::pages::Pages;
use crate::parsed::ParsedFiles;
use crate::problem::{Manner, Problem};
use crate::router::{Route, RouteFuture};
use crate::search::{html, no_page, only_read, refused};
use crate::tree::TreeFiles;

/// Where files are shown.
const PAGE: &str = "/source";

/// How many archives are read at once: each costs a core for up to half a second.
const MOST_AT_ONCE: usize = 2;

/// Shows the files of the packs of a tree.
#[derive(Debug)]
pub struct SourceRoute {
    files: ParsedFiles,
    pages: Arc<Pages>,
    readers: Arc<Semaphore>,
}

/// What an address asks for.
struct Asked {
    pack_ref: PackRef,
    version: Option<String>,
    file: Option<String>,
}

impl Asked {
    fn of(query: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            let (_, value) = pairs.find(|(key, _)| key == name)?;
            Some(value.into_owned()).filter(|value| !value.is_empty())
        };
        Some(Self {
            pack_ref: value("pack")?.parse().ok()?,
            version: value("version"),
            file: value("file"),
        })
    }
}

impl SourceRoute {
    /// Shows files of what `tree` holds at each question.
    pub fn new(tree: Arc<TreeFiles>, pages: Arc<Pages>) -> Self {
        Self {
            files: ParsedFiles::new(tree),
            pages,
            readers: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        }
    }

    async fn respond(
        &self,
        request: &Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Problem> {
        only_read(request.method())?;
        let asked = Asked::of(request.uri().query().unwrap_or_default()).ok_or_else(|| {
            let message = "`pack` must be the ref of a pack";
            Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", message)
        })?;
        let unknown = || missing("there is no such version in this registry");
        let document = self
            .files
            .get::<PackDocument>(&format!("packs/{}.json", asked.pack_ref))
            .await?
            .ok_or_else(unknown)?;
        let version = match &asked.version {
            None => document.newest(),
            Some(wanted) => {
                let mut versions = document.versions.iter();
                versions.find(|v| v.version.to_string() == *wanted)
            }
        };
        let version = version.ok_or_else(unknown)?;
        let found = self.read(version, asked.file).await?;
        let site = self.files.site().await?;
        let page = SourcePage {
            pack_ref: &document.pack_ref,
            version,
            files: &found.files,
            shown: found.wanted(),
        };
        let page = self.pages.renderer().source(&site, &page);
        Ok(html(page.map_err(|_| no_page())?))
    }

    /// What is in the archive of a version, if this tree holds it.
    async fn read(
        &self,
        version: &VersionDocument,
        wanted: Option<String>,
    ) -> Result<SourceFiles, Problem> {
        let site = self.files.site().await?;
        let folder = site.registry.archive_base_url;
        let folder = folder.trim_start_matches("./");
        let elsewhere =
            || missing("this server holds no archive of it, or one that is too large to look into");
        let record = version.archive.as_ref().ok_or_else(elsewhere)?;
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let bytes = self
            .files
            .bytes(&format!("{folder}{}", record.path))
            .await?;
        let bytes = bytes.ok_or_else(elsewhere)?;
        let asks_for_one = wanted.is_some();
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            SourceFiles::read(&bytes, wanted)
        });
        let files = match read.await {
            Ok(Ok(files)) => files,
            Ok(Err(error)) => {
                return Err(missing(&format!(
                    "its archive cannot be read: {}",
                    error_chain(&error)
                )));
            }
            Err(_) => return Err(no_page()),
        };
        if asks_for_one && files.wanted().is_none() {
            return Err(missing("there is no such file in this version"));
        }
        Ok(files)
    }
}

fn missing(message: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", message.to_owned())
}

impl Route for SourceRoute {
    fn name(&self) -> &'static str {
        "source"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        path == PAGE
    }

    fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            let manner = Manner::of(request.uri().path(), request.headers());
            let answered = self.respond(&request).await;
            answered.unwrap_or_else(|problem| refused(problem, manner))
        })
    }
}
