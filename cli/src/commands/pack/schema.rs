//! `pack schema`.

use std::path::PathBuf;

use clap::Args;
use pack_check::schema::SchemaKind;
use pack_fs::FsError;
use pack_fs::durable;
use serde::Serialize;

use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};

/// `pack schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// What the schema is about: pack, action, sensor, trigger, rule or workflow
    #[arg(value_name = "KIND", default_value = "pack", value_parser = kind)]
    kind: SchemaKind,
    /// Write all of them into this folder, as KIND.json
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    out: Option<PathBuf>,
}

fn kind(text: &str) -> Result<SchemaKind, String> {
    let found = SchemaKind::ALL.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| {
        let names = SchemaKind::ALL.map(SchemaKind::name).join(", ");
        format!("there is no such schema; there are {names}")
    })
}

#[derive(Serialize)]
struct Output {
    files: Vec<String>,
}

pub(crate) fn run(args: &SchemaArgs, report: Report) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        return report.result(&args.kind.schema(), || args.kind.text());
    };
    let refused = |error: FsError| Failure::new(Code::Failed, &error);
    std::fs::create_dir_all(folder).map_err(|e| refused(FsError::new("make", folder, e)))?;
    let mut files = Vec::new();
    for kind in SchemaKind::ALL {
        let path = folder.join(format!("{}.json", kind.name()));
        durable::replace_file(&path, kind.text().as_bytes()).map_err(refused)?;
        files.push(path.display().to_string());
    }
    let output = Output { files };
    report.result(&output, || {
        let lines = output
            .files
            .iter()
            .map(|file| format!("✓ {}\n", sanitised(file)));
        lines.collect()
    })
}
