//! `auth`: an account of the installation API, for this user.

use std::io::{self, IsTerminal as _, Read as _};

use clap::{Args, Subcommand};
use pack_client::{Publisher, PublisherError, RegistryConfig};
use serde_json::{Value, json};

use super::pack::context::Context;
use super::pack::publish::refused;
use super::runtime;
use crate::failure::{Code, Failure};
use crate::settings;

/// Longest password, in bytes.
const LONGEST: u64 = 16 * 1024;

/// Verbs about accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Get a token for an address and a password, and keep it
    Login(LoginArgs),
    /// End the token, and forget it
    Logout(PlaceArgs),
    /// Print the token, for scripts
    Token(PlaceArgs),
    /// Tell whose token it is, what it may do, and until when
    Whoami(PlaceArgs),
}

/// Whose API.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Where the API is [default: `ATTUNE_API_URL`, or `http://localhost:8080`]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
}

/// `auth login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Address of the account
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    #[command(flatten)]
    place: PlaceArgs,
}

impl PlaceArgs {
    fn url(&self) -> String {
        self.api_url.clone().unwrap_or_else(settings::api_url)
    }
}

pub(crate) fn run(command: &AuthCommand, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        AuthCommand::Login(args) => login(args, context),
        AuthCommand::Logout(args) => logout(args, context),
        AuthCommand::Token(args) => token(args, context),
        AuthCommand::Whoami(args) => whoami(args, context),
    }
}

/// The password comes from standard input, or is asked for on a terminal.
fn login(args: &LoginArgs, context: &Context<'_>) -> Result<(), Failure> {
    let url = args.place.url();
    // Read before the question, so that nobody types a password for nothing.
    let credentials = context.settings.credentials()?;
    let body = json!({ "email": args.email, "password": password()? });
    let answer = ask(context, &RegistryConfig::new(&url), ("login", Some(&body)))?;
    let data = &answer["data"];
    let Some(token) = data["access_token"].as_str() else {
        return Err(no_api(&url));
    };
    let path = credentials.store(&url, token)?;
    let value = json!({
        "api_url": url,
        "user": data["user"],
        "expires_at": data["expires_at"],
        "credentials": path,
    });
    context.report.result(&value, || {
        format!(
            "✓ Logged in to {url} as {}; the token is in {}\n",
            crate::report::sanitised(data["user"]["email"].as_str().unwrap_or_default()),
            path.display()
        )
    })
}

/// A token that the server does not know any more is forgotten as well.
fn logout(args: &PlaceArgs, context: &Context<'_>) -> Result<(), Failure> {
    let url = args.url();
    let config = kept(&url, context)?;
    match ask(context, &config, ("logout", None)) {
        Err(failure) if !failure.is_authentication() => return Err(failure),
        Ok(_) | Err(_) => {}
    }
    context.settings.credentials()?.forget(&url)?;
    context.report.result(&json!({ "api_url": url }), || {
        format!("✓ Logged out of {url}\n")
    })
}

fn token(args: &PlaceArgs, context: &Context<'_>) -> Result<(), Failure> {
    let token = kept_token(&args.url(), context)?;
    (context.report).result(&json!({ "token": token }), || format!("{token}\n"))
}

fn whoami(args: &PlaceArgs, context: &Context<'_>) -> Result<(), Failure> {
    let url = args.url();
    let config = with_token(&url, context)?;
    let api = api(context, &config)?;
    let answer = runtime()?.block_on(api.get(&["auth", "whoami"]));
    let answer = answer.map_err(|e| told(&e, &config))?;
    let data = &answer["data"];
    let text = |name: &str| data[name].as_str().map(crate::report::sanitised);
    let Some((email, role)) = text("email").zip(text("role")) else {
        return Err(no_api(&url));
    };
    context.report.result(data, || {
        let until = text("expires_at").map_or_else(String::new, |end| format!(", until {end}"));
        format!("{email} ({role}){until}\n")
    })
}

/// The token that is kept for an API.
pub(super) fn kept_token(url: &str, context: &Context<'_>) -> Result<String, Failure> {
    let config = kept(url, context)?;
    let mut headers = config.headers.iter();
    let token = headers.find_map(|(_, value)| value.strip_prefix("Bearer "));
    Ok(token.unwrap_or_default().to_owned())
}

/// The API with the token of the environment, or the one that is kept for it.
pub(super) fn with_token(url: &str, context: &Context<'_>) -> Result<RegistryConfig, Failure> {
    let Some(token) = settings::api_token() else {
        return kept(url, context);
    };
    let mut config = RegistryConfig::new(url);
    config.headers = config.headers.with_token(&token);
    Ok(config)
}

/// The API with the token that is kept for it.
fn kept(url: &str, context: &Context<'_>) -> Result<RegistryConfig, Failure> {
    if !context.settings.has_token(url) {
        return Err(Failure::text(
            Code::Authentication,
            format!("there is no token for `{url}`"),
            Some("get one with `attune auth login --email ADDRESS`"),
        ));
    }
    context.settings.with_token(RegistryConfig::new(url))
}

fn ask(
    context: &Context<'_>,
    config: &RegistryConfig,
    (verb, body): (&str, Option<&Value>),
) -> Result<Value, Failure> {
    let api = api(context, config)?;
    let answer = runtime()?.block_on(api.post(&["auth", verb], body));
    answer.map_err(|e| told(&e, config))
}

fn api(context: &Context<'_>, config: &RegistryConfig) -> Result<Publisher, Failure> {
    Publisher::at(config, &context.uncached()?).map_err(|e| told(&e, config))
}

fn told(error: &PublisherError, config: &RegistryConfig) -> Failure {
    match error {
        PublisherError::NoApi { .. } => no_api(&config.url),
        other => refused(other),
    }
}

fn no_api(url: &str) -> Failure {
    Failure::text(
        Code::Failed,
        format!("there is no installation API at `{url}`"),
        Some("name its address with `--api-url`"),
    )
}

fn password() -> Result<String, Failure> {
    let hint = Some("pipe the password in: `… | attune auth login --email ADDRESS`");
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")
    } else {
        let mut text = String::new();
        let read = io::stdin().take(LONGEST).read_to_string(&mut text);
        read.map(|_| text)
    };
    let text = read
        .map_err(|e| Failure::text(Code::Usage, format!("cannot read the password: {e}"), hint))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::text(
            Code::Usage,
            "there is no password on standard input",
            hint,
        ));
    }
    Ok(password.to_owned())
}
