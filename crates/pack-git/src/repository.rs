//! One commit of a repository on this machine: one that is read where it lies, or ours that was fetched into.
//!
//! libgit2 takes what it cannot read for absent. That something is not there is therefore only believed, and
//! told, when everything could be read ([`readable`]) and a second look finds the same.

use std::path::Path;

use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};
use pack_format::git_ref::GitRef;

use crate::error::GitError;
use crate::fetch::{Fetched, GitRequest, choose};
use crate::readable;
use crate::select::{Advertised, Choice};
use crate::url::RepositoryUrl;

/// Most commits an ambiguous short one is said to mean.
const MOST_CANDIDATES: usize = 5;

/// Reads a repository of this machine where it lies.
pub(crate) fn in_place(path: &Path, request: &GitRequest<'_>) -> Result<Fetched, GitError> {
    believed(path, request, || {
        let repository = open(path, request.url)?;
        let advertised = list(&repository).map_err(|e| unreadable(request.url, &e))?;
        let choice = choose(&advertised, request)?;
        find(repository, &choice, &advertised, request)
    })
}

/// The commit of a choice in the repository that was fetched into, if it arrived.
pub(crate) fn of_choice(
    choice: &Choice,
    advertised: &Advertised,
    request: &GitRequest<'_>,
) -> Result<Fetched, GitError> {
    believed(request.directory, request, || {
        let repository = open(request.directory, request.url)?;
        find(repository, choice, advertised, request)
    })
}

/// What `look` finds; that it finds nothing, only if everything can be read and it finds nothing again.
fn believed(
    path: &Path,
    request: &GitRequest<'_>,
    look: impl Fn() -> Result<Fetched, GitError>,
) -> Result<Fetched, GitError> {
    let found = look();
    if !matches!(
        found,
        Err(GitError::NotFound { .. }
            | GitError::RefNotFound { .. }
            | GitError::Empty { .. }
            | GitError::Repository { .. })
    ) {
        return found;
    }
    let asked = request.git_ref.filter(|git_ref| git_ref.is_commit());
    readable::check(path, asked.and_then(|id| Oid::from_str(id.as_str()).ok()))?;
    look()
}

/// What a server of this repository would list.
fn list(repository: &Repository) -> Result<Advertised, git2::Error> {
    let mut advertised = Advertised::default();
    match repository.head() {
        Ok(head) => {
            if let Some(id) = head.target() {
                advertised.add("HEAD", &id.to_string());
            }
        }
        Err(e) if matches!(e.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {}
        Err(e) => return Err(e),
    }
    for reference in repository.references()? {
        let reference = reference?;
        let Ok(name) = reference.name() else {
            // A name that is not UTF-8 cannot be asked for.
            continue;
        };
        let name = name.to_owned();
        let id = match reference.resolve() {
            Ok(leaf) => leaf.target(),
            // One that leads nowhere or is damaged cannot be asked for either.
            Err(e) if e.class() != ErrorClass::Os => None,
            Err(e) => return Err(e),
        };
        let Some(id) = id else {
            continue;
        };
        advertised.add(&name, &id.to_string());
        if let Ok(commit) = reference.peel_to_commit()
            && commit.id() != id
        {
            advertised.add(&format!("{name}^{{}}"), &commit.id().to_string());
        }
    }
    Ok(advertised)
}

fn open(path: &Path, url: &RepositoryUrl) -> Result<Repository, GitError> {
    Repository::open(path).map_err(|e| match e.code() {
        ErrorCode::NotFound => GitError::NotFound {
            url: url.to_string(),
            reason: e.message().to_owned(),
        },
        _ => unreadable(url, &e),
    })
}

/// The commit of a choice.
fn find(
    repository: Repository,
    choice: &Choice,
    advertised: &Advertised,
    request: &GitRequest<'_>,
) -> Result<Fetched, GitError> {
    let missing = || {
        let git_ref = request.git_ref.map_or("HEAD", GitRef::as_str);
        GitError::RefNotFound {
            url: request.url.to_string(),
            git_ref: git_ref.to_owned(),
            close: advertised.close_to(git_ref),
        }
    };
    let told = |e: git2::Error| match e.class() {
        ErrorClass::Os => unreadable(request.url, &e),
        _ => missing(),
    };
    let commit = match choice {
        Choice::Ref(name) => {
            let reference = repository.find_reference(name).map_err(told)?;
            let commit = reference.peel_to_commit();
            commit
                .map(|c| c.id())
                .map_err(|e| unreadable(request.url, &e))?
        }
        Choice::Commit(text) => {
            let id = Oid::from_str(text).map_err(|_| missing())?;
            let found = repository.find_commit(id).map(|c| c.id());
            found.map_err(told)?
        }
        Choice::Prefix(digits) => {
            let found =
                commits_with(&repository, digits).map_err(|e| unreadable(request.url, &e))?;
            match found.as_slice() {
                [] => return Err(missing()),
                [one] => *one,
                several => {
                    return Err(GitError::RefAmbiguous {
                        url: request.url.to_string(),
                        git_ref: digits.clone(),
                        candidates: several.iter().map(ToString::to_string).collect(),
                    });
                }
            }
        }
    };
    Ok(Fetched {
        repository,
        url: request.url.clone(),
        commit,
    })
}

/// The commits whose id begins with `digits`, in order, and not many of them.
fn commits_with(repository: &Repository, digits: &str) -> Result<Vec<Oid>, git2::Error> {
    let database = repository.odb()?;
    let mut found = Vec::new();
    database.foreach(|id| {
        if id.to_string().starts_with(digits) {
            found.push(*id);
        }
        true
    })?;
    found.retain(|id| matches!(database.read_header(*id), Ok((_, ObjectType::Commit))));
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST_CANDIDATES);
    Ok(found)
}

pub(crate) fn unreadable(url: &RepositoryUrl, error: &git2::Error) -> GitError {
    GitError::Repository {
        url: url.to_string(),
        reason: error.message().to_owned(),
    }
}
