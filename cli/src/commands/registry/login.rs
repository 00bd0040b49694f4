//! `registry login` and `registry logout`: a token for a registry, checked there and kept for its owner only.

use std::io::{self, IsTerminal as _, Read as _};

use attune_installer::Classify as _;
use clap::Args as ClapArgs;
use pack_client::{Registry, Silent};
use serde_json::json;

use crate::commands::pack::context::{Context, code};
use crate::commands::runtime;
use crate::failure::{Code, Failure};

/// Longest token, in bytes.
const LONGEST: u64 = 16 * 1024;

/// `registry login` and `registry logout`.
#[derive(Debug, ClapArgs)]
pub(crate) struct LoginArgs {
    /// Name or URL of a configured registry, or any other URL
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: String,
}

/// `registry login`: the token comes from standard input, or is asked for on a terminal.
pub(crate) fn login(args: &LoginArgs, context: &Context<'_>) -> Result<(), Failure> {
    let mut config = context.registry(&args.registry)?;
    // Read before the question, so that nobody types a token that cannot be kept.
    let credentials = context.settings.credentials()?;
    let token = token()?;
    config.headers = config.headers.without_authorization().with_token(&token);
    let client = context.uncached()?;
    let opened = runtime()?.block_on(Registry::open(&config, &client, &Silent));
    let registry = opened.map_err(|error| {
        if error.is_authentication() {
            return Failure::text(
                Code::Authentication,
                format!("{error}: the token is not accepted"),
                Some("ask the registry's operator for a token that may read"),
            );
        }
        Failure::new(code(error.class()), &error)
    })?;
    let path = credentials.store(&config.url, &token)?;
    let name = registry.identity().name.clone();
    let result = json!({ "registry": name, "url": config.url, "credentials": path });
    context.report.result(&result, || {
        format!(
            "✓ Logged in to '{name}'; the token is in {}\n",
            path.display()
        )
    })
}

/// `registry logout`.
pub(crate) fn logout(args: &LoginArgs, context: &Context<'_>) -> Result<(), Failure> {
    let config = context.registry(&args.registry)?;
    let path = context.settings.credentials()?.forget(&config.url)?;
    if path.is_none() {
        return Err(Failure::text(
            Code::Failed,
            format!("there is no token for `{}`", config.url),
            None,
        ));
    }
    context.report.result(&json!({ "url": config.url }), || {
        format!("✓ Logged out of {}\n", config.url)
    })
}

fn token() -> Result<String, Failure> {
    let refused = |what: String| {
        Failure::text(
            Code::Usage,
            what,
            Some("pipe the token in: `… | attune registry login URL`"),
        )
    };
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password("Token: ")
    } else {
        let mut text = String::new();
        io::stdin()
            .take(LONGEST)
            .read_to_string(&mut text)
            .map(|_| text)
    };
    let text = read.map_err(|e| refused(format!("cannot read the token: {e}")))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(refused("there is no token on standard input".to_owned()));
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused(
            "the token holds characters other than visible ASCII".to_owned(),
        ));
    }
    Ok(token.to_owned())
}
