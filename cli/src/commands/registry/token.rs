//! `registry token create|list|revoke` and `registry audit`: the database of a registry that is served.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attune_server::state::{
    NewToken, RefPatterns, Scope, Scopes, State, StateError, StatePlace, Token,
};
use attune_server::state_file;
use clap::{Args, Subcommand};
use pack_format::Timestamp;
use serde::Serialize;

use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised, table};
use crate::settings::{self, Settings};

/// Verbs about tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once
    Create(CreateArgs),
    /// List the tokens, without their secrets
    List(ListArgs),
    /// End a token, at once
    Revoke(RevokeArgs),
}

/// Whose database.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The registry tree
    #[arg(
        long,
        value_name = "TREE",
        required_unless_present = "data_dir",
        conflicts_with = "data_dir"
    )]
    tree: Option<PathBuf>,
    /// The folder of `attune serve`, where that is not the tree's
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl PlaceArgs {
    /// The tree or folder that was named.
    pub(super) fn named(&self) -> &Path {
        let named = self.tree.as_deref().or(self.data_dir.as_deref());
        named.unwrap_or(Path::new("."))
    }

    /// Refuses a place that nobody would serve.
    fn check(&self) -> Result<(), Failure> {
        let named = self.named();
        let (is_there, lack, hint) = if self.data_dir.is_some() {
            let hint = "name the folder that `attune serve` was told with `--data-dir`";
            (named.is_dir(), "no folder", hint)
        } else {
            let hint = "make one with `attune registry build`";
            let is_there = named.join("packs.json").is_file();
            (is_there, "no registry tree: it has no `packs.json`", hint)
        };
        if is_there {
            return Ok(());
        }
        let text = format!("`{}` is {lack}", named.display());
        Err(Failure::text(Code::Failed, text, Some(hint)))
    }

    /// Its database.
    pub(super) fn database(&self, settings: &Settings) -> Result<StatePlace, Failure> {
        match &self.data_dir {
            None => settings.state_place(self.named()),
            Some(folder) => Ok(match settings.database_url()? {
                Some(url) => StatePlace::Url(url),
                None => StatePlace::File(State::file_of(folder)),
            }),
        }
    }
}

/// `registry token create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// What it allows: read, publish, yank, admin; several times, or with commas
    #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',')]
    scope: Vec<Scope>,
    /// Of which packs: refs, with `*` for any characters; several times, or with commas
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    refs: Vec<String>,
    /// Whose it is: the name that owners of packs are known by
    #[arg(long, value_name = "NAME", value_parser = account)]
    user: Option<String>,
    /// How long it lasts, such as 90d, 12h or never
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = lasting)]
    expires: Lasting,
    /// What it is for, in your words
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// `registry token list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// `registry token revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Its id, as `token list` shows it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// `registry audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// How many lines, newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: u32,
}

/// How long something lasts.
#[derive(Debug, Clone, Copy)]
struct Lasting(Option<Duration>);

fn lasting(text: &str) -> Result<Lasting, String> {
    if text == "never" {
        return Ok(Lasting(None));
    }
    settings::duration(text)
        .filter(|lasting| !lasting.is_zero())
        .map(|lasting| Lasting(Some(lasting)))
        .ok_or_else(|| "use a time such as 90d or 12h, or never".to_owned())
}

fn account(text: &str) -> Result<String, String> {
    if attune_server::is_account_name(text) {
        Ok(text.to_owned())
    } else {
        Err("use at most 64 letters, digits, `-`, `_`, `.` and `@`".to_owned())
    }
}

impl Settings {
    /// The database of a tree.
    pub(crate) fn state_place(&self, tree: &Path) -> Result<StatePlace, Failure> {
        Ok(match self.database_url()? {
            Some(url) => StatePlace::Url(url),
            None => StatePlace::File(state_file(tree)),
        })
    }
}

/// A database that is there.
pub(super) fn existing(place: StatePlace, named: &Path) -> Result<StatePlace, Failure> {
    if place.is_there() {
        return Ok(place);
    }
    Err(Failure::text(
        Code::Failed,
        format!(
            "`{}` has no tokens, and nothing was counted of it",
            named.display()
        ),
        Some("make a token with `attune registry token create`, or serve the tree"),
    ))
}

fn failed(error: &StateError) -> Failure {
    Failure::new(Code::Failed, error)
}

/// Runs one verb.
pub(crate) fn run(
    command: &TokenCommand,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    match command {
        TokenCommand::Create(args) => create(args, settings, report),
        TokenCommand::List(args) => list(args, settings, report),
        TokenCommand::Revoke(args) => revoke(args, settings, report),
    }
}

#[derive(Serialize)]
struct Created<'a> {
    token: &'a str,
    #[serde(flatten)]
    about: &'a Token,
}

fn create(args: &CreateArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    args.place.check()?;
    let refs = RefPatterns::new(args.refs.iter().map(String::as_str))
        .map_err(|e| Failure::text(Code::Usage, e.to_string(), None))?;
    let user = args.user.clone().unwrap_or_else(settings::user_name);
    let user = account(&user).map_err(|e| {
        Failure::text(
            Code::Usage,
            format!("`{}` cannot be the user of a token: {e}", sanitised(&user)),
            Some("name one with `--user`"),
        )
    })?;
    let now = now();
    let new = NewToken {
        account: user,
        scopes: Scopes::new(args.scope.iter().copied()),
        refs,
        note: args.note.clone(),
        expires_at: args.expires.0.map(|lasting| {
            let seconds = i64::try_from(lasting.as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_unix(now.as_unix().saturating_add(seconds))
        }),
    };
    let place = args.place.database(settings)?;
    let made = runtime()?.block_on(async { place.open().await?.create_token(new, now).await });
    let (secret, token) = made.map_err(|e| failed(&e))?;
    let output = Created {
        token: secret.reveal(),
        about: &token,
    };
    report.note(&format!(
        "token {} of `{}`: {} for {}, {}; it is shown this once",
        token.id,
        token.account,
        token.scopes,
        token.refs,
        token
            .expires_at
            .map_or_else(|| "without an end".to_owned(), |end| format!("until {end}"))
    ));
    report.result(&output, || format!("{}\n", secret.reveal()))
}

fn list(args: &ListArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let place = existing(args.place.database(settings)?, args.place.named())?;
    let tokens = runtime()?.block_on(async { place.open().await?.tokens().await });
    let tokens = tokens.map_err(|e| failed(&e))?;
    let now = now();
    report.result(&tokens, || {
        let rows = tokens.iter().map(|token| {
            let state = match (token.revoked_at, token.expires_at) {
                (Some(at), _) => format!("revoked {at}"),
                (None, Some(end)) if !token.is_valid(now) => format!("ended {end}"),
                (None, Some(end)) => format!("until {end}"),
                (None, None) => "without an end".to_owned(),
            };
            vec![
                token.id.clone(),
                token.account.clone(),
                token.scopes.to_string(),
                token.refs.to_string(),
                state,
                token.used_at.map(|at| at.to_string()).unwrap_or_default(),
                sanitised(&token.note),
            ]
        });
        table(
            &[
                "ID",
                "USER",
                "SCOPES",
                "REFS",
                "VALID",
                "LAST CHANGE",
                "NOTE",
            ],
            rows,
        )
    })
}

fn revoke(args: &RevokeArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let place = existing(args.place.database(settings)?, args.place.named())?;
    let revoked = async |state: State| state.revoke_token(&args.id, now()).await;
    let token = runtime()?.block_on(async { revoked(place.open().await?).await });
    let token = token.map_err(|e| failed(&e))?.ok_or_else(|| {
        Failure::text(
            Code::Failed,
            format!("there is no token `{}`", sanitised(&args.id)),
            Some("see the tokens with `attune registry token list`"),
        )
    })?;
    report.result(&token, || format!("✓ Token {} is revoked\n", token.id))
}

/// `registry audit`.
pub(crate) fn audit(args: &AuditArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let place = existing(args.place.database(settings)?, args.place.named())?;
    let entries = runtime()?.block_on(async { place.open().await?.audit(args.lines).await });
    let entries = entries.map_err(|e| failed(&e))?;
    report.result(&entries, || {
        let rows = entries.iter().map(|entry| {
            let what = if entry.version.is_empty() {
                entry.pack.clone()
            } else {
                format!("{}@{}", entry.pack, entry.version)
            };
            vec![
                entry.at.to_string(),
                entry.account.clone(),
                entry.address.clone(),
                entry.action.clone(),
                what,
                entry.outcome.clone(),
                sanitised(entry.detail.lines().next().unwrap_or_default()),
            ]
        });
        table(
            &[
                "TIME", "USER", "FROM", "ACTION", "PACK", "OUTCOME", "DETAIL",
            ],
            rows,
        )
    })
}
