//! `Git`: from a URL and a ref to one commit in an object database.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use git2::{Oid, Repository};
use pack_format::git_ref::GitRef;

use crate::authorities;
use crate::cli::{Cli, CliError};
use crate::error::GitError;
use crate::repository;
use crate::select::{Advertised, Choice, SelectError};
use crate::settings::{Backend, GitSettings};
use crate::url::{RepositoryUrl, Scheme};

/// The ref of our own repository that what was asked for is fetched into.
pub(crate) const WANTED: &str = "refs/attune/wanted";

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
            return repository::in_place(path, request);
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
        repository::of_choice(&choice, &advertised, request)
    }
}

/// What `request` asks for among what is listed.
pub(crate) fn choose(
    advertised: &Advertised,
    request: &GitRequest<'_>,
) -> Result<Choice, GitError> {
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
