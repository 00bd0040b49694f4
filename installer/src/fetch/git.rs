//! A git source to a tree in staging.

use std::net::SocketAddr;
use std::path::PathBuf;

use pack_client::{CachedCommit, Connection, Proxies};
use pack_format::Checksum;
use pack_format::git_ref::GitRef;
use pack_fs::FsError;
use pack_git::{Backend, Git, GitRequest, RepositoryUrl, Scheme};

use super::commit;
use super::{Arrived, FetchFailure, Yard};
use crate::stage::StagedPack;

/// A place in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitPlace {
    pub(crate) url: RepositoryUrl,
    pub(crate) git_ref: Option<GitRef>,
    pub(crate) subdir: Option<String>,
}

/// What a record says of a git source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitOrigin {
    /// As it was asked for.
    pub(crate) place: GitPlace,
    pub(crate) commit: String,
}

/// Fetches a repository and brings the pack in it into staging; its host is dialled at `addresses` only, if there
/// are any.
pub(super) fn bring(
    place: &GitPlace,
    (addresses, connection): (&[SocketAddr], &Connection),
    yard: Yard<'_>,
) -> Result<Arrived, FetchFailure> {
    let git = Git::new(yard.git);
    let by = match git.backend(&place.url) {
        Backend::Cli => "the git command line",
        Backend::Auto | Backend::Libgit2 => "libgit2",
    };
    yard.reporter.fetching_repository(place.url.as_str(), by);
    let own = tempfile::Builder::new()
        .prefix("g-")
        .tempdir_in(yard.staging)
        .map_err(|e| FsError::new("create a directory in", yard.staging, e))
        .map_err(pack_git::GitError::from)?;
    let fetched = git.fetch(&GitRequest {
        url: &place.url,
        git_ref: place.git_ref.as_ref(),
        addresses,
        proxy: connection.proxies.as_ref().map(|p| proxy(p, &place.url)),
        authorities: connection.ca_file.as_deref(),
        directory: &own.path().join("repository"),
        is_cancelled: &|| yard.reporter.is_cancelled(),
    })?;
    let tree = new_tree(yard)?;
    let subdir = place.subdir.as_deref();
    let staged = StagedPack::of_commit(&fetched, subdir, &tree, yard.limits)?;
    Ok(Arrived {
        staged,
        url: place.url.to_string(),
        git: Some(GitOrigin {
            place: place.clone(),
            commit: fetched.commit(),
        }),
    })
}

/// Where the tree of a pack may be made: a path in staging where nothing is yet.
pub(super) fn new_tree(yard: Yard<'_>) -> Result<PathBuf, FetchFailure> {
    let above = tempfile::Builder::new()
        .prefix("t-")
        .tempdir_in(yard.staging)
        .map_err(|e| FsError::new("create a directory in", yard.staging, e))
        .map_err(pack_git::GitError::from)?
        // The session sweeps it, whatever happens.
        .keep();
    Ok(above.join("pack"))
}

/// The proxy on the way to a repository; empty for none.
fn proxy<'p>(proxies: &'p Proxies, url: &RepositoryUrl) -> &'p str {
    let of_scheme = match url.scheme() {
        Scheme::Web(url) if url.scheme() == "https" => &proxies.https,
        _ => &proxies.http,
    };
    of_scheme.as_ref().map_or("", |proxy| &proxy.url)
}

/// The same for a source somebody named, with the checksum somebody gave.
pub(super) fn bring_direct(
    (place, kept): (&GitPlace, Option<CachedCommit>),
    checksum: Option<&Checksum>,
    yard: Yard<'_>,
) -> Result<Arrived, FetchFailure> {
    let mut arrived = match kept {
        Some(kept) => commit::unpack(kept, place, yard)?,
        None => bring(place, (&[], &Connection::default()), yard)?,
    };
    arrived.staged = super::work::check_tree(arrived.staged, checksum, yard)?;
    commit::keep(&arrived, yard);
    Ok(arrived)
}
