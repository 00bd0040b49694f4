//! `pack show`.

use attune_installer::Record;
use pack_client::{About, Candidate, Listing};
use serde::Serialize;

use super::args::ShowArgs;
use super::context::{Context, failed};
use super::lines_below;
use crate::failure::{Code, Failure};
use crate::report::table;

#[derive(Serialize)]
struct Output<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a str,
    installed: Option<&'a Record>,
    listed: Option<Listed<'a>>,
}

/// What a registry says.
#[derive(Serialize)]
struct Listed<'a> {
    registry: &'a str,
    registry_url: &'a str,
    version: String,
    versions: Vec<Version>,
    dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<&'a str>,
    #[serde(flatten)]
    about: &'a About,
}

#[derive(Serialize)]
struct Version {
    #[serde(rename = "version")]
    number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yanked: Option<String>,
}

pub(crate) fn run(args: &ShowArgs, context: &Context<'_>) -> Result<(), Failure> {
    let state = context
        .reader()
        .list()
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let installed = state.packs.get(&args.pack_ref);
    let mut listing = None;
    let mut searched = Vec::new();
    if installed.is_none() || args.available || args.registry.is_some() {
        let registries = context.registries(args.registry.as_deref())?;
        let found = crate::commands::runtime()?
            .block_on(registries.find(&args.pack_ref, &context.progress))
            .map_err(|e| failed(&e))?;
        searched = found.searched;
        listing = found.owner.map(|(_, listing)| listing);
    }
    if installed.is_none() && listing.is_none() {
        let head = format!(
            "`{}` is neither installed nor listed in a registry",
            args.pack_ref
        );
        let searched = searched.iter().map(|url| format!("searched `{url}`"));
        let message = lines_below(head, searched);
        let message = message.trim_end();
        return Err(Failure::text(Code::NoSolution, message, None));
    }
    let listed = listing
        .as_ref()
        .and_then(|listing| Some(listed(listing, listing.newest()?)));
    let output = Output {
        pack_ref: args.pack_ref.as_str(),
        installed,
        listed,
    };
    context.report.result(&output, || {
        let mut rows = Vec::new();
        if let Some(record) = installed {
            rows.extend(installed_rows(record));
            rows.push(row(
                "Path",
                context.layout().pack(&record.pack_ref).display(),
            ));
        }
        if let Some(listed) = &output.listed {
            rows.extend(listed_rows(listed));
        }
        table(&["Key", "Value"], rows)
    })
}

fn listed<'a>(listing: &'a Listing, newest: &'a Candidate) -> Listed<'a> {
    Listed {
        registry: &listing.registry.name,
        registry_url: &listing.registry.url,
        version: newest.version.to_string(),
        versions: listing
            .candidates
            .iter()
            .map(|candidate| Version {
                number: candidate.version.to_string(),
                published_at: candidate.published_at.map(|time| time.to_string()),
                yanked: candidate.yanked.as_ref().map(|yank| yank.reason.clone()),
            })
            .collect(),
        dependencies: newest
            .dependencies()
            .iter()
            .map(ToString::to_string)
            .collect(),
        deprecated: listing.deprecated.as_ref().map(|d| d.reason.as_str()),
        about: &newest.about,
    }
}

fn row(key: &str, value: impl std::fmt::Display) -> Vec<String> {
    vec![key.to_owned(), value.to_string()]
}

fn installed_rows(record: &Record) -> Vec<Vec<String>> {
    let needs: Vec<String> = record
        .dependencies
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut rows = vec![
        row("Ref", &record.pack_ref),
        row("Label", &record.label),
        row("Description", &record.description),
        row("Installed version", &record.version),
        row("ID", record.id),
        row("Installed at", record.installed_at),
        row("Installed by", &record.installed_by),
        row("Installed from", &record.installed_from.url),
    ];
    if let Some(registry) = &record.registry {
        rows.push(row(
            "Registry",
            format!("{} ({})", registry.name, registry.url),
        ));
    }
    if let Some(digest) = &record.archive_digest {
        rows.push(row("Archive digest", digest));
    }
    rows.push(row("Tree digest", record.tree_digest));
    rows.push(row("Verified", &record.verified));
    if !needs.is_empty() {
        rows.push(row("Needs", needs.join(", ")));
    }
    rows.push(row(
        "Files",
        format!("{}, {} bytes", record.file_count, record.unpacked_bytes),
    ));
    rows
}

fn listed_rows(listed: &Listed<'_>) -> Vec<Vec<String>> {
    let versions: Vec<String> = listed
        .versions
        .iter()
        .map(|v| {
            if v.yanked.is_some() {
                format!("{} (yanked)", v.number)
            } else {
                v.number.clone()
            }
        })
        .collect();
    let about = listed.about;
    let mut rows = vec![
        row("Label", &about.label),
        row("Description", &about.description),
        row("Newest version", &listed.version),
        row("Versions", versions.join(", ")),
        row("Author", &about.author),
        row("License", &about.license),
        row("Keywords", about.keywords.join(", ")),
        row(
            "Registry",
            format!("{} ({})", listed.registry, listed.registry_url),
        ),
    ];
    if !listed.dependencies.is_empty() {
        rows.push(row("Needs", listed.dependencies.join(", ")));
    }
    if let Some(reason) = listed.deprecated {
        rows.push(row("Deprecated", reason));
    }
    rows
}
