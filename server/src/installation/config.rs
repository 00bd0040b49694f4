//! `PUT packs/{ref}`: what somebody wants the configuration of a pack to be. It is theirs: updates and rollbacks leave
//! it alone. All of it is sealed in the database, since any value may be a secret.

use std::path::Path;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use pack_format::documents::Parameter;
use pack_format::manifest::Manifest;
use pack_format::{PackRef, Timestamp};
use pack_runtime::action::{configuration, configuration_problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::body::{self, malformed};
use super::indices::REDACTED;
use super::packs::InstalledPack;
use super::target::{Operation, Target};
use super::tests::named;
use super::workshop::{Workshop, failed};
use super::{Installation, packs, unusable};
use crate::body::ResponseBody;
use crate::clock::now;
use crate::forms::DateTime;
use crate::problem::Problem;
use crate::state::{ConfigRow, State};

/// What is wanted of a pack.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PackChanges")]
pub(super) struct Request {
    /// All that differs from the defaults of the pack; `[REDACTED]` keeps a value.
    config: Map<String, Value>,
}

/// The configuration of a pack, with its secrets.
#[derive(Serialize, JsonSchema)]
pub(super) struct PackConfig {
    /// What somebody gave, over the defaults of the pack.
    config: Map<String, Value>,
    /// When it was given; `null` where nobody did.
    #[schemars(with = "Option<DateTime>")]
    updated: Option<Timestamp>,
}

/// What is sealed.
#[derive(Default, Serialize, Deserialize)]
struct Given {
    values: Map<String, Value>,
    /// The same without what was a secret when it was given: a later version of the pack may call it none.
    shown: Map<String, Value>,
}

/// The configuration somebody gave a pack.
#[derive(Default)]
pub(super) struct Config {
    /// `None` where it was sealed with another key.
    given: Option<Given>,
    /// `None` where nobody gave any.
    pub(super) updated_at: Option<Timestamp>,
}

impl Config {
    /// That of a pack in `base`.
    pub(super) async fn of(
        workshop: &Workshop,
        database: &State,
        (base, pack_ref): (&Path, &PackRef),
    ) -> Result<Self, Problem> {
        let base = base.display().to_string();
        let row = database.pack_config(&base, pack_ref.as_str()).await;
        let Some(row) = row.map_err(unusable)? else {
            return Ok(Self {
                given: Some(Given::default()),
                updated_at: None,
            });
        };
        let bytes = workshop
            .vault
            .unseal(&subject(&base, pack_ref), &row.sealed);
        Ok(Self {
            given: bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
            updated_at: Some(row.updated_at),
        })
    }

    /// As answers show it: defaults where nothing was given, and no secrets. `None` where it cannot be read.
    pub(super) fn shown(&self, manifest: &Manifest) -> Option<Map<String, Value>> {
        let given = self.given.as_ref()?;
        let mut all = configuration(manifest, &given.shown);
        for row in &manifest.configuration {
            if let Some(value) = all.get_mut(&row.name) {
                redact(value, row);
            }
        }
        Some(all)
    }
}

/// What is sealed: values cannot be moved from one pack to another in the database.
fn subject(base: &str, pack_ref: &PackRef) -> String {
    format!("configuration of {pack_ref} in {base}")
}

/// Puts [`REDACTED`] in place of secrets. The depth of metadata bounds the recursion.
fn redact(value: &mut Value, row: &Parameter) {
    if row.secret && !value.is_null() {
        *value = json!(REDACTED);
    }
    match value {
        Value::Object(members) => {
            for row in &row.properties {
                if let Some(value) = members.get_mut(&row.name) {
                    redact(value, row);
                }
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut().filter(|item| item.is_object()) {
                redact(item, row);
            }
        }
        _ => {}
    }
}

/// Fills in what was there at the same place wherever [`REDACTED`] is given. In `old` and `given` is a value, and as it
/// is shown.
fn keep(given: &mut (Value, Value), old: Option<(&Value, &Value)>) -> Result<(), Problem> {
    if given.0 == REDACTED {
        let (value, shown) = old.ok_or_else(|| {
            malformed("`config`: there is no value that could stay where `[REDACTED]` is given")
        })?;
        *given = (value.clone(), shown.clone());
        return Ok(());
    }
    let inner: Vec<(String, Option<(&Value, &Value)>)> = match &given.0 {
        Value::Object(members) => (members.keys())
            .map(|name| {
                (
                    name.clone(),
                    old.and_then(|(a, b)| Some((a.get(name)?, b.get(name)?))),
                )
            })
            .collect(),
        Value::Array(items) => (0..items.len())
            .map(|i| {
                (
                    i.to_string(),
                    old.and_then(|(a, b)| Some((a.get(i)?, b.get(i)?))),
                )
            })
            .collect(),
        _ => return Ok(()),
    };
    for (name, old) in inner {
        let (Some(value), Some(shown)) = (at(&mut given.0, &name), at(&mut given.1, &name)) else {
            continue;
        };
        let mut pair = (value.take(), shown.take());
        keep(&mut pair, old)?;
        (*value, *shown) = pair;
    }
    Ok(())
}

/// The part of an object or array with this name or number.
fn at<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(members) => members.get_mut(name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What is to be sealed in place of `old`, if the pack takes it.
fn accepted(manifest: &Manifest, request: Request, old: &Config) -> Result<Given, Problem> {
    let given = Value::Object(request.config);
    let mut pair = (given.clone(), given);
    let nothing = Given::default();
    let old = old.given.as_ref().unwrap_or(&nothing);
    let before = [&old.values, &old.shown].map(|part| Value::Object(configuration(manifest, part)));
    keep(&mut pair, Some((&before[0], &before[1])))?;
    let (Value::Object(values), Value::Object(mut shown)) = pair else {
        return Err(failed());
    };
    // Without any, a pack is as it comes.
    if !values.is_empty() {
        let problems = configuration_problems(manifest, &configuration(manifest, &values));
        if !problems.is_empty() {
            return Err(malformed(&format!("`config`: {}", problems.join("; "))));
        }
    }
    for row in &manifest.configuration {
        if let Some(value) = shown.get_mut(&row.name) {
            redact(value, row);
        }
    }
    Ok(Given { values, shown })
}

impl Installation {
    /// Changes the configuration of a pack, or shows it with its secrets.
    pub(super) async fn config(
        &self,
        target: &Target,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Response<ResponseBody>, Problem> {
        let pack_ref = named(&target.name)?;
        match target.operation {
            Operation::ChangePack => {
                let request = body::read(&parts.headers, body).await?;
                body::data(&self.configure(&pack_ref, request).await?)
            }
            _ => body::data(&self.reveal(&pack_ref).await?),
        }
    }

    async fn configure(
        &self,
        pack_ref: &PackRef,
        request: Request,
    ) -> Result<InstalledPack, Problem> {
        let workshop = &self.workshop;
        let database = self.callers.state().await?;
        let base = workshop.options.packs_base_dir.as_path();
        // Whoever keeps a value must not bring back one that another request replaces.
        let _alone = workshop.configuring.lock().await;
        let (record, manifest) = packs::found(workshop, pack_ref).await?;
        let old = Config::of(workshop, database, (base, pack_ref)).await?;
        let given = accepted(&manifest, request, &old)?;
        let place = base.display().to_string();
        let text = json!(given).to_string();
        let sealed = workshop
            .vault
            .seal(&subject(&place, pack_ref), text.as_bytes());
        let row = ConfigRow {
            sealed: sealed.ok_or_else(failed)?,
            updated_at: now(),
        };
        let stored = database.set_pack_config((&place, pack_ref.as_str()), &row);
        stored.await.map_err(unusable)?;
        let config = Config {
            given: Some(given),
            updated_at: Some(row.updated_at),
        };
        Ok(packs::shown(base, (&record, &manifest), &config))
    }

    /// SECURITY: for administrators only, who hand it to what runs the pack.
    async fn reveal(&self, pack_ref: &PackRef) -> Result<PackConfig, Problem> {
        let workshop = &self.workshop;
        let database = self.callers.state().await?;
        let (_, manifest) = packs::found(workshop, pack_ref).await?;
        let base = workshop.options.packs_base_dir.as_path();
        let config = Config::of(workshop, database, (base, pack_ref)).await?;
        let given = config.given.ok_or_else(|| {
            let message = format!("the configuration of `{pack_ref}` was sealed with another key");
            Problem::new(StatusCode::CONFLICT, "sealed", message)
                .with_hint("start the server with that key, or set the configuration anew")
        })?;
        Ok(PackConfig {
            config: configuration(&manifest, &given.values),
            updated: config.updated_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(configuration: &str) -> Manifest {
        let text = format!("ref: demo\nversion: 1.0.0\n{configuration}");
        Manifest::parse("pack.yaml", text.as_bytes()).unwrap()
    }

    fn put(manifest: &Manifest, value: &Value, old: Given) -> Result<Given, Problem> {
        let request = serde_json::from_value(json!({ "config": value })).unwrap();
        let old = Config {
            given: Some(old),
            updated_at: None,
        };
        accepted(manifest, request, &old)
    }

    /// A secret stays one where a later version of the pack says that it is none, also if it is kept.
    #[test]
    fn secrets_stay_secrets() {
        let hides = manifest(
            "conf_schema: {a: {type: object, properties: {key: {type: string, secret: true}}}}\n",
        );
        let tells = manifest("conf_schema: {a: {type: object}}\n");
        let given = put(
            &hides,
            &json!({"a": {"key": "hush", "user": "u"}}),
            Given::default(),
        );
        let given = given.unwrap();
        assert_eq!(given.values["a"]["key"], "hush");
        let redacted = json!({"a": {"key": REDACTED, "user": "u"}});
        for manifest in [&hides, &tells] {
            let old = serde_json::from_value(json!(given)).unwrap();
            let kept = put(manifest, &redacted, old).unwrap();
            assert_eq!(kept.values, given.values);
            let config = Config {
                given: Some(kept),
                updated_at: None,
            };
            assert_eq!(json!(config.shown(manifest)), redacted);
        }
        assert!(put(&hides, &redacted, Given::default()).is_err());
    }

    /// What does not fit the schema with its defaults is refused; a secret's default stands in for it, and is not shown.
    #[test]
    fn defaults_count_where_nothing_is_given() {
        let own = manifest(
            "conf_schema: {a: {type: integer, default: 1}, b: {type: string, required: true}, s: {type: string, secret: true, required: true, default: hush}}\nconfig: {c: 3}\n",
        );
        let given = put(
            &own,
            &json!({"b": "x", "c": "4", "a": 2.0}),
            Given::default(),
        )
        .unwrap();
        let config = Config {
            given: Some(given),
            updated_at: None,
        };
        assert_eq!(
            json!(config.shown(&own)),
            json!({"a": 2, "b": "x", "c": "4", "s": REDACTED})
        );
        for wrong in [
            json!({"a": 2}),
            json!({"b": "x", "a": "2"}),
            json!({"b": "x", "d": 1}),
        ] {
            assert!(put(&own, &wrong, Given::default()).is_err());
        }
        assert!(put(&own, &json!({}), Given::default()).is_ok());
    }

    /// A key that the schema describes and `config` sets is named once.
    #[test]
    fn known_keys_are_named_once() {
        let both = manifest("conf_schema: {channel: {type: string}}\nconfig: {channel: ops}\n");
        let wrong = put(&both, &json!({"other": 1}), Given::default());
        let Err(problem) = wrong else {
            panic!("it was taken");
        };
        assert_eq!(
            problem.message(),
            "`config`: `other` is no configuration key; there are `channel`"
        );
    }
}
