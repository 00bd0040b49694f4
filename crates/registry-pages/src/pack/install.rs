//! The ways to install a version, each as a command to copy.

use pack_format::PackRef;
use pack_format::documents::{ArchiveRecord, VersionDocument};
use pack_format::source::InstallSource;
use serde::Serialize;
use serde_json::json;

use crate::limits::MAX_NAMES;
use crate::link::{safe_path, web_url};
use crate::shell::quote;
use crate::site::Site;
use crate::text::size;

/// One way to install.
#[derive(Debug, Serialize)]
pub(crate) struct Way {
    /// Part of the ids of its tab.
    id: &'static str,
    label: &'static str,
    commands: Vec<String>,
    note: Option<&'static str>,
    download: Option<Download>,
}

/// A file of this registry.
#[derive(Debug, Serialize)]
pub(crate) struct Download {
    pub(crate) href: String,
    name: String,
    size: String,
}

/// The ways to get `version`, the shortest first.
pub(crate) fn ways(site: &Site, pack_ref: &PackRef, version: &VersionDocument) -> Vec<Way> {
    let sources = |kind: &'static str| {
        version
            .install_sources
            .iter()
            .filter(move |s| s.kind() == kind)
            .take(MAX_NAMES)
    };
    let archives: Vec<String> = own_archive(site, version)
        .into_iter()
        .chain(sources("archive").filter_map(from_source))
        .collect();
    let git: Vec<String> = sources("git").filter_map(from_source).collect();
    let download = version
        .archive
        .as_ref()
        .and_then(|record| Download::new(site, record));
    let mut ways = Vec::new();
    // A registry never resolves to a yanked version, so that command would fail.
    let has_source = version.archive.is_some() || !version.install_sources.is_empty();
    if has_source && version.yanked.is_none() {
        ways.push(Way {
            id: "registry",
            label: "Registry",
            commands: registry_command(site, pack_ref, version)
                .into_iter()
                .collect(),
            note: None,
            download: None,
        });
    }
    if !git.is_empty() {
        ways.push(Way {
            id: "git",
            label: "Git",
            commands: git,
            note: Some("Pinned to the commit and the checksum this registry recorded."),
            download: None,
        });
    }
    if !archives.is_empty() || download.is_some() {
        ways.push(Way {
            id: "archive",
            label: "Archive",
            commands: archives,
            note: Some("Works without this registry once you have the file."),
            download,
        });
    }
    if has_source && version.yanked.is_none() {
        ways.extend(elsewhere(site, pack_ref, version).into_iter().flatten());
    }
    ways
}

/// The ways of hosts that reach no registry, and of programs.
fn elsewhere(site: &Site, pack_ref: &PackRef, version: &VersionDocument) -> Option<[Way; 2]> {
    let wanted = format!("{pack_ref}@{}", version.version);
    let registry = from_registry(site)?;
    let mut body = json!({"source": wanted});
    if let Some(url) = &site.install_registry_hint {
        body["registry_url"] = url.as_str().into();
    }
    Some([
        Way {
            id: "offline",
            label: "Air-gapped",
            commands: vec![
                format!("attune pack fetch {wanted}{registry} --with-deps --archive --to packs"),
                "attune pack install packs/*.tar.gz --no-registry".to_owned(),
            ],
            note: Some(
                "The first where there is a network; carry the folder over; the second there.",
            ),
            download: None,
        },
        Way {
            id: "api",
            label: "API",
            commands: vec![format!(
                "curl -H \"Authorization: Bearer $TOKEN\" --json {} \"$ATTUNE_URL/api/v1/packs/install\"",
                quote(&body.to_string())?
            )],
            note: Some("Asks an Attune server to install it. The token is one of its accounts."),
            download: None,
        },
    ])
}

/// The flag that names this registry; empty where it need not be named.
fn from_registry(site: &Site) -> Option<String> {
    match site.install_registry_hint.as_deref() {
        None => Some(String::new()),
        Some(hint) => Some(format!(" --registry {}", quote(hint)?)),
    }
}

fn registry_command(site: &Site, pack_ref: &PackRef, version: &VersionDocument) -> Option<String> {
    let registry = from_registry(site)?;
    Some(format!(
        "attune pack install {pack_ref}@{}{registry}",
        version.version
    ))
}

/// Installs the archive of this registry: from its URL where that is known, else from the file.
fn own_archive(site: &Site, version: &VersionDocument) -> Option<String> {
    let record = version.archive.as_ref()?;
    let place = match site.archive_base() {
        Some(base) => web_url(&format!("{base}{}", safe_path(&record.path)?))?,
        None => format!("./{}", file_name(safe_path(&record.path)?)),
    };
    Some(format!(
        "attune pack install {} --checksum {}",
        quote(&place)?,
        record.checksum
    ))
}

fn from_source(source: &InstallSource) -> Option<String> {
    let mut line = format!("attune pack install {}", quote(source.url().as_str())?);
    if let InstallSource::Git {
        git_ref, subdir, ..
    } = source
    {
        if let Some(git_ref) = git_ref {
            line = format!("{line} --ref {}", quote(git_ref.as_str())?);
        }
        if let Some(subdir) = subdir {
            line = format!("{line} --subdir {}", quote(subdir)?);
        }
    }
    match source.checksum() {
        None => Some(line),
        Some(checksum) => Some(format!("{line} --checksum {checksum}")),
    }
}

impl Download {
    /// The archive as a link from a pack page.
    pub(crate) fn new(site: &Site, record: &ArchiveRecord) -> Option<Self> {
        let path = safe_path(&record.path)?;
        let base = site.registry.archive_base_url.as_str();
        let href = match web_url(base) {
            Some(base) => web_url(&format!("{base}{path}"))?,
            None => format!("../../{}{path}", relative_base(base)?),
        };
        Some(Self {
            href,
            name: file_name(path).to_owned(),
            size: size(record.size_bytes),
        })
    }
}

fn relative_base(base: &str) -> Option<&str> {
    let base = base.trim_start_matches("./");
    if base.is_empty() {
        return Some("");
    }
    base.strip_suffix('/').and_then(safe_path).map(|_| base)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths stay below the root of the archives and name no host.
    #[test]
    fn safe_path_goes_down_only() {
        assert!(safe_path("archives/slack/slack-2.1.0+b.1.tar.gz").is_some());
        for bad in [
            "",
            "/a",
            "//evil/a",
            "a//b",
            "../a",
            "a/../b",
            "javascript:x",
            "a?b",
            "a b",
            "a\\b",
            "a%2fb",
        ] {
            assert!(safe_path(bad).is_none(), "{bad}");
        }
        assert_eq!(relative_base("./"), Some(""));
        assert_eq!(relative_base("./files/"), Some("files/"));
        for bad in ["//evil/", "/x/", "../x/", "files"] {
            assert!(relative_base(bad).is_none(), "{bad}");
        }
    }
}
