//! Writing an index file: in pieces, checked, and put in place in one step.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use pack_format::index::Frame;
use pack_fs::error::Context as _;
use pack_fs::{FsError, Replacement};

/// Size of the writer's buffer, in bytes.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Begins the file `path` with these entries, in their written form and order.
pub(super) fn stage<'e>(
    path: &Path,
    frame: &Frame,
    entries: impl IntoIterator<Item = &'e [u8]>,
) -> Result<Replacement, FsError> {
    let mut replacement = Replacement::begin(path)?;
    let written = (|| -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, replacement.file());
        frame.write(&mut out, entries)?;
        out.flush()
    })();
    written.on("write", path)?;
    Ok(replacement)
}

/// Whether the file at `path` is the index of a registry tree.
pub(super) fn is_of_tree(path: &Path) -> bool {
    use registry_tree::layout::{INDEX, PACKS, REGISTRY};
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real.file_name().is_some_and(|name| name == INDEX)
        && [REGISTRY, PACKS]
            .iter()
            .any(|name| real.with_file_name(name).is_file())
}
