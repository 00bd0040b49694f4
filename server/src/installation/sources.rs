//! What texts of requests mean as sources of packs.

use attune_installer::{DetectOptions, Source, SourceError};
use pack_format::git_ref::GitRef;
use pack_git::Scheme;

use super::workshop::{Workshop, local, reason};

/// What a text of a request means. Unlike on a command line, a bare word is never a path. `git_ref` is for sources that
/// name none themselves and can have one.
pub(super) fn detected(
    workshop: &Workshop,
    (text, git_ref): (&str, Option<&GitRef>),
) -> Result<Source, String> {
    let said = |error: SourceError| reason(&error);
    if !text.contains(['/', ':']) {
        return Source::registry(text).map_err(said);
    }
    let is_path = local(text)?;
    if let Some(path) = &is_path {
        workshop.roots.admit(path)?;
    } else if !text.contains(':') {
        return Err("paths must be absolute".to_owned());
    }
    let mut options = DetectOptions {
        git_ref: git_ref.cloned(),
        subdir: None,
        no_registry: is_path.is_none(),
        allow_http: workshop.options.client.allow_http,
    };
    let names_ref = text.starts_with("github:") && text.contains('@');
    let is_archive = [".zip", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| text.to_ascii_lowercase().ends_with(end));
    if names_ref || is_archive {
        options.git_ref = None;
    }
    let source = match Source::detect(text, &options) {
        Err(SourceError::NoRepository(_)) => {
            options.git_ref = None;
            Source::detect(text, &options)
        }
        other => other,
    };
    let source = source.map_err(said)?;
    let path = match &source {
        Source::LocalDirectory(path) | Source::LocalArchive(path) => Some(path.as_path()),
        Source::Git { url, .. } => match url.scheme() {
            Scheme::Local(path) => Some(path.as_path()),
            _ => None,
        },
        _ => None,
    };
    if let Some(path) = path {
        let path = path.to_str().ok_or("the path is not UTF-8")?;
        workshop.roots.admit(path)?;
    }
    Ok(source)
}
