//! Which paths of requests are followed: absolute ones that lead into the operator's folders.

use std::io;
use std::path::{Component, Path, PathBuf};

use pack_format::text::printable;

/// Folders that paths of requests may lie in.
#[derive(Debug)]
pub(super) struct Roots(Vec<PathBuf>);

impl Roots {
    pub(super) fn new(folders: Vec<PathBuf>) -> Self {
        Self(folders)
    }

    /// The path without links, if it may be followed. What is not there yet has no links.
    pub(super) fn admit(&self, text: &str) -> Result<PathBuf, String> {
        let path = Path::new(text);
        let says_where = path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !path.is_absolute() || !says_where || text.contains('\0') {
            return Err(format!(
                "`{}` is no absolute path without `..`",
                printable(text)
            ));
        }
        let outside = || {
            format!(
                "`{}` lies outside the folders that this server may use",
                printable(text)
            )
        };
        // SECURITY: one answer for what lies outside, whether it is there or not.
        let found = resolved(path).map_err(|_| outside())?;
        let mut roots = self.0.iter().filter_map(|root| resolved(root).ok());
        if roots.any(|root| found.starts_with(root)) {
            Ok(found)
        } else {
            Err(outside())
        }
    }
}

/// The path with the links in that part of it which exists followed.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(e) if e.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(e);
            };
            Ok(resolved(parent)?.join(name))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Into a folder, over links too; out of it, by no way.
    #[test]
    fn paths_lead_into_the_folders() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        std::fs::create_dir_all(inside.join("a")).unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        symlink(dir.path().join("outside"), inside.join("out")).unwrap();
        symlink("nowhere", inside.join("dangling")).unwrap();
        symlink(&inside, dir.path().join("in")).unwrap();
        let roots = Roots::new(vec![inside.clone(), dir.path().join("not yet")]);
        let rows = [
            ("inside", true),
            ("inside/a", true),
            ("inside/new/newer", true),
            ("in/a", true),
            ("not yet/x", true),
            ("outside", false),
            ("inside/out/x", false),
            ("inside/dangling", false),
            ("inside/../outside", false),
            ("insider", false),
            ("", false),
        ];
        for (name, expected) in rows {
            let text = format!("{}/{name}", dir.path().display());
            assert_eq!(roots.admit(&text).is_ok(), expected, "{name}");
        }
        assert!(roots.admit("inside").is_err());
    }
}
