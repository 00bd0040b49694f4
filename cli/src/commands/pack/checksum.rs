//! `pack checksum`.

use std::fs;
use std::path::{Path, PathBuf};

use attune_indexer::{ArchiveFile, ArchivedPack, DirectoryTree};
use clap::Args;
use pack_format::checksum::Algorithm;
use pack_format::{Checksum, Hint as _};
use serde::Serialize;

use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};

/// `pack checksum`.
#[derive(Debug, Args)]
pub(crate) struct ChecksumArgs {
    /// A pack directory, an archive or any file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Hash function; of a directory there is only sha256
    #[arg(long, value_name = "ALGORITHM", default_value = "sha256", value_parser = algorithm)]
    algorithm: Algorithm,
    /// Compare with this checksum instead, such as sha256:…; sha1 and md5 are taken with a warning
    #[arg(long, value_name = "CHECKSUM", conflicts_with = "algorithm")]
    verify: Option<Checksum>,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    match text.to_ascii_lowercase().as_str() {
        "sha256" => Ok(Algorithm::Sha256),
        "sha512" => Ok(Algorithm::Sha512),
        "sha1" | "md5" => Err(format!(
            "`{text}` is too weak to be written; `--verify {text}:…` compares with one"
        )),
        _ => Err("choose sha256 or sha512".to_owned()),
    }
}

#[derive(Serialize)]
struct Output {
    path: PathBuf,
    checksum: Checksum,
    algorithm: &'static str,
    kind: Kind,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<Archived>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The tree digest of a directory.
    Tree,
    /// The digest of a file's bytes.
    File,
}

/// The pack in an archive.
#[derive(Serialize)]
struct Archived {
    #[serde(rename = "ref")]
    pack_ref: String,
    version: String,
    tree_checksum: Checksum,
}

pub(crate) fn run(args: &ChecksumArgs, report: Report) -> Result<(), Failure> {
    let metadata = fs::metadata(&args.path).map_err(|e| unreadable(&args.path, &e))?;
    let algorithm = args
        .verify
        .as_ref()
        .map_or(args.algorithm, Checksum::algorithm);
    let mut output = if metadata.is_dir() {
        of_directory(&args.path, algorithm)?
    } else {
        of_file(&args.path, algorithm, report)?
    };
    if let Some(expected) = &args.verify {
        if !algorithm.is_strong() {
            report.warning(&format!(
                "{} is broken: whoever wrote the file can make another one with this checksum",
                algorithm.name()
            ));
        }
        output.verified = Some(*expected == output.checksum);
        output.expected = Some(expected.clone());
    }
    report.result(&output, || table(&output))?;
    match output.verified {
        Some(false) => Err(mismatch(&output)),
        _ => Ok(()),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    let message = if error.kind() == std::io::ErrorKind::NotFound {
        format!("`{path}` does not exist")
    } else {
        format!("cannot look at `{path}`: {error}")
    };
    Failure::text(
        Code::Failed,
        message,
        Some("name a pack directory or a file"),
    )
}

fn of_directory(path: &Path, algorithm: Algorithm) -> Result<Output, Failure> {
    if algorithm != Algorithm::Sha256 {
        return Err(Failure::text(
            Code::Usage,
            format!(
                "`{}` is a directory, and a tree digest is always sha256, not {}",
                path.display(),
                algorithm.name()
            ),
            Some("leave the algorithm out, or name a file"),
        ));
    }
    let tree = DirectoryTree::of(path).map_err(|e| Failure::new(Code::Failed, &e))?;
    Ok(Output {
        path: path.to_owned(),
        checksum: tree.digest.into(),
        algorithm: algorithm.name(),
        kind: Kind::Tree,
        size_bytes: tree.unpacked_bytes,
        file_count: Some(tree.file_count),
        pack: None,
        expected: None,
        verified: None,
    })
}

fn of_file(path: &Path, algorithm: Algorithm, report: Report) -> Result<Output, Failure> {
    let file = ArchiveFile::read(path, algorithm).map_err(|e| Failure::new(Code::Failed, &e))?;
    let pack = match file.pack {
        Some(Ok(pack)) => Some(Archived::from(pack)),
        Some(Err(error)) => {
            report.warning(&sanitised(&format!(
                "`{}` cannot be installed: {error}{}",
                path.display(),
                error
                    .hint()
                    .map_or_else(String::new, |hint| format!("; {hint}"))
            )));
            None
        }
        None => None,
    };
    Ok(Output {
        path: path.to_owned(),
        checksum: file.checksum,
        algorithm: algorithm.name(),
        kind: Kind::File,
        size_bytes: file.size_bytes,
        file_count: None,
        pack,
        expected: None,
        verified: None,
    })
}

impl From<ArchivedPack> for Archived {
    fn from(pack: ArchivedPack) -> Self {
        Self {
            pack_ref: pack.pack_ref.to_string(),
            version: pack.version.to_string(),
            tree_checksum: pack.tree.into(),
        }
    }
}

fn table(output: &Output) -> String {
    let mut text = format!(
        "Checksum for: {}\nAlgorithm: {}\nHash: {}\nFormatted: {}\n",
        sanitised(&output.path.display().to_string()),
        output.algorithm.to_uppercase(),
        output.checksum.hex(),
        output.checksum
    );
    if let Some(pack) = &output.pack {
        text.push_str(&format!(
            "Pack: {}@{}\nTree: {}\n",
            pack.pack_ref, pack.version, pack.tree_checksum
        ));
    }
    if output.verified == Some(true) {
        text.push_str("✓ Verified\n");
    }
    text
}

fn mismatch(output: &Output) -> Failure {
    let expected = output
        .expected
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    let mut message = format!(
        "checksum mismatch for `{}`\n  expected  {expected}\n  computed  {}",
        output.path.display(),
        output.checksum
    );
    let tree = output.pack.as_ref().map(|pack| &pack.tree_checksum);
    if tree.is_some() && tree == output.expected.as_ref() {
        message.push_str("\n  the expected one is the tree digest of the pack in it");
    }
    let hint = match output.kind {
        Kind::Tree => "compare with the checksum of a git source; an archive has another one",
        Kind::File => "compare with the checksum of an archive source; a directory has another one",
    };
    Failure::text(Code::Verification, message, Some(hint))
}
