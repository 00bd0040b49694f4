//! `RegistryError`: why a registry gave no usable answer.

use pack_format::index::IndexError;
use pack_format::url_policy::UrlError;
use pack_format::{ArchiveDigest, Hint};
use pack_fs::FsError;

use crate::fetch_error::FetchError;
use crate::location::LocationError;

/// A registry that cannot be used, or a document of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Its URL means nothing we could open.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A request failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// Neither format is there.
    #[error("no registry at `{url}`: neither `registry.json` nor `{index}` is there")]
    Nothing {
        /// Where.
        url: String,
        /// Name of the index.
        index: String,
    },
    /// A document that another one names is not there.
    #[error("`{document}` is missing")]
    Missing {
        /// Which.
        document: String,
    },
    /// A document is not of its shape.
    #[error("`{document}` is not valid")]
    Invalid {
        /// Which.
        document: String,
        /// Why.
        source: serde_json::Error,
    },
    /// An index is not of its shape.
    #[error("`{document}`: {cause}")]
    Index {
        /// Which.
        document: String,
        /// Why.
        cause: IndexError,
    },
    /// A document of a later format.
    #[error(
        "`{document}` has format {format}; this program reads format {}",
        pack_format::documents::FORMAT
    )]
    Format {
        /// Which.
        document: String,
        /// Its format.
        format: u32,
    },
    /// A document that is not the one its pin names.
    #[error("digest mismatch for `{document}`\n  expected  {expected}\n  computed  {computed}")]
    Digest {
        /// Which.
        document: String,
        /// What was pinned.
        expected: ArchiveDigest,
        /// What came.
        computed: ArchiveDigest,
    },
    /// A document that speaks of another pack than its name.
    #[error("`{document}` is about `{found}`")]
    Subject {
        /// Which.
        document: String,
        /// The ref inside.
        found: String,
    },
    /// A path that leaves the registry.
    #[error("the registry names the path `{path}`, which is refused: it leaves the registry")]
    Path {
        /// The path.
        path: String,
    },
    /// An absolute URL that must not be used.
    #[error("the registry names an archive base URL; {0}")]
    Url(UrlError),
}

impl RegistryError {
    /// Whether the registry could not be reached at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Fetch(error) if error.is_unreachable())
    }

    /// Whether the registry wants to know who we are.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Fetch(error) if error.is_authentication())
    }

    /// Whether bytes were not what their pin says.
    pub fn is_verification(&self) -> bool {
        match self {
            Self::Digest { .. } => true,
            Self::Fetch(error) => error.is_verification(),
            _ => false,
        }
    }

    /// Whether the network or a server is to blame.
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }
}

impl Hint for RegistryError {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Location(error) => return error.hint(),
            Self::Fetch(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Index { cause, .. } => return cause.hint(),
            Self::Nothing { .. } => "check the registry's URL with `attune pack registries`",
            Self::Format { .. } => "update this program",
            Self::Digest { .. } | Self::Missing { .. } => {
                "run the command again; if it stays, tell the registry's operator"
            }
            Self::Invalid { .. } | Self::Subject { .. } | Self::Path { .. } | Self::Url(_) => {
                "ask the registry's operator to run `attune registry check`"
            }
        };
        Some(advice.to_owned())
    }
}
