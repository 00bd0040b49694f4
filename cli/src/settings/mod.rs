//! What is in force: flag, then environment, then configuration file, then default.
//!
//! The one place that reads the environment. Every value remembers where it came from, so that an error
//! about it can say so.

mod client;
mod credentials;
mod edit;
mod git;
mod keys;
mod packs;
mod policy;
mod registry;
mod registry_list;
mod retention;
mod runtime;
mod server;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use attune_server::FirstAccount;
use pack_client::RegistryConfig;
use pack_format::yaml::{Node, NodeValue, Scalar};

pub(crate) use self::edit::Change;
pub(crate) use self::policy::duration;
pub(crate) use self::registry_list::Listed;
pub(crate) use self::retention::days;
use crate::failure::{Code, Failure};

/// Names of the variables this program reads, besides `ATTUNE__SECTION__KEY`.
pub(crate) mod variables {
    /// Configuration file.
    pub(crate) const CONFIG: &str = "ATTUNE_CONFIG";
    /// Where the installation API is.
    pub(crate) const API_URL: &str = "ATTUNE_API_URL";
    /// Token for it, where it is another one than the next.
    pub(crate) const API_TOKEN: &str = "ATTUNE_API_TOKEN";
    /// Token for changes of a registry.
    pub(crate) const TOKEN: &str = "ATTUNE_TOKEN";
    /// Address of the administrator that the first start of `serve` makes.
    pub(crate) const ADMIN_EMAIL: &str = "ATTUNE_ADMIN_EMAIL";
    /// Their password.
    pub(crate) const ADMIN_PASSWORD: &str = "ATTUNE_ADMIN_PASSWORD";
    /// Seconds since 1970 that stand for now, for reproducible builds.
    pub(crate) const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";
}

/// Where packs are installed by default, if it can be written.
const SYSTEM_PACKS: &str = "/opt/attune/packs";
/// Where `registry serve` listens by default.
const DEFAULT_LISTEN: &str = "127.0.0.1:8470";
/// Where `serve` listens by default.
const DEFAULT_API_LISTEN: &str = "127.0.0.1:8080";
/// Where the installation API is by default.
const DEFAULT_API_URL: &str = "http://localhost:8080";
/// Where `serve` keeps its state by default, if it can be written.
const SYSTEM_STATE: &str = "/var/lib/attune";

/// A value and where it came from.
#[derive(Debug, Clone)]
struct Found {
    node: Node,
    origin: String,
}

/// Everything the environment and the configuration file say.
#[derive(Debug)]
pub(crate) struct Settings {
    file: Option<(PathBuf, Node)>,
}

impl Settings {
    /// Reads the configuration file, if there is one.
    ///
    /// `flag` wins over `ATTUNE_CONFIG`, that over `config.yaml` here, that over the user's own.
    pub(crate) fn load(flag: Option<&Path>) -> Result<Self, Failure> {
        let named = flag
            .map(Path::to_owned)
            .or_else(|| variable(variables::CONFIG).map(PathBuf::from));
        let path = match named {
            Some(path) => Some(path),
            None => [Some(PathBuf::from("config.yaml")), user_config()]
                .into_iter()
                .flatten()
                .find(|path| path.is_file()),
        };
        let Some(path) = path else {
            return Ok(Self { file: None });
        };
        let bytes = fs::read(&path).map_err(|e| {
            Failure::text(
                Code::Usage,
                format!("cannot read configuration file `{}`: {e}", path.display()),
                Some("name another one with `--config FILE`"),
            )
        })?;
        let root = Node::parse(&path.display().to_string(), &bytes)
            .map_err(|e| Failure::new(Code::Usage, &e))?;
        Ok(Self {
            file: Some((path, root)),
        })
    }

    /// The file that was read, to be watched.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// What the same file says now.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        match self.path() {
            Some(path) => Self::load(Some(path)),
            None => Ok(Self { file: None }),
        }
    }

    /// The value of `section.key`, environment before file.
    fn find(&self, path: &[&str]) -> Result<Option<Found>, Failure> {
        debug_assert!(keys::is_known(path), "{path:?} is missing in `keys.rs`");
        let name = variable_name(path);
        if let Some(text) = variable(&name) {
            let origin = format!("environment variable `{name}`");
            let text = text.into_string().map_err(|text| {
                let text = text.to_string_lossy();
                Failure::text(
                    Code::Usage,
                    format!("{origin}: `{text}` is not UTF-8"),
                    None,
                )
            })?;
            // Lists and mappings are given as JSON, which is YAML.
            let node = if text.trim_start().starts_with(['[', '{']) {
                Node::parse(&name, text.as_bytes()).map_err(|e| Failure::new(Code::Usage, &e))?
            } else {
                Node {
                    line: 1,
                    value: NodeValue::Scalar(Scalar::new(text, true)),
                }
            };
            return Ok(Some(Found { node, origin }));
        }
        let Some((file, root)) = &self.file else {
            return Ok(None);
        };
        let mut node = root;
        for key in path {
            match node.get(key) {
                Some(inner) => node = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(Found {
            origin: format!("`{}`, line {}", file.display(), node.line),
            node: node.clone(),
        }))
    }

    fn text(&self, path: &[&str]) -> Result<Option<String>, Failure> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        match found.node.scalar() {
            Some(scalar) => Ok(Some(scalar.text().to_owned())),
            None => Err(wrong(path, &found, "a text")),
        }
    }

    fn flag(&self, path: &[&str], default: bool) -> Result<bool, Failure> {
        match self.find(path)? {
            None => Ok(default),
            Some(found) => found
                .node
                .as_bool()
                .ok_or_else(|| wrong(path, &found, "true or false")),
        }
    }

    fn seconds(&self, path: &[&str], default: Duration) -> Result<Duration, Failure> {
        let Some(found) = self.find(path)? else {
            return Ok(default);
        };
        found
            .node
            .scalar()
            .and_then(|s| s.text().parse().ok())
            .map(Duration::from_secs)
            .ok_or_else(|| wrong(path, &found, "a whole number of seconds"))
    }

    /// Where packs are installed: flag, configuration, `/opt/attune/packs`, or the user's data folder.
    pub(crate) fn packs_base_dir(&self) -> Result<PathBuf, Failure> {
        const PATH: [&str; 1] = ["packs_base_dir"];
        // Paths need not be UTF-8.
        if let Some(path) = variable(&variable_name(&PATH)) {
            return Ok(PathBuf::from(path));
        }
        if let Some(text) = self.text(&PATH)? {
            return Ok(PathBuf::from(text));
        }
        let system = Path::new(SYSTEM_PACKS);
        if is_writable(system) {
            return Ok(system.to_owned());
        }
        Ok(user_data().map_or_else(|| system.to_owned(), |data| data.join("attune/packs")))
    }

    /// The configured registries, in file order.
    pub(crate) fn registries(&self) -> Result<Vec<RegistryConfig>, Failure> {
        const PATH: [&str; 2] = ["pack_registry", "indices"];
        if !self.flag(&["pack_registry", "enabled"], true)? {
            return Ok(Vec::new());
        }
        let Some(found) = self.find(&PATH)? else {
            return Ok(Vec::new());
        };
        if !found.node.is_sequence() && !found.node.is_null() {
            return Err(wrong(&PATH, &found, "a list of registries"));
        }
        let allowed = self.allowed()?;
        found
            .node
            .items()
            .iter()
            .map(|item| self.with_token(registry::read(item, &found.origin, allowed)?))
            .collect()
    }

    fn allowed(&self) -> Result<registry::Allowed, Failure> {
        Ok(registry::Allowed {
            http: self.flag(&["pack_registry", "allow_http"], false)?,
            insecure_tls: self.flag(&["pack_registry", "allow_insecure_tls"], false)?,
        })
    }

    /// Whether certificates of registries may go unchecked.
    pub(crate) fn allows_insecure_tls(&self) -> Result<bool, Failure> {
        Ok(self.allowed()?.insecure_tls)
    }

    /// Whether a direct source must have the digest it was given.
    pub(crate) fn verify_checksums(&self) -> Result<bool, Failure> {
        self.flag(&["pack_registry", "verify_checksums"], true)
    }

    /// Address of `registry serve`: flag, configuration, default.
    pub(crate) fn registry_listen(&self, flag: Option<&str>) -> Result<String, Failure> {
        if let Some(flag) = flag {
            return Ok(flag.to_owned());
        }
        Ok(self
            .text(&["server", "registry_listen"])?
            .unwrap_or_else(|| DEFAULT_LISTEN.to_owned()))
    }

    /// Address of `serve`: flag, configuration, default.
    pub(crate) fn api_listen(&self, flag: Option<&str>) -> Result<String, Failure> {
        let configured = || self.text(&["server", "listen"]);
        let address = match flag {
            Some(flag) => Some(flag.to_owned()),
            None => configured()?,
        };
        Ok(address.unwrap_or_else(|| DEFAULT_API_LISTEN.to_owned()))
    }

    /// Folder of templates that builds use in place of the built-in ones.
    pub(crate) fn templates(&self) -> Result<Option<PathBuf>, Failure> {
        Ok(self.text(&["pages", "templates"])?.map(PathBuf::from))
    }

    /// Where `serve` keeps its state: flag, configuration, `/var/lib/attune`, or the user's data folder.
    pub(crate) fn data_directory(&self, flag: Option<&Path>) -> Result<PathBuf, Failure> {
        if let Some(flag) = flag {
            return Ok(flag.to_owned());
        }
        if let Some(text) = self.text(&["server", "data_dir"])? {
            return Ok(PathBuf::from(text));
        }
        let system = Path::new(SYSTEM_STATE);
        if is_writable(system) {
            return Ok(system.to_owned());
        }
        Ok(user_data().map_or_else(|| system.to_owned(), |data| data.join("attune/server")))
    }

    /// Base URL of a tree that has none: where `registry serve` would host it on this machine.
    pub(crate) fn development_url(&self) -> Result<String, Failure> {
        let address = self.registry_listen(None)?;
        let reachable = address
            .parse::<SocketAddr>()
            .is_ok_and(|a| a.ip().is_loopback() && a.port() != 0);
        // An address to listen on need not be one to connect to, such as `0.0.0.0`.
        let address = if reachable { &address } else { DEFAULT_LISTEN };
        Ok(format!("http://{address}/"))
    }
}

/// The variable of a setting.
fn variable_name(path: &[&str]) -> String {
    format!("ATTUNE__{}", path.join("__").to_uppercase())
}

fn wrong(path: &[&str], found: &Found, expected: &str) -> Failure {
    let value = found.node.scalar().map_or_else(
        || found.node.describe().to_owned(),
        |s| format!("`{}`", pack_format::text::printable(s.text())),
    );
    Failure::text(
        Code::Usage,
        format!(
            "setting `{}` from {}: {value} is not {expected}",
            path.join("."),
            found.origin
        ),
        None,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the environment"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Where the installation API is, for commands that ask it.
pub(crate) fn api_url() -> String {
    let named = variable(variables::API_URL).map(|url| url.to_string_lossy().into_owned());
    named.unwrap_or_else(|| DEFAULT_API_URL.to_owned())
}

/// `ATTUNE_TEST_PANIC`, if set.
#[cfg(debug_assertions)]
pub(crate) fn test_panic() -> Option<OsString> {
    variable("ATTUNE_TEST_PANIC")
}

/// `ATTUNE_TOKEN`, if set.
pub(crate) fn token() -> Option<String> {
    trimmed(variables::TOKEN)
}

/// The token for the installation API that the environment holds: `ATTUNE_API_TOKEN`, else `ATTUNE_TOKEN`.
pub(crate) fn api_token() -> Option<String> {
    trimmed(variables::API_TOKEN).or_else(token)
}

fn trimmed(name: &str) -> Option<String> {
    let text = variable(name)?.to_string_lossy().trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The account that the first start of a server makes, if both variables are set.
pub(crate) fn first_account() -> Option<FirstAccount> {
    let text = |name| Some(variable(name)?.to_string_lossy().into_owned());
    Some(FirstAccount {
        email: text(variables::ADMIN_EMAIL)?,
        password: text(variables::ADMIN_PASSWORD)?,
    })
}

/// `SOURCE_DATE_EPOCH`, if set.
pub(crate) fn source_date_epoch() -> Result<Option<i64>, Failure> {
    let Some(text) = variable(variables::SOURCE_DATE_EPOCH) else {
        return Ok(None);
    };
    let seconds = text.to_str().and_then(|t| t.trim().parse::<u32>().ok());
    seconds.map(|s| Some(i64::from(s))).ok_or_else(|| {
        Failure::text(
            Code::Usage,
            format!(
                "environment variable `SOURCE_DATE_EPOCH`: `{}` is not a number of seconds since 1970",
                text.to_string_lossy()
            ),
            None,
        )
    })
}

/// The environment of this process.
pub(crate) fn all_variables() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os()
}

/// The name installations are recorded under.
pub(crate) fn user_name() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| variable(name))
        .map_or_else(user_id, |name| name.to_string_lossy().into_owned())
}

/// Services often run without a name in their environment.
fn user_id() -> String {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self")
        .map_or_else(|_| "unknown".to_owned(), |me| format!("uid {}", me.uid()))
}

/// Whether colours are unwelcome (`NO_COLOR`) or the terminal cannot show them.
pub(crate) fn environment_refuses_colour() -> bool {
    variable("NO_COLOR").is_some() || variable("TERM").is_some_and(|term| term == "dumb")
}

fn user_config() -> Option<PathBuf> {
    variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))
        .map(|directory| directory.join("attune/config.yaml"))
}

fn user_data() -> Option<PathBuf> {
    variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local/share")))
}

/// Whether a directory could be written or, where it is missing, made.
fn is_writable(path: &Path) -> bool {
    let existing = path.ancestors().find(|a| a.exists());
    existing.is_some_and(pack_fs::durable::is_writable)
}
