//! `InstallError`: why nothing was installed. The previous generation is active, and staging is empty.

use std::io;

use pack_client::LookupError;
use pack_format::{Hint, PackRef, StoreKey, error_chain};
use pack_fs::FsError;
use pack_resolve::ResolveError;

use crate::failure::{Classify, FailureClass};
use crate::fetch::FetchFailure;
use crate::lines::below;
use crate::pack_dir::PackDirError;
use crate::plan::PlanError;
use crate::ready::ReadyError;
use crate::session::ChangeError;
use crate::source::SourceError;

/// Why an installation did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The change could not begin or be made active.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A checksum that could belong to several sources, or to one that has its own.
    #[error("`--checksum` goes with exactly one directory, archive, archive URL or git repository")]
    Checksum,
    /// The same pack twice in one command.
    #[error("`{pack_ref}` is asked for twice: as {first} and as {second}")]
    Twice {
        /// The pack.
        pack_ref: PackRef,
        /// One source.
        first: String,
        /// The other one.
        second: String,
    },
    /// A registry could not be asked.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// No versions fit together.
    #[error("{cause}{}", searched_lines(.searched))]
    Resolve {
        /// Why.
        cause: Box<ResolveError>,
        /// The registries that were asked.
        searched: Vec<String>,
    },
    /// One pack could not be fetched, verified or unpacked.
    #[error(transparent)]
    Fetch(#[from] FetchFailure),
    /// More than one.
    #[error("{} packs could not be fetched{}", failures.len(), below(.failures.iter().map(|failure| error_chain(failure))))]
    Several {
        /// All of them.
        failures: Vec<FetchFailure>,
    },
    /// The same version is installed with other files.
    #[error(transparent)]
    Different(Box<Difference>),
    /// A pack is installed that was to be new.
    #[error("`{pack_ref}` is installed already")]
    Exists {
        /// The pack.
        pack_ref: PackRef,
    },
    /// This host is not what packs need.
    #[error("this host is not what the packs need{}", below(.refusals.iter().cloned()))]
    Unmet {
        /// Who needs what, and what was found.
        refusals: Vec<String>,
    },
    /// Offline, and not all bytes are here.
    #[error("not everything is here, and nothing is fetched offline{}", below(.missing.iter().cloned()))]
    Offline {
        /// What would have to be fetched.
        missing: Vec<String>,
    },
    /// Registries do not have what is locked.
    #[error("the registries do not have what is locked{}", below(.problems.iter().cloned()))]
    Unlocked {
        /// Which packs, and what there is instead.
        problems: Vec<String>,
    },
    /// Nothing to update from.
    #[error("`{pack_ref}` {}, so that there are no updates for it", source_words(.source_text.as_deref()))]
    NoUpdates {
        /// The pack.
        pack_ref: PackRef,
        /// Where it came from; `None` where it is not installed.
        source_text: Option<String>,
    },
    /// A locked source that must not be used.
    #[error("the locked source of `{pack_ref}`: {cause}")]
    LockedSource {
        /// The pack.
        pack_ref: PackRef,
        /// Why.
        cause: SourceError,
    },
    /// A version that nothing pins.
    #[error("`{subject}` cannot be locked: no registry lists it")]
    Unlockable {
        /// `ref@version`.
        subject: String,
    },
    /// Installed packs need other versions.
    #[error("other installed packs would break{}", below(.broken.iter().cloned()))]
    Breaks {
        /// Who needs what.
        broken: Vec<String>,
    },
    /// A tree of the store is no pack any more.
    #[error("the stored tree of `{subject}` is damaged: {cause}")]
    Stored {
        /// `ref@version`.
        subject: String,
        /// Why.
        cause: PackDirError,
    },
    /// A store key that belongs to another pack.
    #[error("`{subject}` is listed with the files of `{found}`, whose store key is {key}")]
    Identity {
        /// What was asked for.
        subject: String,
        /// What the files are.
        found: String,
        /// The key.
        key: StoreKey,
    },
    /// An environment could not be built, or tests failed.
    #[error(transparent)]
    Ready(Box<ReadyError>),
    /// No threads for the network.
    #[error("cannot start the downloads")]
    Runtime(#[source] io::Error),
}

/// The same version with other files.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{subject}` is installed already, with different contents\n  installed  {installed} from \
     `{installed_from}`\n  new        {new} from `{source_text}`"
)]
pub struct Difference {
    /// `ref@version`.
    pub subject: String,
    /// Store key of what is installed.
    pub installed: StoreKey,
    /// Where it came from.
    pub installed_from: String,
    /// Store key of what was asked for.
    pub new: StoreKey,
    /// Where that is.
    pub source_text: String,
}

fn source_words(source: Option<&str>) -> String {
    match source {
        None => "is not installed".to_owned(),
        Some(url) => format!("came from `{url}` and not from a registry"),
    }
}

fn searched_lines(searched: &[String]) -> String {
    if searched.is_empty() {
        return below(["no registry was searched".to_owned()]);
    }
    below(searched.iter().map(|url| format!("searched `{url}`")))
}

impl From<PlanError> for InstallError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Lookup(error) => Self::Lookup(error),
            PlanError::Resolve { cause, searched } => Self::Resolve {
                cause: Box::new(cause),
                searched,
            },
        }
    }
}

impl From<ReadyError> for InstallError {
    fn from(error: ReadyError) -> Self {
        Self::Ready(Box::new(error))
    }
}

impl From<FsError> for InstallError {
    fn from(error: FsError) -> Self {
        Self::Change(error.into())
    }
}

impl Hint for InstallError {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Change(error) => return error.hint(),
            Self::Ready(error) => return error.hint(),
            Self::Lookup(error) => return error.hint(),
            Self::Resolve { cause, searched } => {
                if searched.is_empty() && matches!(**cause, ResolveError::NotListed { .. }) {
                    "configure a registry, or name one with `--registry URL`"
                } else {
                    return cause.hint();
                }
            }
            Self::Fetch(error) => return error.hint(),
            Self::Several { failures } => return failures.first().and_then(Hint::hint),
            Self::Checksum => "install that source by itself",
            Self::Twice { .. } => "name each pack once",
            Self::Exists { .. } | Self::Different(_) => {
                "pass `--force` to replace what is installed"
            }
            Self::Unmet { .. } => "bring the host to what they need, or choose other versions",
            Self::Offline { .. } => {
                "run the command once without `--offline`, which fills store and cache"
            }
            Self::Unlocked { .. } => {
                "ask the registry's operator why a published version changed or went, or lock anew"
            }
            Self::NoUpdates {
                source_text: None, ..
            } => "see what is there with `attune pack list`",
            Self::NoUpdates { .. } => "install it again from where it came",
            Self::LockedSource { cause, .. } => return cause.hint(),
            Self::Unlockable { .. } => "run `attune pack lock` again",
            Self::Breaks { .. } => "install matching versions of those packs in the same command",
            Self::Identity { .. } => "report this to the registry's operator, or lock anew",
            Self::Stored { .. } => "run the command again with `--force`",
            Self::Runtime(_) => return None,
        };
        Some(advice.to_owned())
    }
}

impl InstallError {
    /// Why asynchronous work did not end.
    pub(crate) fn stopped(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::Change(ChangeError::CalledOff),
            _ => Self::Runtime(error),
        }
    }
}

impl Classify for InstallError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Change(error) => error.class(),
            Self::Lookup(error) => error.class(),
            Self::Resolve { .. } | Self::Unmet { .. } | Self::Breaks { .. } => {
                FailureClass::NoSolution
            }
            Self::Fetch(error) => error.class(),
            Self::Several { failures } => failures
                .first()
                .map_or(FailureClass::Failed, Classify::class),
            Self::Checksum | Self::Twice { .. } => FailureClass::Usage,
            Self::Offline { .. } => FailureClass::Network,
            Self::Stored { .. } | Self::Unlocked { .. } | Self::Identity { .. } => {
                FailureClass::Verification
            }
            Self::LockedSource { cause, .. } => cause.class(),
            Self::Different(_)
            | Self::Exists { .. }
            | Self::Ready(_)
            | Self::Runtime(_)
            | Self::NoUpdates { .. }
            | Self::Unlockable { .. } => FailureClass::Failed,
        }
    }
}
