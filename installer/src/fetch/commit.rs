//! Packs of commits that were fetched before: a full commit id means the same files for ever.

use pack_client::{CachedCommit, ClientSettings, CommitCache, CommitKey, FetchError};
use pack_format::git_ref::GitRef;
use pack_git::Scheme;

use super::git::{self, GitOrigin, GitPlace};
use super::{Arrived, FetchFailure, Yard};
use crate::stage::StagedPack;

/// Whether a place names a commit whose pack is in the cache.
pub(super) fn is_kept(place: &GitPlace, client: &ClientSettings) -> bool {
    key_of(place).is_some_and(|key| has_commit(&key, client))
}

/// Whether the pack of a commit is in the cache.
pub(crate) fn has_commit(key: &CommitKey, client: &ClientSettings) -> bool {
    CommitCache::of(client).is_some_and(|cache| cache.holds(key))
}

/// The pack of a place that names a commit, if it is in the cache.
pub(super) fn take(place: &GitPlace, yard: Yard<'_>) -> Option<CachedCommit> {
    let (cache, key) = CommitCache::of(yard.client).zip(key_of(place))?;
    let limits = (yard.limits.archive_bytes, yard.staging);
    cache.take(&key, limits, yard.reporter)
}

/// Whether a repository may be asked: offline, only one of this machine.
pub(super) fn check_reach(place: &GitPlace, client: &ClientSettings) -> Result<(), FetchError> {
    if client.offline && !is_local(place) {
        let url = place.url.to_string();
        return Err(FetchError::Offline { url });
    }
    Ok(())
}

/// What [`take`] gave, in staging, as if it had been fetched.
pub(super) fn unpack(
    kept: CachedCommit,
    place: &GitPlace,
    yard: Yard<'_>,
) -> Result<Arrived, FetchFailure> {
    let tree = git::new_tree(yard)?;
    let staged = StagedPack::of_kept_commit(place.url.as_str(), kept, &tree, yard.limits)?;
    Ok(Arrived {
        staged,
        url: place.url.to_string(),
        git: Some(GitOrigin {
            commit: (place.git_ref.as_ref()).map_or_else(String::new, GitRef::to_string),
            place: place.clone(),
        }),
    })
}

/// Remembers what was fetched and is what it must be. Best effort: what cannot be kept is fetched again.
pub(super) fn keep(arrived: &Arrived, yard: Yard<'_>) {
    let Some(origin) = (arrived.git.as_ref()).filter(|origin| !is_local(&origin.place)) else {
        return;
    };
    let Some(cache) = CommitCache::of(yard.client) else {
        return;
    };
    let key = CommitKey {
        repository: origin.place.url.to_string(),
        commit: origin.commit.clone(),
        subdir: origin.place.subdir.clone(),
    };
    if cache.holds(&key) {
        return;
    }
    if let Some(archive) = arrived.staged.to_archive() {
        cache.keep(key, &arrived.staged.subdir, &archive);
    }
}

/// What is read in place is not kept beside it.
fn is_local(place: &GitPlace) -> bool {
    matches!(place.url.scheme(), Scheme::Local(_))
}

fn key_of(place: &GitPlace) -> Option<CommitKey> {
    let commit = (place.git_ref.as_ref()).filter(|git_ref| git_ref.is_commit())?;
    (!is_local(place)).then(|| CommitKey {
        repository: place.url.to_string(),
        commit: commit.to_string(),
        subdir: place.subdir.clone(),
    })
}
