//! Where a wanted pack comes from, when not from a registry.
//!
//! ```yaml
//! packs:
//!   chat: {git: "https://example.org/chat.git", ref: main, subdir: packs/chat}
//!   wiki: {archive: "https://example.org/wiki-2.0.0.tar.gz"}
//!   mine: {path: ../mine}
//! ```
//! Paths are seen from the file that names them.

use std::path::Path;

use pack_format::git_ref::GitRef;
use pack_git::RepositoryUrl;

use super::locked_pack::LockedPack;
use crate::source::{DetectOptions, Source, SourceError, real};

/// What the file says of one source, beside where the file lies.
pub(super) struct Spelled<'a> {
    /// The member that names it: `git`, `archive` or `path`.
    pub(super) kind: &'static str,
    pub(super) place: &'a str,
    pub(super) git_ref: Option<GitRef>,
    pub(super) subdir: Option<String>,
}

impl Spelled<'_> {
    /// The source; looks at the disk, never at the network.
    pub(super) fn source(
        self,
        (directory, allow_http): (&Path, bool),
    ) -> Result<Source, SourceError> {
        if self.kind == "git" {
            return Ok(Source::Git {
                url: repository(self.place, (directory, allow_http))?,
                git_ref: self.git_ref,
                subdir: self.subdir,
            });
        }
        let text = if self.place.contains("://") {
            self.place.to_owned()
        } else {
            real(&directory.join(self.place))?.display().to_string()
        };
        let options = DetectOptions {
            no_registry: true,
            allow_http,
            ..DetectOptions::default()
        };
        let source = Source::detect(&text, &options)?;
        match (self.kind, &source) {
            ("archive", Source::ArchiveUrl(_) | Source::LocalArchive(_))
            | ("path", Source::LocalDirectory(_)) => Ok(source),
            _ => Err(SourceError::OtherKind {
                text: self.place.to_owned(),
                found: source.description(),
            }),
        }
    }
}

fn repository(
    place: &str,
    (directory, allow_http): (&Path, bool),
) -> Result<RepositoryUrl, SourceError> {
    let is_url = place.contains("://") && !place.starts_with("file://");
    if is_url || place.starts_with("github:") || RepositoryUrl::is_scp_like(place) {
        return Ok(RepositoryUrl::parse(place, allow_http)?);
    }
    let path = directory.join(place.strip_prefix("file://").unwrap_or(place));
    let absolute = real(&path)?;
    if RepositoryUrl::is_repository(&absolute)? {
        return Ok(RepositoryUrl::local(&absolute));
    }
    Err(SourceError::NotARepository(path))
}

/// Whether what is locked came from a source.
pub(super) fn is_source_of(source: &Source, locked: &LockedPack) -> bool {
    let same_kind = match (source, &locked.git) {
        (
            Source::Git {
                git_ref, subdir, ..
            },
            Some(git),
        ) => git.git_ref == *git_ref && git.subdir == *subdir,
        (Source::LocalDirectory(_), None) => locked.archive_digest.is_none(),
        (Source::ArchiveUrl(_) | Source::LocalArchive(_), None) => locked.archive_digest.is_some(),
        _ => false,
    };
    same_kind && locked.registry.is_none() && locked.source == source.url()
}

/// Whether what is locked stays although nobody looks: a file or directory may hold anything by now, the rest was pinned.
pub(super) fn is_kept(source: &Source, locked: &LockedPack) -> bool {
    let pinned = matches!(source, Source::ArchiveUrl(_) | Source::Git { .. });
    pinned && is_source_of(source, locked)
}

/// A source as sentences name it.
pub(super) fn described(source: &Source) -> String {
    let mut text = format!("{} `{source}`", source.description());
    if let Source::Git {
        git_ref, subdir, ..
    } = source
    {
        if let Some(git_ref) = git_ref {
            text.push_str(&format!(" at `{git_ref}`"));
        }
        if let Some(subdir) = subdir {
            text.push_str(&format!(", directory `{subdir}`"));
        }
    }
    text
}
