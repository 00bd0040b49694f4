//! `registry add`: one more registry in the configuration file.

use std::fs;
use std::path::{Path, PathBuf};

use attune_installer::Classify as _;
use clap::{Args as ClapArgs, ValueEnum};
use pack_client::{DEFAULT_PRIORITY, Registry, RegistryConfig, Silent};
use pack_format::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::pack::context::code;
use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::{Report, counted};
use crate::settings::{Change, Listed, Settings};

/// `registry add`.
#[derive(Debug, ClapArgs)]
pub(crate) struct AddArgs {
    /// A registry tree or a lone index.json: a URL or a path
    #[arg(value_name = "URL")]
    url: String,
    /// Name for lists and `--registry`; without it, the registry's own is shown
    #[arg(long)]
    name: Option<String>,
    /// Registries are asked in ascending order [default: 100]
    #[arg(long, value_name = "NUMBER", conflicts_with = "before")]
    priority: Option<i64>,
    /// Ask it directly before this one: name or URL of a configured registry
    #[arg(long, value_name = "REGISTRY")]
    before: Option<String>,
    /// A request header, such as 'X-Team: ops'; ${VARIABLE} is replaced whenever it is sent
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Base URL of a copy that is asked while the registry cannot be reached
    #[arg(long = "mirror", value_name = "URL")]
    mirrors: Vec<String>,
    /// Certificates to trust beside those of the system, as PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// What it means for the next registries that this one cannot be reached
    #[arg(long, value_enum, default_value_t)]
    on_error: OnErrorArg,
    /// Do not ask the registry whether it is one
    #[arg(long)]
    no_check: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum OnErrorArg {
    #[default]
    Stop,
    Continue,
}

#[derive(Serialize)]
struct Added {
    url: String,
    name: Option<String>,
    priority: i64,
    config: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packs: Option<usize>,
}

pub(crate) fn run(args: &AddArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let mut entry = args.entry()?;
    let listed = settings.listed_registries();
    refuse_known(&listed, &entry)?;
    if let Some(before) = &args.before {
        let next = &listed[position(&listed, before)?];
        if next.priority.is_some() {
            entry.insert("priority".to_owned(), Value::from(priority_of(next)));
        }
    }
    let config = settings.read_registry(&args.checked(&entry))?;
    let found = (!args.no_check)
        .then(|| ask(&config, settings, now()))
        .transpose()?;
    let file = settings.change_registries(|listed| {
        refuse_known(listed, &entry)?;
        let at = match &args.before {
            Some(before) => position(listed, before)?,
            None => listed.len(),
        };
        Ok(Change::Insert(at, &entry))
    })?;
    args.warn_of_secrets(&file, report);
    let added = Added {
        url: config.url,
        name: config.name,
        priority: config.priority,
        config: file,
        format: found.as_ref().map(|found| found.format),
        packs: found.as_ref().map(|found| found.packs),
    };
    report.result(&added, || {
        let name = found.as_ref().map(|found| found.name.as_str());
        let name = added.name.as_deref().or(name).unwrap_or(&added.url);
        let has = found.as_ref().map_or_else(String::new, |found| {
            format!(
                " ({} in format {})",
                counted(found.packs, "pack"),
                found.format
            )
        });
        let (priority, file) = (added.priority, added.config.display());
        format!("✓ Added '{name}'{has} with priority {priority} to {file}\n")
    })
}

impl AddArgs {
    /// The entry of the list.
    fn entry(&self) -> Result<Map<String, Value>, Failure> {
        let mut entry = Map::new();
        let mut put = |key: &str, value: Value| entry.insert(key.to_owned(), value);
        put("url", Value::String(absolute(&self.url)));
        if let Some(name) = &self.name {
            put("name", Value::String(name.clone()));
        }
        if let Some(priority) = self.priority {
            put("priority", Value::from(priority));
        }
        if self.on_error == OnErrorArg::Continue {
            put("on_error", Value::String("continue".to_owned()));
        }
        if let Some(file) = &self.ca_file {
            let path = fs::canonicalize(file).map_err(|e| {
                let what = format!("cannot read `{}`: {e}", file.display());
                Failure::text(Code::Usage, what, None)
            })?;
            put("ca_file", Value::String(path.display().to_string()));
        }
        if !self.mirrors.is_empty() {
            put("mirrors", Value::from(self.mirrors.clone()));
        }
        let headers = self.headers()?;
        if !headers.is_empty() {
            put("headers", Value::Object(headers));
        }
        Ok(entry)
    }

    /// What of an entry has to be right now: without a check, variables in it may be set later.
    fn checked(&self, entry: &Map<String, Value>) -> Map<String, Value> {
        let mut entry = entry.clone();
        if self.no_check {
            entry.insert("enabled".to_owned(), Value::Bool(false));
        }
        entry
    }

    fn headers(&self) -> Result<Map<String, Value>, Failure> {
        let mut headers = Map::new();
        for (number, header) in self.headers.iter().enumerate() {
            let Some((name, value)) = header.split_once(':') else {
                // It may be a secret, so it is not repeated.
                return Err(Failure::text(
                    Code::Usage,
                    format!("`--header` number {} has no colon after a name", number + 1),
                    Some("write `--header 'X-Team: ops'`"),
                ));
            };
            let name = name.trim().to_owned();
            let value = Value::String(value.trim().to_owned());
            if headers.insert(name.clone(), value).is_some() {
                let what = format!("the header `{name}` is given twice");
                return Err(Failure::text(Code::Usage, what, None));
            }
        }
        Ok(headers)
    }

    fn warn_of_secrets(&self, file: &Path, report: Report) {
        let literal = |header: &&String| {
            let (name, value) = header.split_once(':').unwrap_or_default();
            let name = name.to_ascii_lowercase();
            let secret = ["authorization", "token", "key", "secret", "cookie"];
            secret.iter().any(|word| name.contains(word)) && !value.contains("${")
        };
        if let Some((name, _)) = (self.headers.iter().find(literal)).and_then(|h| h.split_once(':'))
        {
            report.warning(&format!(
                "the value of header `{name}` stands in `{}` as it is; `${{VARIABLE}}` or `attune registry login` keeps it elsewhere",
                file.display()
            ));
        }
    }
}

/// What a registry says of itself.
struct Answer {
    name: String,
    format: u32,
    packs: usize,
}

fn ask(config: &RegistryConfig, settings: &Settings, now: Timestamp) -> Result<Answer, Failure> {
    let client = settings.client_without_cache(now)?;
    let opened = runtime()?.block_on(async { Registry::open(config, &client, &Silent).await });
    let registry = opened.map_err(|error| {
        let mut failure = Failure::new(code(error.class()), &error);
        if error.is_authentication() {
            failure.hint = Some(format!(
                "run `attune registry login {}` first; it keeps a token for it",
                config.url
            ));
        } else if failure.hint.is_none() {
            failure.hint = Some(
                "check the URL; `--no-check` adds a registry that cannot be reached now".to_owned(),
            );
        }
        failure
    })?;
    Ok(Answer {
        name: registry.identity().name.clone(),
        format: registry.format(),
        packs: registry.refs().len(),
    })
}

/// A URL as it is; a path so that it means the same from everywhere.
fn absolute(text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    fs::canonicalize(text).map_or_else(|_| text.to_owned(), |path| path.display().to_string())
}

fn refuse_known(listed: &[Listed], entry: &Map<String, Value>) -> Result<(), Failure> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    for known in listed {
        let what = if text("url").is_some_and(|url| known.is_at(url)) {
            format!("`{}` is a configured registry already", known.url)
        } else if text("name").is_some() && text("name") == known.name.as_deref() {
            let name = text("name").unwrap_or_default();
            format!(
                "a registry called `{name}` is configured already: `{}`",
                known.url
            )
        } else {
            continue;
        };
        return Err(Failure::text(
            Code::Usage,
            what,
            Some("choose another name, or remove the old one with `attune registry remove`"),
        ));
    }
    Ok(())
}

/// The position of a registry by its name, URL or path.
pub(super) fn position(listed: &[Listed], name: &str) -> Result<usize, Failure> {
    let name = &absolute(name);
    let mut found = (0..listed.len()).filter(|&at| listed[at].is_called(name));
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(Failure::text(
            Code::Usage,
            format!("several registries are called `{name}`"),
            Some("use the URL of the one you mean"),
        )),
        (None, _) => {
            let known: Vec<String> = listed
                .iter()
                .map(|known| format!("`{}`", known.name.as_ref().unwrap_or(&known.url)))
                .collect();
            let known = match known.len() {
                0 => "none is configured in the file".to_owned(),
                _ => format!("configured: {}", known.join(", ")),
            };
            Err(Failure::text(
                Code::Usage,
                format!("there is no configured registry called `{name}`; {known}"),
                Some("see them with `attune pack registries`"),
            ))
        }
    }
}

/// The priority of an entry, in words of the list.
pub(super) fn priority_of(listed: &Listed) -> i64 {
    let number = listed
        .priority
        .as_deref()
        .and_then(|text| text.parse().ok());
    number.unwrap_or(DEFAULT_PRIORITY)
}
