//! What the pack of an action is configured with: by the installation API where one is named, else by `packs` of the
//! configuration.

use std::path::Path;

use pack_client::{Publisher, PublisherError};
use pack_format::PackRef;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_runtime::Configuration;
use pack_runtime::action::{configuration, configuration_problems};

use super::execute::{CORE, ExecuteArgs};
use crate::commands::auth::with_token;
use crate::commands::pack::context::Context;
use crate::commands::pack::publish::refused;
use crate::commands::runtime;
use crate::failure::{Code, Failure};

/// All of it, defaults too, for the pack at `pack`. What nobody configured is as it comes, with a warning if that lacks
/// something.
pub(super) fn of(
    args: &ExecuteArgs,
    pack: &Path,
    context: &Context<'_>,
) -> Result<Configuration, Failure> {
    let manifest = manifest(pack)?;
    let pack_ref = &args.action_ref.pack_ref;
    let has_keys = !(manifest.configuration.is_empty() && manifest.config.is_empty());
    // Those of `core` ask the API themselves, with whatever role; the configuration takes an administrator's.
    let api = (args.api_url.as_ref()).filter(|_| has_keys && pack_ref.as_str() != CORE);
    let (given, must_fit) = if let Some(url) = api {
        // It has checked what it was given, and tells defaults where it was given nothing.
        (of_api(url, pack_ref, context)?, false)
    } else {
        let given = context.settings.pack_configuration(pack_ref)?;
        let given = given.unwrap_or_default();
        let is_given = !given.is_empty();
        (given, is_given)
    };
    let all = configuration(&manifest, &given);
    let problems = configuration_problems(&manifest, &all);
    if must_fit && !problems.is_empty() {
        let text = format!(
            "configuration of `{pack_ref}`:\n  {}",
            problems.join("\n  ")
        );
        let hint = format!("correct `packs.{pack_ref}` of the configuration");
        return Err(Failure::text(Code::Usage, text, Some(&hint)));
    }
    if !problems.is_empty() {
        context.report.warning(&format!(
            "pack `{pack_ref}` is not configured as it asks: {}",
            problems.join("; ")
        ));
    }
    Ok(all)
}

fn manifest(pack: &Path) -> Result<Manifest, Failure> {
    let path = pack.join("pack.yaml");
    let shown = path.display().to_string();
    let bytes = pack_fs::limited::read(&path, MAX_METADATA_BYTES)
        .map_err(|e| Failure::text(Code::Failed, format!("cannot read `{shown}`: {e}"), None))?;
    Manifest::parse(&shown, &bytes).map_err(|e| Failure::new(Code::Failed, &e))
}

/// SECURITY: all of it, secrets too, which the API gives to administrators only.
fn of_api(url: &str, pack_ref: &PackRef, context: &Context<'_>) -> Result<Configuration, Failure> {
    let config = with_token(url, context)?;
    let untold = |reason: String, hint: &str| {
        let text = format!("`{url}` does not tell the configuration of `{pack_ref}`: {reason}");
        Failure::text(Code::Failed, text, Some(hint))
    };
    let told = |error: PublisherError| match error {
        PublisherError::NoApi { status, .. } => untold(
            format!("it answered {status}"),
            "install the pack there, or name another place with `--api-url`",
        ),
        other => refused(&other),
    };
    let api = Publisher::at(&config, &context.uncached()?).map_err(told)?;
    let answer = runtime()?.block_on(api.get(&["packs", pack_ref.as_str(), "config"]));
    let answer = answer.map_err(told)?;
    let given = answer["data"]["config"].as_object().cloned();
    given.ok_or_else(|| {
        untold(
            "it answered something else".to_owned(),
            "name another place with `--api-url`",
        )
    })
}
