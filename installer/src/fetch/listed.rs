//! A version a registry lists, from the first of its sources that delivers what the registry says.

use std::sync::Arc;
use std::thread::Scope;

use pack_client::{ArchiveSource, Candidate, FetchError, FetchRequest, PreferSource, Registry};
use pack_format::TreeDigest;
use pack_format::source::InstallSource;
use pack_git::RepositoryUrl;
use url::Url;

use super::commit;
use super::git::{self, GitPlace};
use super::work::no_source;
use super::{Arrived, FetchFailure, Ready, Yard, aside};
use crate::stage::{Expected, StageError};

/// One source whose digest is known.
enum ListedSource<'a> {
    Archive(&'a ArchiveSource),
    Repository {
        url: &'a Url,
        place: GitPlace,
        tree: TreeDigest,
    },
}

/// Whether a repository is among the sources that can be verified.
pub(super) fn has_repository(candidate: &Candidate) -> bool {
    repositories(candidate).next().is_some()
}

/// The repositories among them.
pub(super) fn places(candidate: &Candidate) -> impl Iterator<Item = GitPlace> {
    repositories(candidate).filter_map(|source| match source {
        ListedSource::Repository { place, .. } => Some(place),
        ListedSource::Archive(_) => None,
    })
}

/// The sources that can be verified, in the order they are tried: the registry's own archive, then what is
/// preferred, then the rest.
fn sources(candidate: &Candidate, prefer: PreferSource) -> Vec<ListedSource<'_>> {
    let archives = |own: bool| {
        let chosen = candidate.archives.iter().filter(move |a| a.own == own);
        chosen.map(ListedSource::Archive)
    };
    let own = archives(true);
    match prefer {
        PreferSource::Git => own
            .chain(repositories(candidate))
            .chain(archives(false))
            .collect(),
        PreferSource::Archive => own
            .chain(archives(false))
            .chain(repositories(candidate))
            .collect(),
    }
}

fn repositories(candidate: &Candidate) -> impl Iterator<Item = ListedSource<'_>> {
    candidate
        .install_sources
        .iter()
        .filter_map(|source| match source {
            InstallSource::Git {
                url,
                git_ref,
                checksum: Some(checksum),
                subdir,
            } => Some(ListedSource::Repository {
                url: url.as_url(),
                place: GitPlace {
                    url: RepositoryUrl::of_source(url),
                    git_ref: git_ref.clone(),
                    subdir: subdir.clone(),
                },
                tree: checksum.as_tree_digest()?,
            }),
            _ => None,
        })
}

/// The first source that arrives as the registry says; each one that does not is told.
pub(super) async fn download<'scope>(
    (registry, candidate): (&'scope Arc<Registry>, &'scope Candidate),
    request: FetchRequest<'_>,
    scope: &'scope Scope<'scope, '_>,
    yard: Yard<'scope>,
) -> Result<Ready, FetchFailure> {
    let mut first_failure: Option<FetchFailure> = None;
    let sources = sources(candidate, yard.client.prefer_source);
    let mut left = sources.len();
    for source in sources {
        left -= 1;
        let outcome = match source {
            ListedSource::Archive(source) => archive(registry, source, request, yard).await,
            ListedSource::Repository { url, place, tree } => {
                repository((registry, url), (candidate, place, tree), scope, yard).await
            }
        };
        let failure = match outcome {
            Ok(ready) => return Ok(ready),
            Err(failure) => failure,
        };
        if left > 0 {
            let subject = request.subject;
            yard.reporter
                .warning(&format!("{subject}: {failure}; trying the next source"));
        }
        first_failure.get_or_insert(failure);
    }
    Err(first_failure.unwrap_or_else(|| no_source(candidate)))
}

async fn archive(
    registry: &Registry,
    source: &ArchiveSource,
    request: FetchRequest<'_>,
    yard: Yard<'_>,
) -> Result<Ready, FetchFailure> {
    yard.reporter
        .download_started(request.subject, source.size_bytes);
    let body = registry.fetch(source, request, yard.reporter).await?;
    yard.reporter.download_finished(request.subject);
    let known = source.checksum.as_archive_digest();
    let Some(digest) = known.filter(|digest| *digest != body.digest()) else {
        return Ok(Ready::Body(body, source.clone()));
    };
    if let Some(encoding) = body.encoding() {
        return Err(FetchError::encoded(source.place.to_string(), encoding).into());
    }
    Err(StageError::Checksum {
        name: format!("{}` from `{}", request.subject, source.place),
        expected: digest.to_string(),
        computed: body.digest().to_string(),
        stated_by: "registry".to_owned(),
    }
    .into())
}

/// SECURITY: the URL is the registry's word, so its host is dialled only where the registry may send us.
async fn repository<'scope>(
    (registry, url): (&'scope Registry, &Url),
    (candidate, place, tree): (&'scope Candidate, GitPlace, TreeDigest),
    scope: &'scope Scope<'scope, '_>,
    yard: Yard<'scope>,
) -> Result<Ready, FetchFailure> {
    let kept = commit::take(&place, yard);
    let addresses = if kept.is_some() {
        Vec::new()
    } else {
        commit::check_reach(&place, yard.client)?;
        registry.addresses(url, yard.client).await?
    };
    let bring = move || -> Result<Arrived, FetchFailure> {
        let mut arrived = match kept {
            Some(kept) => commit::unpack(kept, &place, yard)?,
            None => git::bring(&place, (&addresses, registry.connection()), yard)?,
        };
        arrived.staged = arrived.staged.expect(&Expected {
            pack_ref: &candidate.pack_ref,
            version: &candidate.version,
            // That of the commit: ignore rules, which shape the trees of archives, have no say here.
            tree: Some(tree),
            store_key: None,
        })?;
        commit::keep(&arrived, yard);
        Ok(arrived)
    };
    let arrived = aside(scope, bring).await;
    let arrived = arrived.ok_or_else(|| FetchFailure::Lost {
        subject: format!("{}@{}", candidate.pack_ref, candidate.version),
    })??;
    Ok(Ready::Staged(Box::new(arrived)))
}
