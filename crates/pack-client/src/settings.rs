//! What a caller decides: which registries, and how to talk to them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use pack_format::{Limits, Timestamp};

/// Priority of a registry that names none.
pub const DEFAULT_PRIORITY: i64 = 100;

/// What an unreachable registry means for the ones after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// Stop: a pack must not come from a later registry because an earlier one is down.
    #[default]
    Stop,
    /// Warn and ask the next one.
    Continue,
}

/// One configured registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryConfig {
    /// `https://host/base/`, a URL or path of an `index.json`, `file://…` or a directory.
    pub url: String,
    /// Name people see; that of the registry itself when absent.
    pub name: Option<String>,
    /// Smaller is asked first.
    pub priority: i64,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Sent to this registry's own origin and nowhere else.
    pub headers: Headers,
    /// Whether later registries are asked while this one is unreachable.
    pub on_error: OnError,
}

impl RegistryConfig {
    /// An enabled registry with defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: None,
            priority: DEFAULT_PRIORITY,
            enabled: true,
            headers: Headers::default(),
            on_error: OnError::Stop,
        }
    }
}

/// Request headers of a registry. Their values are secrets: neither `Debug` nor any error shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// Headers by name.
    pub fn new(headers: BTreeMap<String, String>) -> Self {
        Self(headers)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The present, for the age of cached documents. A client is meant to live for one operation.
    pub now: Timestamp,
    /// Where documents are kept between runs; nowhere when absent.
    pub cache_directory: Option<PathBuf>,
    /// How long a cached document is used without asking again.
    pub cache_ttl: Duration,
    /// Longest time for one document, from request to last byte.
    pub timeout: Duration,
    /// Longest time until a connection stands.
    pub connect_timeout: Duration,
    /// Longest time without a byte.
    pub read_timeout: Duration,
    /// Plain http beyond this machine.
    pub allow_http: bool,
    /// What one archive may cost.
    pub limits: Limits,
    /// Tries after the first one, for answers and failures that may pass.
    pub retries: u32,
    /// Pause before the first retry; it doubles with each further one.
    pub retry_pause: Duration,
    /// Longest pause a server may ask for by `Retry-After`.
    pub retry_pause_max: Duration,
    /// Whether nothing is asked over the network: what is not cached is an error.
    pub offline: bool,
    /// Archives in flight at once.
    pub parallel_downloads: usize,
}

impl ClientSettings {
    /// Defaults, without a cache.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            cache_directory: None,
            cache_ttl: Duration::from_hours(1),
            timeout: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            allow_http: false,
            limits: Limits::default(),
            retries: 3,
            retry_pause: Duration::from_millis(500),
            retry_pause_max: Duration::from_secs(30),
            offline: false,
            parallel_downloads: 16,
        }
    }
}
