//! `registry merge`.

use std::path::{Path, PathBuf};

use attune_indexer::merge_trees::{MergeTreesError, MergeTreesOptions, MergedTrees, merge_trees};
use clap::{Args, ValueEnum};
use pack_format::PackRef;
use serde::Serialize;

use crate::commands::pack::args::LockArgs;
use crate::commands::pack::index_update::clock;
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings::Settings;

/// `registry merge`.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The registry trees; the first one comes first wherever only one can say something
    #[arg(required = true, value_name = "TREE")]
    inputs: Vec<PathBuf>,
    /// The tree to write
    #[arg(long, value_name = "TREE")]
    out: PathBuf,
    /// Where the merged tree will be hosted
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Name of the merged registry
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What follows where two trees list different packs under one name
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnShadow::Error)]
    on_shadow: OnShadow,
    /// A name that the first tree to list it may keep; may be given several times
    #[arg(long, value_name = "REF", conflicts_with = "on_shadow")]
    allow_shadow: Vec<PackRef>,
    #[command(flatten)]
    lock: LockArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnShadow {
    /// Nothing is merged
    Error,
    /// The pack of the tree that was named first stays
    First,
}

#[derive(Serialize)]
struct Output<'a> {
    tree: &'a Path,
    inputs: usize,
    packs: u64,
    versions: u64,
    files_written: usize,
    shadowed: Vec<Row<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a str,
    kept: &'a Path,
    dropped: &'a Path,
}

pub(crate) fn run(args: &MergeArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let options = MergeTreesOptions {
        inputs: args.inputs.clone(),
        out: args.out.clone(),
        name: args.name.clone(),
        base_url: args.base_url.clone(),
        development_url: settings.development_url()?,
        may_shadow: match args.on_shadow {
            OnShadow::First => None,
            OnShadow::Error => Some(args.allow_shadow.iter().cloned().collect()),
        },
        now: clock()?,
        lock_timeout: args.lock.timeout(),
    };
    let waiting = |holder: &pack_fs::lock::Holder| report.note(&format!("waiting for {holder}"));
    let merged = merge_trees(&options, waiting).map_err(|e| Failure::new(code_of(&e), &e))?;
    for warning in &merged.warnings {
        report.warning(&sanitised(warning));
    }
    for shadow in &merged.shadowed {
        report.warning(&sanitised(&format!(
            "`{}` of `{}` is left out: `{}` lists another pack of that name",
            shadow.pack_ref,
            shadow.dropped.display(),
            shadow.kept.display()
        )));
    }
    let output = output(args, &merged);
    report.result(&output, || table(&output))
}

fn output<'a>(args: &'a MergeArgs, merged: &'a MergedTrees) -> Output<'a> {
    let row = |shadow: &'a attune_indexer::merge_trees::ShadowedPack| Row {
        pack_ref: shadow.pack_ref.as_str(),
        kept: &shadow.kept,
        dropped: &shadow.dropped,
    };
    Output {
        tree: &args.out,
        inputs: args.inputs.len(),
        packs: merged.packs,
        versions: merged.versions,
        files_written: merged.files_written,
        shadowed: merged.shadowed.iter().map(row).collect(),
        warnings: &merged.warnings,
    }
}

fn code_of(error: &MergeTreesError) -> Code {
    match error {
        _ if error.is_busy() => Code::Busy,
        _ if error.is_mismatch() => Code::Verification,
        MergeTreesError::BaseUrl(_) | MergeTreesError::IntoItself(_) => Code::Usage,
        _ => Code::Failed,
    }
}

fn table(output: &Output<'_>) -> String {
    let tree = sanitised(&output.tree.display().to_string());
    let written = match output.files_written {
        0 => "nothing new".to_owned(),
        files => format!("{files} files written"),
    };
    format!(
        "✓ {} trees in `{tree}`: {} packs, {} versions, {written}\n",
        output.inputs, output.packs, output.versions
    )
}
