//! `registry backup`: a tree, the database of its server and the operator's templates, each as it is at one moment.

use std::fs::{self, DirBuilder, Permissions, set_permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;

use attune_indexer::templates;
use clap::Args;
use registry_tree::copy_tree;
use serde::Serialize;

use crate::commands::pack::args::LockArgs;
use crate::commands::runtime;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// `registry backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The registry tree
    #[arg(value_name = "TREE")]
    tree: PathBuf,
    /// Directory for the backup, which is made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    lock: LockArgs,
}

#[derive(Serialize)]
struct Output {
    tree: PathBuf,
    files: u64,
    /// Absent where there is none, or it is no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<PathBuf>,
    /// Absent where all are built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    templates: Option<PathBuf>,
}

pub(crate) fn run(args: &BackupArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    if !args.tree.join("packs.json").is_file() {
        return Err(Failure::text(
            Code::Failed,
            format!(
                "`{}` is no registry tree: it has no `packs.json`",
                args.tree.display()
            ),
            None,
        ));
    }
    DirBuilder::new()
        .mode(0o700)
        .create(&args.out)
        .map_err(|e| {
            Failure::text(
                Code::Failed,
                format!("cannot make `{}`: {e}", args.out.display()),
                Some("name a directory that is not there yet"),
            )
        })?;
    // The database first: it may know of less than the tree has, but not of what the tree has not.
    let database = copy_database(args, settings)?;
    let tree = args.out.join("tree");
    let files = copy_tree(&args.tree, &tree, args.lock.timeout(), |holder| {
        report.note(&format!("waiting for {holder}"));
    });
    let files = files.map_err(|e| Failure::busy_or_failed(e.is_busy(), &e))?;
    let output = Output {
        tree,
        files,
        database,
        templates: copy_templates(args)?,
    };
    report.result(&output, || {
        let database = output
            .database
            .as_ref()
            .map_or("", |_| ", and the database");
        format!(
            "✓ {} files{database} in {}\n",
            output.files,
            args.out.display()
        )
    })
}

/// What the next change would need to make the same pages.
fn copy_templates(args: &BackupArgs) -> Result<Option<PathBuf>, Failure> {
    let target = args.out.join("templates.json");
    match fs::copy(templates::file_of(&args.tree), &target) {
        Ok(_) => Ok(Some(target)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::text(
            Code::Failed,
            format!("cannot copy `{}`: {e}", target.display()),
            None,
        )),
    }
}

fn copy_database(args: &BackupArgs, settings: &Settings) -> Result<Option<PathBuf>, Failure> {
    let place = settings.state_place(&args.tree)?;
    if !place.is_there() {
        return Ok(None);
    }
    let target = args.out.join("server.db");
    let copied = runtime()?.block_on(async {
        let state = place.open().await?;
        state.copy_to(&target).await
    });
    if !copied.map_err(|e| Failure::new(Code::Failed, &e))? {
        return Ok(None);
    }
    set_permissions(&target, Permissions::from_mode(0o600)).map_err(|e| {
        Failure::text(
            Code::Failed,
            format!("cannot protect `{}`: {e}", target.display()),
            None,
        )
    })?;
    Ok(Some(target))
}
