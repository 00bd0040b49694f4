//! `packs`: what is installed, and removing it. What a pack is comes from the packs directory, its components from the
//! database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_installer::{
    Classify as _, Dependents, FailureClass, InstalledFrom, Layout, Record, State as Installed,
    TestSummary, UninstallError, Verified,
};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use pack_client::RegistryIdentity;
use pack_format::manifest::Manifest;
use pack_format::{Checksum, Hint, PackRef, Timestamp, TreeDigest, Version, limits};
use pack_runtime::{EnvironmentKey, EnvironmentKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::body::{self, malformed};
use super::config::Config;
use super::mirrors;
use super::page::{Listed, Page, Paged};
use super::target::{Operation, Target};
use super::tests::named;
use super::workshop::{Workshop, failed, reader, reason};
use super::{Installation, activate, unusable};
use crate::access::Caller;
use crate::body::ResponseBody;
use crate::forms::DateTime;
use crate::jobs::{Job, Order};
use crate::problem::Problem;
use crate::state::State;

/// The pack that a platform comes with.
const STANDARD: &str = "core";

/// What lists say of an installed pack.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PackSummary {
    /// Counts packs per packs directory; an upgrade keeps it.
    id: u64,
    #[serde(rename = "ref")]
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// Name people see.
    label: String,
    /// One or two sentences; may be empty.
    description: String,
    #[schemars(with = "String")]
    version: Version,
    /// Whether a platform comes with it.
    is_standard: bool,
    /// Where it is.
    storage_path: PathBuf,
    /// When it was installed first, in whatever version.
    #[schemars(with = "DateTime")]
    created: Timestamp,
    /// When its version or its configuration was changed.
    #[schemars(with = "DateTime")]
    updated: Timestamp,
}

/// Everything that is known of an installed pack: its record, what its manifest says, and its configuration.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstalledPack {
    #[serde(flatten)]
    summary: PackSummary,
    author: String,
    /// SPDX expression.
    license: String,
    homepage: Option<String>,
    /// Of its source.
    repository: Option<String>,
    tags: Vec<String>,
    /// Programs it needs, such as `python3`.
    runtime_deps: Vec<String>,
    /// Packs it needs, each with a constraint.
    dependencies: Vec<String>,
    /// What may be configured, by name.
    #[schemars(with = "BTreeMap<String, mirrors::Setting>")]
    conf_schema: Map<String, Value>,
    /// Values of the keys of `conf_schema`; secrets are `[REDACTED]`. `null` where it was sealed with another key.
    config: Option<Map<String, Value>>,
    /// What its manifest keeps for others.
    meta: Map<String, Value>,
    /// Who installed this version.
    installed_by: String,
    #[schemars(with = "mirrors::InstalledFrom")]
    installed_from: InstalledFrom,
    /// The registry that listed it.
    #[schemars(with = "Option<mirrors::RegistryIdentity>")]
    registry: Option<RegistryIdentity>,
    /// What the bytes of its archive had, if it came as one.
    #[schemars(with = "Option<String>")]
    archive_digest: Option<Checksum>,
    /// Digest of its files.
    #[schemars(with = "String")]
    tree_digest: TreeDigest,
    #[schemars(with = "mirrors::Verified")]
    verified: Verified,
    /// Keys of the environments its programs run in: `python`, `nodejs`.
    #[schemars(with = "BTreeMap<String, String>")]
    environments: BTreeMap<EnvironmentKind, EnvironmentKey>,
    /// `null` where it has no tests, or they were not run.
    #[schemars(with = "Option<mirrors::TestSummary>")]
    test_result: Option<TestSummary>,
    /// Number of files.
    file_count: u64,
    /// Sum of their sizes, in bytes.
    unpacked_bytes: u64,
}

/// Something that a pack brings along.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Component {
    /// Such as `actions`.
    kind: String,
    #[serde(rename = "ref")]
    name: String,
}

/// That a pack is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Uninstalled {
    /// Always `true`.
    success: bool,
    /// One sentence, for people.
    message: String,
    /// The generation without it.
    generation: u64,
}

impl Listed for PackSummary {
    const LIST: &'static str = "InstalledPacks";
}

impl Listed for Component {
    const LIST: &'static str = "Components";
}

impl Installation {
    /// What only reads.
    pub(super) async fn packs(
        &self,
        target: &Target,
        parts: &Parts,
    ) -> Result<Response<ResponseBody>, Problem> {
        let page = Page::of(parts.uri.query())?;
        match target.operation {
            Operation::ListPacks => {
                let question = text_of(parts, "q").unwrap_or_default().to_lowercase();
                let database = self.callers.state().await?;
                let base = self.workshop.options.packs_base_dir.display().to_string();
                let changed = database.pack_configs_updated(&base).await;
                let changed = changed.map_err(unusable)?;
                let listed = self
                    .workshop
                    .run(move |workshop| list(workshop, (page, &question), &changed));
                body::data(&listed.await??)
            }
            Operation::ShowPack => {
                let pack_ref = named(&target.name)?;
                let workshop = &self.workshop;
                let (record, manifest) = found(workshop, &pack_ref).await?;
                let database = self.callers.state().await?;
                let base = workshop.options.packs_base_dir.as_path();
                let config = Config::of(workshop, database, (base, &pack_ref)).await?;
                body::data(&shown(base, (&record, &manifest), &config))
            }
            Operation::Components => {
                let database = self.callers.state().await?;
                let base = self.workshop.options.packs_base_dir.display().to_string();
                let pack = (base.as_str(), named(&target.name)?);
                body::data(&components(database, pack, (page, text_of(parts, "kind"))).await?)
            }
            _ => Err(failed()),
        }
    }

    /// Removes a pack: a job, since others may be changing packs.
    pub(super) async fn uninstall(
        &self,
        target: &Target,
        caller: &Caller,
        parts: &Parts,
    ) -> Result<Response<ResponseBody>, Problem> {
        let pack_ref = named(&target.name)?;
        let dependents = if flag(parts, "force")? {
            Dependents::Ignore
        } else {
            Dependents::Refuse
        };
        let purges = flag(parts, "purge")?;
        let workshop = Arc::clone(&self.workshop);
        let database = self.callers.state().await?.clone();
        let base = workshop.options.packs_base_dir.clone();
        let order = Order::of(&caller.token.account, "packs/uninstall", base.clone());
        let how = (&parts.headers, StatusCode::OK);
        self.perform_job(order, how, move |job| async move {
            let name = (base.display().to_string(), pack_ref.to_string());
            let done = uninstall(&workshop, &database, (base, job), (pack_ref, dependents)).await?;
            if purges {
                let forgotten = database.forget_pack_config(&name.0, &name.1).await;
                forgotten.map_err(unusable)?;
            }
            Ok(done)
        })
        .await
    }
}

async fn uninstall(
    workshop: &Arc<Workshop>,
    database: &State,
    (base, job): (PathBuf, Arc<Job>),
    (pack_ref, dependents): (PackRef, Dependents),
) -> Result<Uninstalled, Problem> {
    let (place, gone) = (base.clone(), pack_ref.clone());
    let removed = (workshop.run(move |workshop| {
        let installer = workshop.installer(&place, &job);
        installer
            .uninstall(&[gone], dependents)
            .map_err(|error| refused(&error))
    }))
    .await??;
    if let Err(error) = activate::record(workshop, database, (&base, vec![pack_ref.clone()])).await
    {
        let message = format!("`{pack_ref}` is removed; {error}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Err(Problem::new(status, "state_unavailable", message));
    }
    Ok(Uninstalled {
        success: true,
        message: format!("Pack '{pack_ref}' was uninstalled"),
        generation: removed.generation,
    })
}

fn refused(error: &UninstallError) -> Problem {
    let (status, code) = match error {
        UninstallError::NotInstalled { .. } => (StatusCode::NOT_FOUND, "not_found"),
        UninstallError::Needed { .. } => {
            let message = pack_format::error_chain(error);
            return Problem::new(StatusCode::CONFLICT, "needed", message).with_hint(
                "remove those packs first, or ask with `?force=true` to leave them broken",
            );
        }
        other if other.class() == FailureClass::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    let problem = Problem::new(status, code, pack_format::error_chain(error));
    match error.hint() {
        Some(hint) if code != "not_found" => problem.with_hint(hint),
        _ => problem,
    }
}

/// What a query says of `name`, which is true or, also where it is not said, false.
pub(super) fn flag(parts: &Parts, name: &str) -> Result<bool, Problem> {
    match text_of(parts, name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(malformed(&format!("`{name}` is `true` or `false`"))),
    }
}

/// What a query says of `name`; the last one counts.
pub(super) fn text_of(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    pairs.last().map(|(_, value)| value.into_owned())
}

/// Packs by ref; of those only, in whose ref, label or description the question is found.
/// `changed` says when the configuration of a pack was.
fn list(
    workshop: &Workshop,
    (page, question): (Page, &str),
    changed: &BTreeMap<String, Timestamp>,
) -> Result<Paged<PackSummary>, Problem> {
    let base = &workshop.options.packs_base_dir;
    let installed = installed(base)?;
    let fitting: Vec<&Record> = (installed.packs.values())
        .filter(|record| {
            let texts = [record.pack_ref.as_str(), &record.label, &record.description];
            texts
                .iter()
                .any(|text| text.to_lowercase().contains(question))
        })
        .collect();
    let items = (page.cut(&fitting).iter())
        .map(|record| {
            let changed = changed.get(record.pack_ref.as_str());
            summary(base, record, changed.copied())
        })
        .collect();
    Ok(page.filled(items, i64::try_from(fitting.len()).unwrap_or(i64::MAX)))
}

/// Record and manifest of a pack that is installed.
pub(super) async fn found(
    workshop: &Arc<Workshop>,
    pack_ref: &PackRef,
) -> Result<(Record, Manifest), Problem> {
    let pack_ref = pack_ref.clone();
    let found = workshop.run(move |workshop| {
        let base = &workshop.options.packs_base_dir;
        let record = record(base, &pack_ref)?;
        let manifest = manifest(base, &record)?;
        Ok((record, manifest))
    });
    found.await?
}

/// The record of a pack that is installed in `base`.
pub(super) fn record(base: &Path, pack_ref: &PackRef) -> Result<Record, Problem> {
    let record = installed(base)?.packs.remove(pack_ref);
    record.ok_or_else(|| missing(pack_ref))
}

/// What the manifest of an installed pack says.
pub(super) fn manifest(base: &Path, record: &Record) -> Result<Manifest, Problem> {
    let path = Layout::new(base)
        .stored(&record.store_key)
        .join("pack.yaml");
    let bytes = pack_fs::limited::read(&path, limits::MAX_METADATA_BYTES);
    let bytes = bytes.map_err(|e| format!("cannot read pack.yaml: {e}"));
    let read = bytes.and_then(|bytes| Manifest::parse("pack.yaml", &bytes).map_err(|e| reason(&e)));
    read.map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", record.pack_ref);
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable_pack",
            message,
        )
    })
}

fn installed(base: &Path) -> Result<Installed, Problem> {
    reader(base).list().map_err(|error| {
        let message = format!("cannot tell what is installed: {}", reason(&error));
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable_packs",
            message,
        )
    })
}

fn missing(pack_ref: &PackRef) -> Problem {
    let message = format!("Pack '{pack_ref}' not found");
    Problem::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// What a list says of a pack, whose configuration was changed at a time, if it ever was.
fn summary(base: &Path, record: &Record, changed: Option<Timestamp>) -> PackSummary {
    PackSummary {
        id: record.id,
        pack_ref: record.pack_ref.clone(),
        label: record.label.clone(),
        description: record.description.clone(),
        version: record.version.clone(),
        is_standard: record.pack_ref.as_str() == STANDARD,
        storage_path: Layout::new(base).pack(&record.pack_ref),
        created: record.first_installed_at(),
        updated: changed.map_or(record.installed_at, |at| at.max(record.installed_at)),
    }
}

/// What is answered of a pack.
pub(super) fn shown(
    base: &Path,
    (record, manifest): (&Record, &Manifest),
    config: &Config,
) -> InstalledPack {
    let conf_schema = (manifest.configuration.iter())
        .map(|parameter| {
            let mut value = json!(parameter);
            if let Some(members) = value.as_object_mut() {
                members.shift_remove("name");
            }
            (parameter.name.clone(), value)
        })
        .collect();
    let record = record.clone();
    InstalledPack {
        summary: summary(base, &record, config.updated_at),
        author: manifest.author.clone(),
        license: manifest.license.clone(),
        homepage: manifest.homepage.clone(),
        repository: manifest.repository.clone(),
        tags: manifest.keywords.clone(),
        runtime_deps: manifest.runtime_deps.clone(),
        dependencies: record
            .dependencies
            .iter()
            .map(ToString::to_string)
            .collect(),
        conf_schema,
        config: config.shown(manifest),
        meta: manifest.meta.clone(),
        installed_by: record.installed_by,
        installed_from: record.installed_from,
        registry: record.registry,
        archive_digest: record.archive_digest,
        tree_digest: record.tree_digest,
        verified: record.verified,
        environments: record.environments,
        test_result: record.tests,
        file_count: record.file_count,
        unpacked_bytes: record.unpacked_bytes,
    }
}

/// What the database says a pack brought along, of one kind if one is named.
async fn components(
    database: &State,
    (base, pack_ref): (&str, PackRef),
    (page, kind): (Page, Option<String>),
) -> Result<Paged<Component>, Problem> {
    let known = database
        .knows(base, pack_ref.as_str())
        .await
        .map_err(unusable)?;
    if !known {
        return Err(missing(&pack_ref));
    }
    let all = database
        .components(base, pack_ref.as_str())
        .await
        .map_err(unusable)?;
    let fitting: Vec<&(String, String)> = (all.iter())
        .filter(|(own, _)| kind.as_ref().is_none_or(|kind| kind == own))
        .collect();
    let items = (page.cut(&fitting).iter())
        .map(|(kind, name)| Component {
            kind: kind.clone(),
            name: name.clone(),
        })
        .collect();
    Ok(page.filled(items, i64::try_from(fitting.len()).unwrap_or(i64::MAX)))
}
