//! `packs`: what is installed, and removing it. What a pack is comes from the packs directory, its components from the
//! database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_installer::{
    Classify as _, Dependents, FailureClass, Layout, Record, State as Installed, UninstallError,
};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use pack_format::manifest::Manifest;
use pack_format::{Hint, PackRef, limits};
use serde_json::{Map, Value, json};

use super::body::malformed;
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
                (self
                    .workshop
                    .run(move |workshop| list(workshop, (page, &question))))
                .await?
            }
            Operation::ShowPack => {
                let pack_ref = named(&target.name)?;
                (self.workshop.run(move |workshop| show(workshop, &pack_ref))).await?
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
        let dependents = match text_of(parts, "force").as_deref() {
            None | Some("false") => Dependents::Refuse,
            Some("true") => Dependents::Ignore,
            Some(_) => return Err(malformed("`force` is `true` or `false`")),
        };
        let workshop = Arc::clone(&self.workshop);
        let database = self.callers.state().await?.clone();
        let base = workshop.options.packs_base_dir.clone();
        let order = Order {
            operation: "packs/uninstall",
            account: caller.token.account.clone(),
            base: base.clone(),
        };
        let how = (&parts.headers, StatusCode::OK);
        self.perform_job(order, how, move |job| async move {
            uninstall(&workshop, &database, (base, job), (pack_ref, dependents)).await
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

/// What a query says of `name`; the last one counts.
pub(super) fn text_of(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    pairs.last().map(|(_, value)| value.into_owned())
}

/// Packs by ref; of those only, in whose ref, label or description the question is found.
fn list(workshop: &Workshop, (page, question): (Page, &str)) -> Result<Value, Problem> {
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
        .map(|record| Value::Object(summary(base, record)))
        .collect();
    Ok(page.filled(&items, i64::try_from(fitting.len()).unwrap_or(i64::MAX)))
}

fn show(workshop: &Workshop, pack_ref: &PackRef) -> Result<Value, Problem> {
    let base = &workshop.options.packs_base_dir;
    let installed = installed(base)?;
    let record = installed
        .packs
        .get(pack_ref)
        .ok_or_else(|| missing(pack_ref))?;
    shown(base, record).map_err(|error| {
        let message = format!("`{pack_ref}` cannot be read: {error}");
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

/// What a list says of a pack.
fn summary(base: &Path, record: &Record) -> Map<String, Value> {
    let value = json!({
        "id": record.id,
        "ref": record.pack_ref,
        "label": record.label,
        "description": record.description,
        "version": record.version,
        "is_standard": record.pack_ref.as_str() == STANDARD,
        "storage_path": Layout::new(base).pack(&record.pack_ref),
        "updated": record.installed_at,
    });
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Everything that is known of an installed pack: its record, and what its manifest says.
pub(super) fn shown(base: &Path, record: &Record) -> Result<Value, String> {
    let path = Layout::new(base)
        .stored(&record.store_key)
        .join("pack.yaml");
    let bytes = pack_fs::limited::read(&path, limits::MAX_METADATA_BYTES);
    let bytes = bytes.map_err(|e| format!("cannot read pack.yaml: {e}"))?;
    let manifest = Manifest::parse("pack.yaml", &bytes).map_err(|e| reason(&e))?;
    let configuration: Map<String, Value> = (manifest.configuration.iter())
        .map(|parameter| {
            let mut value = json!(parameter);
            if let Some(members) = value.as_object_mut() {
                members.shift_remove("name");
            }
            (parameter.name.clone(), value)
        })
        .collect();
    let mut pack = summary(base, record);
    let more = json!({
        "author": manifest.author,
        "license": manifest.license,
        "homepage": manifest.homepage,
        "repository": manifest.repository,
        "tags": manifest.keywords,
        "runtime_deps": manifest.runtime_deps,
        "dependencies": record.dependencies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "conf_schema": configuration,
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
    Ok(Value::Object(pack))
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
    Ok(page.filled(&items, i64::try_from(fitting.len()).unwrap_or(i64::MAX)))
}
