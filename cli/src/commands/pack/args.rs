//! What was typed after `attune pack`.

use clap::Subcommand;

/// Verbs about packs.
#[derive(Debug, Subcommand)]
pub(crate) enum PackCommand {
    /// Install packs
    Install,
}
