//! How registries are talked to: `pack_registry.cache_ttl`, `.timeout`, `.retries` and their kin, and proxies.

use std::path::PathBuf;

use pack_client::{ClientSettings, HostLimit, PreferSource, Proxies, Proxy};
use pack_format::Timestamp;
use pack_format::yaml::Scalar;

use super::{Settings, variable, wrong};
use crate::failure::Failure;

/// Names of one variable of a proxy; the first that is set counts.
///
/// Not `HTTP_PROXY`: in a CGI program, a header of the request sets it.
const HTTP: [&str; 3] = ["http_proxy", "ALL_PROXY", "all_proxy"];
const HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl Settings {
    /// How to talk to registries; documents are cached in `cache_directory`.
    pub(crate) fn client(
        &self,
        now: Timestamp,
        cache_directory: PathBuf,
    ) -> Result<ClientSettings, Failure> {
        let defaults = ClientSettings::new(now);
        let key = |name| ["pack_registry", name];
        let enabled = self.flag(&key("cache_enabled"), true)?;
        let per_host = self.count(&key("downloads_per_host"), 1)?;
        Ok(ClientSettings {
            cache_directory: enabled.then_some(cache_directory),
            cache_ttl: self.seconds(&key("cache_ttl"), defaults.cache_ttl)?,
            timeout: self.seconds(&key("timeout"), defaults.timeout)?,
            allow_http: self.flag(&key("allow_http"), false)?,
            retries: self
                .count(&key("retries"), 0)?
                .map_or(defaults.retries, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            parallel_downloads: self
                .count(&key("downloads"), 1)?
                .unwrap_or(defaults.parallel_downloads),
            per_host: per_host.map_or(defaults.per_host, HostLimit::new),
            prefer_source: self.prefer_source(defaults.prefer_source)?,
            proxies: proxies(),
            ..defaults
        })
    }

    /// The same where what registries say now counts: without a cache.
    pub(crate) fn client_without_cache(&self, now: Timestamp) -> Result<ClientSettings, Failure> {
        Ok(ClientSettings {
            cache_directory: None,
            ..self.client(now, PathBuf::new())?
        })
    }

    fn prefer_source(&self, default: PreferSource) -> Result<PreferSource, Failure> {
        const PATH: [&str; 2] = ["pack_registry", "prefer_source"];
        let Some(found) = self.find(&PATH)? else {
            return Ok(default);
        };
        match found.node.scalar().map(Scalar::text) {
            Some("git") => Ok(PreferSource::Git),
            Some("archive") => Ok(PreferSource::Archive),
            _ => Err(wrong(&PATH, &found, "`git` or `archive`")),
        }
    }

    /// A whole number of at least `least`.
    pub(super) fn count(&self, path: &[&str], least: usize) -> Result<Option<usize>, Failure> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let number = found.node.scalar().and_then(|s| s.text().parse().ok());
        match number {
            Some(number) if number >= least => Ok(Some(number)),
            _ => {
                let expected = format!("a whole number, {least} or more");
                Err(wrong(path, &found, &expected))
            }
        }
    }
}

/// The proxies of the environment.
pub(super) fn proxies() -> Proxies {
    let first = |names: &[&str]| {
        names.iter().find_map(|name| {
            let url = variable(name)?.to_string_lossy().into_owned();
            let origin = format!("environment variable `{name}`");
            Some(Proxy { url, origin })
        })
    };
    Proxies {
        https: first(&HTTPS),
        http: first(&HTTP),
        except: first(&EXCEPT).map(|found| found.url),
    }
}
