//! Format 2: `registry.json`, `packs.json`, and where archives are.

use std::path::PathBuf;

use pack_format::documents::{FORMAT, PacksDocument, RegistryDocument};
use pack_format::url_policy::UrlPolicy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::candidate::Place;
use crate::documents::{Documents, Freshness, is_inside, join};
use crate::location::Location;
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;

/// What a tree says of itself.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) url: Option<String>,
    pub(crate) archives: ArchiveBase,
    pub(crate) packs: PacksDocument,
}

/// What the archive paths of format 2 are relative to.
#[derive(Debug)]
pub(crate) enum ArchiveBase {
    Files(PathBuf),
    Web(Url),
}

impl ArchiveBase {
    pub(crate) fn place(&self, path: &str) -> Result<Place, RegistryError> {
        match self {
            Self::Web(base) => join(base, path).map(Place::Web),
            Self::Files(root) if is_inside(path) => Ok(Place::File(root.join(path))),
            Self::Files(_) => Err(RegistryError::Path {
                path: pack_format::text::printable(path),
            }),
        }
    }

    /// `./`, another path below the root, or an absolute URL of a host for archives.
    fn resolve(text: &str, location: &Location, policy: UrlPolicy) -> Result<Self, RegistryError> {
        if text.contains("://") {
            let with_slash = if text.ends_with('/') {
                text.to_owned()
            } else {
                format!("{text}/")
            };
            let checked = policy.check(&with_slash).map_err(RegistryError::Url)?;
            return Ok(Self::Web(checked.as_url().clone()));
        }
        let below = text.trim_start_matches("./").trim_end_matches('/');
        let inside = below.is_empty() || is_inside(below);
        match location {
            _ if !inside => Err(RegistryError::Path {
                path: pack_format::text::printable(text),
            }),
            Location::Directory { root, .. } => Ok(Self::Files(root.join(below))),
            Location::Web { base, .. } if below.is_empty() => Ok(Self::Web(base.clone())),
            Location::Web { base, .. } => join(base, &format!("{below}/")).map(Self::Web),
        }
    }
}

/// Format 2, or `None` where there is no `registry.json`.
pub(crate) async fn open(
    documents: &Documents,
    location: &Location,
    policy: UrlPolicy,
    reporter: &dyn Reporter,
) -> Result<Option<Tree>, RegistryError> {
    const NAME: &str = "registry.json";
    let Some(bytes) = documents.get(NAME, Freshness::Cached, reporter).await? else {
        return Ok(None);
    };
    if bytes.trim_ascii_start().starts_with(b"<") {
        // Some hosts answer 200 and a page for whatever is not there.
        return Ok(None);
    }
    let registry: RegistryDocument = parse(&documents.describe(NAME), &bytes)?;
    let packs = read_packs(documents, Freshness::Cached, reporter).await?;
    let archives = ArchiveBase::resolve(&registry.archive_base_url, location, policy)?;
    Ok(Some(Tree {
        name: registry.name,
        url: registry.url,
        archives,
        packs,
    }))
}

pub(crate) async fn read_packs(
    documents: &Documents,
    freshness: Freshness,
    reporter: &dyn Reporter,
) -> Result<PacksDocument, RegistryError> {
    const NAME: &str = "packs.json";
    let bytes = documents.get(NAME, freshness, reporter).await?;
    let document = documents.describe(NAME);
    let bytes = bytes.ok_or_else(|| RegistryError::Missing {
        document: document.clone(),
    })?;
    parse(&document, &bytes)
}

/// A document of format 2; a later format is told apart from a broken one.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, RegistryError> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let invalid = |source| RegistryError::Invalid {
        document: name.to_owned(),
        source,
    };
    if let Ok(head) = serde_json::from_slice::<Head>(bytes)
        && head.format != FORMAT
    {
        return Err(RegistryError::Format {
            document: name.to_owned(),
            format: head.format,
        });
    }
    serde_json::from_slice(bytes).map_err(invalid)
}
