//! `packs`: what is installed, and removing it. What a pack is comes from the packs directory, its components from the
//! database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_installer::{
    Classify as _, Dependents, FailureClass, Layout, Record, State as Installed, UninstallError,
};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use pack_format::manifest::Manifest;
use pack_format::{Hint, PackRef, Timestamp, limits};
use serde_json::{Map, Value, json};

use super::body::malformed;
use super::config::Config;
use super::page::Page;
use super::target::{Operation, Target};
use super::tests::named;
use super::workshop::{Workshop, failed, reader, reason};
use super::{Installation, activate, unusable};
use crate::access::Caller;
use crate::body::ResponseBody;
use crate::jobs::{Job, Order};
use crate::problem::Problem;
use crate::state::State;

/// The pack that a platform comes with.
const STANDARD: &str = "core";

impl Installation {
    /// What only reads.
    pub(super) async fn packs(&self, target: &Target, parts: &Parts) -> Result<Value, Problem> {
        let page = Page::of(parts.uri.query())?;
        match target.operation {
            Operation::ListPacks => {
                let question = text_of(parts, "q").unwrap_or_default().to_lowercase();
                let database = self.callers.state().await?;
                let base = self.workshop.options.packs_base_dir.display().to_string();
                let changed = database.pack_configs_updated(&base).await;
                let changed = changed.map_err(unusable)?;
                (self
                    .workshop
                    .run(move |workshop| list(workshop, (page, &question), &changed)))
                .await?
            }
            Operation::ShowPack => {
                let pack_ref = named(&target.name)?;
                let workshop = &self.workshop;
                let (record, manifest) = found(workshop, &pack_ref).await?;
                let database = self.callers.state().await?;
                let base = workshop.options.packs_base_dir.as_path();
                let config = Config::of(workshop, database, (base, &pack_ref)).await?;
                Ok(shown(base, (&record, &manifest), &config))
            }
            Operation::Components => {
                let database = self.callers.state().await?;
                let base = self.workshop.options.packs_base_dir.display().to_string();
                let pack = (base.as_str(), named(&target.name)?);
                components(database, pack, (page, text_of(parts, "kind"))).await
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
) -> Result<Value, Problem> {
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
    Ok(json!({
        "success": true,
        "message": format!("Pack '{pack_ref}' was uninstalled"),
        "generation": removed.generation,
    }))
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
) -> Result<Value, Problem> {
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
    let items: Vec<Value> = (page.cut(&fitting).iter())
        .map(|record| {
            let changed = changed.get(record.pack_ref.as_str());
            Value::Object(summary(base, record, changed.copied()))
        })
        .collect();
    Ok(json!(page.filled(
        items,
        i64::try_from(fitting.len()).unwrap_or(i64::MAX)
    )))
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
fn summary(base: &Path, record: &Record, changed: Option<Timestamp>) -> Map<String, Value> {
    let value = json!({
        "id": record.id,
        "ref": record.pack_ref,
        "label": record.label,
        "description": record.description,
        "version": record.version,
        "is_standard": record.pack_ref.as_str() == STANDARD,
        "storage_path": Layout::new(base).pack(&record.pack_ref),
        "created": record.first_installed_at(),
        "updated": changed.map_or(record.installed_at, |at| at.max(record.installed_at)),
    });
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Everything that is known of an installed pack: its record, what its manifest says, and its configuration.
pub(super) fn shown(
    base: &Path,
    (record, manifest): (&Record, &Manifest),
    config: &Config,
) -> Value {
    let configuration: Map<String, Value> = (manifest.configuration.iter())
        .map(|parameter| {
            let mut value = json!(parameter);
            if let Some(members) = value.as_object_mut() {
                members.shift_remove("name");
            }
            (parameter.name.clone(), value)
        })
        .collect();
    let mut pack = summary(base, record, config.updated_at);
    let more = json!({
        "author": manifest.author,
        "license": manifest.license,
        "homepage": manifest.homepage,
        "repository": manifest.repository,
        "tags": manifest.keywords,
        "runtime_deps": manifest.runtime_deps,
        "dependencies": record.dependencies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "conf_schema": configuration,
        "config": config.shown(manifest),
        "meta": manifest.meta,
        "installed_by": record.installed_by,
        "installed_from": record.installed_from,
        "registry": record.registry,
        "archive_digest": record.archive_digest,
        "tree_digest": record.tree_digest,
        "verified": record.verified,
        "environments": record.environments,
        "test_result": record.tests,
        "file_count": record.file_count,
        "unpacked_bytes": record.unpacked_bytes,
    });
    if let Value::Object(more) = more {
        pack.extend(more);
    }
    Value::Object(pack)
}

/// What the database says a pack brought along, of one kind if one is named.
async fn components(
    database: &State,
    (base, pack_ref): (&str, PackRef),
    (page, kind): (Page, Option<String>),
) -> Result<Value, Problem> {
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
    let items: Vec<Value> = (page.cut(&fitting).iter())
        .map(|(kind, name)| json!({ "kind": kind, "ref": name }))
        .collect();
    Ok(json!(page.filled(
        items,
        i64::try_from(fitting.len()).unwrap_or(i64::MAX)
    )))
}
