//! `pack-indices`: registries that administrators add over the API, asked beside those of the configuration.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use pack_client::Location;
use pack_client::settings::{Headers, RegistryConfig};
use pack_format::Timestamp;
use pack_format::text::printable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

use super::Installation;
use super::body::{self, malformed};
use super::page::{Listed, Page, Paged};
use super::target::{Operation, Target};
use super::unusable;
use super::vault::Vault;
use super::whole::Whole;
use super::workshop::{Workshop, failed, local, reason};
use crate::body::ResponseBody;
use crate::clock::now;
use crate::forms::DateTime;
use crate::problem::Problem;
use crate::state::{IndexRow, State, StateError};

/// What is shown in place of a secret, such as a header's value; sent back, the value stays.
pub(super) const REDACTED: &str = "[REDACTED]";

/// Most registries that are managed, headers of one, and bytes of a name or value.
const MOST: usize = 100;
const MOST_HEADERS: usize = 20;
const MAX_TEXT: usize = 2048;

/// Largest position.
const MAX_POSITION: i64 = 1_000_000;

/// The registries that are managed, as the database has them.
#[derive(Debug)]
pub(super) struct Indices {
    vault: Arc<Vault>,
    known: RwLock<Vec<Index>>,
    /// Held by whoever changes them.
    changing: Mutex<()>,
}

/// A registry that is managed.
#[derive(Debug, Clone)]
pub(super) struct Index {
    row: IndexRow,
    /// `None` where they were sealed with another key.
    headers: Option<Headers>,
}

/// A new registry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPackIndex")]
pub(super) struct New {
    /// `https://`, `http://` or `file://`.
    #[schemars(length(max = MAX_TEXT))]
    url: String,
    /// What people call it.
    name: Option<String>,
    /// Smaller is asked first; last where it is not named.
    #[schemars(range(min = 0, max = MAX_POSITION))]
    position: Option<Whole<i64>>,
    /// Whether it is asked.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// Sent to this registry only.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// What is to be otherwise; members that are not named stay as they are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PackIndexChanges")]
pub(super) struct Changes {
    /// `https://`, `http://` or `file://`.
    url: Option<String>,
    /// What people call it.
    name: Option<String>,
    /// Smaller is asked first.
    #[schemars(range(min = 0, max = MAX_POSITION))]
    position: Option<Whole<i64>>,
    /// Whether it is asked.
    enabled: Option<bool>,
    /// Sent to this registry only; `[REDACTED]` keeps a value.
    headers: Option<BTreeMap<String, String>>,
}

/// A registry that is asked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PackIndex")]
pub(super) struct Shown {
    /// `null` where it is one of the configuration.
    #[schemars(range(min = 0))]
    id: Option<i64>,
    /// What people call it.
    name: Option<String>,
    url: String,
    /// Smaller is asked first.
    position: i64,
    /// Whether it is asked.
    enabled: bool,
    /// What is sent to it, without the values. `null` where another key sealed them.
    #[schemars(with = "Option<BTreeMap<String, Redacted>>")]
    headers: Option<BTreeMap<String, &'static str>>,
    source: Origin,
    /// `null` where it is one of the configuration.
    #[schemars(with = "Option<DateTime>")]
    created: Option<Timestamp>,
    /// `null` where it is one of the configuration.
    #[schemars(with = "Option<DateTime>")]
    updated: Option<Timestamp>,
}

/// In place of a secret.
#[derive(JsonSchema)]
#[schemars(inline, extend("const" = REDACTED))]
#[expect(dead_code, reason = "the form of a constant")]
struct Redacted(String);

/// Where a registry is named.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Origin {
    /// By an administrator.
    Api,
    /// By the operator.
    Configuration,
}

/// That something was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// Always `true`.
    success: bool,
    /// One sentence, for people.
    message: String,
}

impl Listed for Shown {
    const LIST: &'static str = "PackIndices";
}

impl Indices {
    /// Those of the database.
    ///
    /// # Errors
    /// [`StateError`].
    pub(super) async fn open(vault: Arc<Vault>, database: &State) -> Result<Self, StateError> {
        let indices = Self {
            vault,
            known: RwLock::default(),
            changing: Mutex::default(),
        };
        indices.read(database).await?;
        Ok(indices)
    }

    async fn read(&self, database: &State) -> Result<(), StateError> {
        let rows = database.indices().await?;
        let known = rows.into_iter().map(|row| {
            let headers = match &row.headers {
                None => Some(Headers::default()),
                Some(sealed) => self.unsealed(row.id, sealed),
            };
            Index { row, headers }
        });
        let known = known.collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    fn unsealed(&self, id: i64, sealed: &str) -> Option<Headers> {
        let bytes = self.vault.unseal(&subject(id), sealed)?;
        serde_json::from_slice(&bytes).ok().map(Headers::new)
    }

    fn sealed(
        &self,
        id: i64,
        headers: &BTreeMap<String, String>,
    ) -> Result<Option<String>, Problem> {
        if headers.is_empty() {
            return Ok(None);
        }
        let text = json!(headers).to_string();
        let sealed = self.vault.seal(&subject(id), text.as_bytes());
        sealed.map(Some).ok_or_else(failed)
    }

    pub(super) fn all(&self) -> Vec<Index> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// The one with this id, as a path names it.
    pub(super) fn find(&self, id: &str) -> Result<Index, Problem> {
        let known = self.all();
        let found = known
            .into_iter()
            .find(|index| index.row.id.to_string() == id);
        found.ok_or_else(|| {
            let message = format!("there is no pack index `{}`", printable(id));
            Problem::new(StatusCode::NOT_FOUND, "not_found", message)
        })
    }
}

/// What is sealed: headers cannot be moved from one registry to another in the database.
fn subject(id: i64) -> String {
    format!("pack index {id}")
}

impl Index {
    pub(super) fn id(&self) -> i64 {
        self.row.id
    }

    /// How it is asked. Without readable headers it is asked without any, and says itself whether it wants some.
    pub(super) fn config(&self) -> RegistryConfig {
        RegistryConfig {
            name: self.row.name.clone(),
            priority: self.row.position,
            enabled: self.row.enabled,
            headers: self.headers.clone().unwrap_or_default(),
            ..RegistryConfig::new(&self.row.url)
        }
    }

    fn shown(&self) -> Shown {
        let shown = shown(&self.config());
        Shown {
            id: Some(self.row.id),
            headers: shown.headers.filter(|_| self.headers.is_some()),
            source: Origin::Api,
            created: Some(self.row.created_at),
            updated: Some(self.row.updated_at),
            ..shown
        }
    }
}

/// A registry of the configuration.
fn shown(config: &RegistryConfig) -> Shown {
    let headers = config.headers.iter();
    Shown {
        id: None,
        name: config.name.clone(),
        url: config.url.clone(),
        position: config.priority,
        enabled: config.enabled,
        headers: Some(
            headers
                .map(|(name, _)| (name.to_owned(), REDACTED))
                .collect(),
        ),
        source: Origin::Configuration,
        created: None,
        updated: None,
    }
}

impl Installation {
    pub(super) async fn indices(
        &self,
        target: &Target,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Response<ResponseBody>, Problem> {
        let indices = &self.workshop.indices;
        match target.operation {
            Operation::ListIndices => body::data(&self.list_indices(Page::of(parts.uri.query())?)),
            Operation::ShowIndex => body::data(&indices.find(&target.name)?.shown()),
            Operation::AddIndex => {
                let new = body::read(&parts.headers, body).await?;
                let index = self.add_index(new).await?;
                let mut response = body::data(&index.shown())?;
                *response.status_mut() = StatusCode::CREATED;
                let place = format!("/api/v1/pack-indices/{}", index.id());
                if let Ok(place) = HeaderValue::try_from(place) {
                    response.headers_mut().insert(LOCATION, place);
                }
                Ok(response)
            }
            Operation::ChangeIndex => {
                let changes = body::read(&parts.headers, body).await?;
                body::data(&self.change_index(&target.name, changes).await?)
            }
            Operation::RemoveIndex => body::data(&self.remove_index(&target.name).await?),
            _ => self.browse(target, parts).await,
        }
    }

    fn list_indices(&self, page: Page) -> Paged<Shown> {
        let configured = self.workshop.options.registries.iter();
        let configured = configured.map(shown);
        let managed = self.workshop.indices.all();
        let mut all: Vec<Shown> = configured.chain(managed.iter().map(Index::shown)).collect();
        all.sort_by_key(|index| index.position);
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        page.filled(page.cut(&all).to_vec(), total)
    }

    async fn add_index(&self, new: New) -> Result<Index, Problem> {
        let workshop = &self.workshop;
        let _alone = workshop.indices.changing.lock().await;
        let known = workshop.indices.all();
        if known.len() >= MOST {
            return Err(malformed(&format!(
                "there are {MOST} pack indices, which is the most"
            )));
        }
        admit(workshop, &new.url, None)?;
        check_headers(&new.headers)?;
        let last = workshop
            .configured()
            .iter()
            .map(|config| config.priority)
            .max();
        let next = last.map_or(1, |last| last.saturating_add(1));
        let position = new.position.map_or(next, |given| given.0);
        let (name, position) = (named(new.name)?, bounded(position)?);
        let database = self.callers.state().await?;
        let id = database.next_index_id().await.map_err(unusable)?;
        let row = IndexRow {
            id,
            url: new.url,
            name,
            position,
            enabled: new.enabled.unwrap_or(true),
            headers: workshop.indices.sealed(id, &new.headers)?,
            created_at: now(),
            updated_at: now(),
        };
        database.add_index(&row).await.map_err(unusable)?;
        workshop.indices.read(database).await.map_err(unusable)?;
        workshop.indices.find(&id.to_string())
    }

    async fn change_index(&self, id: &str, changes: Changes) -> Result<Shown, Problem> {
        let workshop = &self.workshop;
        let _alone = workshop.indices.changing.lock().await;
        let old = workshop.indices.find(id)?;
        let mut row = old.row.clone();
        // SECURITY: nobody who cannot read a secret may have it sent to another host.
        let mut moves = false;
        if let Some(url) = changes.url {
            admit(workshop, &url, Some(row.id))?;
            moves = origin(&url) != origin(&row.url);
            row.url = url;
        }
        let keeps = changes.headers.is_none() && row.headers.is_some();
        if moves && keeps {
            return Err(malformed(
                "a URL of another host needs `headers`, with their values",
            ));
        }
        if let Some(mut headers) = changes.headers {
            let old = old.headers.as_ref().filter(|_| !moves);
            for (name, value) in &mut headers {
                let mut known = old.into_iter().flat_map(Headers::iter);
                if value == REDACTED
                    && let Some((_, kept)) = known.find(|(own, _)| own.eq_ignore_ascii_case(name))
                {
                    kept.clone_into(value);
                }
            }
            check_headers(&headers)?;
            row.headers = workshop.indices.sealed(row.id, &headers)?;
        }
        if changes.name.is_some() {
            row.name = named(changes.name)?;
        }
        row.position = bounded(changes.position.map_or(row.position, |given| given.0))?;
        row.enabled = changes.enabled.unwrap_or(row.enabled);
        row.updated_at = now();
        let database = self.callers.state().await?;
        database.change_index(&row).await.map_err(unusable)?;
        workshop.indices.read(database).await.map_err(unusable)?;
        Ok(workshop.indices.find(id)?.shown())
    }

    async fn remove_index(&self, id: &str) -> Result<Done, Problem> {
        let indices = &self.workshop.indices;
        let _alone = indices.changing.lock().await;
        let found = indices.find(id)?;
        let database = self.callers.state().await?;
        database.remove_index(found.id()).await.map_err(unusable)?;
        indices.read(database).await.map_err(unusable)?;
        Ok(Done {
            success: true,
            message: format!("Pack index '{id}' was removed"),
        })
    }
}

/// Whether a URL may be that of a registry, and is that of no other one.
fn admit(workshop: &Workshop, url: &str, own: Option<i64>) -> Result<(), Problem> {
    let has_scheme = ["https://", "http://", "file://"]
        .iter()
        .any(|s| url.starts_with(s));
    if !has_scheme || url.len() > MAX_TEXT {
        return Err(malformed(
            "`url` is an address that begins with `https://`, `http://` or `file://`",
        ));
    }
    if let Some(path) = local(url).map_err(|e| malformed(&e))? {
        workshop.roots.admit(&path).map_err(|e| malformed(&e))?;
    }
    let allow_http = workshop.options.client.allow_http;
    let place = |url: &str| {
        let location = Location::parse(url, allow_http)?;
        Ok(location.display_url().trim_end_matches('/').to_owned())
    };
    let asked =
        place(url).map_err(|e: pack_client::location::LocationError| malformed(&reason(&e)))?;
    let managed = workshop.indices.all();
    let others = managed
        .iter()
        .filter(|index| Some(index.id()) != own)
        .map(|index| &index.row.url);
    let configured = workshop.options.registries.iter().map(|config| &config.url);
    let is_there = others
        .chain(configured)
        .any(|other| other == url || place(other).is_ok_and(|place| place == asked));
    if is_there {
        let message = format!("`{}` is a pack index already", printable(url));
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "already_exists",
            message,
        ));
    }
    Ok(())
}

fn origin(url: &str) -> Option<url::Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

fn named(name: Option<String>) -> Result<Option<String>, Problem> {
    let name = name
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty());
    match name {
        Some(name) if name.len() > 200 || name.chars().any(char::is_control) => {
            Err(malformed("`name` is at most 200 bytes of visible text"))
        }
        name => Ok(name),
    }
}

fn bounded(position: i64) -> Result<i64, Problem> {
    (0..=MAX_POSITION)
        .contains(&position)
        .then_some(position)
        .ok_or_else(|| malformed(&format!("`position` is a number from 0 to {MAX_POSITION}")))
}

/// No message repeats a value: it may be a secret.
fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), Problem> {
    if headers.len() > MOST_HEADERS {
        return Err(malformed(&format!("`headers` are at most {MOST_HEADERS}")));
    }
    for (name, value) in headers {
        let is_name = name.len() <= MAX_TEXT && HeaderName::try_from(name).is_ok();
        let is_value = value.len() <= MAX_TEXT && HeaderValue::try_from(value).is_ok();
        let name = printable(name);
        if !is_name || !is_value {
            return Err(malformed(&format!("`{name}` is no header with a value")));
        }
        if value == REDACTED {
            return Err(malformed(&format!(
                "the header `{name}` has no value here that could stay"
            )));
        }
    }
    Ok(())
}
