//! The keys of the configuration, all of them: what is read anywhere stands here, and in `docs/configuration.md`.

/// Keys with their sections, in the order of the document.
const KEYS: [&str; 62] = [
    "packs_base_dir",
    "packs",
    "pack_registry.enabled",
    "pack_registry.indices",
    "pack_registry.cache_enabled",
    "pack_registry.cache_ttl",
    "pack_registry.timeout",
    "pack_registry.retries",
    "pack_registry.downloads",
    "pack_registry.downloads_per_host",
    "pack_registry.prefer_source",
    "pack_registry.verify_checksums",
    "pack_registry.allow_http",
    "pack_registry.allow_insecure_tls",
    "pack_registry.minimum_release_age",
    "pack_registry.minimum_release_age_exceptions",
    "updates.policy",
    "updates.minimum_age",
    "updates.packs",
    "platform.version",
    "platform.python",
    "platform.nodejs",
    "platform.shell",
    "git",
    "git_timeout",
    "git_credential_helper",
    "retention.generations",
    "retention.days",
    "retention.cache_size",
    "environments.enabled",
    "environments.find_links",
    "environments.python_index",
    "environments.npm_registry",
    "environments.offline",
    "environments.allow_foreign_sources",
    "environments.allow_build_scripts",
    "environments.timeout",
    "tests.enabled",
    "tests.timeout",
    "tests.confinement",
    "server.listen",
    "server.data_dir",
    "server.secret_key",
    "server.allow_roots",
    "server.jobs.at_once",
    "server.jobs.queued",
    "server.registry_listen",
    "server.access",
    "server.statistics",
    "server.metrics",
    "server.trusted_proxies",
    "server.rate_limit.per_address",
    "server.rate_limit.per_token",
    "server.log.access",
    "server.log.format",
    "server.tls.certificate",
    "server.tls.key",
    "server.publish.max_archive_size",
    "server.publish.require_license",
    "server.publish.require_honest_version",
    "database.url",
    "pages.templates",
];

/// Whether a key is in the list.
pub(super) fn is_known(path: &[&str]) -> bool {
    KEYS.iter()
        .any(|key| key.split('.').eq(path.iter().copied()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::registry;
    use super::*;

    /// The document has a row for every key with its variable, and for no other.
    #[test]
    fn document_has_every_key_and_no_other() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let document = std::fs::read_to_string(path).unwrap();
        let rows: Vec<&str> = document
            .lines()
            .filter_map(|line| {
                line.strip_prefix("| `")?
                    .split_once('`')
                    .map(|(key, _)| key)
            })
            .collect();
        let known: Vec<&str> = KEYS.iter().chain(&registry::KEYS).copied().collect();
        for key in &known {
            assert!(rows.contains(key), "`{key}` has no row");
        }
        for row in &rows {
            let is_variable = row.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            assert!(known.contains(row) || is_variable, "`{row}` is no key");
        }
        for key in KEYS {
            let variable = format!("`ATTUNE__{}`", key.replace('.', "__").to_uppercase());
            assert!(document.contains(&variable), "{variable} is missing");
        }
    }
}
