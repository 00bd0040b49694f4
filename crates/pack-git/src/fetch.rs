//! `Git`: from a URL and a ref to one commit in an object database.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use git2::{ErrorCode, ObjectType, Oid, Repository};
use pack_format::git_ref::GitRef;

use crate::authorities;
use crate::cli::{Cli, CliError};
use crate::error::GitError;
use crate::select::{Advertised, Choice, SelectError};
use crate::settings::{Backend, GitSettings};
use crate::url::{RepositoryUrl, Scheme};

/// The ref of our own repository that what was asked for is fetched into.
pub(crate) const WANTED: &str = "refs/attune/wanted";
/// Most commits an ambiguous short one is said to mean.
const MOST_CANDIDATES: usize = 5;

/// Fetches repositories.
#[derive(Debug, Clone, Copy)]
pub struct Git<'a> {
    settings: &'a GitSettings,
}

/// What to fetch.
#[derive(Clone, Copy)]
pub struct GitRequest<'a> {
    /// The repository.
    pub url: &'a RepositoryUrl,
    /// Branch, tag or commit; the default branch when absent.
    pub git_ref: Option<&'a GitRef>,
    /// The only addresses at which the host of a web URL may be dialled; any when empty.
    pub addresses: &'a [SocketAddr],
    /// The proxy for a web URL; none when empty, that of the environment when absent. It may hold a password.
    pub proxy: Option<&'a str>,
    /// PEM file of further authorities to trust, beside those of the system.
    pub authorities: Option<&'a Path>,
    /// Where the objects go: a directory that does not exist yet, in one that does. Local repositories are
    /// read in place.
    pub directory: &'a Path,
    /// Whether to stop; asked several times a second.
    pub is_cancelled: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for GitRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitRequest")
            .field("url", &self.url.as_str())
            .field("git_ref", &self.git_ref)
            .finish_non_exhaustive()
    }
}

/// A commit that is at hand.
pub struct Fetched {
    pub(crate) repository: Repository,
    pub(crate) url: RepositoryUrl,
    pub(crate) commit: Oid,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched")
            .field("url", &self.url.as_str())
            .field("commit", &self.commit)
            .finish_non_exhaustive()
    }
}

impl Fetched {
    /// The full commit.
    pub fn commit(&self) -> String {
        self.commit.to_string()
    }

    /// Where it came from.
    pub fn url(&self) -> &RepositoryUrl {
        &self.url
    }
}

impl<'a> Git<'a> {
    /// Fetches as `settings` say.
    pub fn new(settings: &'a GitSettings) -> Self {
        Self { settings }
    }

    /// Who fetches from a URL: never [`Backend::Auto`].
    pub fn backend(&self, url: &RepositoryUrl) -> Backend {
        match (url.scheme(), self.settings.backend) {
            (Scheme::Local(_), Backend::Auto | Backend::Libgit2) => Backend::Libgit2,
            _ => Backend::Cli,
        }
    }

    /// Fetches one commit. Blocks.
    ///
    /// # Errors
    /// [`GitError`]; what lies at [`GitRequest::directory`] is of no use then.
    pub fn fetch(&self, request: &GitRequest<'_>) -> Result<Fetched, GitError> {
        if let (Scheme::Local(path), Backend::Libgit2) =
            (request.url.scheme(), self.backend(request.url))
        {
            return local(path, request);
        }
        let authorities = request
            .authorities
            .map(|path| authorities::beside(self.settings, path, request.directory))
            .transpose()?;
        let cli = Cli {
            settings: self.settings,
            url: request.url,
            addresses: request.addresses,
            proxy: request.proxy,
            authorities,
            directory: request.directory,
            deadline: Instant::now() + self.settings.timeout,
            is_cancelled: request.is_cancelled,
        };
        cli.init()?;
        let advertised = cli.list()?;
        let mut choice = choose(&advertised, request)?;
        if let Choice::Ref(what) | Choice::Commit(what) = &choice {
            match cli.fetch_one(what) {
                Ok(()) => choice = Choice::Ref(WANTED.to_owned()),
                Err(CliError::Failed(error)) => return Err(error),
                Err(CliError::Unadvertised) => {}
            }
        }
        if choice != Choice::Ref(WANTED.to_owned())
            && let Err(CliError::Failed(error)) = cli.fetch_all()
        {
            return Err(error);
        }
        let repository = open(request.directory, request.url)?;
        finish(repository, &choice, &advertised, request)
    }
}

/// Reads a repository of this machine where it lies.
fn local(path: &Path, request: &GitRequest<'_>) -> Result<Fetched, GitError> {
    let repository = open(path, request.url)?;
    let advertised = list_local(&repository).map_err(|e| unreadable(request.url, &e))?;
    let choice = choose(&advertised, request)?;
    finish(repository, &choice, &advertised, request)
}

fn list_local(repository: &Repository) -> Result<Advertised, git2::Error> {
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
        let Some(id) = reference.resolve().ok().and_then(|r| r.target()) else {
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

fn choose(advertised: &Advertised, request: &GitRequest<'_>) -> Result<Choice, GitError> {
    let url = || request.url.to_string();
    let git_ref = || request.git_ref.map(ToString::to_string).unwrap_or_default();
    advertised.choose(request.git_ref).map_err(|e| match e {
        SelectError::Empty => GitError::Empty { url: url() },
        SelectError::NotFound(close) => GitError::RefNotFound {
            url: url(),
            git_ref: git_ref(),
            close,
        },
        SelectError::Ambiguous(candidates) => GitError::RefAmbiguous {
            url: url(),
            git_ref: git_ref(),
            candidates,
        },
    })
}

/// The commit of a choice in a repository that has it, if anything has.
fn finish(
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
    let commit = match choice {
        Choice::Ref(name) => {
            let reference = repository.find_reference(name).map_err(|_| missing())?;
            let commit = reference.peel_to_commit();
            commit
                .map(|c| c.id())
                .map_err(|e| unreadable(request.url, &e))?
        }
        Choice::Commit(text) => {
            let id = Oid::from_str(text).map_err(|_| missing())?;
            let found = repository.find_commit(id).map(|c| c.id());
            found.map_err(|_| missing())?
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
