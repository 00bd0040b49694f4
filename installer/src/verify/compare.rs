//! One installed pack against its record.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pack_format::error_chain;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use pack_fs::tree::TreeError;

use super::{Problem, VerifiedPack};
use crate::inventory::{Inventory, ListedFile, try_listing};
use crate::layout::Layout;
use crate::record::{Record, State};

pub(crate) fn verify_pack(layout: &Layout, state: &State, record: &Record) -> VerifiedPack {
    let mut problems = Vec::new();
    let pack_ref = &record.pack_ref;
    let in_generation = layout.generation(state.generation).join(pack_ref.as_str());
    check_link(
        &layout.pack(pack_ref),
        &Layout::pack_target(pack_ref),
        &mut problems,
    );
    check_link(
        &in_generation,
        &Layout::stored_target(&record.store_key),
        &mut problems,
    );
    let root = layout.stored(&record.store_key);
    let listing = layout.listing(&record.store_key);
    // Not behind a link: nobody but this program makes trees.
    let files = match fs::symlink_metadata(&root) {
        Ok(found) if found.is_dir() => check_tree(&root, record, &listing, &mut problems),
        Err(error) if !is_absence(&error) => {
            problems.push(unreadable(&FsError::new("look at", &root, error)));
            0
        }
        _ => {
            problems.push(Problem::NoTree {
                path: root.display().to_string(),
            });
            0
        }
    };
    VerifiedPack {
        pack_ref: pack_ref.clone(),
        version: record.version.clone(),
        files,
        problems,
    }
}

fn check_link(path: &Path, target: &Path, problems: &mut Vec<Problem>) {
    match fs::read_link(path) {
        Ok(found) if found == target => {}
        // Not a link is one more way to lead elsewhere.
        Err(error) if !is_absence(&error) && error.kind() != io::ErrorKind::InvalidInput => {
            problems.push(unreadable(&FsError::new("read the link", path, error)));
        }
        _ => problems.push(Problem::Link {
            path: path.display().to_string(),
            expected: target.display().to_string(),
        }),
    }
}

/// Whether an error says that nothing is there.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Compares contents, then names, kinds and modes; returns the number of files read.
///
/// A tree with the right digest has the right files, whatever its listing says; in any other the listing
/// names those that differ.
fn check_tree(root: &Path, record: &Record, listing: &Path, problems: &mut Vec<Problem>) -> usize {
    let mut scan = Scan::default();
    if let Err(error) = scan.directory(root, "") {
        problems.push(unreadable(&error));
    }
    problems.append(&mut scan.problems);
    let count = scan.modes.len();
    let (kept, unread) = match try_listing(listing) {
        Ok(kept) => (kept, None),
        Err(error) => (None, Some(error)),
    };
    let inventory = Inventory::take(root);
    let differs = |inventory: Result<Inventory, TreeError>| match inventory {
        Ok(found) => Problem::Digest {
            expected: record.store_key.to_string(),
            computed: found.key.to_string(),
        },
        Err(error) => unreadable(&error),
    };
    let no_listing = || match &unread {
        Some(error) => unreadable(error),
        None => Problem::Listing {
            path: listing.display().to_string(),
        },
    };
    match (inventory, kept) {
        (Ok(found), kept) if found.key == record.store_key => {
            for file in &found.files {
                let mode = scan.modes.get(&file.path);
                problems.extend(mode.and_then(|mode| wrong_mode(file, *mode)));
            }
            if kept.is_none_or(|kept| kept != found.files) {
                problems.push(no_listing());
            }
        }
        (inventory, None) => {
            problems.push(differs(inventory));
            problems.push(no_listing());
        }
        (inventory, Some(kept)) => {
            compare(root, &kept, scan.modes, problems);
            if problems.is_empty() {
                problems.push(differs(inventory));
            }
        }
    }
    count
}

/// Every listed file against what is there; what is left over was not installed.
fn compare(
    root: &Path,
    listing: &[ListedFile],
    mut found: BTreeMap<String, u32>,
    problems: &mut Vec<Problem>,
) {
    for file in listing {
        let path = file.path.clone();
        let Some(mode) = found.remove(&path) else {
            problems.push(Problem::Missing { path });
            continue;
        };
        match is_as_listed(&root.join(&path), file) {
            Ok(true) => {}
            Ok(false) => problems.push(Problem::Changed { path }),
            Err(error) => problems.push(unreadable(&error)),
        }
        problems.extend(wrong_mode(file, mode));
    }
    problems.extend(
        found
            .into_keys()
            .map(|path| Problem::Extra { path, kind: "file" }),
    );
}

fn wrong_mode(file: &ListedFile, mode: u32) -> Option<Problem> {
    let (expected, bits) = if file.executable {
        ("755", 0o755)
    } else {
        ("644", 0o644)
    };
    (mode != bits).then(|| Problem::Mode {
        path: file.path.clone(),
        found: format!("{mode:o}"),
        expected,
    })
}

fn is_as_listed(path: &Path, file: &ListedFile) -> Result<bool, FsError> {
    let mut opened = fs::File::open(path).on("open", path)?;
    has_content(&mut opened, file).on("read", path)
}

/// Whether an open file has the size and the bytes of a listing.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn has_content(opened: &mut fs::File, file: &ListedFile) -> io::Result<bool> {
    if opened.metadata()?.len() != file.size_bytes {
        return Ok(false);
    }
    let mut reader = pack_format::digest::HashingReader::new(opened);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0 == file.sha256)
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::Unreadable {
        reason: error_chain(error),
    }
}

/// Everything below a directory, whatever it is.
#[derive(Default)]
struct Scan {
    /// Permission bits of regular files.
    modes: BTreeMap<String, u32>,
    /// What no pack holds, and directories with other permissions.
    problems: Vec<Problem>,
}

impl Scan {
    fn directory(&mut self, directory: &Path, prefix: &str) -> Result<(), FsError> {
        let mode = fs::symlink_metadata(directory).on("look at", directory)?;
        // Without the bit that directories take over from the one above.
        let mode = mode.permissions().mode() & 0o777;
        if mode != 0o755 {
            let name = if prefix.is_empty() { "." } else { prefix };
            self.problems.push(Problem::Mode {
                path: format!("{name}/"),
                found: format!("{mode:o}"),
                expected: "755",
            });
        }
        for entry in fs::read_dir(directory).on("list", directory)? {
            let entry = entry.on("list", directory)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let relative = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).on("look at", &path)?;
            let mut stranger = |kind| {
                self.problems.push(Problem::Extra {
                    path: relative.clone(),
                    kind,
                });
            };
            if name == ".git" {
                stranger("git directory");
            } else if metadata.is_dir() {
                self.directory(&path, &relative)?;
            } else if metadata.is_file() {
                self.modes
                    .insert(relative, metadata.permissions().mode() & 0o7777);
            } else if metadata.is_symlink() {
                stranger("link");
            } else {
                stranger("special file");
            }
        }
        Ok(())
    }
}
