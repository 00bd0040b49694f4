//! `action execute`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use attune_installer::Record;
use clap::Args;
use pack_runtime::action::ActionStatus;
use pack_runtime::variables::{Network, inherited};
use pack_runtime::{
    ActionError, ActionRef, ActionSpec, Environment, Execution, Outcome, Parameters, Stream,
    Variables, Watcher,
};

use super::{configuration, given};
use crate::commands::auth::kept_token;
use crate::commands::cancel::Cancel;
use crate::commands::pack::context::Context;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings;

/// The pack whose actions call this program's own API.
pub(super) const CORE: &str = "core";
/// What those need for it, and what no other pack gets unasked.
const API_VARIABLES: [&str; 3] = ["ATTUNE_API_URL", "ATTUNE_API_TOKEN", "ATTUNE_TOKEN"];

/// `action execute`.
#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// The action, as PACK.ACTION
    #[arg(value_name = "REF")]
    pub(crate) action_ref: ActionRef,
    /// A parameter; objects and lists as JSON. Other users can read command lines: give secrets by file
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) parameters: Vec<(String, String)>,
    /// Parameters as a JSON or YAML mapping; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) params_file: Option<PathBuf>,
    /// A variable of the action's environment, with this value or with the one it has here
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    pub(crate) variables: Vec<String>,
    /// The installation API whose configuration of the pack counts, and that actions of `core` ask
    #[arg(long, value_name = "URL")]
    pub(super) api_url: Option<String>,
    /// How long it may take; wins over what the action says
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub(crate) timeout: Option<Duration>,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn positive(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|limit| !limit.is_zero())
        .ok_or("write a number of seconds above 0")
}

/// Passes on what the action writes, and calls it off when asked to.
struct Screen {
    report: Report,
    cancel: Cancel,
}

impl Watcher for Screen {
    fn output(&self, stream: Stream, bytes: &[u8]) {
        self.report.pass_on(stream, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_asked()
    }
}

pub(crate) fn run(args: &ExecuteArgs, context: &Context<'_>) -> Result<(), Failure> {
    let record = installed(&args.action_ref, context)?;
    // The stored tree itself, so that an upgrade meanwhile changes nothing.
    let pack = context.layout().stored(&record.store_key);
    let spec = ActionSpec::find(&pack, &args.action_ref).map_err(|e| refused(&e))?;
    let given = given::given(args)?;
    warn_of_secrets(args, &spec, context.report);
    let parameters = spec.complete(&given).map_err(|problems| {
        let action_ref = args.action_ref.clone();
        refused(&ActionError::Parameters {
            action_ref,
            problems,
        })
    })?;
    let configuration = configuration::of(args, &pack, context)?;
    let directory = env::current_dir().map_err(|e| {
        let text = format!("cannot tell the current directory: {e}");
        Failure::text(Code::Failed, text, None)
    })?;
    let mut variables = variables(args)?;
    if args.action_ref.pack_ref.as_str() == CORE {
        for_api(&mut variables, (args, &parameters), context)?;
    }
    let execution = Execution {
        spec: &spec,
        parameters: &parameters,
        configuration: &configuration,
        pack: &pack,
        directory: &directory,
        variables: in_environments(&record, variables, context)?,
        timeout: args.timeout,
    };
    let screen = Screen {
        report: context.report,
        cancel: Cancel::listen()?,
    };
    let outcome = execution.run(&screen).map_err(|e| refused(&e))?;
    if context.report.is_machine() {
        context.report.result(&outcome, String::new)?;
    }
    verdict(&outcome)
}

fn verdict(outcome: &Outcome) -> Result<(), Failure> {
    if outcome.status == ActionStatus::Succeeded {
        return Ok(());
    }
    let reason = outcome.error.as_deref().unwrap_or("it says not why");
    let text = format!("action `{}` failed: {reason}", outcome.action);
    let hint = (outcome.status == ActionStatus::Timeout)
        .then_some("give it more time with `--timeout SECONDS`");
    Err(Failure::text(Code::Failed, text, hint))
}

fn refused(error: &ActionError) -> Failure {
    let code = if error.is_usage() {
        Code::Usage
    } else {
        Code::Failed
    };
    Failure::new(code, error)
}

/// With what the pack's environments hold in reach.
fn in_environments(
    record: &Record,
    mut variables: Variables,
    context: &Context<'_>,
) -> Result<Variables, Failure> {
    let directory = context.layout().environments();
    for (kind, key) in &record.environments {
        let Some(environment) = Environment::find(&directory, key) else {
            return Err(Failure::text(
                Code::Failed,
                format!(
                    "the {} environment of `{}` is missing: `{}`",
                    kind.as_str(),
                    record.pack_ref,
                    directory.join(key.as_str()).display()
                ),
                Some("build it again with `attune doctor --fix`"),
            ));
        };
        environment.enter(&mut variables);
    }
    Ok(variables)
}

/// What is recorded of the pack.
fn installed(action_ref: &ActionRef, context: &Context<'_>) -> Result<Record, Failure> {
    let state = context.reader().list();
    let state = state.map_err(|e| Failure::new(Code::Failed, &e))?;
    let pack_ref = &action_ref.pack_ref;
    let Some(record) = state.packs.get(pack_ref) else {
        return Err(Failure::text(
            Code::Usage,
            format!(
                "pack `{pack_ref}` is not installed in `{}`",
                context.layout().base().display()
            ),
            Some(&format!("install it with `attune pack install {pack_ref}`")),
        ));
    };
    Ok(record.clone())
}

fn warn_of_secrets(args: &ExecuteArgs, spec: &ActionSpec, report: Report) {
    let named: Vec<&str> = (spec.parameters.iter())
        .filter(|p| p.secret && args.parameters.iter().any(|(name, _)| *name == p.name))
        .map(|p| p.name.as_str())
        .collect();
    if !named.is_empty() {
        report.warning(&format!(
            "`{}` is secret, and other users can read command lines; give it with `--params-file FILE`, or `-` for standard input",
            named.join("`, `")
        ));
    }
}

/// Where the API is, and a token for it: that of the environment, else the one that is kept for this address.
fn for_api(
    variables: &mut Variables,
    (args, parameters): (&ExecuteArgs, &Parameters),
    context: &Context<'_>,
) -> Result<(), Failure> {
    for name in API_VARIABLES {
        if let (Some(value), false) = (
            settings::variable(name),
            variables.contains_key(OsStr::new(name)),
        ) {
            variables.insert(name.into(), value);
        }
    }
    if let Some(url) = &args.api_url {
        variables.insert(settings::variables::API_URL.into(), url.into());
    }
    // SECURITY: the address that the action will ask, and no other, is what the token is for.
    let named = parameters.get("api_url").and_then(|url| url.as_str());
    let url = named.map(str::to_owned).or_else(|| args.api_url.clone());
    let url = url.unwrap_or_else(settings::api_url);
    let has_token = ["ATTUNE_API_TOKEN", "ATTUNE_TOKEN"]
        .iter()
        .any(|name| variables.contains_key(OsStr::new(name)));
    if !has_token && context.settings.has_token(&url) {
        let token = kept_token(&url, context)?;
        variables.insert(settings::variables::API_TOKEN.into(), token.into());
    }
    Ok(())
}

/// What the action gets of this process's environment.
fn variables(args: &ExecuteArgs) -> Result<Variables, Failure> {
    let mut variables = inherited(settings::all_variables(), Network::Allowed);
    for text in &args.variables {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text.as_str(), settings::variable(text)),
        };
        let Some(value) = value.filter(|_| !name.is_empty()) else {
            return Err(Failure::text(
                Code::Usage,
                format!("`--env {text}`: there is no variable of this name here"),
                Some("set it, or write `--env NAME=VALUE`"),
            ));
        };
        variables.insert(name.into(), value);
    }
    Ok(variables)
}
