//! What was typed, nothing resolved.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::commands::action::ActionCommand;
use crate::commands::auth::AuthCommand;
use crate::commands::cache::CacheCommand;
use crate::commands::doctor::DoctorArgs;
use crate::commands::pack::args::PackCommand;

/// Build, host and install automation packs.
#[derive(Debug, Parser)]
#[command(
    name = "attune",
    version,
    max_term_width = 100,
    propagate_version = false
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// What was typed; ends the process where that is no command, as `parse` does.
    pub(crate) fn typed() -> Self {
        let mut args = Self::parse();
        if !args.command.has_its_own_output()
            && let Some(output) = args.global.output.take()
        {
            match Format::from_str(&output.to_string_lossy(), true) {
                Ok(format) => args.global.format = Some(format),
                Err(_) => Self::command()
                    .error(
                        ErrorKind::InvalidValue,
                        format!(
                            "invalid value '{}' for '--output <FORMAT>': choose table, json or yaml",
                            output.display()
                        ),
                    )
                    .exit(),
            }
        }
        if args.global.format == Some(Format::Sarif) && !args.command.has_findings() {
            Self::command()
                .error(
                    ErrorKind::InvalidValue,
                    "invalid value 'sarif' for '--format <FORMAT>': only `pack check` and `registry check` have findings to print so",
                )
                .exit();
        }
        args
    }
}

impl Command {
    fn has_findings(&self) -> bool {
        matches!(
            self,
            Self::Pack(PackCommand::Check(_)) | Self::Registry(RegistryCommand::Check(_))
        )
    }

    fn has_its_own_output(&self) -> bool {
        matches!(self, Self::Pack(PackCommand::IndexMerge(_)))
    }
}

/// Flags every command takes.
#[derive(Debug, Clone, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
pub(crate) struct Global {
    /// How to print results
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// As `--format`; but a command with an `--output` of its own, such as `pack index-merge`, takes its
    /// file here. Both have one name and type in `clap`, which lets the inner one win.
    #[arg(
        long,
        global = true,
        hide = true,
        conflicts_with_all = ["format", "json", "yaml"]
    )]
    output: Option<PathBuf>,
    /// Print results as one JSON document
    #[arg(short = 'j', long, global = true, conflicts_with_all = ["format", "yaml"])]
    pub(crate) json: bool,
    /// Print results as one YAML document
    #[arg(short = 'y', long, global = true, conflicts_with_all = ["format"])]
    pub(crate) yaml: bool,
    /// Read this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say more; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print without colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

/// Forms a result can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// One SARIF 2.1.0 document; of `pack check` only
    Sarif,
}

impl Global {
    /// The form in force.
    pub(crate) fn format(&self) -> Format {
        match (self.json, self.yaml) {
            (true, _) => Format::Json,
            (_, true) => Format::Yaml,
            _ => self.format.unwrap_or(Format::Table),
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Install, find and inspect packs
    #[command(subcommand)]
    Pack(PackCommand),
    /// Build and host registries
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Run actions of installed packs
    #[command(subcommand)]
    Action(ActionCommand),
    /// Log in to the installation API
    #[command(subcommand)]
    Auth(AuthCommand),
    /// See and empty what is kept of registries and repositories
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Compare packs, environments and the database of the server with what is recorded, and mend them
    Doctor(DoctorArgs),
    /// Offer packs to a platform over HTTP, and a registry in the same process
    Serve(crate::commands::serve::ServeApiArgs),
    /// Build the example registry, host it, and install a pack from it
    Demo(DemoArgs),
    /// Print the version
    Version,
}

/// Verbs about registries.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Build a registry tree from pack directories
    Build(BuildArgs),
    /// Host a registry tree, or a lone index.json, over HTTP
    Serve(ServeArgs),
    /// Check every rule on every byte of a registry
    Check(crate::commands::registry::check::CheckArgs),
    /// Say what changed between two registries, or two states of one
    Diff(crate::commands::registry::diff::DiffArgs),
    /// Add a registry to the configuration file
    Add(crate::commands::registry::add::AddArgs),
    /// Remove a registry from the configuration file
    Remove(crate::commands::registry::remove::RemoveArgs),
    /// Check a token with a registry and keep it; it is read from standard input, or asked for
    Login(crate::commands::registry::login::LoginArgs),
    /// Forget the token of a registry
    Logout(crate::commands::registry::login::LoginArgs),
    /// Who may change a registry that is served: make, list and revoke tokens
    #[command(subcommand)]
    Token(crate::commands::registry::token::TokenCommand),
    /// Who changed what of a registry that is served
    Audit(crate::commands::registry::token::AuditArgs),
    /// Copy a registry tree and the database of its server, while both are in use
    Backup(crate::commands::registry::backup::BackupArgs),
    /// How often packs were downloaded from a registry that is served
    Statistics(crate::commands::registry::statistics::StatisticsArgs),
    /// Merge registry trees into one
    Merge(crate::commands::registry::merge::MergeArgs),
    /// Correct what a published version says, without a new archive
    Patch(crate::commands::registry::patch::PatchArgs),
    /// Remove versions for good, for legal reasons; their names stay taken
    Takedown(crate::commands::registry::takedown::TakedownArgs),
    /// Import packs of StackStorm Exchange, from checkouts or from an index
    Import(crate::commands::registry::import::ImportArgs),
}

/// `registry build`.
#[derive(Debug, ClapArgs)]
pub(crate) struct BuildArgs {
    /// Packs, or folders of packs
    #[arg(required = true, value_name = "DIR")]
    pub(crate) directories: Vec<PathBuf>,
    /// The registry tree to write
    #[arg(long, value_name = "TREE")]
    pub(crate) out: PathBuf,
    /// Where the tree will be hosted; without it `index.json` is for development only
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Name of the registry
    #[arg(long, value_parser = not_blank)]
    pub(crate) name: Option<String>,
    /// Publish the good packs although others are refused
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Build only the packs in these directories
    #[arg(long, value_name = "DIR")]
    pub(crate) only: Vec<PathBuf>,
    /// Correct what is published as this file says, without new archives; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Vec<PathBuf>,
    /// Templates of pages in place of the built-in ones, from now on; an empty folder: the built-in ones again
    #[arg(long, value_name = "DIR")]
    pub(crate) templates: Option<PathBuf>,
    /// Build again whenever a pack changes; implies --dev; for people, so not with --json or --yaml
    #[arg(long)]
    pub(crate) watch: bool,
    /// Let a published version change its contents
    #[arg(long)]
    pub(crate) dev: bool,
    /// How long to wait for another process that changes the tree
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) lock_timeout: u64,
}

fn not_blank(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("it is blank");
    }
    Ok(text.to_owned())
}

/// `registry serve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// A registry tree, or an index.json
    #[arg(value_name = "TREE")]
    pub(crate) tree: PathBuf,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

/// `demo`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Folder of the example packs
    #[arg(long, value_name = "DIR", default_value = "registry-example/packs")]
    pub(crate) packs: PathBuf,
    /// Folder for the tree and the installed packs
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    pub(crate) dir: PathBuf,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// End after the installation instead of hosting until Ctrl-C
    #[arg(long)]
    pub(crate) exit: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Args;

    /// No two flags of any command share a name, and every default parses.
    #[test]
    fn command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
