//! What registries list: `pack-indices/packs`, and asking one of them now.

use std::time::{Duration, Instant};

use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use pack_client::{
    Candidate, ClientSettings, Listing, Registry, RegistryConfig, RegistryError, Silent,
};
use pack_format::entry::Contents;
use pack_format::{PackRef, Timestamp, Version};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::runtime::Handle;

use super::build_envs::millis;
use super::indices::Index;
use super::packs::{flag, text_of};
use super::page::{Page, Paged, Pagination};
use super::target::{Operation, Target};
use super::tests::named;
use super::workshop::{Workshop, failed, reason};
use super::{Installation, body, mirrors};
use crate::body::ResponseBody;
use crate::clock::now;
use crate::forms::DateTime;
use crate::problem::Problem;

/// Longest time for one document of a registry.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A registry that may be asked, and its id if it is managed.
type Source = (Option<i64>, RegistryConfig);

/// Whether a registry answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PackIndexAnswer")]
pub(super) struct Answered {
    success: bool,
    /// What it calls itself.
    name: Option<String>,
    /// Of its files.
    format: Option<u32>,
    /// How many packs it lists.
    pack_count: Option<usize>,
    /// Why it does not.
    error: Option<String>,
    duration_ms: u64,
}

/// A pack and the registry that lists it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IndexedPack {
    pack: Indexed,
    registry: Asked,
}

/// A pack as its newest version tells it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Indexed {
    #[serde(rename = "ref")]
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// Name people see.
    label: String,
    /// One or two sentences; may be empty.
    description: String,
    #[schemars(with = "String")]
    version: Version,
    author: String,
    /// SPDX expression.
    license: String,
    homepage: Option<String>,
    /// Of its source.
    repository: Option<String>,
    keywords: Vec<String>,
    /// Programs it needs, such as `python3`.
    runtime_deps: Vec<String>,
    /// Packs it needs, each with a constraint.
    dependencies: Vec<String>,
    #[schemars(with = "mirrors::Contents")]
    contents: Contents,
    /// Whether nobody should install it any more.
    deprecated: bool,
    /// Newest first.
    versions: Vec<IndexedVersion>,
}

/// A version that is listed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct IndexedVersion {
    #[schemars(with = "String")]
    version: Version,
    /// When it entered the registry, if that tells.
    #[schemars(with = "Option<DateTime>")]
    published_at: Option<Timestamp>,
    /// Whether it is not chosen any more.
    yanked: bool,
}

/// The registry that lists a pack.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Asked {
    /// `null` where it is one of the configuration.
    #[schemars(range(min = 0))]
    id: Option<i64>,
    /// What it calls itself.
    name: String,
    url: String,
    /// Smaller is asked first.
    position: i64,
}

/// A page of what registries list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IndexedPacks {
    items: Vec<IndexedPack>,
    pagination: Pagination,
    /// Registries that do not answer.
    errors: Vec<Unanswered>,
}

/// A registry that does not answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Unanswered {
    /// `null` where it is one of the configuration.
    #[schemars(range(min = 0))]
    registry_id: Option<i64>,
    /// Its name, or its URL.
    registry: String,
    error: String,
}

/// What is looked for.
struct Question {
    sources: Vec<Source>,
    text: Option<String>,
    page: Page,
}

impl Installation {
    pub(super) async fn browse(
        &self,
        target: &Target,
        parts: &Parts,
    ) -> Result<Response<ResponseBody>, Problem> {
        let workshop = &self.workshop;
        let page = Page::of(parts.uri.query())?;
        let text = text_of(parts, "q").filter(|text| !text.trim().is_empty());
        let one = |id: &str| workshop.indices.find(id).map(|index| source(&index));
        match target.operation {
            Operation::TestIndex | Operation::RefreshIndex => {
                let is_kept = target.operation == Operation::RefreshIndex;
                let (_, config) = one(&target.name)?;
                let asked =
                    workshop.run(move |w| Handle::current().block_on(ask_now(w, &config, is_kept)));
                body::data(&asked.await?)
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
                let listed = workshop.run(move |w| Handle::current().block_on(browse(w, question)));
                body::data(&listed.await?)
            }
            Operation::FindIndexed => {
                let pack_ref = named(&target.name)?;
                let sources = sources(workshop, false);
                let found =
                    workshop.run(move |w| Handle::current().block_on(find(w, &sources, &pack_ref)));
                body::data(&found.await??)
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
async fn ask_now(workshop: &Workshop, config: &RegistryConfig, is_kept: bool) -> Answered {
    let begun = Instant::now();
    let mut settings = settings(workshop);
    settings.cache_ttl = Duration::ZERO;
    if !is_kept {
        settings.cache_directory = None;
    }
    let opened = Registry::open(config, &settings, &Silent).await;
    let opened = opened.as_ref();
    Answered {
        success: opened.is_ok(),
        name: opened.ok().map(|registry| registry.identity().name.clone()),
        format: opened.ok().map(Registry::format),
        pack_count: opened.ok().map(|registry| registry.refs().len()),
        error: opened.err().map(reason),
        duration_ms: millis(begun),
    }
}

/// Packs of the registries that answer, registry by registry; of the others, why they do not.
async fn browse(workshop: &Workshop, question: Question) -> IndexedPacks {
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
    let Paged { items, pagination } = question.page.filled(items, total);
    IndexedPacks {
        items,
        pagination,
        errors: failures,
    }
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
) -> Result<IndexedPack, Problem> {
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

fn failure((id, config): &Source, error: &RegistryError) -> Unanswered {
    Unanswered {
        registry_id: *id,
        registry: name(config).to_owned(),
        error: reason(error),
    }
}

/// A pack and its registry; `None` where no version is listed.
fn shown((id, config): &Source, registry: &Registry, listing: &Listing) -> Option<IndexedPack> {
    let newest = listing.newest().or_else(|| listing.candidates.first())?;
    let about = &newest.about;
    let versions = listing.candidates.iter();
    let versions = versions.map(|candidate: &Candidate| IndexedVersion {
        version: candidate.version.clone(),
        published_at: candidate.published_at,
        yanked: candidate.yanked.is_some(),
    });
    let dependencies = newest.dependencies().iter().map(ToString::to_string);
    Some(IndexedPack {
        pack: Indexed {
            pack_ref: listing.pack_ref.clone(),
            label: about.label.clone(),
            description: about.description.clone(),
            version: newest.version.clone(),
            author: about.author.clone(),
            license: about.license.clone(),
            homepage: about.homepage.clone(),
            repository: about.repository.clone(),
            keywords: about.keywords.clone(),
            runtime_deps: about.runtime_deps.clone(),
            dependencies: dependencies.collect(),
            contents: about.contents.clone(),
            deprecated: listing.deprecated.is_some(),
            versions: versions.collect(),
        },
        registry: Asked {
            id: *id,
            name: registry.identity().name.clone(),
            url: config.url.clone(),
            position: config.priority,
        },
    })
}
