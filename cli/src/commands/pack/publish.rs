//! `pack publish` and `pack owner`: changes of a registry that is served.

use std::fs;
use std::path::PathBuf;

use attune_indexer::PackArchive;
use attune_indexer::upload::Upload;
use clap::{Args, Subcommand};
use pack_client::{OwnerChange, Publication, Publisher, PublisherError};
use pack_format::{ArchiveDigest, PackRef};
use serde_json::{Value, json};

use super::context::Context;
use crate::commands::runtime;
use crate::failure::{Code, Failure};
use crate::report::sanitised;
use crate::settings;

/// The registry to change.
#[derive(Debug, Args)]
pub(crate) struct RegistryArgs {
    /// Name or URL of the registry; its token comes from `ATTUNE_TOKEN` or the stored login
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: String,
}

/// `pack publish`.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The pack directory, or an archive made by `pack archive`
    #[arg(value_name = "DIR|ARCHIVE", default_value = ".")]
    source: PathBuf,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Check everything here and ask the registry, but publish nothing
    #[arg(long)]
    dry_run: bool,
}

/// Verbs about owners.
#[derive(Debug, Subcommand)]
pub(crate) enum OwnerCommand {
    /// List the owners of a pack
    List(OwnerListArgs),
    /// Let somebody else publish versions of a pack too
    Add(OwnerChangeArgs),
    /// Let somebody no longer publish versions of a pack
    Remove(OwnerChangeArgs),
}

/// `pack owner list`.
#[derive(Debug, Args)]
pub(crate) struct OwnerListArgs {
    /// The pack
    #[arg(value_name = "REF")]
    pack_ref: PackRef,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// `pack owner add` and `pack owner remove`.
#[derive(Debug, Args)]
pub(crate) struct OwnerChangeArgs {
    /// The pack
    #[arg(value_name = "REF")]
    pack_ref: PackRef,
    /// The user a token is made for
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// Whoever makes changes of the registry that was named.
pub(crate) fn publisher(args: &RegistryArgs, context: &Context<'_>) -> Result<Publisher, Failure> {
    let mut config = context.registry(&args.registry)?;
    if let Some(token) = settings::token() {
        config.headers = config.headers.without_authorization().with_token(&token);
    }
    Publisher::at(&config, &context.uncached()?).map_err(|e| refused(&e))
}

/// A refusal with its exit code.
pub(crate) fn refused(error: &PublisherError) -> Failure {
    let code = match error {
        error if error.is_authentication() => Code::Authentication,
        error if error.is_network() => Code::Network,
        PublisherError::Location(_) | PublisherError::NotOnTheWeb(_) => Code::Usage,
        _ => Code::Failed,
    };
    Failure::new(code, error)
}

/// `pack publish`.
pub(crate) fn run(args: &PublishArgs, context: &Context<'_>) -> Result<(), Failure> {
    let publisher = publisher(&args.registry, context)?;
    let source = args.source.display();
    let mut origin = None;
    let bytes = if args.source.is_dir() {
        let time = settings::source_date_epoch()?.and_then(|seconds| u64::try_from(seconds).ok());
        let archive = PackArchive::of_directory(&args.source, time.unwrap_or(0))
            .map_err(|e| Failure::new(Code::Failed, &e))?;
        origin = archive.source;
        archive.bytes
    } else {
        fs::read(&args.source).map_err(|e| {
            Failure::text(
                Code::Failed,
                format!("cannot read `{source}`: {e}"),
                Some("name a pack directory, or an archive made by `attune pack archive`"),
            )
        })?
    };
    // What the registry would refuse is told before anything is sent.
    let upload = Upload::read(bytes.clone()).map_err(|e| {
        let mut failure = Failure::new(Code::Failed, &e);
        failure
            .messages
            .insert(0, format!("`{source}` cannot be published"));
        failure
    })?;
    for warning in &upload.warnings {
        let line = warning
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        context.report.warning(&format!(
            "{}{line}: {} [{}]",
            sanitised(&warning.file),
            sanitised(&warning.message),
            warning.rule
        ));
    }
    let version = &upload.document.version;
    let publication = Publication {
        pack_ref: &upload.pack_ref,
        version,
        archive: bytes,
        source: origin.as_ref(),
        dry_run: args.dry_run,
    };
    let answer = runtime()?
        .block_on(publisher.publish(publication))
        .map_err(|e| refused(&e))?;
    let name = format!("{}@{version}", upload.pack_ref);
    context.report.result(&answer, || {
        told(&name, &upload.checksum, &args.registry.registry, &answer)
    })
}

fn told(name: &str, checksum: &ArchiveDigest, registry: &str, answer: &Value) -> String {
    let is = |key: &str| answer[key] == json!(true);
    if is("dry_run") {
        return format!("✓ {name} would be published to {registry}\n  {checksum}\n");
    }
    if !is("created") {
        let published = answer["archive"]["checksum"].as_str().unwrap_or_default();
        return format!(
            "✓ {name} is already published with these files\n  {}\n",
            sanitised(published)
        );
    }
    let first = if is("first") {
        "  the first version: the pack is yours now\n"
    } else {
        ""
    };
    format!("✓ Published {name} to {registry}\n  {checksum}\n{first}")
}

/// `pack owner`.
pub(crate) fn owner(command: &OwnerCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (pack_ref, registry, change) = match command {
        OwnerCommand::List(args) => (&args.pack_ref, &args.registry, None),
        OwnerCommand::Add(args) => (
            &args.pack_ref,
            &args.registry,
            Some((OwnerChange::Add, args.name.as_str())),
        ),
        OwnerCommand::Remove(args) => (
            &args.pack_ref,
            &args.registry,
            Some((OwnerChange::Remove, args.name.as_str())),
        ),
    };
    let publisher = publisher(registry, context)?;
    let answer = runtime()?
        .block_on(publisher.owners(pack_ref, change))
        .map_err(|e| refused(&e))?;
    context.report.result(&answer, || {
        let owners = answer["owners"].as_array().into_iter().flatten();
        let owners: Vec<String> = owners.filter_map(Value::as_str).map(sanitised).collect();
        if owners.is_empty() {
            return format!("`{pack_ref}` has no owners\n");
        }
        owners.iter().map(|owner| format!("{owner}\n")).collect()
    })
}
