//! `pack-check`: everything that can be said about a pack's files before it is published.
//!
//! Pure: the files arrive as a list, so that a directory, an archive and an upload are judged alike. Unlike
//! the readers in `pack_format`, which stop at the first thing that is wrong, a check goes on and tells all.
//! The rules stand in [`rules`]; `docs/pack-check.md` explains them.

mod components;
mod diagnostic;
mod icon;
mod known;
mod manifest;
mod parameters;
mod requirements;
pub mod rules;
pub mod schema;
mod shapes;
mod shipped;

use std::collections::BTreeMap;

pub use diagnostic::{Checked, Diagnostic, Findings, MAX_DIAGNOSTICS};
pub use icon::{ICON_NAMES, Icon, IconError, MAX_ICON_BYTES};
pub use manifest::license_problem;
pub use rules::{Rule, Severity};
pub use shipped::collision;

/// Name of the manifest.
const MANIFEST: &str = "pack.yaml";

/// One file of the pack to check.
#[derive(Debug, Clone, Copy)]
pub struct CheckedFile<'a> {
    /// Relative to the pack's root, `/` between names.
    pub path: &'a str,
    /// Whether it may be executed.
    pub executable: bool,
    /// Its bytes.
    pub content: &'a [u8],
}

/// The files of a pack by path.
type Files<'a> = BTreeMap<&'a str, CheckedFile<'a>>;

/// Checks the pack that consists of `files`.
pub fn check<'a>(files: impl IntoIterator<Item = CheckedFile<'a>>) -> Checked {
    check_with(files, Findings::default())
}

/// The same, with what was found already, such as what no pack may hold ([`rules::FILE_IRREGULAR`]).
pub fn check_with<'a>(
    files: impl IntoIterator<Item = CheckedFile<'a>>,
    mut findings: Findings,
) -> Checked {
    let files: Files<'a> = files.into_iter().map(|file| (file.path, file)).collect();
    shipped::check(&files, &mut findings);
    let pack_ref = manifest::check(&files, &mut findings);
    requirements::check(&files, &mut findings);
    components::check(&files, pack_ref.as_deref(), &mut findings);
    findings.finish()
}
