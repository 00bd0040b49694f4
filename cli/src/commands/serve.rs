//! `serve`: the installation API, and a registry in the same process.

use std::path::{Path, PathBuf};

use attune_installer::Layout;
use attune_server::state::{State, StatePlace};
use attune_server::{Installation, InstallationOptions};
use clap::Args;
use pack_client::RegistryConfig;

use super::registry::reload::Reload;
use super::registry::serve::{configured, interrupted};
use super::registry::site::host;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::{self, Settings};

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeApiArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder for what the server keeps
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder that paths of requests may lie in, besides the packs directory and the folder for temporary files
    #[arg(long = "allow-root", value_name = "DIR")]
    allow_roots: Vec<PathBuf>,
    /// Registry tree to host as well
    #[arg(long, value_name = "TREE")]
    registry: Option<PathBuf>,
}

pub(crate) fn run(args: &ServeApiArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let address = settings.api_listen(args.listen.as_deref())?;
    let data = settings.data_directory(args.data_dir.as_deref())?;
    let options = options(args, settings, &data)?;
    let place = place(args, settings, &data)?;
    let root = match &args.registry {
        Some(tree) => tree.clone(),
        None => empty(&data)?,
    };
    super::runtime()?.block_on(async {
        let mut site = configured(&root, place, settings, report)?;
        site.is_registry = args.registry.is_some();
        if site.is_registry {
            site.publishes(settings)?;
        }
        let (Some(callers), Some(state)) = (site.callers.clone(), site.state.clone()) else {
            return Err(Failure::text(Code::Failed, "the server has no database", None));
        };
        let installation = Installation::open(options, callers, &state)
            .await
            .map_err(|e| Failure::new(Code::Failed, &e))?;
        let can_log_in = installation.has_accounts();
        let jobs = installation.end_of_jobs();
        site.installation = Some(installation);
        let stop = async {
            interrupted().await;
            jobs.begin();
        };
        let ready = |url: &str| {
            if !can_log_in {
                report.warning("nobody can log in: the first start takes the administrator's address and password from `ATTUNE_ADMIN_EMAIL` and `ATTUNE_ADMIN_PASSWORD`");
            }
            let hosted = args.registry.as_ref();
            let hosted = hosted.map_or_else(String::new, |tree| {
                format!(" and the registry `{}`", tree.display())
            });
            report.lines(&format!("Serving the installation API{hosted} at {url}"))
        };
        let reload = Reload::new(settings, &site)?;
        let hosted = tokio::select! {
            hosted = host(site, &address, report, ready, stop) => hosted,
            never = reload.run() => match never {},
        };
        jobs.finish().await;
        hosted
    })
}

/// A folder without files, for a server without the role of a registry.
fn empty(data: &Path) -> Result<PathBuf, Failure> {
    let root = data.join("public");
    std::fs::create_dir_all(&root).map_err(|e| {
        let text = format!("cannot make `{}`: {e}", root.display());
        Failure::text(
            Code::Failed,
            text,
            Some("name another place with `--data-dir DIR`"),
        )
    })?;
    Ok(root)
}

/// The one database of both roles: the configured one, that of the folder, or that of the tree.
fn place(args: &ServeApiArgs, settings: &Settings, data: &Path) -> Result<StatePlace, Failure> {
    match &args.registry {
        Some(tree) if args.data_dir.is_none() => settings.state_place(tree),
        _ => Ok(match settings.database_url()? {
            Some(url) => StatePlace::Url(url),
            None => StatePlace::File(State::file_of(data)),
        }),
    }
}

fn options(
    args: &ServeApiArgs,
    settings: &Settings,
    data: &Path,
) -> Result<InstallationOptions, Failure> {
    let base = absolute(&settings.packs_base_dir()?, "the packs directory")?;
    let mut roots = settings.allow_roots()?;
    roots.extend(args.allow_roots.iter().cloned());
    roots.push(std::env::temp_dir());
    let tests = settings.tests_enabled()?;
    let mut registries = settings.registries()?;
    if let Some(tree) = args.registry.as_ref().filter(|_| registries.is_empty()) {
        let tree = absolute(tree, "the registry")?;
        registries.push(RegistryConfig::new(tree.display().to_string()));
    }
    Ok(InstallationOptions {
        first_account: settings::first_account(),
        secret_key: settings.secret_key(data)?,
        roots,
        registries,
        allow_insecure_tls: settings.allows_insecure_tls()?,
        client: settings.client(super::now(), Layout::new(&base).cache())?,
        git: settings.git(None)?,
        policy: settings.policy()?,
        updates: settings.update_rules()?,
        update_age: settings.update_age()?,
        preparation: attune_installer::Preparation {
            environments: settings.environments(false)?,
            tests: tests.then(|| settings.tests()).transpose()?,
        },
        retention: settings.retention()?,
        jobs: settings.job_limits()?,
        packs_base_dir: base,
    })
}

fn absolute(path: &Path, what: &str) -> Result<PathBuf, Failure> {
    let failed = |e| Failure::text(Code::Usage, format!("{what}: {e}"), None);
    std::path::absolute(path).map_err(failed)
}
