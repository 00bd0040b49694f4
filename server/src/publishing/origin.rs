//! Where git has what is published, as its publisher says: `?git_url=…&git_commit=…&git_subdir=…`.
//!
//! Nothing is fetched for it. The source gets the tree digest of the archive, so that who installs from it gets the
//! same files or none.

use attune_indexer::upload::Upload;
use hyper::StatusCode;
use pack_format::error_chain;
use pack_format::source::{InstallSource, WireSource};
use pack_format::url_policy::UrlPolicy;
use registry_tree::layout;

use crate::problem::Problem;

/// What a query says of it; `None` where it says nothing.
pub(super) fn of(query: &str) -> Result<Option<WireSource>, Problem> {
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let (_, value) = pairs.find(|(key, _)| key == name)?;
        Some(value.into_owned())
    };
    let (url, git_ref) = match (value("git_url"), value("git_commit")) {
        (None, None) => return Ok(None),
        (Some(url), Some(commit)) => (url, commit),
        _ => return Err(refused("`git_url` and `git_commit` belong together")),
    };
    Ok(Some(WireSource {
        kind: Some("git".to_owned()),
        url: Some(url),
        git_ref: Some(git_ref),
        checksum: None,
        subdir: value("git_subdir").filter(|dir| !dir.is_empty()),
    }))
}

/// Adds the source to what is published.
pub(super) fn add(upload: &mut Upload, origin: Option<WireSource>) -> Result<(), Problem> {
    let (Some(mut wire), Some(tree)) = (origin, upload.document.tree) else {
        return Ok(());
    };
    if wire
        .subdir
        .as_deref()
        .is_some_and(|dir| !layout::is_inside(dir))
    {
        return Err(refused("`git_subdir` leaves the repository"));
    }
    wire.checksum = Some(tree.to_string());
    let source = InstallSource::from_wire(wire, UrlPolicy::PUBLIC).map_err(|e| {
        refused(&format!(
            "the git source cannot be used: {}",
            error_chain(&e)
        ))
    })?;
    if let InstallSource::Git {
        git_ref: Some(git_ref),
        ..
    } = &source
        && !git_ref.is_commit()
    {
        return Err(refused(
            "`git_commit` must be a whole commit: others can be moved",
        ));
    }
    upload.document.install_sources.push(source);
    Ok(())
}

fn refused(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", message.to_owned())
}
