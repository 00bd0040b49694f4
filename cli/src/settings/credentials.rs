//! Tokens of registries: `credentials.json` beside the configuration, readable by its owner only.
//!
//! ```json
//! {"https://packs.example.org/": {"token": "…"}}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pack_client::RegistryConfig;
use pack_fs::durable;
use serde::{Deserialize, Serialize};

use super::{Settings, user_config};
use crate::failure::{Code, Failure};

/// Name of the file.
const NAME: &str = "credentials.json";

/// What is known of one registry.
#[derive(Clone, Serialize, Deserialize)]
struct Credential {
    token: String,
}

/// The tokens, by URL.
pub(crate) struct Credentials {
    path: PathBuf,
    by_url: BTreeMap<String, Credential>,
}

impl Settings {
    /// The stored tokens; none where there is no file.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let beside = match &self.file {
            Some((config, _)) => config.clone(),
            None => user_config().ok_or_else(|| {
                Failure::text(
                    Code::Usage,
                    "there is no place for credentials: neither a configuration file nor a home folder",
                    Some("name a configuration file with `--config FILE`"),
                )
            })?,
        };
        Credentials::read(beside.with_file_name(NAME))
    }

    /// Whether a token is kept for a URL, as far as that can be read.
    pub(crate) fn has_token(&self, url: &str) -> bool {
        self.credentials()
            .is_ok_and(|credentials| credentials.token(url).is_some())
    }

    /// The registry with its stored token, if it has one and no header of its own for that.
    pub(crate) fn with_token(&self, mut config: RegistryConfig) -> Result<RegistryConfig, Failure> {
        if self.file.is_none() && user_config().is_none() {
            return Ok(config);
        }
        if let Some(token) = self.credentials()?.token(&config.url) {
            config.headers = config.headers.with_token(token);
        }
        Ok(config)
    }
}

impl Credentials {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let shown = path.display();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    by_url: BTreeMap::new(),
                });
            }
            Err(e) => return Err(refused(format!("cannot read `{shown}`: {e}"), None)),
        };
        let mode = fs::metadata(&path).map_or(0o600, |m| m.permissions().mode() & 0o777);
        if mode & 0o077 != 0 {
            let advice =
                format!("run `chmod 600 {shown}`, and replace tokens others may have read");
            return Err(refused(
                format!("`{shown}` has mode {mode:o}: others may read the tokens in it"),
                Some(&advice),
            ));
        }
        // The cause would repeat what is in the file.
        let by_url = serde_json::from_slice(&bytes).map_err(|e| {
            let at = format!(
                "`{shown}`, line {}: it is not what this program writes",
                e.line()
            );
            refused(at, Some("remove it and log in again"))
        })?;
        Ok(Self { path, by_url })
    }

    /// The token for a URL; a slash at its end makes no difference.
    fn token(&self, url: &str) -> Option<&str> {
        Some(self.by_url.get(key(url))?.token.as_str())
    }

    /// Keeps a token, and says where.
    pub(crate) fn store(mut self, url: &str, token: &str) -> Result<PathBuf, Failure> {
        let token = token.to_owned();
        self.by_url
            .insert(key(url).to_owned(), Credential { token });
        self.write()
    }

    /// Forgets the token of a URL; `None` if there is none.
    pub(crate) fn forget(mut self, url: &str) -> Result<Option<PathBuf>, Failure> {
        if self.by_url.remove(key(url)).is_none() {
            return Ok(None);
        }
        self.write().map(Some)
    }

    fn write(self) -> Result<PathBuf, Failure> {
        let failed = |e: &pack_fs::FsError| Failure::new(Code::Failed, e);
        durable::create_directories(durable::parent_of(&self.path)).map_err(|e| failed(&e))?;
        let mut bytes = serde_json::to_vec_pretty(&self.by_url)
            .map_err(|e| refused(format!("cannot write credentials: {e}"), None))?;
        bytes.push(b'\n');
        durable::replace_secret_file(&self.path, &bytes).map_err(|e| failed(&e))?;
        Ok(self.path)
    }
}

fn key(url: &str) -> &str {
    url.trim_end_matches('/')
}

fn refused(message: String, hint: Option<&str>) -> Failure {
    Failure::text(Code::Usage, message, hint)
}
