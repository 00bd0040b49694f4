//! What was typed after `attune pack`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use attune_installer::Backend;
use clap::{Args, Subcommand};
use pack_format::git_ref::GitRef;
use pack_format::{Checksum, PackRef};

use super::archive::ArchiveArgs;
use super::checksum::ChecksumArgs;
use super::index_entry::IndexEntryArgs;
use super::index_merge::IndexMergeArgs;
use super::index_update::IndexUpdateArgs;
use super::init::InitArgs;
use super::yank::{DeprecateArgs, UnyankArgs, YankArgs};

/// Verbs about packs.
#[derive(Debug, Subcommand)]
pub(crate) enum PackCommand {
    /// Install packs from registries, git repositories, directories, archives and URLs
    Install(InstallArgs),
    /// Write down exact versions and digests of the packs that packs.yaml wants
    Lock(super::lock::LockCommandArgs),
    /// Fetch and unpack packs without installing them, verified as an installation would
    Fetch(FetchArgs),
    /// List what is installed
    List(ListArgs),
    /// Show one pack, installed or listed in a registry
    Show(ShowArgs),
    /// List installed packs that have newer versions, or are yanked or deprecated
    Outdated(super::outdated::OutdatedArgs),
    /// Bring installed packs to the newest versions that rules and each other let them reach
    Update(super::update::UpdateArgs),
    /// Draw what needs what, of installed packs or of what an installation would give
    Tree(super::tree::TreeArgs),
    /// Say what changed for users between two versions of a pack, and which version bump that calls for
    Diff(super::diff::DiffArgs),
    /// Find packs in the registries
    Search(SearchArgs),
    /// List the configured registries
    Registries,
    /// Remove packs from what is installed
    Uninstall(UninstallArgs),
    /// List the generations: what was installed when, and what differs between two of them
    History(HistoryArgs),
    /// Go back: one pack as it was before its last change, or everything as in a generation
    Rollback(RollbackArgs),
    /// Read every installed file, name what is not as it was installed, and mend it where asked
    Verify(VerifyArgs),
    /// Remove old generations, unused trees and stale files of the cache
    Prune(PruneArgs),
    /// Say everything that is wrong with a pack before it is published
    Check(super::check::CheckArgs),
    /// Print the JSON Schema of `pack.yaml` or of a component, for editors
    Schema(super::schema::SchemaArgs),
    /// Run the tests of a pack, confined
    Test(super::test::TestArgs),
    /// Begin a pack: an action with parameters, its tests, and what a pack should say of itself
    Init(InitArgs),
    /// Make the archive of a pack directory, with the bytes a build would publish
    Archive(ArchiveArgs),
    /// Print the checksum of a directory, an archive or any file
    Checksum(ChecksumArgs),
    /// Print the index entry of a pack
    IndexEntry(IndexEntryArgs),
    /// Put the entry of a pack into an index file
    IndexUpdate(IndexUpdateArgs),
    /// Publish a version to a registry that is served
    Publish(super::publish::PublishArgs),
    /// Say who may publish versions of a pack
    #[command(subcommand)]
    Owner(super::publish::OwnerCommand),
    /// Hide a version of a registry tree from resolution; nothing is deleted
    Yank(YankArgs),
    /// Show a yanked version again
    Unyank(UnyankArgs),
    /// Tell newcomers to choose another pack
    Deprecate(DeprecateArgs),
    /// Merge index files into one
    IndexMerge(IndexMergeArgs),
}

/// Flags of every command that changes what is installed.
#[derive(Debug, Clone, Args)]
pub(crate) struct LockArgs {
    /// How long to wait for another process that changes the packs
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) lock_timeout: u64,
}

impl LockArgs {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.lock_timeout)
    }
}

/// Packs and where they come from.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Refs such as slack, slack@2.1.0 or slack@^2, git repositories, directories, archives or URLs
    #[arg(value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// Branch, tag or commit of a git source
    #[arg(
        short = 'r',
        long = "ref",
        alias = "ref-spec",
        value_name = "GIT_REF",
        requires = "sources"
    )]
    pub(crate) git_ref: Option<GitRef>,
    /// Directory of the pack in a git repository that holds several
    #[arg(long, value_name = "DIR", requires = "sources")]
    pub(crate) subdir: Option<String>,
    /// What fetches git repositories: auto, libgit2 or cli
    #[arg(long, value_name = "BACKEND")]
    pub(crate) git: Option<Backend>,
    /// Take URLs and paths only
    #[arg(long, conflicts_with = "registry", requires = "sources")]
    pub(crate) no_registry: bool,
    /// Ask this registry only: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
    /// What the one archive, directory or git tree must have, such as sha256:…
    #[arg(long, value_name = "CHECKSUM", requires = "sources")]
    pub(crate) checksum: Option<Checksum>,
}

/// `pack install`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Install again, and over packs from other sources
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Run no tests; for sources, implies --skip-deps
    #[arg(long)]
    pub(crate) skip_tests: bool,
    /// Neither check nor install what packs need
    #[arg(long, requires = "sources")]
    pub(crate) skip_deps: bool,
    /// Say what would change, and change nothing; for refs and packs.yaml
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Without sources: the wanted packs, and beside them their lock
    #[arg(long, value_name = "FILE", conflicts_with = "sources")]
    pub(crate) file: Option<PathBuf>,
    /// Install what is locked and nothing else; exit code 6 if that is not what is wanted
    #[arg(long, conflicts_with = "sources")]
    pub(crate) locked: bool,
    /// Use the store, the cache and local registries only
    #[arg(long)]
    pub(crate) offline: bool,
    /// Both --locked and --offline
    #[arg(long, conflicts_with = "sources")]
    pub(crate) frozen: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

/// `pack fetch`.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Where to: a directory that is empty or does not exist; each pack gets DIR/REF
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Keep the archives too, as DIR/REF-VERSION.tar.gz
    #[arg(long)]
    pub(crate) archive: bool,
    /// Fetch what the packs need too
    #[arg(long)]
    pub(crate) with_deps: bool,
}

/// `pack list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only packs whose ref holds this text
    #[arg(short, long)]
    pub(crate) name: Option<String>,
}

/// `pack show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The pack
    #[arg(value_name = "REF")]
    pub(crate) pack_ref: PackRef,
    /// Look in the registries although it is installed
    #[arg(long)]
    pub(crate) available: bool,
    /// Look in this registry: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
}

/// `pack search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words, or beginnings of words, of refs, labels, keywords, descriptions, components and parameters
    pub(crate) keyword: String,
    /// Look in this registry only: the name of a configured one, a URL or a path
    #[arg(short, long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
}

/// `pack uninstall`.
#[derive(Debug, Args)]
pub(crate) struct UninstallArgs {
    /// The packs
    #[arg(required = true, value_name = "REF")]
    pub(crate) refs: Vec<PackRef>,
    /// Ask no questions
    #[arg(long)]
    pub(crate) yes: bool,
    /// Remove them although other packs need them
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

/// `pack rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The pack
    #[arg(value_name = "REF", required_unless_present = "generation")]
    pub(crate) pack_ref: Option<PackRef>,
    /// Restore everything as in this generation
    #[arg(long, value_name = "N", conflicts_with = "pack_ref")]
    pub(crate) generation: Option<u64>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

/// `pack verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The packs; all of them when none is named
    #[arg(value_name = "REF")]
    pub(crate) refs: Vec<PackRef>,
    /// Put back what is not as it was installed
    #[arg(long)]
    pub(crate) repair: bool,
    /// Fetch from this registry only: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY", requires = "repair")]
    pub(crate) registry: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

/// `pack history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only generations that changed this pack
    #[arg(value_name = "REF", conflicts_with = "diff")]
    pub(crate) pack_ref: Option<PackRef>,
    /// What differs between two generations, or between one and the active one
    #[arg(long, value_name = "GENERATION", num_args = 1..=2)]
    pub(crate) diff: Vec<u64>,
}

/// `pack prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Newest generations to keep, the active one among them [default: retention.generations, or 10]
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<NonZeroUsize>,
    /// Keep only generations that were active within this many days [default: retention.days, or all]
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u32>,
    /// Days after which unused files of the cache go [default: 30]
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 30,
        hide_default_value = true
    )]
    pub(crate) cache_days: u32,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}
