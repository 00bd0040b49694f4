//! `InstallSource`: where one version of a pack can be had besides its registry's own archive.
//!
//! ```json
//! {"type": "git", "url": "https://…", "ref": "<commit>", "checksum": "sha256:…", "subdir": "packs/slack"}
//! {"type": "archive", "url": "https://…", "checksum": "sha256:…"}
//! ```
//! The checksum of a git source is a tree digest, that of an archive source an archive digest.

use serde::{Deserialize, Serialize};

use crate::checksum::{Checksum, ChecksumError};
use crate::git_ref::{GitRef, GitRefError};
use crate::hint::Hint;
use crate::url_policy::{SourceUrl, UrlError, UrlPolicy};

/// A place to install one version from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireSource", into = "WireSource")]
pub enum InstallSource {
    /// A git repository.
    Git {
        /// Where to fetch it.
        url: SourceUrl,
        /// Branch, tag or commit; absent means the default branch.
        git_ref: Option<GitRef>,
        /// Tree digest at that ref; absent in looser indexes, and then nobody installs from it.
        checksum: Option<Checksum>,
        /// Directory of the pack inside the repository, when it is not the root.
        subdir: Option<String>,
    },
    /// An archive file.
    Archive {
        /// Where to fetch it.
        url: SourceUrl,
        /// Archive digest; absent in looser indexes, and then nobody installs from it.
        checksum: Option<Checksum>,
    },
}

impl InstallSource {
    /// Where it is.
    pub fn url(&self) -> &SourceUrl {
        match self {
            Self::Git { url, .. } | Self::Archive { url, .. } => url,
        }
    }

    /// What must come out of it.
    pub fn checksum(&self) -> Option<&Checksum> {
        match self {
            Self::Git { checksum, .. } | Self::Archive { checksum, .. } => checksum.as_ref(),
        }
    }

    /// The word on the wire: `git` or `archive`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Git { .. } => "git",
            Self::Archive { .. } => "archive",
        }
    }

    /// Reads a source as a registry wrote it, its URL under `policy`.
    ///
    /// # Errors
    /// [`SourceError`] names the member that is wrong.
    pub fn from_wire(wire: WireSource, policy: UrlPolicy) -> Result<Self, SourceError> {
        let url_text = wire.url.ok_or(SourceError::Missing { field: "url" })?;
        let url = policy
            .check(&url_text)
            .map_err(|source| SourceError::Url { source })?;
        let checksum = wire
            .checksum
            .map(|text| text.parse())
            .transpose()
            .map_err(|source| SourceError::Checksum { source })?;
        match wire.kind.as_deref() {
            Some("git") => Ok(Self::Git {
                url,
                git_ref: wire
                    .git_ref
                    .map(|text| text.parse())
                    .transpose()
                    .map_err(|source| SourceError::GitRef { source })?,
                checksum,
                subdir: wire.subdir.filter(|s| !s.is_empty()),
            }),
            Some("archive") => Ok(Self::Archive { url, checksum }),
            Some(other) => Err(SourceError::Kind {
                kind: other.to_owned(),
            }),
            None => Err(SourceError::Missing { field: "type" }),
        }
    }
}

/// An install source as JSON has it, nothing checked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WireSource {
    /// `git` or `archive`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Git ref.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// Checksum text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Directory inside the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
}

impl TryFrom<WireSource> for InstallSource {
    type Error = SourceError;

    fn try_from(wire: WireSource) -> Result<Self, SourceError> {
        Self::from_wire(wire, UrlPolicy::PUBLIC)
    }
}

impl From<InstallSource> for WireSource {
    fn from(source: InstallSource) -> Self {
        let kind = Some(source.kind().to_owned());
        match source {
            InstallSource::Git {
                url,
                git_ref,
                checksum,
                subdir,
            } => Self {
                kind,
                url: Some(url.to_string()),
                git_ref: git_ref.map(Into::into),
                checksum: checksum.map(Into::into),
                subdir,
            },
            InstallSource::Archive { url, checksum } => Self {
                kind,
                url: Some(url.to_string()),
                git_ref: None,
                checksum: checksum.map(Into::into),
                subdir: None,
            },
        }
    }
}

/// Why an install source cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A member is missing.
    #[error("member `{field}` is missing")]
    Missing {
        /// Which.
        field: &'static str,
    },
    /// The type is unknown.
    #[error("member `type`: `{}` is neither `git` nor `archive`", crate::text::printable(.kind))]
    Kind {
        /// What it is.
        kind: String,
    },
    /// The URL is refused.
    #[error("member `url`: {source}")]
    Url {
        /// Why.
        source: UrlError,
    },
    /// The git ref is refused.
    #[error("member `ref`: {source}")]
    GitRef {
        /// Why.
        source: GitRefError,
    },
    /// The checksum is refused.
    #[error("member `checksum`: {source}")]
    Checksum {
        /// Why.
        source: ChecksumError,
    },
}

impl Hint for SourceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Url { source } => source.hint(),
            Self::GitRef { source } => source.hint(),
            Self::Checksum { source } => source.hint(),
            Self::Missing { .. } | Self::Kind { .. } => None,
        }
    }
}
