//! The templates in force for a tree: those of its operator where there are some, else the built-in ones.
//!
//! A build is given a folder. Once the pages are in place, what the folder held is kept in `TREE.state/templates.json`, where
//! everything finds it that makes pages later: builds without a folder, `pack yank`, publishing, the server's own pages.

use std::io;
use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_fs::FsError;
use registry_pages::Overrides;
use registry_tree::layout;

/// Below `TREE.state/`.
const FILE: &str = "templates.json";

/// Largest file of a folder, in bytes, inclusive (256 KiB): five times the largest of the built-in ones.
const MAX_BYTES: usize = 256 * 1024;

/// Largest file of state: all templates at their largest, and what JSON adds.
const MAX_STATE_BYTES: usize = 64 * MAX_BYTES;

/// Why templates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplatesError {
    /// The folder or a file cannot be read, is no text, or is too large.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing it would replace.
    #[error("`{}` replaces nothing: there is no template of that name", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
    },
}

impl Hint for TemplatesError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => {
                let names: Vec<&str> = Overrides::names().collect();
                Some(format!("the names are {}", names.join(", ")))
            }
            Self::Unreadable { .. } => None,
        }
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> TemplatesError + use<> {
    let path = path.to_owned();
    move |source| TemplatesError::Unreadable { path, source }
}

/// Reads a folder. What begins with a dot is passed over; everything else must have the name of a template.
pub(crate) fn of_folder(folder: &Path) -> Result<Overrides, TemplatesError> {
    let mut overrides = Overrides::default();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if !Overrides::names().any(|known| known == name) {
            return Err(TemplatesError::Unknown { path });
        }
        let bytes = pack_fs::limited::read(&path, MAX_BYTES).map_err(unreadable(&path))?;
        let text = String::from_utf8(bytes)
            .map_err(io::Error::other)
            .map_err(unreadable(&path))?;
        let name = name.into_owned();
        overrides.replace(&name, path, text);
    }
    Ok(overrides)
}

/// Where the templates of a tree are kept, for those who follow them.
pub fn file_of(tree: &Path) -> PathBuf {
    layout::state_directory(tree).join(FILE)
}

/// The templates in force for a tree.
///
/// # Errors
/// [`TemplatesError::Unreadable`] if it has some that cannot be read.
pub fn in_force(tree: &Path) -> Result<Overrides, TemplatesError> {
    let path = file_of(tree);
    let bytes = match pack_fs::limited::read(&path, MAX_STATE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Overrides::default()),
        Err(error) => return Err(unreadable(&path)(error)),
    };
    serde_json::from_slice(&bytes)
        .map_err(io::Error::from)
        .map_err(unreadable(&path))
}

/// Keeps what is in force from now on. Whoever calls holds the tree's lock.
pub(crate) fn keep(tree: &Path, overrides: &Overrides) -> Result<(), FsError> {
    let path = file_of(tree);
    if overrides.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FsError::new("remove", &path, error))
            }
            _ => Ok(()),
        };
    }
    // Texts and paths that were read as UTF-8 are always JSON.
    let bytes = serde_json::to_vec(overrides).unwrap_or_default();
    pack_fs::durable::replace_file(&path, &bytes)
}
