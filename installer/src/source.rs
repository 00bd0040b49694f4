//! `Source`: what a person means by the word after `pack install`.
//!
//! 1. `http(s)://…`: a git repository if the path ends in `.git` or a git ref is given, else an archive.
//! 2. `git@host:path`, `ssh://…`, `git://…`, `github:org/repo@ref`: a git repository.
//! 3. `file://…`, or a path where something is, by what is there: a directory, an archive, or a git repository.
//!    A repository with a work tree counts as one by `file://…` or with a git ref, else it is a directory.
//! 4. Anything else: a ref for the registries, such as `slack`, `slack@2.1.0`, `slack@^2`, `slack@latest`.
//!
//! A bare word that could be a ref means the path of that name only if a pack or an archive lies there.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pack_format::git_ref::{GitRef, GitRefError};
use pack_format::pack_ref::PackRefError;
use pack_format::text::printable;
use pack_format::url_policy::{UrlError, UrlPolicy};
use pack_format::version::ConstraintError;
use pack_format::{Constraint, Hint, PackRef};
use pack_fs::FsError;
use pack_git::{RepositoryUrl, RepositoryUrlError};
use url::Url;

use crate::failure::{Classify, FailureClass};
use crate::pack_dir::PackDir;
use crate::record::SourceType;

/// Where to install from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Whichever registry lists the ref.
    Registry {
        /// The pack.
        pack_ref: PackRef,
        /// Which of its versions; `*` is the newest stable one.
        constraint: Constraint,
    },
    /// A directory of this machine.
    LocalDirectory(PathBuf),
    /// An archive file of this machine.
    LocalArchive(PathBuf),
    /// An archive on a web server.
    ArchiveUrl(Url),
    /// A git repository.
    Git {
        /// Where it is.
        url: RepositoryUrl,
        /// Branch, tag or commit; the default branch when absent.
        git_ref: Option<GitRef>,
        /// Where the pack is looked for, when not at the root.
        subdir: Option<String>,
    },
}

/// What was typed beside the source.
#[derive(Debug, Clone, Default)]
pub struct DetectOptions {
    /// Value of `--ref`: makes a URL a git repository.
    pub git_ref: Option<GitRef>,
    /// Value of `--subdir`: where in a repository or directory the pack is.
    pub subdir: Option<String>,
    /// Only URLs and paths, no registries.
    pub no_registry: bool,
    /// Plain http beyond this machine.
    pub allow_http: bool,
}

/// Why a text is no source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A URL that must not be used.
    #[error("the source {0}")]
    Url(UrlError),
    /// A git URL that must not be used.
    #[error(transparent)]
    GitUrl(#[from] RepositoryUrlError),
    /// A text that is no git ref.
    #[error(transparent)]
    GitRef(#[from] GitRefError),
    /// A git ref for something that is no repository.
    #[error("`{0}` is no git repository, so `--ref` says nothing about it")]
    NoRepository(String),
    /// A repository where none is.
    #[error("`{}` is no git repository", .0.display())]
    NotARepository(PathBuf),
    /// Something else than what it is said to be.
    #[error("`{text}` is a {found}")]
    OtherKind {
        /// As it was written.
        text: String,
        /// What it is.
        found: &'static str,
    },
    /// A directory for something that has none to choose.
    #[error(
        "`{0}` is neither a git repository nor a directory, so `--subdir` says nothing about it"
    )]
    NoSubdir(String),
    /// A `file:` URL without an absolute path.
    #[error("`{0}` is not a file URL with an absolute path")]
    FileUrl(String),
    /// A path where nothing is.
    #[error("there is nothing at `{}`", .0.display())]
    Missing(PathBuf),
    /// A path that cannot be looked at.
    #[error(transparent)]
    File(#[from] FsError),
    /// A path that leads to neither a directory nor a file.
    #[error("`{}` is neither a directory nor a file", .0.display())]
    Special(PathBuf),
    /// A registry where a pack is expected.
    #[error("`{}` is a registry, not a pack", .0.display())]
    IsRegistry(PathBuf),
    /// A ref, though registries were excluded.
    #[error("`{0}` is neither a URL nor a path, and registries are excluded by `--no-registry`")]
    NoRegistry(String),
    /// A text that is no ref.
    #[error("{0}, and there is no such file or directory")]
    Ref(PackRefError),
    /// A constraint that is none.
    #[error("in `{source_text}`: {error}")]
    Constraint {
        /// The whole text.
        source_text: String,
        /// What is wrong.
        error: ConstraintError,
    },
}

impl Hint for SourceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Url(error) => error.hint(),
            Self::GitUrl(error) => error.hint(),
            Self::GitRef(error) => error.hint(),
            Self::NoRepository(_) | Self::NoSubdir(_) => Some("leave the option out".to_owned()),
            Self::File(error) => error.hint(),
            Self::NotARepository(_) => Some("name a directory with `path` instead".to_owned()),
            Self::OtherKind { .. } => Some(
                "repositories are named by `git`, archives by `archive`, directories by `path`"
                    .to_owned(),
            ),
            Self::FileUrl(_) => Some("write `file:///absolute/path`".to_owned()),
            Self::IsRegistry(path) => Some(format!(
                "name a pack and its registry: `attune pack install REF --registry {}`",
                path.display()
            )),
            Self::Ref(error) => error.hint(),
            Self::Constraint { error, .. } => error.hint(),
            Self::Missing(_) | Self::Special(_) => {
                Some("check the path; packs come as directories or archives".to_owned())
            }
            Self::NoRegistry(_) => Some("give a path, such as `./slack`, or a URL".to_owned()),
        }
    }
}

impl Classify for SourceError {
    fn class(&self) -> FailureClass {
        match self {
            Self::File(_) => FailureClass::Failed,
            _ => FailureClass::Usage,
        }
    }
}

impl Source {
    /// Finds out what `text` means. Looks at the disk, never at the network.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn detect(text: &str, options: &DetectOptions) -> Result<Self, SourceError> {
        let source = Self::detect_any(text, options)?;
        if options.subdir.is_none() {
            return Ok(source);
        }
        match source {
            Self::Git { url, git_ref, .. } => Ok(Self::Git {
                url,
                git_ref,
                subdir: options.subdir.clone(),
            }),
            Self::LocalDirectory(path) => below(&path, options).map(Self::LocalDirectory),
            _ => Err(SourceError::NoSubdir(printable(text))),
        }
    }

    fn detect_any(text: &str, options: &DetectOptions) -> Result<Self, SourceError> {
        if let Some(source) = detect_url(text, options)? {
            return Ok(source);
        }
        let reference = parse_reference(text);
        let path = Path::new(text);
        let bare = matches!(reference, Ok((_, ref c)) if c.comparators().is_empty());
        let is_there = match path.try_exists() {
            // Only what must be a path is said to be one.
            Err(e) if text.contains('/') => return Err(FsError::new("look at", path, e).into()),
            found => found.unwrap_or(false),
        };
        if is_there && (!bare || is_source(path)) {
            return of_path(path, options, Named::ByPath);
        }
        if options.no_registry {
            return Err(SourceError::NoRegistry(text.to_owned()));
        }
        if text.contains('/') {
            let missing = || SourceError::Missing(path.to_owned());
            return Err(real(path).err().unwrap_or_else(missing));
        }
        if options.git_ref.is_some() {
            return Err(SourceError::NoRepository(printable(text)));
        }
        let (pack_ref, constraint) = reference?;
        Ok(Self::Registry {
            pack_ref,
            constraint,
        })
    }

    /// A ref for the registries, such as `slack` or `slack@^2`, whatever lies on the disk.
    ///
    /// # Errors
    /// [`SourceError::Ref`] and [`SourceError::Constraint`].
    pub fn registry(text: &str) -> Result<Self, SourceError> {
        let (pack_ref, constraint) = parse_reference(text)?;
        Ok(Self::Registry {
            pack_ref,
            constraint,
        })
    }

    /// An archive at a URL that a person wrote.
    pub(crate) fn archive_url(text: &str, allow_http: bool) -> Result<Self, SourceError> {
        // Addresses of this machine and of private networks are meant.
        let policy = UrlPolicy {
            allow_http,
            allow_loopback: true,
            allow_private: true,
        };
        let url = policy.check(text).map_err(SourceError::Url)?;
        Ok(Self::ArchiveUrl(url.as_url().clone()))
    }

    /// The pack, where the source says which one it is.
    pub fn pack_ref(&self) -> Option<&PackRef> {
        match self {
            Self::Registry { pack_ref, .. } => Some(pack_ref),
            _ => None,
        }
    }

    /// The kind, as records name it.
    pub fn kind(&self) -> SourceType {
        match self {
            Self::Registry { .. } => SourceType::Registry,
            Self::LocalDirectory(_) => SourceType::LocalDirectory,
            Self::LocalArchive(_) => SourceType::LocalArchive,
            Self::ArchiveUrl(_) => SourceType::Archive,
            Self::Git { .. } => SourceType::Git,
        }
    }

    /// The kind, as people read it.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Registry { .. } => "registry reference",
            Self::LocalDirectory(_) => "local directory",
            Self::LocalArchive(_) => "local archive",
            Self::ArchiveUrl(_) => "archive URL",
            Self::Git { .. } => "git repository",
        }
    }

    /// The place as a URL for records; the ref itself for registries.
    pub fn url(&self) -> String {
        match self {
            Self::Registry { pack_ref, .. } => pack_ref.to_string(),
            Self::LocalDirectory(path) | Self::LocalArchive(path) => {
                Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from)
            }
            Self::ArchiveUrl(url) => url.to_string(),
            Self::Git { url, .. } => url.to_string(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry {
                pack_ref,
                constraint,
            } if constraint.comparators().is_empty() => pack_ref.fmt(f),
            Self::Registry {
                pack_ref,
                constraint,
            } => write!(f, "{pack_ref}@{constraint}"),
            Self::LocalDirectory(path) | Self::LocalArchive(path) => path.display().fmt(f),
            Self::ArchiveUrl(url) => url.fmt(f),
            Self::Git { url, .. } => url.fmt(f),
        }
    }
}

/// The forms that are told by how they begin.
fn detect_url(text: &str, options: &DetectOptions) -> Result<Option<Source>, SourceError> {
    let git = |url: &str| -> Result<Option<Source>, SourceError> {
        Ok(Some(Source::Git {
            url: RepositoryUrl::parse(url, options.allow_http)?,
            git_ref: options.git_ref.clone(),
            subdir: None,
        }))
    };
    if text.starts_with("github:") {
        let (repository, git_ref) = match text.split_once('@') {
            Some((repository, git_ref)) => (repository, Some(git_ref.parse()?)),
            None => (text, None),
        };
        return Ok(Some(Source::Git {
            url: RepositoryUrl::parse(repository, options.allow_http)?,
            git_ref: options.git_ref.clone().or(git_ref),
            subdir: None,
        }));
    }
    // As other tools write what is a repository whatever its path looks like.
    if let Some(plain) = text.strip_prefix("git+")
        && ["ssh://", "https://", "http://"]
            .iter()
            .any(|scheme| plain.starts_with(scheme))
    {
        return git(plain);
    }
    let is_scp_like = text.starts_with("git@") && text.contains(':');
    if is_scp_like
        || RepositoryUrl::is_scp_like(text)
        || text.starts_with("ssh://")
        || text.starts_with("git://")
    {
        return git(text);
    }
    if let Some(rest) = text.strip_prefix("file:") {
        let path = Url::parse(text)
            .ok()
            .filter(|_| rest.starts_with("//"))
            .and_then(|url| url.to_file_path().ok())
            .ok_or_else(|| SourceError::FileUrl(text.to_owned()))?;
        return of_path(&path, options, Named::ByUrl).map(Some);
    }
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return Ok(None);
    }
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let names_repository = Path::new(path)
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("git"));
    if names_repository || options.git_ref.is_some() {
        return git(text);
    }
    Source::archive_url(text, options.allow_http).map(Some)
}

/// The directory `--subdir` names in a directory, without a way out of it.
fn below(path: &Path, options: &DetectOptions) -> Result<PathBuf, SourceError> {
    let subdir = options.subdir.as_deref().unwrap_or_default();
    let inner = path.join(subdir);
    let found = real(&inner)?;
    if found.starts_with(path) && pack_fs::is_dir(&found)? {
        Ok(found)
    } else {
        Err(SourceError::Missing(inner))
    }
}

/// The path without links, as records hold it.
pub(crate) fn real(path: &Path) -> Result<PathBuf, SourceError> {
    fs::canonicalize(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            SourceError::Missing(path.to_owned())
        }
        _ => SourceError::File(FsError::new("look at", path, e)),
    })
}

/// Whether a path that could be a ref holds something to install.
fn is_source(path: &Path) -> bool {
    path.is_file()
        || PackDir::is_there(path)
        || RepositoryUrl::is_bare_repository(path).unwrap_or(false)
}

/// How a path was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    ByPath,
    ByUrl,
}

fn of_path(path: &Path, options: &DetectOptions, named: Named) -> Result<Source, SourceError> {
    let absolute = real(path)?;
    let as_repository = match (named, options.git_ref.is_some()) {
        (Named::ByPath, false) => RepositoryUrl::is_bare_repository(&absolute),
        (Named::ByUrl, _) | (_, true) => RepositoryUrl::is_repository(&absolute),
    }?;
    if as_repository {
        return Ok(Source::Git {
            url: RepositoryUrl::local(&absolute),
            git_ref: options.git_ref.clone(),
            subdir: None,
        });
    }
    if options.git_ref.is_some() {
        return Err(SourceError::NoRepository(path.display().to_string()));
    }
    if pack_fs::is_dir(&absolute)? {
        let is_registry = ["registry.json", "index.json"]
            .iter()
            .any(|name| absolute.join(name).is_file());
        if is_registry && !PackDir::is_there(&absolute) {
            return Err(SourceError::IsRegistry(absolute));
        }
        return Ok(Source::LocalDirectory(absolute));
    }
    if !pack_fs::is_file(&absolute)? {
        return Err(SourceError::Special(absolute));
    }
    if absolute
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"))
    {
        return Err(SourceError::IsRegistry(absolute));
    }
    Ok(Source::LocalArchive(absolute))
}

/// `ref`, `ref@constraint` or `ref@latest`.
fn parse_reference(text: &str) -> Result<(PackRef, Constraint), SourceError> {
    let (name, constraint) = text.split_once('@').unwrap_or((text, "*"));
    let pack_ref = name.parse().map_err(SourceError::Ref)?;
    let constraint = match constraint {
        "latest" => Constraint::any(),
        other => other.parse().map_err(|error| SourceError::Constraint {
            source_text: text.to_owned(),
            error,
        })?,
    };
    Ok((pack_ref, constraint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str, options: &DetectOptions) -> String {
        match Source::detect(text, options) {
            Ok(source) => source.description().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Every documented form is what the documents say.
    #[test]
    fn documented_forms_are_detected() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("slack")).unwrap();
        fs::write(dir.path().join("slack/pack.yaml"), "ref: slack\n").unwrap();
        fs::write(dir.path().join("slack-2.1.0.zip"), "").unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let rows = [
            ("slack", "registry reference"),
            ("slack@2.1.0", "registry reference"),
            ("slack@^2", "registry reference"),
            ("slack@latest", "registry reference"),
            ("git@0.2.0", "registry reference"),
            (
                "https://example.org/attune/pack-slack.git",
                "git repository",
            ),
            ("git@example.org:attune/pack-slack.git", "git repository"),
            ("ssh://git@example.org/pack-slack", "git repository"),
            ("github:attune/pack-slack@v2.1.0", "git repository"),
            ("github:attune/pack-slack", "git repository"),
            ("ops@packs.example.org:slack", "git repository"),
            ("git+ssh://git@example.org/pack-slack", "git repository"),
            ("git+https://example.org/pack-slack", "git repository"),
            ("git://127.0.0.1/pack-slack.git", "git repository"),
            ("http://127.0.0.1:3000/pack-slack.git", "git repository"),
            (
                "https://example.com/org/slack/archive/v2.1.0.tar.gz",
                "archive URL",
            ),
            (
                "https://example.com/org/slack/zip/refs/heads/main",
                "archive URL",
            ),
            ("slack@>=1.0,<3.0", "registry reference"),
            ("slack@~2.1", "registry reference"),
            ("https://example.com/packs/slack-2.1.0.zip", "archive URL"),
            ("https://example.com/org/tar.gz/0123abcd", "archive URL"),
            (&at("slack"), "local directory"),
            (&at("slack-2.1.0.zip"), "local archive"),
            (&format!("file://{}", at("slack")), "local directory"),
            (
                &format!("file://{}", at("slack-2.1.0.zip")),
                "local archive",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(kind(text, &DetectOptions::default()), expected, "{text}");
        }
        let with_ref = DetectOptions {
            git_ref: Some("main".parse().unwrap()),
            ..DetectOptions::default()
        };
        assert_eq!(
            kind("https://example.org/pack", &with_ref),
            "git repository"
        );
    }

    /// What is no source is refused with what it is.
    #[test]
    fn other_texts_are_refused() {
        let default = DetectOptions::default();
        let no_registry = DetectOptions {
            no_registry: true,
            ..DetectOptions::default()
        };
        assert!(kind("slack", &no_registry).contains("--no-registry"));
        assert!(kind("./nowhere", &default).contains("there is nothing at"));
        assert!(kind("Slack", &default).contains("is not a pack ref"));
        assert!(kind("slack@", &default).contains("is not a version constraint"));
        assert!(kind("http://example.org/a.zip", &default).contains("is refused"));
        assert!(!kind("https://u:secret@example.org/a.zip", &default).contains("secret"));
    }
}
