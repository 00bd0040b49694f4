//! Where the files of a version come from: a commit of a repository, as far as the registry knows one.

use std::borrow::Cow;

use pack_format::documents::VersionDocument;
use pack_format::git_ref::GitRef;
use pack_format::source::InstallSource;
use serde::Serialize;
use url::Url;

use crate::link::web_url;
use crate::text::clean;

/// Digits of a commit that are shown.
const SHOWN_DIGITS: usize = 12;

/// The git source of a version.
#[derive(Debug, Serialize)]
pub(crate) struct Origin<'a> {
    /// `commit` or `ref`, and its name; missing where the source names none.
    kind: Option<&'static str>,
    name: Option<Cow<'a, str>>,
    /// The repository, without its scheme.
    repository: Cow<'a, str>,
    subdir: Option<Cow<'a, str>>,
    /// Where a browser shows the files, or the repository where that cannot be told.
    href: Option<String>,
}

impl<'a> Origin<'a> {
    /// The first git source of `version`; `None` where it has none.
    pub(crate) fn of(version: &'a VersionDocument) -> Option<Self> {
        version.install_sources.iter().find_map(Self::new)
    }

    fn new(source: &'a InstallSource) -> Option<Self> {
        let InstallSource::Git {
            url,
            git_ref,
            subdir,
            ..
        } = source
        else {
            return None;
        };
        let address = url.as_str();
        let at = git_ref.as_ref();
        let shown = address.trim_start_matches("https://");
        let shown = shown.trim_end_matches('/').trim_end_matches(".git");
        Some(Self {
            kind: at.map(|at| if at.is_commit() { "commit" } else { "ref" }),
            name: at.map(|at| match at.as_str() {
                text if at.is_commit() => Cow::Borrowed(text.get(..SHOWN_DIGITS).unwrap_or(text)),
                text => clean(text),
            }),
            repository: clean(shown),
            subdir: subdir.as_deref().map(clean),
            href: files_page(address, at.map(GitRef::as_str), subdir.as_deref())
                .or_else(|| web_url(address)),
        })
    }
}

/// Where the well-known hosts of repositories show the files of a commit, tag or branch.
///
/// SECURITY: the address comes from a publisher; what is made of it is held to [`web_url`] again.
fn files_page(repository: &str, at: Option<&str>, subdir: Option<&str>) -> Option<String> {
    let mut url = Url::parse(&web_url(repository)?).ok()?;
    let between: &[&str] = match url.host_str()? {
        "github.com" => &["tree"],
        "gitlab.com" => &["-", "tree"],
        "bitbucket.org" => &["src"],
        _ => return None,
    };
    let path = url.path().trim_matches('/').to_owned();
    let path = path.strip_suffix(".git").unwrap_or(&path);
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    {
        let mut segments = url.path_segments_mut().ok()?;
        segments.pop_if_empty();
        segments.extend(between);
        let rest = at?
            .split('/')
            .chain(subdir.into_iter().flat_map(|s| s.split('/')));
        segments.extend(rest.filter(|part| !part.is_empty()));
    }
    web_url(url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of a commit where the host is known, and nothing where it is not.
    #[test]
    fn files_page_is_that_of_the_commit() {
        let page = |repository, subdir| files_page(repository, Some("abc123"), subdir);
        for (repository, subdir, expected) in [
            (
                "https://github.com/acme/packs.git",
                Some("packs/slack"),
                "https://github.com/acme/packs/tree/abc123/packs/slack",
            ),
            (
                "https://github.com/acme/packs/",
                None,
                "https://github.com/acme/packs/tree/abc123",
            ),
            (
                "https://gitlab.com/a/b/c",
                None,
                "https://gitlab.com/a/b/c/-/tree/abc123",
            ),
        ] {
            assert_eq!(page(repository, subdir).as_deref(), Some(expected));
        }
        assert_eq!(page("https://git.example.org/acme/packs", None), None);
        assert_eq!(
            files_page("https://github.com/acme/packs", None, None),
            None
        );
        let odd = files_page("https://github.com/a/b", Some("v1 ?#"), Some("../../x"));
        assert_eq!(
            odd.as_deref(),
            Some("https://github.com/a/b/tree/v1%20%3F%23/x")
        );
    }
}
