//! `GitError`: why a repository did not deliver a commit.

use pack_format::Hint;
use pack_format::text::printable;
use pack_fs::FsError;

/// Why a repository did not deliver a commit. Every message has the URL, which holds no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no repository.
    #[error("there is no git repository at `{url}`, or it is not shown to you: {reason}")]
    NotFound {
        /// The repository.
        url: String,
        /// What git or the server said.
        reason: String,
    },
    /// The server wants to know who we are, or does not let us in.
    #[error("`{url}` does not let us in: {reason}")]
    Authentication {
        /// The repository.
        url: String,
        /// What git or the server said.
        reason: String,
    },
    /// The SSH server is not the one known under its name, or not known at all.
    #[error("the host key of `{url}` is not trusted: {reason}")]
    HostKey {
        /// The repository.
        url: String,
        /// What ssh said.
        reason: String,
    },
    /// No branch, tag or commit of that name.
    #[error("`{git_ref}` is no branch, tag or commit of `{url}`")]
    RefNotFound {
        /// The repository.
        url: String,
        /// What was asked for.
        git_ref: String,
        /// Names that look like it.
        close: Vec<String>,
    },
    /// A name or short commit that several things have.
    #[error("`{git_ref}` means several things in `{url}`: {}", candidates.join(", "))]
    RefAmbiguous {
        /// The repository.
        url: String,
        /// What was asked for.
        git_ref: String,
        /// Everything it could mean.
        candidates: Vec<String>,
    },
    /// A repository without commits.
    #[error("`{url}` is empty: it has no default branch with a commit")]
    Empty {
        /// The repository.
        url: String,
    },
    /// No connection, or it broke.
    #[error("cannot fetch from `{url}`: {reason}")]
    Network {
        /// The repository.
        url: String,
        /// What git or the system said.
        reason: String,
    },
    /// It took too long.
    #[error("`{url}` did not deliver within {seconds} s")]
    Timeout {
        /// The repository.
        url: String,
        /// The limit.
        seconds: u64,
    },
    /// Nobody wants it any more.
    #[error("fetching `{url}` was called off")]
    CalledOff {
        /// The repository.
        url: String,
    },
    /// More than it may cost.
    #[error("`{url}` sends more than {limit} {unit}")]
    TooLarge {
        /// The repository.
        url: String,
        /// The limit, inclusive.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A URL or address we must not go to.
    #[error("`{url}` is refused: {reason}")]
    Refused {
        /// The repository.
        url: String,
        /// Why.
        reason: String,
    },
    /// The repository is damaged, or of a kind we cannot read.
    #[error("cannot read the repository `{url}`: {reason}")]
    Repository {
        /// The repository.
        url: String,
        /// What git said.
        reason: String,
    },
    /// A program that is needed is not there.
    #[error("cannot run `{program}`, which `{url}` needs: {reason}")]
    Program {
        /// The program.
        program: String,
        /// The repository.
        url: String,
        /// Why.
        reason: String,
    },
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl GitError {
    /// Whether the server wants to know who we are.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Authentication { .. } | Self::HostKey { .. })
    }

    /// Whether the network or a server is the reason.
    pub fn is_network(&self) -> bool {
        matches!(
            self,
            Self::Network { .. } | Self::Timeout { .. } | Self::NotFound { .. }
        )
    }

    /// Whether what was sent is refused.
    pub fn is_verification(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Refused { .. })
    }
}

impl Hint for GitError {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::NotFound { .. } => {
                "check the URL; a private repository needs a token or a key, see `docs/configuration.md`"
            }
            Self::Authentication { url, .. } if url.starts_with("http") => {
                "put a token for this host into `~/.netrc`, or set `git_credential_helper` in the configuration"
            }
            Self::Authentication { .. } => {
                "check that your SSH agent or key file has a key this server knows: `ssh -T` to the same host tells"
            }
            Self::HostKey { .. } => {
                "compare the server's fingerprint with what its operator publishes, then add it to `~/.ssh/known_hosts`"
            }
            Self::RefNotFound { close, .. } if !close.is_empty() => {
                return Some(format!("did you mean {}", one_of(close)));
            }
            Self::RefNotFound { url, .. } => {
                return Some(format!("list what there is with `git ls-remote {url}`"));
            }
            Self::RefAmbiguous { .. } => "write one of them in full",
            Self::Empty { .. } => "push a commit, or name a branch with `--ref`",
            Self::Network { .. } => "check the network and the URL, then run the command again",
            Self::Timeout { .. } => {
                "try again later; `git_timeout` in the configuration sets how long is waited"
            }
            Self::TooLarge { .. } => "publish the pack as an archive, or from a smaller repository",
            Self::Refused { .. } => {
                "ask whoever gave you this URL where its packs should come from"
            }
            Self::Repository { .. } => "clone it with git and run `git fsck`",
            Self::Program { .. } => "install git and ssh, or use an https URL",
            Self::CalledOff { .. } => return None,
            Self::File(error) => return error.hint(),
        };
        Some(advice.to_owned())
    }
}

fn one_of(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .map(|n| format!("`{}`", printable(n)))
        .collect();
    shown.join(" or ")
}
