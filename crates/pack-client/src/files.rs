//! `RegistryFiles`: single files of a registry on the web as they are there, for whoever checks a registry.
//!
//! No cache, no reading: what the server gives is handed on.

use std::path::Path;

use url::Url;

use crate::documents::join;
use crate::fetch_error::FetchError;
use crate::http::{Answer, Download, Http, Validators};
use crate::location::Location;
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;
use crate::settings::{ClientSettings, RegistryConfig};
use crate::spool::Received;

/// Files of one registry on the web, and what its documents name elsewhere.
#[derive(Debug)]
pub struct RegistryFiles {
    base: Url,
    http: Http,
}

impl RegistryFiles {
    /// The files below `location`, which is on the web; its headers go to its own origin only.
    ///
    /// Returns `None` for a location on this machine.
    pub fn at(
        location: &Location,
        config: &RegistryConfig,
        settings: &ClientSettings,
    ) -> Option<Self> {
        let Location::Web { base, .. } = location else {
            return None;
        };
        let policy = location.policy(settings.allow_http);
        Some(Self {
            http: Http::of_registry(settings, policy, base, config),
            base: base.clone(),
        })
    }

    /// The file at `path`, relative to the registry's base; `None` where there is none. Files beyond `limit`
    /// bytes are refused; large ones wait in `spool`.
    ///
    /// # Errors
    /// [`RegistryError`], also for a path that leaves the registry.
    pub async fn file(
        &self,
        path: &str,
        limit: u64,
        spool: &Path,
        reporter: &dyn Reporter,
    ) -> Result<Option<Received>, RegistryError> {
        let url = join(&self.base, path)?;
        Ok(self.url(&url, limit, spool, reporter).await?)
    }

    /// What an absolute URL gives; it must pass the policy of the registry.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn url(
        &self,
        url: &Url,
        limit: u64,
        spool: &Path,
        reporter: &dyn Reporter,
    ) -> Result<Option<Received>, FetchError> {
        let download = Download {
            url,
            limit,
            spool,
            subject: None,
        };
        let answer = self
            .http
            .document(download, &Validators::default(), reporter)
            .await?;
        Ok(match answer {
            Answer::Fresh(received, _) => Some(received),
            Answer::Absent | Answer::Unchanged => None,
        })
    }
}
