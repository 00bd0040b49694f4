//! What registries list: `pack-indices/packs`, and asking one of them now.

use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::http::request::Parts;
use pack_client::{
    Candidate, ClientSettings, Listing, Registry, RegistryConfig, RegistryError, Silent,
};
use pack_format::PackRef;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::Installation;
use super::build_envs::millis;
use super::indices::Index;
use super::packs::{flag, text_of};
use super::page::Page;
use super::target::{Operation, Target};
use super::tests::named;
use super::workshop::{Workshop, failed, reason};
use crate::clock::now;
use crate::problem::Problem;

/// Longest time for one document of a registry.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A registry that may be asked, and its id if it is managed.
type Source = (Option<i64>, RegistryConfig);

/// What is looked for.
struct Question {
    sources: Vec<Source>,
    text: Option<String>,
    page: Page,
}

impl Installation {
    pub(super) async fn browse(&self, target: &Target, parts: &Parts) -> Result<Value, Problem> {
        let workshop = &self.workshop;
        let page = Page::of(parts.uri.query())?;
        let text = text_of(parts, "q").filter(|text| !text.trim().is_empty());
        let one = |id: &str| workshop.indices.find(id).map(|index| source(&index));
        match target.operation {
            Operation::TestIndex | Operation::RefreshIndex => {
                let is_kept = target.operation == Operation::RefreshIndex;
                let (_, config) = one(&target.name)?;
                (workshop.run(move |w| Handle::current().block_on(ask_now(w, &config, is_kept))))
                    .await
            }
            Operation::BrowseIndex | Operation::BrowseIndices => {
                let id = match target.operation {
                    Operation::BrowseIndex => Some(target.name.clone()),
                    _ => text_of(parts, "registry_id"),
                };
                let all = flag(parts, "include_disabled")?;
                let sources = match id {
                    Some(id) => vec![one(&id)?],
                    None => sources(workshop, all),
                };
                let question = Question {
                    sources,
                    text,
                    page,
                };
                (workshop.run(move |w| Handle::current().block_on(browse(w, question)))).await
            }
            Operation::FindIndexed => {
                let pack_ref = named(&target.name)?;
                let sources = sources(workshop, false);
                (workshop.run(move |w| Handle::current().block_on(find(w, &sources, &pack_ref))))
                    .await?
            }
            _ => Err(failed()),
        }
    }
}

fn source(index: &Index) -> Source {
    (Some(index.id()), index.config())
}

/// Those of the configuration and those that are managed, in the order they are asked.
fn sources(workshop: &Workshop, with_disabled: bool) -> Vec<Source> {
    let configured = workshop
        .options
        .registries
        .iter()
        .map(|config| (None, config.clone()));
    let managed = workshop.indices.all();
    let mut all: Vec<Source> = configured.chain(managed.iter().map(source)).collect();
    all.retain(|(_, config)| config.enabled || with_disabled);
    all.sort_by_key(|(_, config)| config.priority);
    all
}

fn settings(workshop: &Workshop) -> ClientSettings {
    ClientSettings {
        now: now(),
        timeout: workshop.options.client.timeout.min(TIMEOUT),
        ..workshop.options.client.clone()
    }
}

/// Asks a registry, whatever the cache knows of it; what it says is kept or not.
async fn ask_now(workshop: &Workshop, config: &RegistryConfig, is_kept: bool) -> Value {
    let begun = Instant::now();
    let mut settings = settings(workshop);
    settings.cache_ttl = Duration::ZERO;
    if !is_kept {
        settings.cache_directory = None;
    }
    let opened = Registry::open(config, &settings, &Silent).await;
    let opened = opened.as_ref();
    json!({
        "success": opened.is_ok(),
        "name": opened.ok().map(|registry| &registry.identity().name),
        "format": opened.ok().map(Registry::format),
        "pack_count": opened.ok().map(|registry| registry.refs().len()),
        "error": opened.err().map(reason),
        "duration_ms": millis(begun),
    })
}

/// Packs of the registries that answer, registry by registry; of the others, why they do not.
async fn browse(workshop: &Workshop, question: Question) -> Value {
    let settings = settings(workshop);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let mut open = Vec::new();
    for (place, source) in question.sources.iter().enumerate() {
        match refs(&source.1, &settings, question.text.as_deref()).await {
            Ok((registry, refs)) => {
                found.extend(refs.into_iter().map(|pack_ref| (open.len(), pack_ref)));
                open.push((place, registry));
            }
            Err(error) => failures.push(failure(source, &error)),
        }
    }
    let mut items = Vec::new();
    for (place, pack_ref) in question.page.cut(&found) {
        let (source, registry) = &open[*place];
        let source = &question.sources[*source];
        match registry.pack(pack_ref, &Silent).await {
            Ok(Some(listing)) => items.extend(shown(source, registry, &listing)),
            Ok(None) => {}
            Err(error) => failures.push(failure(source, &error)),
        }
    }
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let mut value = json!(question.page.filled(items, total));
    value["errors"] = json!(failures);
    value
}

/// A registry and those of its packs that match, or all.
async fn refs(
    config: &RegistryConfig,
    settings: &ClientSettings,
    text: Option<&str>,
) -> Result<(Registry, Vec<PackRef>), RegistryError> {
    let registry = Registry::open(config, settings, &Silent).await?;
    let refs = match text {
        None => registry.refs(),
        Some(text) => {
            let hits = registry.search(text, &Silent).await?;
            hits.into_iter().map(|hit| hit.pack_ref).collect()
        }
    };
    Ok((registry, refs))
}

/// The pack as the registry lists it that owns its ref.
async fn find(
    workshop: &Workshop,
    sources: &[Source],
    pack_ref: &PackRef,
) -> Result<Value, Problem> {
    let settings = settings(workshop);
    for source in sources {
        let asked = async {
            let registry = Registry::open(&source.1, &settings, &Silent).await?;
            let listing = registry.pack(pack_ref, &Silent).await?;
            Ok::<_, RegistryError>(listing.and_then(|listing| shown(source, &registry, &listing)))
        };
        match asked.await {
            Ok(None) => {}
            Ok(Some(found)) => return Ok(found),
            // A later registry must not answer for one that is down.
            Err(error) => {
                let message = format!("registry `{}`: {}", name(&source.1), reason(&error));
                return Err(Problem::new(
                    StatusCode::BAD_GATEWAY,
                    "registry_failed",
                    message,
                ));
            }
        }
    }
    let message = format!("Indexed pack '{pack_ref}' not found");
    Err(Problem::new(StatusCode::NOT_FOUND, "not_found", message))
}

fn name(config: &RegistryConfig) -> &str {
    config.name.as_deref().unwrap_or(&config.url)
}

fn failure((id, config): &Source, error: &RegistryError) -> Value {
    json!({ "registry_id": id, "registry": name(config), "error": reason(error) })
}

/// A pack and its registry; `None` where no version is listed.
fn shown((id, config): &Source, registry: &Registry, listing: &Listing) -> Option<Value> {
    let newest = listing.newest().or_else(|| listing.candidates.first())?;
    let about = &newest.about;
    let versions: Vec<Value> = (listing.candidates.iter())
        .map(|candidate: &Candidate| {
            json!({
                "version": candidate.version,
                "published_at": candidate.published_at,
                "yanked": candidate.yanked.is_some(),
            })
        })
        .collect();
    let dependencies: Vec<String> = newest
        .dependencies()
        .iter()
        .map(ToString::to_string)
        .collect();
    Some(json!({
        "pack": {
            "ref": listing.pack_ref,
            "label": about.label,
            "description": about.description,
            "version": newest.version,
            "author": about.author,
            "license": about.license,
            "homepage": about.homepage,
            "repository": about.repository,
            "keywords": about.keywords,
            "runtime_deps": about.runtime_deps,
            "dependencies": dependencies,
            "contents": about.contents,
            "deprecated": listing.deprecated.is_some(),
            "versions": versions,
        },
        "registry": {
            "id": id,
            "name": registry.identity().name,
            "url": config.url,
            "position": config.priority,
        },
    }))
}
