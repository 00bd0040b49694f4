//! `registry build`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use attune_indexer::watch::Watcher;
use attune_indexer::{BuildError, BuildOptions, BuildReport, Verdict, build};
use pack_format::{Hint as _, Timestamp};
use serde::Serialize;

use crate::args::BuildArgs;
use crate::commands::now;
use crate::failure::{Code, Failure};
use crate::report::{self, Report};
use crate::settings::{self, Settings};

/// What a build says to programs.
#[derive(Serialize)]
struct Output<'a> {
    tree: &'a Path,
    base_url: Option<&'a str>,
    packs: u64,
    versions: u64,
    added: usize,
    updated: usize,
    unchanged: usize,
    refused: usize,
    files_written: usize,
    results: Vec<Row>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Row {
    directory: PathBuf,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pack_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub(crate) fn run(args: &BuildArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    if args.watch && report.is_machine() {
        return Err(Failure::text(
            Code::Usage,
            "`--watch` has a result after every build, and `--json` and `--yaml` print one document",
            Some("leave one of them out"),
        ));
    }
    let options = options(args, settings)?;
    if args.watch {
        return watch(args, options, report);
    }
    once(&options, report)
}

fn options(args: &BuildArgs, settings: &Settings) -> Result<BuildOptions, Failure> {
    let epoch = settings::source_date_epoch()?;
    Ok(BuildOptions {
        inputs: args.directories.clone(),
        only: args.only.clone(),
        patches: args.patch.clone(),
        out: args.out.clone(),
        name: args.name.clone(),
        base_url: args.base_url.clone(),
        development_url: settings.development_url()?,
        skip_invalid: args.skip_invalid,
        dev: args.dev || args.watch,
        now: epoch.map_or_else(now, Timestamp::from_unix),
        templates: args.templates.clone().or(settings.templates()?),
        archive_time: epoch.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
        lock_timeout: Duration::from_secs(args.lock_timeout),
    })
}

/// Builds once and prints what came of it.
pub(crate) fn once(options: &BuildOptions, report: Report) -> Result<(), Failure> {
    let waiting = |holder: &pack_fs::lock::Holder| {
        report.note(&format!("waiting for {holder}"));
    };
    match build(options, waiting) {
        Ok(done) => print(options, &done, report),
        Err(error) => {
            if let BuildError::Refused { report: refused } = &error {
                print(options, refused, report)?;
            }
            Err(Failure::new(code_of(&error), &error))
        }
    }
}

fn code_of(error: &BuildError) -> Code {
    match error {
        _ if error.is_busy() => Code::Busy,
        BuildError::Tree(error) if error.is_mismatch() => Code::Verification,
        BuildError::Input(_) | BuildError::BaseUrl(_) | BuildError::Operator(_) => Code::Usage,
        _ => Code::Failed,
    }
}

fn row(verdict: &Verdict) -> Row {
    let (pack_ref, version) = match &verdict.pack {
        Some((pack_ref, version)) => (Some(pack_ref.to_string()), Some(version.to_string())),
        None => (None, None),
    };
    let (result, reason, hint) = match &verdict.outcome {
        Ok(word) => (*word, None, None),
        Err(error) => ("refused", Some(chain(error)), error.hint()),
    };
    Row {
        directory: verdict.directory.clone(),
        pack_ref,
        version,
        result,
        reason,
        hint,
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let next = inner.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = inner.source();
    }
    text
}

fn print(options: &BuildOptions, done: &BuildReport, report: Report) -> Result<(), Failure> {
    let rows: Vec<Row> = done.packs.iter().map(row).collect();
    complain(&rows, report);
    for warning in &done.warnings {
        report.warning(&report::sanitised(warning));
    }
    if let Some(warning) = development_warning(options, done) {
        report.warning(&warning);
    }
    let changes = done.changes;
    let output = Output {
        tree: &options.out,
        base_url: done.base_url.as_deref(),
        packs: done.totals.0,
        versions: done.totals.1,
        added: changes.added,
        updated: changes.updated,
        unchanged: changes.unchanged,
        refused: changes.refused,
        files_written: changes.files_written,
        results: rows,
        warnings: &done.warnings,
    };
    report.result(&output, || summary(&output))
}

/// Why packs were refused, and what to do about each.
fn complain(rows: &[Row], report: Report) {
    for row in rows {
        let Some(reason) = &row.reason else {
            continue;
        };
        let directory = row.directory.display().to_string();
        let mut text = format!(
            "{}: {}",
            report::sanitised(&directory),
            report::sanitised(reason)
        );
        if let Some(hint) = &row.hint {
            text.push_str("\n  hint: ");
            text.push_str(&report::sanitised(hint));
        }
        report.refusal(&text);
    }
}

/// Format 1 asks for https; anything else is good for this machine only.
fn development_warning(options: &BuildOptions, done: &BuildReport) -> Option<String> {
    if done.totals.0 == 0 {
        return None;
    }
    match &done.base_url {
        None => Some(format!(
            "no base URL: archive URLs in `index.json` point to {} and are for development only",
            options.development_url
        )),
        Some(url) if !url.starts_with("https://") => Some(format!(
            "the base URL {} is not https: archive URLs in `index.json` are for development only",
            report::sanitised(url)
        )),
        Some(_) => None,
    }
}

fn summary(output: &Output<'_>) -> String {
    let count = |n: u64, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let mut text = format!(
        "{}, {} in `{}`: {} added, {} updated, {} unchanged",
        count(output.packs, "pack"),
        count(output.versions, "version"),
        report::sanitised(&output.tree.display().to_string()),
        output.added,
        output.updated,
        output.unchanged
    );
    if output.refused > 0 {
        text.push_str(&format!(", {} refused", output.refused));
    }
    text.push('\n');
    text
}

/// How often a watching build looks whether it was asked to end.
const LOOK: Duration = Duration::from_millis(200);

/// Builds whenever a pack changes, until Ctrl-C.
fn watch(args: &BuildArgs, mut options: BuildOptions, report: Report) -> Result<(), Failure> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    let runtime = super::super::runtime()?;
    runtime.spawn(async move {
        super::serve::interrupted().await;
        flag.store(true, Ordering::Relaxed);
    });
    let watcher = Watcher::new(&args.directories).map_err(|e| Failure::new(Code::Failed, &e))?;
    // A broken pack is to be mended, not to end the watch.
    options.skip_invalid = true;
    match once(&options, report) {
        // What was typed is wrong, and no save will mend that.
        Err(failure) if failure.is_usage() => return Err(failure),
        Err(failure) => report.failure(&failure),
        Ok(()) => {}
    }
    report.note("watching for changes; Ctrl-C ends it");
    while !ended.load(Ordering::Relaxed) {
        match watcher.changed(LOOK) {
            Some(true) => {
                options.now = settings::source_date_epoch()?.map_or_else(now, Timestamp::from_unix);
                if let Err(failure) = once(&options, report) {
                    report.failure(&failure);
                }
            }
            Some(false) => {}
            None => break,
        }
    }
    Ok(())
}
