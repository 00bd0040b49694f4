//! Verbs about installed packs, one file each.

mod archive;
pub(crate) mod args;
mod check;
mod checksum;
pub(crate) mod context;
mod diff;
mod fetch;
mod history;
mod index_entry;
mod index_merge;
mod index_sources;
pub(crate) mod index_update;
mod init;
mod install;
mod list;
mod lock;
mod outdated;
pub(crate) mod progress;
mod project;
mod prune;
pub(crate) mod publish;
mod registries;
mod rollback;
mod schema;
mod search;
mod show;
mod test;
#[cfg(debug_assertions)]
mod test_panic;
mod tree;
mod uninstall;
mod update;
mod verify;
pub(crate) mod yank;

use std::path::Path;

use attune_installer::Record;
use pack_client::RegistryConfig;

use self::args::PackCommand;
use self::context::Context;
use crate::failure::Failure;
use crate::report::Report;
use crate::settings::Settings;

/// Runs one verb.
pub(crate) fn run(
    command: &PackCommand,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    // The first ones need no packs directory, and must work where there is none.
    let context = || context(settings, report);
    match command {
        PackCommand::Check(args) => check::run(args, report),
        PackCommand::Schema(args) => schema::run(args, report),
        PackCommand::Init(args) => init::run(args, report),
        PackCommand::Archive(args) => archive::run(args, report),
        PackCommand::Checksum(args) => checksum::run(args, report),
        PackCommand::IndexEntry(args) => index_entry::run(args, settings, report),
        PackCommand::IndexUpdate(args) => index_update::run(args, settings, report),
        PackCommand::Publish(args) => publish::run(args, &context()?),
        PackCommand::Owner(command) => publish::owner(command, &context()?),
        PackCommand::Yank(args) => yank::yank(args, settings, report),
        PackCommand::Unyank(args) => yank::unyank(args, settings, report),
        PackCommand::Deprecate(args) => yank::deprecate(args, settings, report),
        PackCommand::IndexMerge(args) => index_merge::run(args, settings, report),
        PackCommand::Diff(args) => diff::run(args, settings, report),
        PackCommand::Install(args) => {
            install::run(args, &context()?.offline(args.offline || args.frozen))
        }
        PackCommand::Lock(args) => lock::run(args, &context()?.offline(args.offline)),
        PackCommand::Fetch(args) => fetch::run(args, &context()?),
        PackCommand::List(args) => list::run(args, &context()?),
        PackCommand::Show(args) => show::run(args, &context()?),
        PackCommand::Search(args) => search::run(args, &context()?),
        PackCommand::Registries => registries::run(&context()?),
        PackCommand::Test(args) => test::run(args, &context()?.offline(args.offline)),
        PackCommand::Tree(args) => tree::run(args, &context()?),
        PackCommand::Outdated(args) => outdated::run(args, &context()?),
        PackCommand::Update(args) => update::run(args, &context()?),
        PackCommand::Uninstall(args) => uninstall::run(args, &context()?),
        PackCommand::History(args) => history::run(args, &context()?),
        PackCommand::Rollback(args) => rollback::run(args, &context()?),
        PackCommand::Verify(args) => verify::run(args, &context()?),
        PackCommand::Prune(args) => prune::run(args, &context()?),
    }
}

/// What verbs about installed packs work with.
pub(crate) fn context(settings: &Settings, report: Report) -> Result<Context<'_>, Failure> {
    Context::new(settings, settings.packs_base_dir()?, report)
}

/// Installs `source` from one registry into `packs_base_dir`, as `demo` does; returns the packs that are
/// installed now.
pub(crate) fn install_from(
    source: &str,
    registry_url: &str,
    packs_base_dir: &Path,
    settings: &Settings,
    report: Report,
) -> Result<Vec<Record>, Failure> {
    let context = Context::new(settings, packs_base_dir.to_owned(), report)?.on_any_host();
    install::from_registry(source, RegistryConfig::new(registry_url), &context)
}

/// A line, and indented ones below it.
fn lines_below(
    mut head: String,
    items: impl IntoIterator<Item = impl std::fmt::Display>,
) -> String {
    for item in items {
        head.push_str("\n  ");
        head.push_str(&item.to_string());
    }
    head.push('\n');
    head
}
