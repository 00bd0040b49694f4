//! What a server does: `server` and `database`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune_indexer::changes::PublishPolicy;
use attune_server::{
    Access, AccessLog, JobLimits, LivePolicy, LogFormat, LogOptions, MetricsAccess, Policy,
    PublishOptions, PublishRules, Rate, Rates, Reporter, SecretKey, TlsIdentity, TrustedProxies,
};
use bytesize::ByteSize;
use pack_format::Limits;
use pack_format::yaml::{Node, Scalar};

use super::{Settings, wrong};
use crate::failure::{Code, Failure};

/// How long a change waits for another process that changes the tree.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

impl Settings {
    /// The database of a server, unless it is the one beside its tree.
    pub(crate) fn database_url(&self) -> Result<Option<String>, Failure> {
        let path = ["database", "url"];
        let Some(url) = self.text(&path)? else {
            return Ok(None);
        };
        let is_known = ["sqlite:", "postgres:", "postgresql:"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if is_known {
            return Ok(Some(url));
        }
        // It may hold a password, so it is not told.
        let origin = self
            .find(&path)?
            .map(|found| found.origin)
            .unwrap_or_default();
        Err(Failure::text(
            Code::Usage,
            format!("`database.url` from {origin} is no URL of a database"),
            Some("write `sqlite:///path/to/file` or `postgres://user@host/name`"),
        ))
    }

    /// What holds for those who ask a server.
    pub(crate) fn server_policy(&self) -> Result<Policy, Failure> {
        let access = [("public", Access::Public), ("private", Access::Private)];
        let metrics = [
            ("admin", MetricsAccess::Admin),
            ("loopback", MetricsAccess::Loopback),
            ("public", MetricsAccess::Public),
            ("off", MetricsAccess::Off),
        ];
        Ok(Policy {
            access: self.one_of(&["server", "access"], &access)?,
            metrics: self.one_of(&["server", "metrics"], &metrics)?,
            rates: Rates {
                per_address: self.rate("per_address")?,
                per_token: self.rate("per_token")?,
            },
            proxies: self.trusted_proxies()?,
            publish: self.publish_rules()?,
        })
    }

    /// What a server seals secrets with: what is configured, or a file of its folder.
    pub(crate) fn secret_key(&self, data: &Path) -> Result<SecretKey, Failure> {
        let given = self.text(&["server", "secret_key"])?;
        Ok(given.map_or_else(
            || SecretKey::File(data.join("secret.key")),
            SecretKey::Given,
        ))
    }

    /// Folders that paths of requests may lie in.
    pub(crate) fn allow_roots(&self) -> Result<Vec<PathBuf>, Failure> {
        const PATH: [&str; 2] = ["server", "allow_roots"];
        const EXPECTED: &str = "a list of absolute paths such as `[/srv/packs]`";
        let Some(found) = self.find(&PATH)? else {
            return Ok(Vec::new());
        };
        let is_list = found.node.is_sequence() || found.node.is_null();
        let items = found.node.items().iter().map(|item| {
            let path = PathBuf::from(item.as_str()?);
            path.is_absolute().then_some(path)
        });
        let paths: Option<Vec<PathBuf>> = items.collect();
        paths
            .filter(|_| is_list)
            .ok_or_else(|| wrong(&PATH, &found, EXPECTED))
    }

    /// How many requests of the installation API that take a while there may be.
    pub(crate) fn job_limits(&self) -> Result<JobLimits, Failure> {
        let default = JobLimits::default();
        let at_once = self.count(&["server", "jobs", "at_once"], 1)?;
        let queued = self.count(&["server", "jobs", "queued"], 0)?;
        Ok(JobLimits {
            at_once: at_once.unwrap_or(default.at_once),
            queued: queued.unwrap_or(default.queued),
        })
    }

    /// Whether downloads are counted.
    pub(crate) fn counts_downloads(&self) -> Result<bool, Failure> {
        self.flag(&["server", "statistics"], true)
    }

    /// How a server logs; `verbose`: requests, too, where the configuration does not say.
    pub(crate) fn log_options(&self, verbose: bool) -> Result<LogOptions, Failure> {
        let access = match self.text(&["server", "log", "access"])?.as_deref() {
            None if verbose => AccessLog::Stderr,
            None | Some("off") => AccessLog::Off,
            Some("stderr") => AccessLog::Stderr,
            Some(path) => AccessLog::File(PathBuf::from(path)),
        };
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Ok(LogOptions {
            access,
            format: self.one_of(&["server", "log", "format"], &formats)?,
        })
    }

    /// The certificate of a server that speaks TLS.
    pub(crate) fn tls_identity(&self) -> Result<Option<TlsIdentity>, Failure> {
        let certificate = self.text(&["server", "tls", "certificate"])?;
        let key = self.text(&["server", "tls", "key"])?;
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                TlsIdentity::load(Path::new(&certificate), Path::new(&key))
                    .map(Some)
                    .map_err(|e| Failure::new(Code::Usage, &e))
            }
            _ => Err(Failure::text(
                Code::Usage,
                "TLS needs both `server.tls.certificate` and `server.tls.key`".to_owned(),
                None,
            )),
        }
    }

    /// How `tree` is published to under `rules`; `reporter` is told what goes wrong.
    pub(crate) fn publish_options(
        &self,
        tree: &Path,
        rules: Arc<LivePolicy>,
        reporter: Arc<dyn Reporter>,
    ) -> Result<PublishOptions, Failure> {
        Ok(PublishOptions {
            tree: tree.to_owned(),
            development_url: self.development_url()?,
            rules,
            lock_timeout: LOCK_TIMEOUT,
            reporter,
        })
    }

    fn publish_rules(&self) -> Result<PublishRules, Failure> {
        let path = ["server", "publish", "max_archive_size"];
        let most = Limits::default().archive_bytes;
        let max_archive_bytes = match self.find(&path)? {
            None => most,
            Some(found) => found
                .node
                .scalar()
                .and_then(|s| s.text().parse::<ByteSize>().ok())
                .map(|size| size.as_u64())
                .filter(|size| (1..=most).contains(size))
                .ok_or_else(|| wrong(&path, &found, "a size of at most 64MiB"))?,
        };
        Ok(PublishRules {
            max_archive_bytes,
            policy: PublishPolicy {
                require_license: self.flag(&["server", "publish", "require_license"], false)?,
                require_honest_version: self
                    .flag(&["server", "publish", "require_honest_version"], false)?,
            },
        })
    }

    fn rate(&self, key: &str) -> Result<Option<Rate>, Failure> {
        let path = ["server", "rate_limit", key];
        let Some(found) = self.find(&path)? else {
            return Ok(None);
        };
        let text = found.node.scalar().map(Scalar::text);
        let rate = text.and_then(|text| text.parse().ok());
        rate.map(Some)
            .ok_or_else(|| wrong(&path, &found, "a rate such as 100/s, 600/m or 10000/h"))
    }

    fn trusted_proxies(&self) -> Result<TrustedProxies, Failure> {
        let path = ["server", "trusted_proxies"];
        let Some(found) = self.find(&path)? else {
            return Ok(TrustedProxies::default());
        };
        let is_list = found.node.is_sequence() || found.node.is_null();
        let texts: Option<Vec<&str>> = found.node.items().iter().map(Node::as_str).collect();
        let proxies = texts
            .filter(|_| is_list)
            .and_then(|texts| TrustedProxies::new(texts).ok());
        proxies.ok_or_else(|| wrong(&path, &found, "a list of addresses and networks"))
    }

    /// One of several words, the first of which is the default.
    fn one_of<T: Copy>(&self, path: &[&str], words: &[(&str, T)]) -> Result<T, Failure> {
        let found = self.find(path)?;
        let text = found
            .as_ref()
            .and_then(|found| found.node.scalar())
            .map(Scalar::text);
        let wanted = match (&found, text) {
            (None, _) => words.first(),
            (Some(_), text) => words.iter().find(|(word, _)| Some(*word) == text),
        };
        match (wanted, &found) {
            (Some((_, value)), _) => Ok(*value),
            (None, Some(found)) => {
                let words: Vec<String> =
                    words.iter().map(|(word, _)| format!("`{word}`")).collect();
                Err(wrong(path, found, &format!("one of {}", words.join(", "))))
            }
            (None, None) => Err(Failure::text(
                Code::Usage,
                format!("{path:?} has no default"),
                None,
            )),
        }
    }
}
