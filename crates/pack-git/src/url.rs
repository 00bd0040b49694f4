//! `RepositoryUrl`: a git repository by its URL, safe to print, to record and to hand to a command line.
//!
//! | form | scheme |
//! |---|---|
//! | `https://host/path`, `http://host/path` | smart HTTP |
//! | `git://host/path` | git's own protocol, as open as plain http |
//! | `ssh://user@host/path`, `user@host:path` | SSH |
//! | `github:org/repo` | short for `https://github.com/org/repo.git` |
//! | a directory of this machine | read in place |
//!
//! SECURITY: credentials in https, http and git URLs are refused, so that no record, message or process
//! list can show them; hosts, users and paths cannot begin with `-` or hold characters a shell reads.

use std::fmt;
use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_format::text::printable;
use pack_format::url_policy::{SourceUrl, UrlPolicy};
use pack_fs::{FsError, is_dir, is_file};
use url::Url;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    text: String,
    scheme: Scheme,
}

/// How a repository is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Smart HTTP, over TLS or not.
    Web(Url),
    /// Git's own protocol.
    Git(Url),
    /// SSH.
    Ssh,
    /// A directory of this machine.
    Local(PathBuf),
}

/// Why a text is no repository URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("git URL `{}` is refused: {reason}", printable(.url))]
pub struct RepositoryUrlError {
    url: String,
    reason: String,
}

impl Hint for RepositoryUrlError {
    fn hint(&self) -> Option<String> {
        let advice = if self.reason.contains("credentials") {
            "leave them out of the URL: `~/.netrc`, or the setting `git_credential_helper`, is where they go"
        } else {
            "write `https://host/path.git`, `ssh://git@host/path`, `git@host:path` or `github:org/repo`"
        };
        Some(advice.to_owned())
    }
}

impl RepositoryUrl {
    /// Reads a URL a person typed; `allow_http` opens `http` and `git` beyond this machine.
    ///
    /// # Errors
    /// [`RepositoryUrlError`].
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, RepositoryUrlError> {
        // Somebody typed this URL: addresses of this machine and of private networks are meant.
        let policy = UrlPolicy {
            allow_http,
            allow_loopback: true,
            allow_private: true,
        };
        if let Some(rest) = text.strip_prefix("github:") {
            return github(rest).ok_or_else(|| refuse(text, "it is not `github:org/repo`"));
        }
        match text.split_once("://").map(|(scheme, _)| scheme) {
            Some("https" | "http") => {
                let url = policy.check(text).map_err(|e| of_policy(text, &e))?;
                Ok(Self::of_source(&url))
            }
            Some("git") => {
                // The same rules as for http, which is as open.
                let twin = format!("http{}", &text["git".len()..]);
                policy.check(&twin).map_err(|e| of_policy(text, &e))?;
                let url = Url::parse(text).map_err(|_| refuse(text, "it is not a URL"))?;
                Ok(Self {
                    text: text.to_owned(),
                    scheme: Scheme::Git(url),
                })
            }
            Some("ssh") => ssh(text),
            Some(_) => Err(refuse(
                text,
                "its scheme is none of https, ssh, http and git",
            )),
            None => scp_like(text).ok_or_else(|| refuse(text, "it is not a git URL")),
        }
    }

    /// A URL that a registry lists, already checked under its policy.
    pub fn of_source(url: &SourceUrl) -> Self {
        Self {
            text: url.to_string(),
            scheme: Scheme::Web(url.as_url().clone()),
        }
    }

    /// A repository in a directory of this machine; `path` must be absolute.
    pub fn local(path: &Path) -> Self {
        let text =
            Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from);
        Self {
            text,
            scheme: Scheme::Local(path.to_owned()),
        }
    }

    /// How it is reached.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The URL as text; it holds no secret.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The one protocol git may use for it, as git's `GIT_ALLOW_PROTOCOL` names it.
    pub(crate) fn protocol(&self) -> &str {
        match &self.scheme {
            Scheme::Web(url) => url.scheme(),
            Scheme::Git(_) => "git",
            Scheme::Ssh => "ssh",
            Scheme::Local(_) => "file",
        }
    }

    /// Whether a text has the form `user@host:path`.
    pub fn is_scp_like(text: &str) -> bool {
        scp_like(text).is_some()
    }

    /// Whether a directory is a repository, with or without a work tree.
    ///
    /// # Errors
    /// [`FsError`] if nobody can tell.
    pub fn is_repository(path: &Path) -> Result<bool, FsError> {
        let inner = path.join(".git");
        Ok(
            is_file(&inner)?
                || Self::is_bare_repository(&inner)?
                || Self::is_bare_repository(path)?,
        )
    }

    /// Whether a directory is a repository without a work tree.
    ///
    /// # Errors
    /// [`FsError`] if nobody can tell.
    pub fn is_bare_repository(path: &Path) -> Result<bool, FsError> {
        Ok(is_file(&path.join("HEAD"))?
            && is_dir(&path.join("objects"))?
            && is_dir(&path.join("refs"))?)
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn refuse(text: &str, reason: &str) -> RepositoryUrlError {
    RepositoryUrlError {
        url: without_userinfo(text),
        reason: reason.to_owned(),
    }
}

/// The reason of another policy, without its own beginning.
fn of_policy(text: &str, error: &pack_format::url_policy::UrlError) -> RepositoryUrlError {
    let sentence = error.to_string();
    let reason = sentence.rsplit_once("is refused: ").map_or("", |(_, r)| r);
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    refuse(shown, reason)
}

/// A text with whatever stands before the last `@` of its authority left out.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn github(rest: &str) -> Option<RepositoryUrl> {
    let (org, repo) = rest.split_once('/')?;
    let repo = repo.strip_suffix(".git").unwrap_or(repo);
    let good = |part: &str| is_word(part) && !part.starts_with('.');
    if !good(org) || !good(repo) {
        return None;
    }
    let text = format!("https://github.com/{org}/{repo}.git");
    let url = UrlPolicy::PUBLIC.check(&text).ok()?;
    Some(RepositoryUrl::of_source(&url))
}

fn ssh(text: &str) -> Result<RepositoryUrl, RepositoryUrlError> {
    let rest = &text["ssh://".len()..];
    let (authority, path) = rest
        .find('/')
        .map(|at| rest.split_at(at))
        .ok_or_else(|| refuse(text, "it names no path"))?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err(refuse(text, "it carries credentials"));
    }
    if user.is_some_and(|user| !is_word(user)) {
        return Err(refuse(
            text,
            "its user is not made of letters, digits, `.`, `_` and `-`",
        ));
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(v6) => v6
            .split_once(']')
            .map(|(name, port)| (name, port.strip_prefix(':')))
            .ok_or_else(|| refuse(text, "its host is not a name or an address"))?,
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let v6 = host.starts_with('[') && name.parse::<std::net::Ipv6Addr>().is_ok();
    if !v6 && !is_word(name) {
        return Err(refuse(text, "its host is not a name or an address"));
    }
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |n| n == 0)) {
        return Err(refuse(text, "its port is not a number from 1 to 65535"));
    }
    if !is_path(path) || path.len() < 2 || path.starts_with("/-") {
        return Err(refuse(
            text,
            "its path holds characters that paths of repositories do not have",
        ));
    }
    Ok(RepositoryUrl {
        text: text.to_owned(),
        scheme: Scheme::Ssh,
    })
}

fn scp_like(text: &str) -> Option<RepositoryUrl> {
    let (authority, path) = text.split_once(':')?;
    let (user, host) = authority.split_once('@')?;
    let good = is_word(user) && is_word(host) && is_path(path) && !path.is_empty();
    (good && !path.starts_with('-') && !path.starts_with("//")).then(|| RepositoryUrl {
        text: text.to_owned(),
        scheme: Scheme::Ssh,
    })
}

/// A user, host or name: no option, no separator.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// A path on a server: git quotes it for the remote shell, we do not rely on that.
fn is_path(text: &str) -> bool {
    text.len() <= pack_format::limits::MAX_URL_BYTES
        && text.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '~' | '+' | '@' | ',' | '%')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every documented form, with the protocol it is fetched by.
    #[test]
    fn documented_forms_are_read() {
        for (text, protocol) in [
            ("https://example.org/org/pack.git", "https"),
            ("http://127.0.0.1:8080/pack", "http"),
            ("git://127.0.0.1/pack.git", "git"),
            ("ssh://git@example.org:2222/org/pack.git", "ssh"),
            ("ssh://example.org/~me/pack", "ssh"),
            ("ssh://git@[::1]:22/pack", "ssh"),
            ("git@example.org:org/pack.git", "ssh"),
            ("github:org/pack", "https"),
        ] {
            let url = RepositoryUrl::parse(text, false);
            assert_eq!(
                url.map(|u| u.protocol().to_owned()),
                Ok(protocol.to_owned()),
                "{text}"
            );
        }
        let short = RepositoryUrl::parse("github:org/pack.git", false).unwrap();
        assert_eq!(short.as_str(), "https://github.com/org/pack.git");
        assert_eq!(
            RepositoryUrl::local(Path::new("/a b")).as_str(),
            "file:///a%20b"
        );
    }

    /// Options, remote helpers, credentials and open protocols are refused; no message repeats a secret.
    #[test]
    fn hostile_forms_are_refused() {
        for text in [
            "ext::sh -c id",
            "-oProxyCommand=id",
            "--upload-pack=id",
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "ssh://-l@example.org/x",
            "ssh://git@example.org/-x",
            "ssh://git@example.org/$(id)",
            "ssh://git@example.org/a b",
            "ssh://git@example.org/a;id",
            "ssh://git:s3cret@example.org/x",
            "ssh://example.org",
            "ssh://git@example.org:0/x",
            "git@-h:x",
            "git@example.org:-x",
            "git@example.org:",
            "git@example.org:a`id`",
            "git://example.org/x",
            "git://u:s3cret@127.0.0.1/x",
            "http://example.org/x.git",
            "https://u:s3cret@example.org/x.git",
            "https://s3cret@example.org/x.git",
            "https://example.org/x.git?private_token=s3cret",
            "ftp://example.org/x.git",
            "file:///x",
            "github:org",
            "github:../x",
            "github:-o/x",
            "github:org/x/y",
            "",
        ] {
            let error = RepositoryUrl::parse(text, false).map(|_| ()).unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        assert!(RepositoryUrl::parse("git://example.org/x", true).is_ok());
    }
}
