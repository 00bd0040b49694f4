//! One file per verb.

pub(crate) mod action;
pub(crate) mod auth;
pub(crate) mod cache;
pub(crate) mod cancel;
mod demo;
pub(crate) mod doctor;
mod findings;
pub(crate) mod pack;
pub(crate) mod registry;
pub(crate) mod serve;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use pack_format::Timestamp;

use crate::args::{Args, Command, RegistryCommand};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// Runs the command that was typed.
pub(crate) fn run(args: &Args, report: Report) -> Result<(), Failure> {
    let global = &args.global;
    let settings = || Settings::load(global.config.as_deref());
    match &args.command {
        Command::Pack(command) => pack::run(command, &settings()?, report),
        Command::Registry(command) => run_registry(command, global.config.as_deref(), report),
        Command::Action(command) => action::run(command, &settings()?, report),
        Command::Auth(command) => auth::run(command, &pack::context(&settings()?, report)?),
        Command::Cache(command) => cache::run(command, &pack::context(&settings()?, report)?),
        Command::Doctor(args) => {
            let settings = settings()?;
            let context = pack::context(&settings, report)?.offline(args.offline);
            doctor::run(args, &context)
        }
        Command::Serve(args) => serve::run(args, &settings()?, report),
        Command::Demo(args) => demo::run(args, &settings()?, report),
        Command::Version => report.result(
            &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }),
            || concat!("attune ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
        ),
    }
}

fn run_registry(
    command: &RegistryCommand,
    config: Option<&Path>,
    report: Report,
) -> Result<(), Failure> {
    let settings = || Settings::load(config);
    match command {
        RegistryCommand::Build(args) => registry::build::run(args, &settings()?, report),
        RegistryCommand::Serve(args) => registry::serve::run(args, &settings()?, report),
        RegistryCommand::Diff(args) => registry::diff::run(args, &settings()?, report),
        RegistryCommand::Check(args) => registry::check::run(args, &settings()?, report),
        RegistryCommand::Add(args) => {
            let settings = Settings::load_or_begin(config)?;
            registry::add::run(args, &settings, report)
        }
        RegistryCommand::Remove(args) => registry::remove::run(args, &settings()?, report),
        RegistryCommand::Login(args) => {
            registry::login::login(args, &pack::context(&settings()?, report)?)
        }
        RegistryCommand::Logout(args) => {
            registry::login::logout(args, &pack::context(&settings()?, report)?)
        }
        RegistryCommand::Merge(args) => registry::merge::run(args, &settings()?, report),
        RegistryCommand::Patch(args) => registry::patch::run(args, &settings()?, report),
        RegistryCommand::Token(command) => registry::token::run(command, &settings()?, report),
        RegistryCommand::Backup(args) => registry::backup::run(args, &settings()?, report),
        RegistryCommand::Statistics(args) => registry::statistics::run(args, &settings()?, report),
        RegistryCommand::Audit(args) => registry::token::audit(args, &settings()?, report),
        RegistryCommand::Takedown(args) => registry::takedown::run(args, &settings()?, report),
        RegistryCommand::Import(args) => registry::import::run(args, report),
    }
}

/// The present.
fn now() -> Timestamp {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
    Timestamp::from_unix(seconds)
}

/// The asynchronous runtime of commands that talk to others.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::text(Code::Failed, format!("cannot start the runtime: {e}"), None))
}
