//! `pack index-merge`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use attune_indexer::index_file::merge::{
    MergeError, MergeOptions, MergeOutput, Merged, OnShadow, Overwrite, Shadowed,
};
use attune_indexer::index_file::text::IndexText;
use clap::{Args, ValueEnum};
use pack_client::{FetchRequest, fetch_url};
use pack_format::limits::MAX_INDEX_FILE_BYTES;
use serde::Serialize;
use url::Url;

use super::context::failed;
use super::index_update::{IndexFileArgs, clock};
use super::progress::Progress;
use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings::Settings;

/// `pack index-merge`.
#[derive(Debug, Args)]
pub(crate) struct IndexMergeArgs {
    /// Index files, registry folders or URLs; the first one names the registry
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    // The same name and type as the global flag, which it hides.
    /// The file to write
    #[arg(short, long, visible_alias = "file", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(short, long)]
    force: bool,
    /// Which entry stays where two inputs list one pack
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Which::Newest)]
    on_shadow: Which,
    #[command(flatten)]
    file: IndexFileArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// The newer one, by SemVer precedence
    Newest,
    /// The one of the input that was named first
    First,
    /// Neither: entries that differ are an error
    Error,
}

#[derive(Serialize)]
struct Summary<'a> {
    success: bool,
    output_file: &'a Path,
    sources_count: usize,
    total_loaded: usize,
    unique_packs: usize,
    duplicates_resolved: usize,
    written: bool,
    shadowed: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(rename = "ref")]
    name: &'a str,
    kept: Side<'a>,
    dropped: Side<'a>,
    different_repository: bool,
    different_contents: bool,
}

#[derive(Serialize)]
struct Side<'a> {
    version: String,
    source: &'a str,
    repository: Option<&'a str>,
}

pub(crate) fn run(
    args: &IndexMergeArgs,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let Some(output) = &args.output else {
        return Err(Failure::text(
            Code::Usage,
            "there is no file to write",
            Some("name one with `--output FILE`"),
        ));
    };
    let options = MergeOptions {
        output: output.clone(),
        overwrite: if args.force {
            Overwrite::Replace
        } else {
            Overwrite::Refuse
        },
        on_shadow: match args.on_shadow {
            Which::Newest => OnShadow::Newest,
            Which::First => OnShadow::First,
            Which::Error => OnShadow::Refuse,
        },
        invalid: args.file.invalid(),
        given: args.file.given(),
        now: clock()?,
        lock_timeout: args.file.lock.timeout(),
    };
    let waiting = || report.note("waiting for another process that changes the output");
    // Before an input is read: it may be the output, or be fetched for nothing.
    let target = MergeOutput::open(&options, waiting).map_err(|e| refused(&e))?;
    let inputs: Result<Vec<IndexText>, Failure> = args
        .inputs
        .iter()
        .map(|input| read(input, settings, report))
        .collect();
    let merged = target.merge(&inputs?).map_err(|e| refused(&e))?;
    for warning in &merged.warnings {
        report.warning(&sanitised(warning));
    }
    report.lines(&decisions(&merged))?;
    report.result(&document(output, &merged), || numbers(output, &merged))
}

fn refused(error: &MergeError) -> Failure {
    Failure::busy_or_failed(error.is_busy(), error)
}

/// The bytes of a file or URL.
fn read(input: &str, settings: &Settings, report: Report) -> Result<IndexText, Failure> {
    let from_file = |path: &Path| IndexText::read(path).map_err(|e| Failure::new(Code::Failed, &e));
    if !input.contains("://") {
        return from_file(Path::new(input));
    }
    let unusable = |reason: &str| {
        Failure::text(
            Code::Usage,
            format!("`{}` {reason}", pack_format::text::printable(input)),
            Some("name a file, a registry's folder, or a URL with https"),
        )
    };
    let url: Url = input.parse().map_err(|_| unusable("is not a URL"))?;
    match url.scheme() {
        "https" | "http" => fetch(&url, settings, report),
        "file" => {
            let path = url.to_file_path().map_err(|()| unusable("names no file"))?;
            from_file(&path)
        }
        _ => Err(unusable("cannot be fetched")),
    }
}

fn fetch(url: &Url, settings: &Settings, report: Report) -> Result<IndexText, Failure> {
    let spool = tempfile::tempdir().map_err(|e| {
        Failure::text(
            Code::Failed,
            format!("cannot make a temporary folder: {e}"),
            None,
        )
    })?;
    let client = settings.client(now(), spool.path().to_owned())?;
    let progress = Progress::new(report);
    let request = FetchRequest {
        subject: url.as_str(),
        limit: MAX_INDEX_FILE_BYTES,
        spool: spool.path(),
        settings: &client,
    };
    let fetched = runtime()?.block_on(fetch_url(url, request, &progress));
    progress.clear();
    let mut received = fetched.map_err(|e| failed(&e))?;
    let mut bytes = Vec::new();
    received
        .reader()
        .and_then(|mut reader| reader.read_to_end(&mut bytes))
        .map_err(|e| Failure::text(Code::Failed, format!("cannot read `{url}`: {e}"), None))?;
    Ok(IndexText::new(url.to_string(), bytes))
}

fn document<'a>(output: &'a Path, merged: &'a Merged) -> Summary<'a> {
    let side = |place: &'a attune_indexer::index_file::merge::Place| Side {
        version: place.version.to_string(),
        source: &merged.inputs[place.input],
        repository: place.origin.as_deref(),
    };
    Summary {
        success: true,
        output_file: output,
        sources_count: merged.inputs.len(),
        total_loaded: merged.total_loaded,
        unique_packs: merged.unique_packs,
        duplicates_resolved: merged.shadowed.len(),
        written: merged.written,
        shadowed: merged
            .shadowed
            .iter()
            .map(|s| Row {
                name: s.pack_ref.as_str(),
                kept: side(&s.kept),
                dropped: side(&s.dropped),
                different_repository: s.different_repository,
                different_contents: s.different_contents,
            })
            .collect(),
    }
}

/// Line by line what happened, input by input.
fn decisions(merged: &Merged) -> String {
    let mut lines = Vec::new();
    for (input, name) in merged.inputs.iter().enumerate() {
        lines.push(format!("Loading: {}", sanitised(name)));
        for shadowed in &merged.shadowed {
            let later = if shadowed.replaced {
                &shadowed.kept
            } else {
                &shadowed.dropped
            };
            if later.input == input {
                lines.push(decision(shadowed));
            }
        }
    }
    lines.join("\n")
}

fn numbers(output: &Path, merged: &Merged) -> String {
    format!(
        "✓ Merged {} index files into {}\n  Total packs loaded: {}\n  Unique packs: {}\n  Duplicates resolved: {}\n",
        merged.inputs.len(),
        sanitised(&output.display().to_string()),
        merged.total_loaded,
        merged.unique_packs,
        merged.shadowed.len()
    )
}

fn decision(shadowed: &Shadowed) -> String {
    let Shadowed {
        pack_ref,
        kept,
        dropped,
        ..
    } = shadowed;
    let (kept, dropped) = (&kept.version, &dropped.version);
    if shadowed.replaced {
        return format!("  Updating '{pack_ref}' from {dropped} to {kept}");
    }
    let why = if kept > dropped {
        format!("newer than {dropped}")
    } else {
        format!("listed before {dropped}")
    };
    format!("  Keeping '{pack_ref}' at {kept} ({why})")
}
