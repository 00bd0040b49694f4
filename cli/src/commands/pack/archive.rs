//! `pack archive`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use attune_indexer::{PackArchive, PackFileRecord};
use clap::Args;
use pack_format::ArchiveDigest;
use serde::Serialize;

use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings;

/// `pack archive`.
#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// The pack directory
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Where to write it: a folder, or the name of the file
    #[arg(long, value_name = "PATH", default_value = ".")]
    out: PathBuf,
    /// Replace a file that holds something else
    #[arg(short, long)]
    force: bool,
    /// Write nothing; say what would be in it
    #[arg(short, long, conflicts_with = "force")]
    list: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(rename = "ref")]
    pack_ref: String,
    version: String,
    /// The file, unless only its contents were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a Path>,
    checksum: String,
    size_bytes: usize,
    tree_checksum: String,
    file_count: u64,
    unpacked_bytes: u64,
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<&'a [PackFileRecord]>,
}

pub(crate) fn run(args: &ArchiveArgs, report: Report) -> Result<(), Failure> {
    let time = settings::source_date_epoch()?.and_then(|seconds| u64::try_from(seconds).ok());
    let archive = PackArchive::of_directory(&args.directory, time.unwrap_or(0))
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let path = if args.out.is_dir() {
        args.out.join(archive.file_name())
    } else {
        args.out.clone()
    };
    let written = !args.list && write(args, &path, &archive)?;
    let output = Output {
        pack_ref: archive.pack_ref.to_string(),
        version: archive.version.to_string(),
        path: (!args.list).then_some(path.as_path()),
        checksum: archive.checksum.to_string(),
        size_bytes: archive.bytes.len(),
        tree_checksum: archive.tree.digest.to_string(),
        file_count: archive.tree.file_count,
        unpacked_bytes: archive.tree.unpacked_bytes,
        written,
        files: args.list.then_some(&archive.files),
    };
    report.result(&output, || table(&output))
}

/// Writes the archive, unless the very same is there.
fn write(args: &ArchiveArgs, path: &Path, archive: &PackArchive) -> Result<bool, Failure> {
    let unusable = |e: &io::Error| {
        Failure::text(
            Code::Failed,
            format!("cannot read `{}`: {e}", path.display()),
            Some("name another file with `--out`"),
        )
    };
    match fs::read(path) {
        Ok(found) if found == archive.bytes => return Ok(false),
        Ok(found) if !args.force => {
            return Err(Failure::text(
                Code::Failed,
                format!(
                    "`{}` is there with other bytes\n  found  {}\n  new    {}",
                    path.display(),
                    ArchiveDigest::of(&found),
                    archive.checksum
                ),
                Some(
                    "raise `version` in `pack.yaml`, or replace it with `--force` if nobody has it",
                ),
            ));
        }
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(unusable(&e)),
    }
    pack_fs::durable::replace_file(path, &archive.bytes)
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    Ok(true)
}

fn table(output: &Output<'_>) -> String {
    let mut text = String::new();
    for file in output.files.into_iter().flatten() {
        let mode = if file.executable { "x" } else { "-" };
        text.push_str(&format!(
            "{mode} {:>9}  {}\n",
            file.size_bytes,
            sanitised(&file.path)
        ));
    }
    if let Some(path) = output.path {
        let state = if output.written { "" } else { " (as it was)" };
        text.push_str(&format!(
            "✓ {}{state}\n",
            sanitised(&path.display().to_string())
        ));
    }
    text.push_str(&format!(
        "  Pack:     {}@{}, {} files, {} bytes\n  Archive:  {} bytes, {}\n  Tree:     {}\n",
        output.pack_ref,
        output.version,
        output.file_count,
        output.unpacked_bytes,
        output.size_bytes,
        output.checksum,
        output.tree_checksum
    ));
    text
}
