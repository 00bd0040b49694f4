//! `pack index-update`.

use std::path::{Path, PathBuf};

use attune_indexer::index_file::entry::entry;
use attune_indexer::index_file::text::{Given, IndexText, Invalid};
use attune_indexer::index_file::tree::{self, TreeUpdateOptions};
use attune_indexer::index_file::update::{Action, UpdateOptions, is_of_tree, update};
use clap::Args;
use pack_format::Timestamp;
use serde::Serialize;

use super::args::LockArgs;
use super::index_entry::tell;
use super::index_sources::SourceArgs;
use crate::commands::now;
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings::{self, Settings};

/// `pack index-update`.
#[derive(Debug, Args)]
pub(crate) struct IndexUpdateArgs {
    /// The pack
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The index file
    #[arg(short, long, value_name = "FILE")]
    index: PathBuf,
    #[command(flatten)]
    sources: SourceArgs,
    /// Replace the entry of the pack if it is listed
    #[arg(short, long)]
    update: bool,
    /// Replace a newer version by an older one
    #[arg(long, requires = "update")]
    allow_downgrade: bool,
    /// Replace an entry of another repository: the pack has moved
    #[arg(long, requires = "update")]
    same_pack: bool,
    #[command(flatten)]
    file: IndexFileArgs,
}

/// Flags about the index file that is written.
#[derive(Debug, Args)]
pub(crate) struct IndexFileArgs {
    /// Name of the registry, in place of what the index says
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where the registry is hosted, in place of what the index says
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Leave out entries that break the rules of the format, with a warning each
    #[arg(long)]
    skip_invalid: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

impl IndexFileArgs {
    pub(crate) fn given(&self) -> Given {
        Given {
            name: self.name.clone(),
            url: self.url.clone(),
        }
    }

    /// Whether one of them is.
    fn is_given(&self) -> bool {
        self.name.is_some() || self.url.is_some() || self.skip_invalid
    }

    pub(crate) fn invalid(&self) -> Invalid {
        if self.skip_invalid {
            Invalid::Skip
        } else {
            Invalid::Refuse
        }
    }
}

/// The clock of everything that is written into an index.
pub(crate) fn clock() -> Result<Timestamp, Failure> {
    Ok(settings::source_date_epoch()?.map_or_else(now, Timestamp::from_unix))
}

#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    index_file: &'a Path,
    pack_ref: String,
    version: String,
    checksum: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_version: Option<String>,
}

pub(crate) fn run(
    args: &IndexUpdateArgs,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    // Before an archive is fetched for nothing.
    if !args.index.is_file() {
        let missing = IndexText::read(&args.index).map(|_| ());
        return missing.map_err(|e| Failure::new(Code::Failed, &e));
    }
    if is_of_tree(&args.index) {
        return in_tree(args, settings, report);
    }
    let sources = args.sources.resolve(settings, report)?;
    let new = entry(&args.directory, sources, Some(&args.index))
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    tell(&new.notes, &new.warnings, report);
    let options = UpdateOptions {
        index: args.index.clone(),
        update: args.update,
        allow_downgrade: args.allow_downgrade,
        same_pack: args.same_pack,
        invalid: args.file.invalid(),
        given: args.file.given(),
        now: clock()?,
        lock_timeout: args.file.lock.timeout(),
    };
    let waiting = || report.note("waiting for another process that changes the index");
    let updated = update(&new.entry, &options, waiting)
        .map_err(|e| Failure::busy_or_failed(e.is_busy(), &e))?;
    tell(&[], &updated.warnings, report);
    let output = Output {
        success: true,
        index_file: &args.index,
        pack_ref: new.entry.pack_ref.to_string(),
        version: new.entry.version.to_string(),
        checksum: new.tree.to_string(),
        action: word(updated.action),
        previous_version: updated.previous.map(|version| version.to_string()),
    };
    report.result(&output, || table(&output))
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Added => "added",
        Action::Updated => "updated",
        Action::Unchanged => "unchanged",
    }
}

/// The index of a registry tree is made of its documents: the whole tree is refreshed.
fn in_tree(args: &IndexUpdateArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    if args.allow_downgrade || args.same_pack || args.file.is_given() {
        return Err(Failure::text(
            Code::Usage,
            format!(
                "`{}` belongs to a registry tree, which takes none of `--allow-downgrade`, `--same-pack`, `--name`, `--url` and `--skip-invalid`",
                args.index.display()
            ),
            Some("say such things in `registry.yaml` and run `attune registry build`"),
        ));
    }
    let sources = args.sources.resolve(settings, report)?;
    let real = args.index.canonicalize();
    let tree = real.as_deref().unwrap_or(&args.index).parent();
    let epoch = settings::source_date_epoch()?;
    let options = TreeUpdateOptions {
        tree: tree.unwrap_or(Path::new(".")).to_owned(),
        update: args.update,
        development_url: settings.development_url()?,
        now: clock()?,
        archive_time: epoch.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
        lock_timeout: args.file.lock.timeout(),
    };
    let waiting = |holder: &pack_fs::lock::Holder| {
        report.note(&format!("waiting for {holder}"));
    };
    let updated = tree::update(&args.directory, sources, &options, waiting).map_err(|e| {
        let code = match () {
            () if e.is_busy() => Code::Busy,
            () if e.is_mismatch() => Code::Verification,
            () => Code::Failed,
        };
        Failure::new(code, &e)
    })?;
    tell(&updated.notes, &updated.warnings, report);
    let output = Output {
        success: true,
        index_file: &args.index,
        pack_ref: updated.pack_ref.to_string(),
        version: updated.version.to_string(),
        checksum: updated.tree.to_string(),
        action: word(updated.action),
        previous_version: updated.previous.map(|version| version.to_string()),
    };
    report.result(&output, || table(&output))
}

fn table(output: &Output<'_>) -> String {
    let pack = format!("'{}' {}", output.pack_ref, output.version);
    let file = sanitised(&output.index_file.display().to_string());
    let head = match (output.action, &output.previous_version) {
        ("updated", Some(previous)) if *previous != output.version => {
            format!("✓ Updated {pack} in {file} (was {previous})")
        }
        ("updated", _) => format!("✓ Updated {pack} in {file}"),
        ("unchanged", _) => format!("✓ {pack} is in {file} already; nothing was written"),
        _ => format!("✓ Added {pack} to {file}"),
    };
    format!("{head}\n  Checksum: {}\n", output.checksum)
}
