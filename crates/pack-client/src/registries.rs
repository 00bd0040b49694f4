//! `Registries`: the configured registries in the order they are asked.
//!
//! Resolving a ref stops at the first registry that lists it: it owns the ref, whatever versions it has.
//! SECURITY: a registry that cannot answer stops the search too, or whoever can take it down (or publish
//! to a later one) chooses what is installed. Searching and browsing warn and go on.

use std::sync::Arc;

use pack_format::{Hint, PackRef};
use tokio::sync::OnceCell;

use crate::candidate::Listing;
use crate::registry::Registry;
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;
use crate::search::SearchHit;
use crate::settings::{ClientSettings, OnError, RegistryConfig};

/// An ordered set of registries, each opened when it is first needed.
#[derive(Debug)]
pub struct Registries {
    settings: ClientSettings,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    config: RegistryConfig,
    open: OnceCell<Arc<Registry>>,
}

/// What asking for one ref gave.
#[derive(Debug, Clone)]
pub struct Found {
    /// The pack's versions, and the registry to fetch them from.
    pub owner: Option<(Arc<Registry>, Listing)>,
    /// URLs of the registries that were asked, in order.
    pub searched: Vec<String>,
}

/// A registry that stopped a lookup.
#[derive(Debug, thiserror::Error)]
#[error("cannot use registry `{name}`")]
pub struct LookupError {
    /// Its name or URL.
    pub name: String,
    /// Why.
    #[source]
    pub source: Arc<RegistryError>,
}

impl Hint for LookupError {
    fn hint(&self) -> Option<String> {
        self.source.hint()
    }
}

/// A registry that was left out of a search.
#[derive(Debug)]
pub struct SearchFailure {
    /// Its name or URL.
    pub name: String,
    /// Why.
    pub error: RegistryError,
}

impl Registries {
    /// The enabled ones among `configs`, by priority; equal priorities keep their order.
    pub fn new(configs: Vec<RegistryConfig>, settings: ClientSettings) -> Self {
        let mut enabled: Vec<RegistryConfig> = configs.into_iter().filter(|c| c.enabled).collect();
        enabled.sort_by_key(|config| config.priority);
        Self {
            settings,
            slots: enabled
                .into_iter()
                .map(|config| Slot {
                    config,
                    open: OnceCell::new(),
                })
                .collect(),
        }
    }

    /// How registries are talked to.
    pub fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// The configurations, in the order they are asked.
    pub fn configs(&self) -> impl Iterator<Item = &RegistryConfig> {
        self.slots.iter().map(|slot| &slot.config)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The owner of a ref: the first registry that lists it.
    ///
    /// # Errors
    /// [`LookupError`] for the first registry that cannot answer, unless it is unreachable and set to
    /// [`OnError::Continue`].
    pub async fn find(
        &self,
        pack_ref: &PackRef,
        reporter: &dyn Reporter,
    ) -> Result<Found, LookupError> {
        let mut searched = Vec::new();
        for slot in &self.slots {
            let answer = match self.open(slot, reporter).await {
                Ok(registry) => {
                    searched.push(registry.identity().url.clone());
                    registry
                        .pack(pack_ref, reporter)
                        .await
                        .map(|listing| listing.map(|listing| (registry, listing)))
                }
                Err(error) => Err(error),
            };
            match answer {
                Ok(None) => {}
                Ok(owner) => return Ok(Found { owner, searched }),
                Err(error)
                    if error.is_unreachable() && slot.config.on_error == OnError::Continue =>
                {
                    reporter.warning(&format!("registry `{}` is left out: {error}", slot.name()));
                }
                Err(error) => {
                    return Err(LookupError {
                        name: slot.name(),
                        source: Arc::new(error),
                    });
                }
            }
        }
        Ok(Found {
            owner: None,
            searched,
        })
    }

    /// Packs that match a keyword, registry by registry; `only` names one registry.
    ///
    /// Registries that fail are in the second list; the others are searched all the same.
    pub async fn search(
        &self,
        keyword: &str,
        only: Option<&str>,
        reporter: &dyn Reporter,
    ) -> (Vec<SearchHit>, Vec<SearchFailure>) {
        let mut hits = Vec::new();
        let mut failures = Vec::new();
        for slot in &self.slots {
            let outcome = match self.open(slot, reporter).await {
                Ok(registry) if only.is_some_and(|name| !slot.is_called(name, &registry)) => {
                    continue;
                }
                Ok(registry) => registry.search(keyword, reporter).await,
                Err(_) if only.is_some_and(|name| !slot.may_be_called(name)) => continue,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(found) => hits.extend(found),
                Err(error) => failures.push(SearchFailure {
                    name: slot.name(),
                    error,
                }),
            }
        }
        (hits, failures)
    }

    async fn open(
        &self,
        slot: &Slot,
        reporter: &dyn Reporter,
    ) -> Result<Arc<Registry>, RegistryError> {
        slot.open
            .get_or_try_init(|| async {
                let registry = Registry::open(&slot.config, &self.settings, reporter).await?;
                Ok(Arc::new(registry))
            })
            .await
            .cloned()
    }
}

impl Slot {
    fn name(&self) -> String {
        self.config
            .name
            .clone()
            .unwrap_or_else(|| self.config.url.clone())
    }

    fn is_called(&self, name: &str, registry: &Registry) -> bool {
        [
            &registry.identity().name,
            &registry.identity().url,
            &self.config.url,
        ]
        .into_iter()
        .any(|own| own == name)
    }

    fn may_be_called(&self, name: &str) -> bool {
        self.config.url == name || self.config.name.as_deref().is_none_or(|own| own == name)
    }
}
