//! Changes of `pack_registry.indices` in the configuration file, for `registry add` and `registry remove`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_client::{Location, RegistryConfig};
use pack_format::yaml::{Node, Scalar};
use pack_fs::lock::FileLock;
use pack_fs::{Replacement, durable};
use serde_json::{Map, Value};

use super::edit::{self, Change};
use super::{Settings, registry, user_config, variable};
use crate::failure::{Code, Failure};

const PATH: [&str; 2] = ["pack_registry", "indices"];
/// How long another process may take to change the configuration.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A registry as the file lists it, read so far that it can be told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its URL, as written.
    pub(crate) url: String,
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// Its priority, if it has one.
    pub(crate) priority: Option<String>,
}

impl Listed {
    /// Whether somebody who says `text` means this one.
    pub(crate) fn is_called(&self, text: &str) -> bool {
        self.name.as_deref() == Some(text) || self.is_at(text)
    }

    /// Whether a URL or path is that of this one; a slash at the end makes no difference.
    pub(crate) fn is_at(&self, url: &str) -> bool {
        place(&self.url) == place(url)
    }
}

/// One spelling of a URL or path.
fn place(text: &str) -> String {
    let location = Location::parse(text, true).map(|location| location.display_url());
    let text = location.unwrap_or_else(|_| text.to_owned());
    text.trim_end_matches('/').to_owned()
}

impl Settings {
    /// The same as [`Self::load`]; a file that is named but not there is an empty one.
    pub(crate) fn load_or_begin(flag: Option<&Path>) -> Result<Self, Failure> {
        let named = flag
            .map(Path::to_owned)
            .or_else(|| variable(super::variables::CONFIG).map(PathBuf::from));
        match named {
            Some(path) if !path.exists() => {
                let root = Node::parse("", b"").map_err(|e| Failure::new(Code::Usage, &e))?;
                Ok(Self {
                    file: Some((path, root)),
                })
            }
            _ => Self::load(flag),
        }
    }

    /// The registries the file lists, in its order.
    pub(crate) fn listed_registries(&self) -> Vec<Listed> {
        let list = (self.file.as_ref())
            .and_then(|(_, root)| root.get(PATH[0])?.get(PATH[1]))
            .map_or(&[][..], Node::items);
        let text = |item: &Node, key| {
            let scalar = item.get(key).and_then(Node::scalar);
            scalar.map(Scalar::text).map(str::to_owned)
        };
        list.iter()
            .map(|item| Listed {
                url: text(item, "url").unwrap_or_default(),
                name: text(item, "name"),
                priority: text(item, "priority"),
            })
            .collect()
    }

    /// What an entry would mean.
    pub(crate) fn read_registry(
        &self,
        entry: &Map<String, Value>,
    ) -> Result<RegistryConfig, Failure> {
        let text = Value::Object(entry.clone()).to_string();
        let node = Node::parse("", text.as_bytes()).map_err(|e| Failure::new(Code::Usage, &e))?;
        let config = registry::read(&node, "the command line", self.allowed()?)?;
        Location::parse(&config.url, self.allowed()?.http)
            .map_err(|e| Failure::new(Code::Usage, &e))?;
        self.with_token(config)
    }

    /// Changes the list in the file: `choose` sees what is listed and says what to change. Everything else in the
    /// file stays as it is; others see the old file or the new one. Returns the file.
    pub(crate) fn change_registries<'e>(
        &self,
        choose: impl FnOnce(&[Listed]) -> Result<Change<'e>, Failure>,
    ) -> Result<PathBuf, Failure> {
        let name = format!("ATTUNE__{}", PATH.join("__").to_uppercase());
        if variable(&name).is_some() {
            return Err(Failure::text(
                Code::Usage,
                format!(
                    "environment variable `{name}` has the list of registries: what the file says does not count"
                ),
                Some("change the variable, or unset it"),
            ));
        }
        let path = self.file_to_write()?;
        let _lock = path.exists().then(|| lock(&path)).transpose()?;
        let text = read(&path)?;
        let now = Self {
            file: Some((path.clone(), parse(&path, &text)?)),
        };
        let change = choose(&now.listed_registries())?;
        let edited = edit::apply(&text, change).ok_or_else(|| uneditable(&path, change))?;
        write(&path, &edited)?;
        Ok(path)
    }

    /// The file that is in force, or the user's own.
    fn file_to_write(&self) -> Result<PathBuf, Failure> {
        let in_force = self.file.as_ref().map(|(path, _)| path.clone());
        in_force.or_else(user_config).ok_or_else(|| {
            Failure::text(
                Code::Usage,
                "there is no place for a configuration: neither a file nor a home folder",
                Some("name a file with `--config FILE`"),
            )
        })
    }
}

fn lock(path: &Path) -> Result<FileLock, Failure> {
    FileLock::acquire(path, LOCK_TIMEOUT, || {}).map_err(|error| {
        let code = Code::busy_or_failed(error.is_busy());
        Failure::text(code, error.to_string(), None)
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    match fs::read(path) {
        // What is no text is refused as the settings are read.
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Failure::text(
            Code::Usage,
            format!("cannot read configuration file `{}`: {e}", path.display()),
            None,
        )),
    }
}

fn parse(path: &Path, text: &str) -> Result<Node, Failure> {
    Node::parse(&path.display().to_string(), text.as_bytes())
        .map_err(|e| Failure::new(Code::Usage, &e))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || {
        durable::create_directories(durable::parent_of(path))?;
        let mut new = Replacement::begin(path)?;
        let bytes = text.as_bytes();
        (new.file().write_all(bytes)).map_err(|e| pack_fs::FsError::new("write", path, e))?;
        if path.exists() {
            new.commit().map(drop)
        } else {
            new.commit_new()
        }
    };
    written().map_err(|e| Failure::new(Code::Failed, &e))
}

fn uneditable(path: &Path, change: Change<'_>) -> Failure {
    let hint = match change {
        Change::Insert(_, entry) => format!(
            "add this to the list `{}` by hand:\n{}",
            PATH.join("."),
            edit::entry_text(entry).trim_end()
        ),
        Change::Remove(_) => "remove the entry by hand".to_owned(),
    };
    Failure::text(
        Code::Failed,
        format!(
            "`{}`: the list `{}` is written in a way that cannot be changed without risk",
            path.display(),
            PATH.join(".")
        ),
        Some(&hint),
    )
}
